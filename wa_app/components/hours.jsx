// Messages by the hour: what left and what was read, side by side; the table behind it is for those who hear the page.
import { createElement as h, useEffect, useRef, useState } from "react";
import { useT } from "$/public/external/wa_app/components/i18n/i18n.js";

const HEIGHT = 200;
const FOOT = 24;
const GUTTER = 44;
const SERIES = [["sent", "var(--st-sent)"], ["read", "var(--st-read)"]];

function nice(top) {
  const power = 10 ** Math.floor(Math.log10(Math.max(top, 1)));
  // Each quarter is written at its line, so that each has to be a whole number, also of a few.
  return [1, 1.2, 1.6, 2, 2.4, 3.2, 4, 6, 8, 10].map((n) => n * power).find((n) => n >= top && n % 4 === 0) ?? Math.ceil(top / 4) * 4;
}

export function HoursChart({ points = [] }) {
  const t = useT();
  const box = useRef(null);
  const [width, setWidth] = useState(640);
  const [over, setOver] = useState(-1);
  useEffect(() => {
    const watcher = new ResizeObserver(([entry]) => setWidth(entry.contentRect.width));
    watcher.observe(box.current);
    return () => watcher.disconnect();
  }, []);
  const top = Math.max(4, nice(Math.max(...points.map((p) => Math.max(p.sent, p.read)), 1)));
  const bottom = HEIGHT - FOOT;
  const slot = Math.max(0, width - GUTTER) / Math.max(points.length, 1);
  const bar = Math.max(1.5, Math.min(16, slot / 2 - 1.5));
  const y = (v) => 10 + (1 - v / top) * (bottom - 10);
  const every = Math.max(1, Math.ceil(points.length / Math.max(2, Math.floor(width / 76))));
  const best = points.reduce((a, p) => (p.read > (a?.read ?? 0) ? p : a), null);
  const words = best
    ? t("report.hours.summary", { hour: t.time(best.at), n: best.read, from: t.moment(points[0].at), to: t.moment(points[points.length - 1].at) })
    : t("report.hours.none");
  const shown = points[over];
  return h("div", { ref: box, className: "hours", onMouseLeave: () => setOver(-1) },
    h("svg", { width, height: HEIGHT, role: "img", "aria-label": words },
      [0.25, 0.5, 0.75, 1].map((p) => h("g", { key: p },
        h("line", { x1: GUTTER, x2: width, y1: y(top * p), y2: y(top * p), stroke: "var(--grid)" }),
        h("text", { x: GUTTER - 8, y: y(top * p) + 4, textAnchor: "end", className: "axis" }, t.num(Math.round(top * p))))),
      h("line", { x1: GUTTER, x2: width, y1: bottom, y2: bottom, stroke: "var(--line-strong)" }),
      points.map((p, i) => {
        const x = GUTTER + i * slot;
        return h("g", { key: p.at, onMouseEnter: () => setOver(i) },
          h("rect", { x, y: 0, width: slot, height: bottom, fill: over === i ? "var(--line)" : "transparent", fillOpacity: 0.5 }),
          SERIES.map(([key, fill], at) => h("rect", {
            key, x: x + slot / 2 - (at === 0 ? bar + 0.5 : -0.5), y: y(p[key]), width: bar, height: Math.max(0, bottom - y(p[key])), rx: 2, fill })),
          i % every === 0 && h("text", { x: x + slot / 2, y: HEIGHT - 6, className: "axis", textAnchor: "middle" }, t.time(p.at)));
      })),
    shown && h("div", { className: "hours-tip", style: { left: Math.min(Math.max(GUTTER + over * slot + slot / 2, 84), width - 84) } },
      h("b", null, t.moment(shown.at)),
      ["sent", "delivered", "read", "replied"].map((key) => h("span", { key }, t(`report.${key}`), h("i", null, t.num(shown[key]))))),
    h("table", { className: "sr" },
      h("caption", null, t("report.hours")),
      h("thead", null, h("tr", null, h("th", { scope: "col" }, t("report.hour")), ["sent", "delivered", "read", "replied"].map((key) => h("th", { key, scope: "col" }, t(`report.${key}`))))),
      h("tbody", null, points.map((p) => h("tr", { key: p.at }, h("th", { scope: "row" }, t.moment(p.at)), ["sent", "delivered", "read", "replied"].map((key) => h("td", { key }, t.num(p[key]))))))));
}
