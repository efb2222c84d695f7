// A panel of the left pane: under the pane's head at a desk, a sheet at the foot of a phone. Focus goes in and comes back.
import { createElement as h, useEffect, useId, useMemo, useRef, useState } from "react";
import { Sign } from "$/public/external/wa_app/components/inbox_pane/inbox_glyphs.jsx";

const CAN_FOCUS = "button:not(:disabled), input:not(:disabled), select:not(:disabled), a[href], [tabindex='0']";

export function Sheet({ label, onClose, modal = false, className = "", children }) {
  const box = useRef(null);
  const close = useRef(onClose);
  close.current = onClose;
  useEffect(() => {
    const before = document.activeElement;
    const el = box.current;
    (el.querySelector("[data-first]") ?? el.querySelector(CAN_FOCUS) ?? el).focus({ preventScroll: true });
    const outside = (event) => { if (!el.contains(event.target)) close.current(); };
    // Its own click must not close what it has just opened.
    const timer = setTimeout(() => document.addEventListener("pointerdown", outside));
    return () => {
      clearTimeout(timer);
      document.removeEventListener("pointerdown", outside);
      if (!document.activeElement || document.activeElement === document.body || el.contains(document.activeElement)) before?.focus?.({ preventScroll: true });
    };
  }, []);
  const onKeyDown = (event) => {
    if (event.key === "Escape") { event.preventDefault(); event.stopPropagation(); close.current(); }
    if (event.key !== "Tab") return;
    const all = [...box.current.querySelectorAll(CAN_FOCUS)];
    const [first, last] = [all[0], all[all.length - 1]];
    if (event.shiftKey && document.activeElement === first) { event.preventDefault(); last.focus(); }
    else if (!event.shiftKey && document.activeElement === last) { event.preventDefault(); first.focus(); }
  };
  return h("div", { className: modal ? "sheet-root modal" : "sheet-root" },
    h("div", { ref: box, className: `sheet ${className}`, role: "dialog", "aria-modal": modal || undefined, "aria-label": label, tabIndex: -1, onKeyDown },
      h("i", { className: "grabber" }), children));
}

// A list that is narrowed by typing. `groups`: [{title, items: [{id, name, note, mark}]}].
export function Picker({ label, groups, onPick, onClose, hint, nothing }) {
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const name = useId();
  const list = useRef(null);
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const shown = useMemo(() => groups
    .map((group) => ({ ...group, items: group.items.filter((item) => words.every((word) => item.name.toLowerCase().includes(word))) }))
    .filter((group) => group.items.length), [groups, text]);
  const flat = shown.flatMap((group) => group.items);
  const chosen = Math.min(at, flat.length - 1);
  useEffect(() => { list.current?.querySelector("[aria-selected=true]")?.scrollIntoView({ block: "nearest" }); }, [chosen]);
  const pick = (item) => { if (item) { onClose(); onPick(item); } };
  const onKeyDown = (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      setAt((chosen + (event.key === "ArrowDown" ? 1 : -1) + flat.length) % Math.max(1, flat.length));
    } else if (event.key === "Enter") { event.preventDefault(); pick(flat[chosen]); }
  };
  let number = -1;
  return h(Sheet, { label, onClose, className: "picker-sheet" },
    h("h2", { className: "h2" }, label),
    h("input", {
      className: "input", "data-first": true, value: text, placeholder: hint, "aria-label": hint, role: "combobox", "aria-expanded": true, autoComplete: "off",
      "aria-controls": `${name}list`, "aria-activedescendant": flat.length ? `${name}${chosen}` : undefined,
      onChange: (event) => { setText(event.target.value); setAt(0); }, onKeyDown,
    }),
    h("ul", { ref: list, className: "pick-list", id: `${name}list`, role: "listbox", "aria-label": label }, shown.flatMap((group) => [
      group.title && h("li", { key: `group-${group.title}`, className: "pick-group", role: "presentation" }, group.title),
      ...group.items.map((item) => {
        number += 1;
        const mine = number;
        return h("li", { key: `${group.title ?? ""}${item.id}`, id: `${name}${mine}`, role: "option", "aria-selected": mine === chosen, className: "pick-item", onPointerMove: () => setAt(mine), onClick: () => pick(item) },
          item.mark, h("span", { className: "grow clip" }, item.name), item.note && h("span", { className: "small muted" }, item.note),
          item.on && h(Sign, { name: "check", size: 14 }));
      }),
    ])),
    flat.length === 0 && h("p", { className: "muted small pick-none", role: "status" }, nothing));
}
