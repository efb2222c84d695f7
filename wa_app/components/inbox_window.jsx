// How long the official API's window stays open. The server says once when it ends, and what time it has; from there on
// this page counts by itself, however wrong the browser's clock is, and asks nobody.
import { createElement as h, useEffect, useReducer } from "react";
import { Glyph } from "$/public/external/wa_app/components/inbox/inbox_icons.jsx";

const MINUTE = 60_000;
const WARNS_AT = 60 * MINUTE;
const SAID_AT = [1, 5, 15, 60];
// By how much the server's clock is ahead of the browser's, by the newest time that was told: an older one may come
// again when a lost connection is back.
let newest = 0;
let ahead = 0;

function hear(now) {
  const at = Date.parse(now ?? "");
  if (!(at > newest)) return;
  newest = at;
  ahead = at - Date.now();
}

// Milliseconds that are left; null where nothing ends. The page is drawn again when what it says changes.
export function useWindow(told) {
  const [, draw] = useReducer((n) => n + 1, 0);
  hear(told?.now);
  const left = told?.ends ? Date.parse(told.ends) - Date.now() - ahead : null;
  useEffect(() => {
    if (left === null || left <= 0) return undefined;
    const timer = setTimeout(draw, (left > WARNS_AT ? left - WARNS_AT : left % MINUTE || MINUTE) + 20);
    return () => clearTimeout(timer);
  });
  // A machine that slept, and a tab that was out of sight, count on when they are back.
  useEffect(() => {
    if (!told?.ends) return undefined;
    document.addEventListener("visibilitychange", draw);
    window.addEventListener("focus", draw);
    return () => { document.removeEventListener("visibilitychange", draw); window.removeEventListener("focus", draw); };
  }, [told?.ends]);
  return left;
}

// Counts down for the eye; said aloud at four steps only.
export function WindowNotice({ left, t }) {
  const is = left !== null && left <= WARNS_AT;
  const n = Math.ceil((left ?? 0) / MINUTE);
  return h("p", { className: is ? "aside window-ends" : "sr" },
    is && h(Glyph, { name: "clock", size: 14 }), is && h("span", { "aria-hidden": true }, t("inbox_chat.window.closes", { n })),
    h("span", { className: "sr", role: "status" }, is && t("inbox_chat.window.within", { n: SAID_AT.find((one) => n <= one) })));
}
