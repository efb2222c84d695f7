// The left pane of the inbox: folders, filters, search, the list, keys, several at once, a new message, notifications.
import { createElement as h, useEffect, useRef, useState } from "react";
import { useT } from "$/public/external/wa_app/components/i18n/i18n.js";
import { ChatList, Petal, SkeletonRows } from "$/public/external/wa_app/components/inbox/inbox_list.jsx";
import { Begin } from "$/public/external/wa_app/components/inbox_pane/inbox_begin.jsx";
import { BellButton, BellSheet, useNews } from "$/public/external/wa_app/components/inbox_pane/inbox_bell.jsx";
import { FoundList } from "$/public/external/wa_app/components/inbox_pane/inbox_found.jsx";
import { IconButton, Sign } from "$/public/external/wa_app/components/inbox_pane/inbox_glyphs.jsx";
import { BulkBar, FILTERS, FilterSheet, Folders, FoldersSheet, InForce, Nothing } from "$/public/external/wa_app/components/inbox_pane/inbox_head.jsx";
import { DeleteSheet, ExportSheet, JobStrip, MoreSheet } from "$/public/external/wa_app/components/inbox_pane/inbox_jobs.jsx";
import { Picker } from "$/public/external/wa_app/components/inbox_pane/inbox_sheet.jsx";
import { TimesSheet } from "$/public/external/wa_app/components/inbox_pane/inbox_times.jsx";

const FIND_MS = 100;
const RETRY_MS = 6000;
const MOST_PICKED = 200;
const CHOOSES = ["assign", "tag", "filter", "begin"];
const SNOOZES = ["hour", "evening", "tomorrow", "monday"];
const KEYS = [
  [["j", "k"], "inbox_list.keys.move"], [["Enter"], "inbox_list.keys.open"], [["r"], "inbox_list.keys.reply"], [["e"], "inbox_list.keys.close"],
  [["a"], "inbox_list.keys.assign"], [["s"], "inbox_list.keys.snooze"], [["x"], "inbox_list.keys.pick"], [["n"], "inbox_list.keys.begin"],
];
const typing = (target) => target?.closest?.("input:not([type=checkbox]), textarea, select, [contenteditable=true]");
const busy = () => document.querySelector("[role=dialog], [role=alertdialog], [role=menu]");

// What the address says beside the chat; only the browser writes it, so that "back" finds it again.
function toAddress(changes, push) {
  const url = new URL(location.href);
  for (const [name, value] of Object.entries(changes)) { if (value) url.searchParams.set(name, value); else url.searchParams.delete(name); }
  if (url.href !== location.href) history[push ? "pushState" : "replaceState"]({ ...history.state }, "", url.pathname + url.search);
}

// A first reading that does not come is asked for again, ever more seldom.
function useRetry(ready, onAgain) {
  const [times, setTimes] = useState(0);
  useEffect(() => {
    if (ready) { setTimes(0); return undefined; }
    const timer = setTimeout(() => { setTimes((n) => n + 1); onAgain(); }, RETRY_MS * 2 ** Math.min(times, 4));
    return () => clearTimeout(timer);
  }, [ready, times]);
  return times > 0 && !ready;
}

export function InboxPane(props) {
  const { rows = [], above, more, mark, ready, selected, view, filters, counts, choices, me, writes, target, found, begun, news, missing, work } = props;
  const { onShow, onOpen, onHit, onDown, onUp, onJump, onAct, onFind, onBeginFind, onStart, onAgain, onChoices, children } = props;
  const { onJobs, onExport, onDelete, onCount, onDeleteAll, onCancel, onRetry, onPutAway, onTimes } = props;
  const t = useT();
  const list = useRef(null);
  const [sheet, setSheet] = useState("");
  const [picked, setPicked] = useState(() => new Set());
  const [searching, setSearching] = useState(false);
  const [text, setText] = useState("");
  const subject = useRef([]);
  const closed = useRef(new Set());
  const lastG = useRef(0);
  const timer = useRef(0);
  const late = useRetry(ready, onAgain);
  const close = () => setSheet("");

  const show = (changes) => {
    const next = { view, ...filters, ...changes };
    toAddress({ ...next, view: next.view === "all" ? "" : next.view });
    setPicked(new Set());
    onShow(next.view, next.device, next.team, next.tag, next.who, next.sort);
  };
  const open = (id) => { toAddress({ chat: id }, true); onOpen(id); };
  useNews({ news, me, selected, unread: counts.unread ?? 0, onOpen: open });
  useEffect(() => { if (selected && begun.query && sheet === "begin") close(); }, [selected]);
  // What is offered may have been made after the page was opened.
  useEffect(() => { if (CHOOSES.includes(sheet)) onChoices(); }, [sheet]);
  useEffect(() => { window.sapaKeys = KEYS; return () => { delete window.sapaKeys; }; }, []);

  const query = text.trim().replace(/\s+/g, " ");
  const find = (value) => {
    setText(value);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => onFind(value), FIND_MS);
  };
  const endSearch = () => { setSearching(false); setText(""); clearTimeout(timer.current); onFind(""); };
  const hit = (id, message) => { toAddress({ chat: id }, true); if (message) onHit(id, message); else onOpen(id); };

  const pick = (id) => setPicked((was) => {
    const next = new Set(was);
    if (!next.delete(id) && next.size < MOST_PICKED) next.add(id);
    return next;
  });
  const subjects = () => {
    if (picked.size) return [...picked];
    const id = list.current?.current() || selected;
    return id ? [id] : [];
  };
  const act = (verb, ids, value = "") => {
    if (!ids.length) return;
    const order = list.current?.order ?? [];
    const leaves = verb === "close" || verb === "snooze" || verb === "archive";
    const next = leaves && ids.includes(document.activeElement?.dataset?.id) ? order.slice(order.indexOf(ids[ids.length - 1]) + 1).find((id) => !ids.includes(id)) : null;
    ids.forEach((id) => { if (verb === "close" || verb === "archive") closed.current.add(id); else if (verb === "reopen") closed.current.delete(id); });
    onAct(verb, ids, value);
    setPicked(new Set());
    if (next) list.current.focus(next);
  };
  const toggle = (ids) => {
    const done = (id) => (list.current?.row(id) ? ["closed", "archived"].includes(list.current.row(id).status) : closed.current.has(id));
    act(ids.every(done) ? "reopen" : "close", ids);
  };
  const choose = (what) => { subject.current = subjects(); if (subject.current.length) setSheet(what); };
  const verb = (name) => {
    if (name === "close") toggle(subjects());
    else if (name === "read") act("read", subjects());
    else choose(name);
  };

  const toggleSheet = (name) => setSheet((was) => (was === name ? "" : name));
  useEffect(() => {
    const onKey = (event) => {
      if (event.metaKey || event.ctrlKey || event.altKey || event.defaultPrevented) return;
      if (event.key === "Escape" && picked.size && !busy()) { setPicked(new Set()); return; }
      if (typing(event.target) || busy()) return;
      const afterG = Date.now() - lastG.current < 1200;
      lastG.current = event.key === "g" ? Date.now() : 0;
      if (afterG) return;
      const inside = list.current?.has(event.target);
      const does = {
        j: () => list.current?.step(1), k: () => list.current?.step(-1), r: () => document.getElementById("composer")?.focus(),
        ...(inside ? { ArrowDown: () => list.current.step(1), ArrowUp: () => list.current.step(-1) } : {}),
        ...(writes ? {
          e: () => toggle(subjects()), a: () => choose("assign"), s: () => choose("snooze"), n: () => setSheet("begin"),
        } : {}),
        ...(mayPick ? { x: () => { const id = list.current?.current(); if (id) pick(id); } } : {}),
      }[event.key];
      if (does) { event.preventDefault(); does(); }
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  });

  const nobody = { id: "", name: t("inbox_list.nobody"), mark: h(Sign, { name: "unassigned" }) };
  const people = [...choices.who.filter((one) => one.id === me), ...choices.who.filter((one) => one.id !== me)];
  const assignGroups = [
    { title: t("inbox_list.people"), items: [...people.map((one) => ({ ...one, note: one.id === me ? t("inbox.you") : "", mark: h(Petal, { who: one.id, name: one.name, size: "sm" }) })), nobody] },
    ...(choices.team.length ? [{ title: t("inbox_list.teams"), items: choices.team.map((one) => ({ ...one, note: "", team: true, mark: h(Sign, { name: "team" }) })) }] : []),
  ];
  const many = subject.current.length;
  const chosen = (what, value) => act(what, subject.current, value);
  const picker = {
    assign: () => h(Picker, { label: t("inbox_list.assign", { n: many }), groups: assignGroups, hint: t("inbox_list.assign.hint"), nothing: t("table.nothing_found"), onClose: close, onPick: (one) => chosen(one.team ? "team" : "assign", one.id) }),
    snooze: () => h(Picker, { label: t("inbox_list.snooze", { n: many }), groups: [{ items: SNOOZES.map((id) => ({ id, name: t(`inbox_list.snooze.${id}`), mark: h(Sign, { name: "snoozed" }) })) }], hint: t("inbox_list.snooze.hint"), nothing: t("table.nothing_found"), onClose: close, onPick: (one) => chosen("snooze", one.id) }),
    tag: () => h(Picker, { label: t("inbox_list.tag", { n: many }), groups: [{ items: choices.tag.map((one) => ({ id: one.id, name: one.name, mark: h("i", { className: "tag-dot", style: { "--k": `var(--k-${one.note}, var(--k-mist))` } }) })) }], hint: t("inbox_list.tag.hint"), nothing: t("inbox_list.tag.none"), onClose: close, onPick: (one) => chosen("tag", one.id) }),
  };

  const shown = [view, filters.device, filters.team, filters.tag, filters.who];
  const erase = (until) => {
    if (until) onDeleteAll(...shown, until); else onDelete(subject.current);
    setPicked(new Set());
    close();
    // The bar that was asked has gone with the selection.
    requestAnimationFrame(() => document.getElementById("inbox-more")?.focus({ preventScroll: true }));
  };
  const does = { onJobs, onCancel, onRetry };
  const mayPick = writes || work.may_delete;

  const isFiltered = FILTERS.some((name) => filters[name]);
  const nothing = ready ? (view === "all" && !isFiltered ? children : h(Nothing, { view, filtered: isFiltered, onClear: () => show(Object.fromEntries(FILTERS.map((name) => [name, ""]))) }))
    : h("div", { "aria-busy": true, role: "status", "aria-label": t("common.loading") },
      late && h("div", { className: "error-box list-late", role: "alert" }, h("p", { className: "grow" }, t("inbox_list.slow")), h("button", { type: "button", className: "btn small-btn", onClick: onAgain }, h(Sign, { name: "retry", size: 14 }), t("common.retry"))),
      h(SkeletonRows, { n: 9 }));
  const title = picked.size > 0
    ? h(BulkBar, { n: picked.size, writes, mayDelete: work.may_delete, onVerb: verb, onClear: () => setPicked(new Set()) })
    : h("div", { className: "row" }, h("h1", { className: "h1 grow" }, t("inbox.title")),
      h(IconButton, { name: "search", label: t("inbox.search"), "aria-expanded": searching, "data-search": searching ? undefined : true, onClick: () => (searching ? endSearch() : setSearching(true)) }),
      h(IconButton, { name: "filter", label: t("inbox_list.filter"), "aria-expanded": sheet === "filter", className: isFiltered || filters.sort ? "on" : "", onClick: () => toggleSheet("filter") }),
      h(BellButton, { open: sheet === "bell", onClick: () => toggleSheet("bell") }),
      writes && h(IconButton, { name: "write", label: t("inbox_list.begin.title"), onClick: () => setSheet("begin") }),
      h(IconButton, { name: "menu", id: "inbox-more", label: t("inbox_jobs.more"), "aria-haspopup": "dialog", "aria-expanded": sheet === "more", onClick: () => toggleSheet("more") }));

  return h("div", { className: "list-pane" },
    h("header", { className: "pane-head" }, title,
      searching && h("div", { className: "input-wrap search", role: "search" }, h("span", { className: "lead" }, h(Sign, { name: "search" })),
        h("input", {
          id: "inbox-search", type: "search", className: "input", autoFocus: true, "data-search": true, value: text, maxLength: 200, placeholder: t("inbox_list.find.hint"), "aria-label": t("inbox.search"),
          onChange: (event) => find(event.target.value), onKeyDown: (event) => {
            if (event.key === "Escape") { event.preventDefault(); endSearch(); }
            else if (event.key === "ArrowDown") { event.preventDefault(); document.querySelector("[data-found]")?.focus(); }
          },
        })),
      !(searching && query) && h(Folders, { view, counts: ready ? counts : {}, open: sheet === "folders", onPick: (name) => show({ view: name }), onMore: () => toggleSheet("folders") }),
      !(searching && query) && h(InForce, { view, filters, choices, onPick: (name) => show({ view: name }), onFilter: show }),
      sheet === "folders" && h(FoldersSheet, { view, counts, onPick: (name) => show({ view: name }), onClose: close }),
      sheet === "filter" && h(FilterSheet, { filters, choices, onFilter: show, onClose: close }),
      sheet === "bell" && h(BellSheet, { me, onClose: close }),
      sheet === "more" && h(MoreSheet, { mayExport: work.may_export, mayDelete: work.may_delete, onPick: (name) => { if (name === "delete") subject.current = []; setSheet(name); }, onClose: close }),
      picker[sheet]?.()),
    h(JobStrip, { jobs: work.jobs, own: work.own, does, onPutAway }),
    searching && query ? h(FoundList, { query, found, waits: found.query !== query, onOpen: hit })
      : h(ChatList, {
        rows, above, more, mark, selected: missing ? "" : selected, sticky: view === "unread" || view === "mentions", label: t("inbox.title"), me, target, picked, list,
        onOpen: open, onPick: mayPick ? pick : undefined, onDown, onUp, onJump,
      }, nothing),
    sheet === "begin" && h(Begin, { devices: choices.device, found: begun, onFind: onBeginFind, onStart, onClose: close }),
    sheet === "export" && h(ExportSheet, { view, filters, choices, jobs: work.jobs, does, onClose: close, onExport: (kind) => onExport(kind, ...shown) }),
    sheet === "delete" && h(DeleteSheet, { n: many, shown, view, filters, choices, matching: work.matching, onCount: () => onCount(...shown), onDelete: erase, onClose: close }),
    sheet === "times" && h(TimesSheet, { times: work.times, me, onTimes, onClose: close }));
}
