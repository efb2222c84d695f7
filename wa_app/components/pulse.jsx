// Messages a minute: line with a soft fill, a dot on now, a dashed line where the pacing ends.
import { createElement as h, useEffect, useRef, useState } from "react";
import { useT } from "$/public/external/wa_app/components/i18n/i18n.js";

const HEIGHT = 176;
const FOOT = 24;

export function PulseChart({ points = [], pace = 0, cumulative = false }) {
  const t = useT();
  const box = useRef(null);
  const [width, setWidth] = useState(640);
  useEffect(() => {
    const watcher = new ResizeObserver(([entry]) => setWidth(entry.contentRect.width));
    watcher.observe(box.current);
    return () => watcher.disconnect();
  }, []);
  let sum = 0;
  const values = points.map((p) => (cumulative ? (sum += p.n) : p.n));
  const top = Math.max(...values, cumulative ? 1 : pace * 1.15, 1);
  const bottom = HEIGHT - FOOT;
  const x = (i) => (points.length < 2 ? 0 : (i / (points.length - 1)) * (width - 6));
  const y = (v) => 8 + (1 - v / top) * (bottom - 8);
  const line = values.map((v, i) => `${x(i).toFixed(1)},${y(v).toFixed(1)}`).join(" ");
  // Few minutes give the same point twice: once is enough, and no two labels may touch.
  const ticks = points.length < 2 ? [] : [...new Set([0, 0.25, 0.5, 0.75, 1].map((p) => Math.round(p * (points.length - 1))))];
  const words = points.length ? t("campaigns.pulse.summary", { n: values[values.length - 1], from: t.time(points[0].at), to: t.time(points[points.length - 1].at) }) : t("campaigns.pulse.none");
  return h("div", { ref: box, className: "pulse" },
    h("svg", { width, height: HEIGHT, role: "img", "aria-label": words },
      [0.25, 0.5, 0.75, 1].map((p) => h("line", { key: p, x1: 0, x2: width, y1: y(top * p), y2: y(top * p), stroke: "var(--grid)" })),
      h("line", { x1: 0, x2: width, y1: bottom, y2: bottom, stroke: "var(--line-strong)" }),
      pace > 0 && !cumulative && h("line", { x1: 0, x2: width, y1: y(pace), y2: y(pace), stroke: "var(--ctl)", strokeDasharray: "4 4" }),
      pace > 0 && !cumulative && h("text", { x: width - 2, y: y(pace) - 6, textAnchor: "end", className: "axis" }, t("campaigns.pulse.pace", { n: pace })),
      values.length > 1 && h("polygon", { points: `0,${bottom} ${line} ${x(values.length - 1)},${bottom}`, fill: "var(--c1)", fillOpacity: 0.1 }),
      values.length > 1 && h("polyline", { points: line, fill: "none", stroke: "var(--c1)", strokeWidth: 1.8, strokeLinejoin: "round" }),
      values.length > 0 && h("circle", { cx: x(values.length - 1), cy: y(values[values.length - 1]), r: 4, fill: "var(--spark)", stroke: "var(--surface)", strokeWidth: 1.5 }),
      ticks.map((i, at) => h("text", { key: at, x: x(i), y: HEIGHT - 6, className: "axis", textAnchor: at === 0 ? "start" : at === ticks.length - 1 ? "end" : "middle" }, t.time(points[i].at)))));
}
