// A panel of the left pane: under the pane's head at a desk, a sheet at the foot of a phone.
import { createElement as h, useEffect, useId, useMemo, useRef, useState } from "react";
import { Panel } from "$/public/external/wa_app/components/inbox/inbox_panel.jsx";
import { Sign } from "$/public/external/wa_app/components/inbox_pane/inbox_glyphs.jsx";

export const Sheet = (props) => h(Panel, { kind: "sheet", ...props });

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
