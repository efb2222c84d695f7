// Command palette, keyboard shortcuts, language and theme switches: all of it stays in the browser.
import { createElement as h, useContext, useEffect, useMemo, useRef, useState } from "react";
import { useNavigate } from "react-router";
import { ColorModeContext } from "$/utils/context-registry";
import { getLanguage, setLanguage, setZone, useT } from "$/public/external/wa_app/components/i18n/i18n.js";

const isTyping = (target) => target?.closest?.("input, textarea, select, [contenteditable=true]");

export function openPalette() { window.dispatchEvent(new Event("sapa:palette")); }

export function ZoneSync({ zone, language }) {
  useEffect(() => { setZone(zone); }, [zone]);
  useEffect(() => {
    let chosen = null;
    try { chosen = localStorage.getItem("sapa_lang"); } catch { /* no storage, the account's language counts */ }
    if (!chosen && language) setLanguage(language);
  }, [language]);
  return null;
}

export function LanguageSwitch({ className }) {
  const t = useT();
  const next = t.lang === "id" ? "en" : "id";
  return h("button", { type: "button", className: className ?? "lang", onClick: () => setLanguage(next), "aria-label": `${t("shell.language")}: ${t.lang.toUpperCase()}` },
    h("svg", { width: 16, height: 16, viewBox: "0 0 24 24", fill: "none", stroke: "currentColor", strokeWidth: 1.75, strokeLinecap: "round", strokeLinejoin: "round", "aria-hidden": true },
      h("path", { d: "m5 8 6 6M4 14l6-6 2-3M2 5h12M7 2h1M22 22l-5-10-5 10M14 18h6" })),
    t.lang.toUpperCase());
}

function match(item, words) {
  const text = item.label.toLowerCase();
  return words.every((word) => text.includes(word));
}

export function CommandPalette({ pages = [], actions = [] }) {
  const t = useT();
  const navigate = useNavigate();
  const { resolvedColorMode, setColorMode } = useContext(ColorModeContext);
  const [open, setOpen] = useState(null);
  const [query, setQuery] = useState("");
  const [at, setAt] = useState(0);
  const box = useRef(null);
  const before = useRef(null);
  const pending = useRef(0);

  const items = useMemo(() => {
    const own = [
      { label: t("palette.theme"), run: () => setColorMode(resolvedColorMode === "dark" ? "light" : "dark") },
      { label: t("palette.language"), run: () => setLanguage(getLanguage() === "id" ? "en" : "id") },
      { label: t("palette.keys"), run: () => setTimeout(() => setOpen("keys")) },
    ];
    return [
      ...pages.map((page) => ({ group: "go", label: t(page.key), hint: page.letter, run: () => navigate(page.href) })),
      ...actions.map((action) => ({ group: "do", label: t(action.key), run: () => navigate(action.href) })),
      ...own.map((item) => ({ group: "do", ...item })),
    ];
  }, [t, pages, actions, resolvedColorMode]);
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  const found = items.filter((item) => match(item, words));

  const show = (what) => { before.current = document.activeElement; setQuery(""); setAt(0); setOpen(what); };
  const close = () => { setOpen(null); before.current?.focus?.(); };
  const run = (item) => { if (!item) return; setOpen(null); item.run(); };

  useEffect(() => {
    const onOpen = () => show("palette");
    const onKey = (event) => {
      if ((event.metaKey || event.ctrlKey) && event.key.toLowerCase() === "k") { event.preventDefault(); show("palette"); return; }
      if (event.key === "Escape" && open) { event.preventDefault(); close(); return; }
      if (open || event.metaKey || event.ctrlKey || event.altKey || isTyping(event.target)) return;
      if (document.querySelector("[role=dialog], [role=alertdialog]")) return;
      if (event.key === "?") { event.preventDefault(); show("keys"); return; }
      if (event.key === "/") {
        const search = document.querySelector("[data-search]");
        event.preventDefault();
        // A button opens the field to search in, which then takes the cursor.
        if (search?.tagName === "BUTTON") search.click(); else if (search) search.focus(); else show("palette");
        return;
      }
      if (Date.now() - pending.current < 1200) {
        const page = pages.find((each) => each.letter === event.key.toLowerCase());
        pending.current = 0;
        if (page) { event.preventDefault(); navigate(page.href); }
        return;
      }
      if (event.key === "g") pending.current = Date.now();
    };
    window.addEventListener("keydown", onKey);
    window.addEventListener("sapa:palette", onOpen);
    return () => { window.removeEventListener("keydown", onKey); window.removeEventListener("sapa:palette", onOpen); };
  });

  // Keys before this are lost; whoever presses them by program can wait for the mark.
  useEffect(() => { document.documentElement.dataset.keys = "on"; }, []);
  useEffect(() => { if (open) (box.current?.querySelector("input") ?? box.current)?.focus(); }, [open]);
  if (!open) return null;

  const trap = (event) => {
    if (event.key !== "Tab") return;
    event.preventDefault();
  };
  const backdrop = (children, label) => h("div", { className: "palette", onMouseDown: (event) => event.target === event.currentTarget && close() },
    h("div", { className: "palette-box", ref: box, role: "dialog", "aria-modal": true, "aria-label": label, tabIndex: -1, onKeyDown: trap }, children));

  if (open === "keys") {
    const line = (keys, text) => [h("dt", { key: `${text}k` }, keys.map((key) => h("kbd", { className: "kbd", key }, key))), h("dd", { key: text }, text)];
    return backdrop([
      h("h2", { className: "h2", key: "title", style: { padding: "16px 16px 0" } }, t("shell.shortcuts")),
      h("dl", { className: "keys", key: "list" }, [
        line(["⌘K", "Ctrl K"], t("keys.palette")), line(["/"], t("keys.search")),
        ...pages.filter((page) => page.letter).map((page) => line(["g", page.letter], t("keys.go", { page: t(page.key) }))),
        // A page with keys of its own lists them here.
        ...(window.sapaKeys ?? []).map(([keys, text]) => line(keys, t(text))),
        line(["?"], t("keys.help")), line(["Esc"], t("keys.escape")),
      ]),
    ], t("shell.shortcuts"));
  }

  const onKeyDown = (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      const step = event.key === "ArrowDown" ? 1 : -1;
      setAt((now) => (now + step + found.length) % Math.max(found.length, 1));
    } else if (event.key === "Enter") { event.preventDefault(); run(found[at]); }
  };
  const rows = [];
  let group = null;
  found.forEach((item, index) => {
    if (item.group !== group) {
      group = item.group;
      rows.push(h("li", { className: "palette-group", key: group, role: "presentation" }, t(`palette.${group}`)));
    }
    rows.push(h("li", { key: item.label, id: `palette-${index}`, role: "option", "aria-selected": index === at, className: "palette-item", onMouseMove: () => setAt(index), onClick: () => run(item) },
      h("span", { className: "grow" }, item.label), item.hint && h("span", { className: "row" }, h("kbd", { className: "kbd" }, "g"), h("kbd", { className: "kbd" }, item.hint))));
  });
  return backdrop([
    h("svg", { key: "icon", className: "palette-icon", width: 18, height: 18, viewBox: "0 0 24 24", fill: "none", stroke: "currentColor", strokeWidth: 1.75, "aria-hidden": true }, h("circle", { cx: 11, cy: 11, r: 7 }), h("path", { d: "m20 20-4-4" })),
    h("input", { key: "input", className: "palette-input", value: query, placeholder: t("palette.title"), "aria-label": t("palette.title"), role: "combobox", "aria-expanded": true, "aria-controls": "palette-list", "aria-activedescendant": found.length ? `palette-${at}` : undefined, onChange: (event) => { setQuery(event.target.value); setAt(0); }, onKeyDown }),
    h("ul", { key: "list", className: "palette-list", id: "palette-list", role: "listbox", "aria-label": t("palette.title") }, rows),
    found.length === 0 && h("p", { key: "none", className: "empty", role: "status" }, t("palette.nothing")),
    h("div", { key: "foot", className: "palette-foot desk", "aria-hidden": true }, h("span", null, h("kbd", { className: "kbd" }, "↑↓"), " ", t("palette.hint.move")), h("span", null, h("kbd", { className: "kbd" }, "↵"), " ", t("palette.hint.open")), h("span", null, h("kbd", { className: "kbd" }, "Esc"), " ", t("palette.hint.close"))),
  ], t("palette.title"));
}
