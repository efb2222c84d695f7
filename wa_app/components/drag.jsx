// The grip of a table's row: drag it, or move it with the arrow keys. Only where it was dropped goes to the server.
import { createElement as h, useRef } from "react";

const STEPS = { ArrowUp: -1, ArrowDown: 1, Home: -Infinity, End: Infinity };

function rowsOf(row) {
  return [...row.parentNode.children];
}

function unmark(rows) {
  rows.forEach((one) => {
    one.style.transform = "";
    one.classList.remove("drag-row", "drop-before", "drop-after");
  });
}

export function DragHandle({ label, rowId, onMoved }) {
  const held = useRef(null);

  const begin = (event) => {
    if (event.button !== 0) return;
    const row = event.currentTarget.closest("tr");
    const rows = rowsOf(row);
    const middles = rows.map((one) => { const box = one.getBoundingClientRect(); return box.top + box.height / 2; });
    held.current = { row, rows, middles, from: rows.indexOf(row), to: rows.indexOf(row), y: event.clientY };
    event.currentTarget.setPointerCapture(event.pointerId);
    event.preventDefault();
    event.currentTarget.focus();
  };

  const drag = (event) => {
    const now = held.current;
    if (!now) return;
    unmark(now.rows);
    now.row.classList.add("drag-row");
    now.row.style.transform = `translateY(${event.clientY - now.y}px)`;
    const others = now.middles.filter((_, at) => at !== now.from);
    now.to = others.filter((middle) => middle < event.clientY).length;
    if (now.to === now.from) return;
    now.rows[now.to].classList.add(now.to > now.from ? "drop-after" : "drop-before");
  };

  const end = (keep) => {
    const now = held.current;
    held.current = null;
    if (!now) return;
    unmark(now.rows);
    if (keep && now.to !== now.from) onMoved?.(rowId, now.to);
  };

  const key = (event) => {
    if (event.key === "Escape") return end(false);
    const step = STEPS[event.key];
    if (step === undefined) return undefined;
    event.preventDefault();
    event.stopPropagation();
    const row = event.currentTarget.closest("tr");
    const rows = rowsOf(row);
    const from = rows.indexOf(row);
    const to = Math.min(Math.max(from + step, 0), rows.length - 1);
    if (to !== from) onMoved?.(rowId, to);
    return undefined;
  };

  return h(
    "button",
    {
      type: "button", className: "icon-btn drag-handle", "aria-label": label, onPointerDown: begin, onPointerMove: drag,
      onPointerUp: () => end(true), onPointerCancel: () => end(false), onKeyDown: key, onClick: (event) => event.stopPropagation(),
    },
    h(
      "svg",
      { width: 16, height: 16, viewBox: "0 0 24 24", fill: "currentColor", "aria-hidden": "true" },
      [6, 12, 18].flatMap((y) => [9, 15].map((x) => h("circle", { key: `${x}-${y}`, cx: x, cy: y, r: 1.6 }))),
    ),
  );
}
