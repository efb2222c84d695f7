// A new message: to a contact that is looked for, or to a number that is typed; over which of our numbers.
import { createElement as h, useEffect, useId, useRef, useState } from "react";
import { useT } from "$/public/external/wa_app/components/i18n/i18n.js";
import { Petal } from "$/public/external/wa_app/components/inbox/inbox_list.jsx";
import { IconButton, Sign } from "$/public/external/wa_app/components/inbox_pane/inbox_glyphs.jsx";
import { Sheet } from "$/public/external/wa_app/components/inbox_pane/inbox_sheet.jsx";

const WAIT_MS = 220;
const KEY = "sapa_inbox_device";
const remembered = () => { try { return localStorage.getItem(KEY) ?? ""; } catch { return ""; } };

export function Begin({ devices, found, onFind, onStart, onClose }) {
  const t = useT();
  const name = useId();
  const usable = [...devices].sort((a, b) => (b.note === "CONNECTED") - (a.note === "CONNECTED"));
  const [device, setDevice] = useState(() => (usable.some((one) => one.id === remembered()) ? remembered() : usable[0]?.id ?? ""));
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const [busy, setBusy] = useState(false);
  const timer = useRef(0);
  useEffect(() => { onFind(""); return () => clearTimeout(timer.current); }, []);
  useEffect(() => { setBusy(false); }, [found.problem]);
  const type = (value) => {
    setText(value);
    setAt(0);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => onFind(value), WAIT_MS);
  };
  const waits = text.trim().replace(/\s+/g, " ") !== found.query;
  const options = waits && found.query !== "" && !text ? [] : [
    ...(found.phone && !waits ? [{ id: "", phone: found.phone, name: t("inbox_list.begin.number", { phone: found.phone }) }] : []),
    ...found.people.map((one) => ({ ...one, name: one.name || t.phone(one.phone), note: one.name ? t.phone(one.phone) : "" })),
  ];
  const start = (option) => {
    if (!option || !device || busy) return;
    try { localStorage.setItem(KEY, device); } catch { /* chosen anew next time */ }
    setBusy(true);
    onStart(option.id, option.id ? "" : option.phone, device);
  };
  const onKeyDown = (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      setAt((at + (event.key === "ArrowDown" ? 1 : -1) + options.length) % Math.max(1, options.length));
    } else if (event.key === "Enter") { event.preventDefault(); if (!waits) start(options[at]); }
  };
  const down = devices.find((one) => one.id === device)?.note;
  return h(Sheet, { label: t("inbox_list.begin.title"), onClose, modal: true, className: "begin-sheet" },
    h("div", { className: "row" }, h("h2", { className: "dlg-title grow" }, t("inbox_list.begin.title")), h(IconButton, { name: "x", label: t("common.close"), onClick: onClose })),
    devices.length === 0 ? h("div", { className: "empty" }, h("p", null, t("inbox_list.begin.no_device")), h("a", { className: "btn primary", href: "/devices" }, t("inbox.empty.do"))) : [
      h("label", { key: "over", className: "field" }, h("span", { className: "field-label" }, t("inbox_list.begin.over")),
        h("select", { className: "input", value: device, onChange: (event) => setDevice(event.target.value) }, usable.map((one) => h("option", { key: one.id, value: one.id }, one.name)))),
      down && down !== "CONNECTED" && h("p", { key: "down", className: "small begin-down" }, t("inbox_list.begin.down")),
      h("label", { key: "to", className: "field" }, h("span", { className: "field-label" }, t("inbox_list.begin.to")),
        h("input", {
          className: "input", "data-first": true, value: text, placeholder: t("inbox_list.begin.hint"), role: "combobox", autoComplete: "off", maxLength: 200,
          "aria-expanded": true, "aria-controls": `${name}list`, "aria-activedescendant": options.length ? `${name}${at}` : undefined,
          "aria-invalid": found.problem ? true : undefined, "aria-describedby": found.problem ? `${name}bad` : undefined,
          onChange: (event) => type(event.target.value), onKeyDown,
        })),
      found.problem && h("p", { key: "bad", id: `${name}bad`, className: "field-error", role: "alert" }, t(`error.${found.problem}`)),
      h("ul", { key: "list", className: "pick-list", id: `${name}list`, role: "listbox", "aria-label": t("inbox_list.begin.to"), "aria-busy": waits || busy },
        options.map((one, n) => h("li", { key: one.id || "number", id: `${name}${n}`, role: "option", "aria-selected": n === at, className: "pick-item", onPointerMove: () => setAt(n), onClick: () => start(one) },
          one.id ? h(Petal, { who: one.id, name: one.name, size: "sm" }) : h("span", { className: "pick-sign" }, h(Sign, { name: "write" })),
          h("span", { className: "grow clip" }, one.name), one.note && h("span", { className: "small muted" }, one.note)))),
      !waits && options.length === 0 && h("p", { key: "none", className: "muted small pick-none", role: "status" }, t("inbox_list.begin.none")),
    ]);
}
