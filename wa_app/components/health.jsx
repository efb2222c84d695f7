// The score of a number over time: line with a soft fill, a dot on now, pins where Sapa acted.
import { createElement as h, useEffect, useRef, useState } from "react";
import { useT } from "$/public/external/wa_app/components/i18n/i18n.js";

const HEIGHT = 200;
const TOP = 22;
const FOOT = 24;
const GUTTER = 28;
const GUARDED = 70;

function runs(points) {
  const found = [[]];
  for (const point of points) {
    if (point.score === null || point.score === undefined) found.push([]);
    else found[found.length - 1].push(point);
  }
  return found.filter((run) => run.length > 0);
}

export function HealthChart({ points = [], pins = [], days = "7" }) {
  const t = useT();
  const box = useRef(null);
  const [width, setWidth] = useState(640);
  useEffect(() => {
    const watcher = new ResizeObserver(([entry]) => setWidth(entry.contentRect.width));
    watcher.observe(box.current);
    return () => watcher.disconnect();
  }, []);
  const scored = points.filter((p) => p.score !== null && p.score !== undefined);
  const now = Date.now();
  const start = now - Number(days) * 86400000;
  const bottom = HEIGHT - FOOT;
  const x = (iso) => GUTTER + Math.min(1, Math.max(0, (new Date(iso).getTime() - start) / (now - start))) * (width - GUTTER - 6);
  const y = (score) => TOP + (1 - score / 100) * (bottom - TOP);
  const last = scored[scored.length - 1];
  const low = Math.min(...scored.map((p) => p.score));
  const words = last ? t("device.health.summary", { n: last.score, low, actions: pins.length }) : t("device.health.empty");
  const ticks = [0, 0.25, 0.5, 0.75, 1].filter((p) => width > 460 || p === 0 || p === 0.5 || p === 1);
  const when = (p) => { const iso = new Date(start + p * (now - start)).toISOString(); return days === "1" ? t.time(iso) : t.dateShort(iso); };
  let free = -Infinity;
  const labelled = pins.map((pin) => {
    const at = x(pin.at);
    const text = t(pin.key, pin.args);
    const short = text.includes(": ") ? text.split(": ")[1] : text;
    const wide = short.length * 6 + 10;
    // At the right edge the words end at the pin, so that they stay inside.
    const right = at + wide / 2 < width ? at + wide / 2 : at + 4;
    const fits = right - wide > Math.max(free, 0);
    if (fits) free = right;
    return { pin, at, text, short, fits, anchor: right > at + 4 ? "middle" : "end" };
  });
  return h("div", { ref: box, className: "health-chart" },
    h("svg", { width, height: HEIGHT, role: "img", "aria-label": words },
      [0, 50, 100].map((v) => h("line", { key: v, x1: GUTTER, x2: width, y1: y(v), y2: y(v), stroke: v === 0 ? "var(--line-strong)" : "var(--grid)" })),
      [0, 50, 100].map((v) => h("text", { key: `n${v}`, x: GUTTER - 6, y: y(v) + 4, textAnchor: "end", className: "axis" }, v)),
      h("line", { x1: GUTTER, x2: width, y1: y(GUARDED), y2: y(GUARDED), stroke: "var(--ctl)", strokeDasharray: "4 4" }),
      h("text", { x: GUTTER + 4, y: y(GUARDED) + 14, className: "axis" }, t("device.health.safe", { n: GUARDED })),
      runs(points).map((run, at) => {
        const line = run.map((p) => `${x(p.at).toFixed(1)},${y(p.score).toFixed(1)}`).join(" ");
        return h("g", { key: at },
          h("polygon", { points: `${x(run[0].at)},${bottom} ${line} ${x(run[run.length - 1].at)},${bottom}`, fill: "var(--c1)", fillOpacity: 0.1 }),
          h("polyline", { points: line, fill: "none", stroke: "var(--c1)", strokeWidth: 1.8, strokeLinejoin: "round" }));
      }),
      labelled.map(({ pin, at, text, short, fits, anchor }, n) => h("g", { key: `p${n}` },
        h("title", null, `${text}, ${t.moment(pin.at)}`),
        h("line", { x1: at, x2: at, y1: TOP - 4, y2: bottom, stroke: pin.tone === "ok" ? "var(--ok-dot)" : "var(--bad-dot)", strokeWidth: 1 }),
        h("circle", { cx: at, cy: TOP - 4, r: 2.5, fill: pin.tone === "ok" ? "var(--ok-dot)" : "var(--bad-dot)" }),
        fits && h("text", { x: anchor === "end" ? at + 4 : at, y: TOP - 11, textAnchor: anchor, className: "axis" }, short))),
      last && h("circle", { cx: x(last.at), cy: y(last.score), r: 4, fill: "var(--spark)", stroke: "var(--surface)", strokeWidth: 1.5 }),
      ticks.map((p, at) => h("text", { key: `t${p}`, x: GUTTER + p * (width - GUTTER - 6), y: HEIGHT - 6, className: "axis", textAnchor: at === 0 ? "start" : at === ticks.length - 1 ? "end" : "middle" }, when(p)))),
    !last && h("p", { className: "muted health-empty" }, words));
}
