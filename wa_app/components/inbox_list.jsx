// The list of conversations: as many rows as fit the window are drawn, however many there are, and none moves
// under the finger. Rows before the loaded ones (`above`) and after them are only height.
import { createElement as h, useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";
import { useT } from "$/public/external/wa_app/components/i18n/i18n.js";
import { Glyph } from "$/public/external/wa_app/components/inbox/inbox_icons.jsx";

const SPARE = 8;
const REST_MS = 1200;
const HUES = ["indigo", "terra", "teal", "ochre", "plum", "olive", "rose", "sea", "mist"];
const TURNS = { bot: "agent", flow: "flow", human: "human" };
const typing = (target) => target?.closest?.("input, textarea, select, [contenteditable=true]");
const busy = () => document.querySelector("[role=dialog], [role=alertdialog], [role=menu]");

export function hue(id) {
  let sum = 0;
  for (const letter of id ?? "") sum = (sum * 31 + letter.codePointAt(0)) % 9973;
  return HUES[sum % HUES.length];
}

export function initials(name) {
  return ((name ?? "").trim().split(/\s+/).slice(0, 2).map((word) => [...word][0] ?? "").join("") || "?").replace(/[^\p{L}\p{N}]/gu, "") || "·";
}

export function Petal({ who, name, size }) {
  return h("span", { className: size ? `avatar ${size}` : "avatar", style: { "--k": `var(--k-${hue(who)})` }, "aria-hidden": true }, initials(name).toUpperCase());
}

function useHeight() {
  const query = "(max-width: 639px)";
  const [phone, setPhone] = useState(() => typeof window !== "undefined" && window.matchMedia(query).matches);
  useEffect(() => {
    const media = window.matchMedia(query);
    const change = () => setPhone(media.matches);
    change();
    media.addEventListener("change", change);
    return () => media.removeEventListener("change", change);
  }, []);
  return phone ? 88 : 78;
}

// `42 mnt`, `3 jam`, `2 Nov`.
export function since(iso, t) {
  const at = iso ? new Date(iso).getTime() : NaN;
  if (Number.isNaN(at)) return ["", 0];
  const minutes = Math.max(0, Math.floor((Date.now() - at) / 60000));
  if (minutes < 1) return [t("inbox.now"), 0];
  if (minutes < 60) return [t("time.span.minute", { n: minutes }), minutes];
  if (minutes < 1440) return [t("inbox.hours", { n: Math.floor(minutes / 60) }), minutes];
  return [t.dateShort(iso), minutes];
}

function preview(row, t) {
  const words = row.text || (row.type && row.type !== "text" ? t(`inbox.type.${row.type}`) : "");
  const by = { human: t("inbox.you"), agent: t("inbox.ai"), rule: t("inbox.rule"), flow: t("inbox.flow"), campaign: t("inbox.campaign") }[row.by];
  return by && words ? `${by}: ${words}` : words;
}

function Row({ row, t, height, at, total, top, selected, focusable, onOpen }) {
  const [when, minutes] = since(row.waiting || row.at, t);
  const tone = !row.waiting ? "" : minutes >= 30 ? " bad" : minutes >= 10 ? " warn" : "";
  const words = preview(row, t);
  const open = (event) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.button) return;
    event.preventDefault();
    onOpen(row.id);
  };
  return h("li", { className: "chat-item", style: { height, transform: `translateY(${top}px)` }, "aria-setsize": total, "aria-posinset": at + 1 },
    h("a", {
      href: `/inbox?chat=${row.id}`, className: `chat-row${row.unread ? " unread" : ""}`, onClick: open, "data-id": row.id,
      "aria-current": selected ? "true" : undefined, tabIndex: focusable ? 0 : -1,
    },
      h(Petal, { who: row.contact, name: row.name }),
      h("span", { className: "chat-words" },
        h("span", { className: "line" },
          h("span", { className: "name clip" }, row.name || t.phone(row.phone)),
          h("span", { className: `when${tone}` }, row.waiting && h("span", { className: "sr" }, t("inbox.waits")), when)),
        h("span", { className: "line" },
          h("span", { className: "last clip" }, row.type && row.type !== "text" && h(Glyph, { name: row.type === "voice" ? "audio" : row.type, size: 14, className: "kind" }), words),
          row.unread > 0 && h("span", { className: "count-pill" }, row.unread > 99 ? "99+" : row.unread, h("span", { className: "sr" }, ` ${t("inbox.unread")}`))),
        h("span", { className: "line" },
          h("span", { className: `whose ${row.turn}` }, h(Glyph, { name: TURNS[row.turn] ?? "human", size: 14 }),
            h("span", { className: "sr" }, t(`inbox.turn.${row.turn}`)), h("span", { className: "clip" }, row.device)),
          row.needs && h("span", { className: "tag need" }, t("inbox.needs"))))));
}

export function ChatList({ rows = [], above = 0, more = false, mark = "", selected = "", label, className, onOpen, onDown, onUp, children }) {
  const t = useT();
  const height = useHeight();
  const box = useRef(null);
  const [view, setView] = useState({ top: 0, size: 900 });
  const [, tick] = useState(0);
  const [chosen, setChosen] = useState("");
  const touched = useRef(0);
  const held = useRef({ mark: null, ids: [] });
  const anchor = useRef(null);
  const asked = useRef("");
  const lastG = useRef(0);

  useEffect(() => { setChosen(selected); }, [selected]);
  useEffect(() => { const timer = setInterval(() => tick((n) => n + 1), 30000); return () => clearInterval(timer); }, []);

  // While a pointer moves over the list its order is held; what changed is written into the rows where they are.
  const byId = new Map(rows.map((row) => [row.id, row]));
  const moving = held.current.mark === `${mark}|${above}` && Date.now() - touched.current < REST_MS;
  const order = moving
    ? [...held.current.ids.filter((id) => byId.has(id)), ...rows.filter((row) => !held.current.ids.includes(row.id)).map((row) => row.id)]
    : rows.map((row) => row.id);
  const isBehind = moving && order.some((id, at) => rows[at]?.id !== id);
  useEffect(() => { held.current = { mark: `${mark}|${above}`, ids: order }; });
  useEffect(() => {
    if (!isBehind) return undefined;
    const timer = setTimeout(() => tick((n) => n + 1), REST_MS - (Date.now() - touched.current) + 20);
    return () => clearTimeout(timer);
  });
  const touch = () => { touched.current = Date.now(); };

  // What stands at the top of the window stays there when rows come in above it.
  useLayoutEffect(() => {
    const el = box.current;
    if (!el || !anchor.current || el.scrollTop < 4) return;
    const at = order.indexOf(anchor.current.id);
    if (at < 0) return;
    const wanted = (above + at) * height + anchor.current.by;
    if (Math.abs(wanted - el.scrollTop) > 1) el.scrollTop = wanted;
  });
  useLayoutEffect(() => { const el = box.current; if (el) { el.scrollTop = 0; anchor.current = null; asked.current = ""; } }, [mark]);
  useEffect(() => {
    const el = box.current;
    const observer = new ResizeObserver(() => setView((was) => ({ ...was, size: el.clientHeight || 900 })));
    observer.observe(el);
    return () => observer.disconnect();
  }, []);

  const onScroll = () => {
    const el = box.current;
    const first = Math.floor(el.scrollTop / height) - above;
    const id = order[Math.max(0, first)];
    anchor.current = id ? { id, by: el.scrollTop - (above + Math.max(0, first)) * height } : null;
    setView({ top: el.scrollTop, size: el.clientHeight });
  };
  useEffect(() => {
    if (!rows.length) return;
    const last = rows[rows.length - 1].id;
    if (more && view.top + view.size * 2 > (above + rows.length) * height && asked.current !== `down${last}`) { asked.current = `down${last}`; onDown?.(); }
    if (above > 0 && view.top < above * height + view.size && asked.current !== `up${rows[0].id}`) { asked.current = `up${rows[0].id}`; onUp?.(); }
  }, [view, rows, above, more, height]);

  const open = useCallback((id) => {
    setChosen(id);
    if (new URLSearchParams(location.search).get("chat") !== id) history.pushState({ ...history.state }, "", `/inbox?chat=${id}`);
    onOpen?.(id);
  }, [onOpen]);

  useEffect(() => {
    const step = (by) => {
      const links = order;
      const now = document.activeElement?.dataset?.id ?? chosen;
      const at = links.indexOf(now);
      const next = Math.min(links.length - 1, Math.max(0, at < 0 ? 0 : at + by));
      const el = box.current;
      const top = (above + next) * height;
      if (top < el.scrollTop) el.scrollTop = top;
      if (top + height > el.scrollTop + el.clientHeight) el.scrollTop = top + height - el.clientHeight;
      requestAnimationFrame(() => requestAnimationFrame(() => el.querySelector(`[data-id="${links[next]}"]`)?.focus({ preventScroll: true })));
    };
    const onKey = (event) => {
      if (event.metaKey || event.ctrlKey || event.altKey || event.defaultPrevented || typing(event.target) || busy()) return;
      const afterG = Date.now() - lastG.current < 1200;
      lastG.current = event.key === "g" ? Date.now() : 0;
      if (afterG) return;
      const inside = box.current?.contains(event.target);
      if (event.key === "j" || (inside && event.key === "ArrowDown")) { event.preventDefault(); step(1); }
      else if (event.key === "k" || (inside && event.key === "ArrowUp")) { event.preventDefault(); step(-1); }
      else if (event.key === "r") { const field = document.getElementById("composer"); if (field) { event.preventDefault(); field.focus(); } }
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  });

  const from = Math.max(0, Math.floor(view.top / height) - above - SPARE);
  const to = Math.min(order.length, Math.ceil((view.top + view.size) / height) - above + SPARE);
  const shown = order.slice(from, to);
  const focusable = shown.includes(chosen) ? chosen : shown[0];
  const total = above + rows.length + (more ? 50 : 0);
  return h("div", { ref: box, className: className ?? "chat-list", onScroll, onPointerMove: touch, onPointerDown: touch, onTouchMove: touch },
    rows.length === 0 ? children : h("ul", { "aria-label": label, style: { height: (above + rows.length + (more ? 1 : 0)) * height } },
      shown.map((id, at) => h(Row, {
        key: id, row: byId.get(id), t, height, at: above + from + at, total: more ? -1 : total, top: (above + from + at) * height,
        selected: id === chosen, focusable: id === focusable, onOpen: open,
      })),
      more && h("li", { className: "chat-item", style: { height, transform: `translateY(${(above + rows.length) * height}px)` }, "aria-hidden": true },
        h("span", { className: "chat-row" }, h("span", { className: "skeleton", style: { width: 34, height: 34 } }), h("span", { className: "chat-words" }, h("span", { className: "skeleton", style: { width: "40%" } }), h("span", { className: "skeleton", style: { width: "70%" } }))))));
}
