// The head of the left pane: folders with their counts, filters, what is chosen.
import { createElement as h } from "react";
import { useT } from "$/public/external/wa_app/components/i18n/i18n.js";
import { IconButton, Sign } from "$/public/external/wa_app/components/inbox_pane/inbox_glyphs.jsx";
import { Sheet } from "$/public/external/wa_app/components/inbox_pane/inbox_sheet.jsx";

export const MAIN = ["all", "mine", "unassigned"];
const REST = ["needs_human", "unread", "mentions", "bot", "snoozed", "closed", "archived"];
export const FILTERS = ["device", "team", "tag", "who"];
const MOST = 1000;

export const amount = (n, t) => (n > MOST ? `${t.num(MOST)}+` : t.num(n ?? 0));

// Larger numbers would leave no room for words; the folder that is on show tells its own, the menu tells all.
const MOST_BESIDE = 99;

export function Folders({ view, counts, open, onPick, onMore }) {
  const t = useT();
  const needs = counts.needs_human ?? 0;
  return h("div", { className: "segmented folders", role: "group", "aria-label": t("inbox.views") },
    MAIN.map((name) => h("button", { key: name, type: "button", "aria-pressed": view === name, onClick: () => onPick(name) },
      h("span", { className: "clip" }, t(`inbox_list.folder.${name}`)), name in counts && (view === name || counts[name] <= MOST_BESIDE) && h("span", { className: "n" }, counts[name] > 999 ? "999+" : counts[name]))),
    h("button", {
      type: "button", className: "more-folders", "aria-pressed": !MAIN.includes(view), "aria-haspopup": "dialog", "aria-expanded": open, onClick: onMore,
      "aria-label": needs ? `${t("inbox_list.folders")}: ${t("inbox_list.need", { n: needs })}` : t("inbox_list.folders"),
    }, h(Sign, { name: MAIN.includes(view) ? "more" : view }), needs > 0 && view !== "needs_human" && h("span", { className: "count-pill" }, needs > 99 ? "99+" : needs)));
}

export function FoldersSheet({ view, counts, onPick, onClose }) {
  const t = useT();
  return h(Sheet, { label: t("inbox_list.folders"), onClose, className: "folders-sheet" },
    h("ul", { className: "pick-list" }, [...MAIN, ...REST].map((name) => h("li", { key: name },
      h("button", { type: "button", className: "pick-item", "aria-current": view === name ? "true" : undefined, "data-first": view === name || undefined, onClick: () => { onClose(); onPick(name); } },
        h(Sign, { name }), h("span", { className: "grow" }, t(`inbox_list.folder.${name}`)),
        name in counts && h("span", { className: name === "needs_human" && counts[name] ? "count-pill" : "n" }, amount(counts[name], t)))))));
}

export function FilterSheet({ filters, choices, onFilter, onClose }) {
  const t = useT();
  const some = FILTERS.some((name) => filters[name]);
  return h(Sheet, { label: t("inbox_list.filter"), onClose, className: "filter-sheet" },
    h("div", { className: "row" }, h("h2", { className: "h2 grow" }, t("inbox_list.filter")),
      some && h("button", { type: "button", className: "btn link", onClick: () => onFilter(Object.fromEntries(FILTERS.map((name) => [name, ""]))) }, t("table.clear_filters"))),
    h("label", { className: "field" }, h("span", { className: "field-label" }, t("inbox_list.sort")),
      h("select", { className: "input", value: filters.sort ?? "", "data-first": true, onChange: (event) => onFilter({ ...filters, sort: event.target.value }) },
        h("option", { value: "" }, t("inbox_list.sort.newest")), h("option", { value: "waiting" }, t("inbox_list.sort.waiting")))),
    FILTERS.filter((name) => choices[name]?.length).map((name) => h("label", { key: name, className: "field" },
      h("span", { className: "field-label" }, t(`inbox_list.by_${name}`)),
      h("select", { className: "input", value: filters[name], onChange: (event) => onFilter({ ...filters, [name]: event.target.value }) },
        h("option", { value: "" }, t("common.all")), choices[name].map((one) => h("option", { key: one.id, value: one.id }, one.name))))),
    h("button", { type: "button", className: "btn phone-only wide", onClick: onClose }, t("common.close")));
}

// What is in force beyond the three folders that are always in sight.
export function InForce({ view, filters, choices, onPick, onFilter }) {
  const t = useT();
  const chips = FILTERS.filter((name) => filters[name]).map((name) => [name, choices[name]?.find((one) => one.id === filters[name])?.name ?? "…"]);
  if (MAIN.includes(view) && !chips.length && !filters.sort) return null;
  const chip = (key, name, value, drop) => h("span", { key, className: "filter-chip" }, h("span", { className: "clip" }, name, value && ": ", value && h("b", null, value)),
    h("button", { type: "button", onClick: drop, "aria-label": t("table.remove_filter", { name }) }, h(Sign, { name: "x", size: 13 })));
  return h("div", { className: "in-force" },
    !MAIN.includes(view) && chip("view", t(`inbox_list.folder.${view}`), "", () => onPick("all")),
    filters.sort && chip("sort", t(`inbox_list.sort.${filters.sort}`), "", () => onFilter({ ...filters, sort: "" })),
    chips.map(([name, value]) => chip(name, t(`inbox_list.by_${name}`), value, () => onFilter({ ...filters, [name]: "" }))));
}

export function BulkBar({ n, writes, mayDelete, onVerb, onClear }) {
  const t = useT();
  const act = (name, verb) => h(IconButton, { key: verb, name, label: t(`inbox_list.do.${verb}`), onClick: () => onVerb(verb) });
  return h("div", { className: "row bulk-bar", role: "toolbar", "aria-label": t("inbox_list.bulk") },
    h(IconButton, { name: "x", label: t("inbox_list.unpick"), onClick: onClear }),
    h("span", { className: "strong grow", role: "status" }, h("span", { className: "n", "aria-hidden": true, title: t("inbox_list.picked", { n }) }, n), h("span", { className: "sr" }, t("inbox_list.picked", { n }))),
    writes && [act("person", "assign"), act("tag", "tag"), act("snoozed", "snooze"), act("read", "read"), act("closed", "close")],
    mayDelete && h(IconButton, { name: "trash", label: t("common.delete"), onClick: () => onVerb("delete") }));
}

export function Nothing({ view, filtered, onClear }) {
  const t = useT();
  if (filtered) {
    return h("div", { className: "empty", role: "status" }, h("p", null, t("inbox_list.empty.filtered")),
      h("button", { type: "button", className: "btn link", onClick: onClear }, t("table.clear_filters")));
  }
  return h("div", { className: "empty", role: "status" }, h("span", { className: "empty-sign" }, h(Sign, { name: view, size: 26 })),
    h("div", { className: "words stack" }, h("p", { className: "title" }, t(`inbox_list.empty.${view}`)), h("p", null, t(`inbox_list.empty.${view}.text`))));
}
