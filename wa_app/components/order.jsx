// A handle that drags its row to another place, with a pointer or with the arrow keys. The server hears of the drop only.
import { createElement as h, useRef, useState } from "react";

function rowAt(x, y) {
  return document.elementFromPoint(x, y)?.closest("[data-order-id]") ?? null;
}

function mark(row, after) {
  for (const one of document.querySelectorAll("[data-drop]")) if (one !== row) delete one.dataset.drop;
  if (row) row.dataset.drop = after ? "after" : "before";
}

export function OrderHandle({ rowId, label, onMove, ...rest }) {
  const [dragging, setDragging] = useState(false);
  const target = useRef(null);
  const move = (event) => {
    if (!dragging) return;
    const row = rowAt(event.clientX, event.clientY);
    if (!row || row.dataset.orderId === rowId) { target.current = null; mark(null); return; }
    const box = row.getBoundingClientRect();
    const after = event.clientY > box.top + box.height / 2;
    target.current = { id: row.dataset.orderId, after };
    mark(row, after);
  };
  const end = (drops) => {
    const found = target.current;
    target.current = null;
    setDragging(false);
    mark(null);
    if (drops && found) onMove(rowId, found.id, found.after);
  };
  return h("button", {
    ...rest, type: "button", "aria-label": label, title: label, className: `order-handle${dragging ? " dragging" : ""}`,
    onPointerDown: (event) => { event.currentTarget.setPointerCapture(event.pointerId); setDragging(true); },
    onPointerMove: move, onPointerUp: () => end(true), onPointerCancel: () => end(false),
    onKeyDown: (event) => {
      if (event.key !== "ArrowUp" && event.key !== "ArrowDown") return;
      event.preventDefault();
      onMove(rowId, event.key === "ArrowUp" ? "up" : "down", false);
    },
  }, h("svg", { width: 14, height: 16, viewBox: "0 0 14 16", "aria-hidden": true, fill: "currentColor" },
    [4, 10].flatMap((x) => [3, 8, 13].map((y) => h("circle", { key: `${x}${y}`, cx: x, cy: y, r: 1.3 })))));
}
