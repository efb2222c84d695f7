// A small panel at its button; on a phone a sheet at the foot. Focus goes in, stays in, and comes back where it was.
import { createElement as h, useEffect, useRef, useState } from "react";
import { Glyph } from "$/public/external/wa_app/components/inbox/inbox_icons.jsx";

const CAN_FOCUS = "button:not(:disabled), input:not(:disabled), select:not(:disabled), a[href], [tabindex='0']";
const seen = (box, what) => [...box.querySelectorAll(what)].filter((one) => one.offsetParent !== null);
const plain = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();

// `kind` names its looks: a panel of the conversation, a sheet of the list. `modal`: nothing beside it is of use.
export function Panel({ label, onClose, onBack, kind = "panel", modal = false, className = "", children }) {
  const box = useRef(null);
  const close = useRef(onClose);
  close.current = onClose;
  useEffect(() => {
    const before = document.activeElement;
    const outside = (event) => { if (!box.current?.contains(event.target)) close.current(); };
    // The press that has opened it must not close it.
    const timer = setTimeout(() => document.addEventListener("pointerdown", outside));
    const el = box.current;
    // What had the focus may have gone meanwhile: Escape closes all the same.
    const escape = (event) => { if (event.key === "Escape" && !el.contains(event.target)) { event.preventDefault(); event.stopPropagation(); close.current(); } };
    document.addEventListener("keydown", escape, true);
    return () => {
      clearTimeout(timer);
      document.removeEventListener("pointerdown", outside);
      document.removeEventListener("keydown", escape, true);
      if (!document.activeElement || document.activeElement === document.body || el.contains(document.activeElement)) before?.focus?.({ preventScroll: true });
    };
  }, []);
  useEffect(() => { (box.current.querySelector("[data-first]") ?? seen(box.current, "[data-item]")[0] ?? seen(box.current, CAN_FOCUS)[0] ?? box.current).focus({ preventScroll: true }); }, [label]);
  const onKeyDown = (event) => {
    const items = seen(box.current, "[data-item]:not(:disabled)");
    const at = items.indexOf(document.activeElement);
    if (event.key === "Escape") { event.preventDefault(); event.stopPropagation(); (onBack ?? close.current)(); }
    else if ((event.key === "ArrowDown" || event.key === "ArrowUp") && items.length && event.target.type !== "date" && event.target.type !== "datetime-local") {
      event.preventDefault();
      const next = at + (event.key === "ArrowDown" ? 1 : -1);
      if (next < 0) (box.current.querySelector("input[data-first]") ?? items[items.length - 1]).focus(); else items[next % items.length].focus();
    } else if (event.key === "Tab") {
      const all = seen(box.current, CAN_FOCUS);
      const [first, last] = [all[0], all[all.length - 1]];
      if (event.shiftKey && document.activeElement === first) { event.preventDefault(); last.focus(); }
      else if (!event.shiftKey && document.activeElement === last) { event.preventDefault(); first.focus(); }
    }
    event.stopPropagation();
  };
  return h("div", { className: modal ? `${kind}-root modal` : `${kind}-root` },
    h("div", { ref: box, className: `${kind} ${className}`, role: "dialog", "aria-modal": modal || undefined, "aria-label": label, tabIndex: -1, onKeyDown },
      h("i", { className: "grabber" }),
      onBack && h("div", { className: "panel-head" }, h("button", { type: "button", className: "icon-btn", onClick: onBack, "aria-label": label }, h(Glyph, { name: "left" })), h("b", null, label)),
      children));
}

// One line of a panel.
export function Item({ icon, mark, text, note, on, danger, disabled, onClick, ...rest }) {
  return h("button", { type: "button", className: `panel-item${danger ? " danger" : ""}`, "data-item": true, disabled, onClick, "aria-pressed": on, ...rest },
    mark ?? (icon && h(Glyph, { name: icon })), h("span", { className: "grow clip" }, text), note && h("span", { className: "small muted clip" }, note), on && h(Glyph, { name: "check", size: 14 }));
}

// Lines that are narrowed by typing; Enter takes the first. `groups`: [{title, items: [{id, name, ...}]}].
export function Choices({ groups, label, nothing, extra, onPick }) {
  const [text, setText] = useState("");
  const field = useRef(null);
  const words = plain(text).split(/\s+/).filter(Boolean);
  const shown = groups.map((group) => ({ ...group, items: group.items.filter((item) => words.every((word) => plain(item.name).includes(word))) })).filter((group) => group.items.length);
  // What was chosen may leave the list: the next word is typed at once.
  const chosen = (act) => { act(); setText(""); field.current?.focus(); };
  const more = extra?.(text.trim(), chosen);
  const pick = (item) => chosen(() => onPick(item));
  const take = () => { if (shown[0]) pick(shown[0].items[0]); else more?.props?.onClick?.(); };
  return h("div", { className: "panel-choices" },
    h("input", {
      ref: field, className: "input", "data-first": true, value: text, placeholder: label, "aria-label": label, autoComplete: "off", maxLength: 50,
      onChange: (event) => setText(event.target.value), onKeyDown: (event) => { if (event.key === "Enter") { event.preventDefault(); take(); } },
    }),
    h("div", { className: "panel-list" }, shown.flatMap((group) => [
      group.title && h("div", { className: "panel-group", key: `group-${group.title}` }, group.title),
      ...group.items.map((item) => h(Item, { key: `${group.title ?? ""}${item.kind ?? ""}${item.id}`, icon: item.icon, mark: item.mark, text: item.name, note: item.note, on: item.on, onClick: () => pick(item) })),
    ]), more),
    !shown.length && !more && h("p", { className: "small muted panel-none", role: "status" }, nothing));
}

// A time by a word or by the clock of the tenant.
const PRESETS = ["hour", "evening", "tomorrow", "monday"];
export function Times({ t, act, onPick }) {
  const [at, setAt] = useState("");
  const here = new Intl.DateTimeFormat("sv-SE", { timeZone: t.zone(), dateStyle: "short", timeStyle: "short" }).format(new Date()).replace(" ", "T");
  return h("div", { className: "panel-times" },
    PRESETS.filter((one) => one !== "evening" || Number(here.slice(11, 13)) < 18).map((one) => h(Item, { key: one, icon: "later", text: t(`inbox_chat.time.${one}`), onClick: () => onPick(one) })),
    h("form", { className: "panel-form", onSubmit: (event) => { event.preventDefault(); if (at) onPick(at); } },
      h("label", { className: "small muted" }, t("inbox_chat.time.at", { zone: t.zoneName() }), h("input", { type: "datetime-local", className: "input", min: here, value: at, onChange: (event) => setAt(event.target.value) })),
      h("button", { type: "submit", className: "btn", disabled: !at }, act)));
}
