// What is done with the open conversation: whose it is, later, done, how much it matters, tags, block; and what it is now.
import { createElement as h, useState } from "react";
import { useT } from "$/public/external/wa_app/components/i18n/i18n.js";
import { Glyph } from "$/public/external/wa_app/components/inbox/inbox_icons.jsx";
import { Petal } from "$/public/external/wa_app/components/inbox/inbox_list.jsx";
import { Choices, Item, Panel, Times } from "$/public/external/wa_app/components/inbox/inbox_panel.jsx";

const PRIORITIES = ["urgent", "high", "low", "none"];
const dot = (color) => h("i", { className: "tag-dot", style: { "--k": `var(--k-${color}, var(--k-mist))` } });

function assignGroups({ head, people, teams, me, t }) {
  const mark = (one) => h(Petal, { who: one.id, name: one.name, size: "sm" });
  const first = people.filter((one) => one.id === me).map((one) => ({ ...one, name: t("inbox_chat.assign.me"), note: one.name, mark: mark(one), on: head.assigned === me }));
  const others = people.filter((one) => one.id !== me).map((one) => ({ ...one, mark: mark(one), on: head.assigned === one.id }));
  const nobody = head.assigned ? [{ id: "", name: t("inbox_chat.assign.nobody"), icon: "x" }] : [];
  const shared = teams.map((one) => ({ ...one, kind: "team", icon: "team", on: head.team === one.id }));
  if (head.team) shared.push({ id: "", kind: "team", name: t("inbox_chat.assign.no_team"), icon: "x" });
  const free = { id: "", kind: "free", name: t("inbox_chat.assign.free"), icon: "team" };
  return [{ items: [...first, ...others, free, ...nobody] }, ...(shared.length ? [{ title: t("inbox_chat.teams"), items: shared }] : [])];
}

function Day({ t, onDay }) {
  const [day, setDay] = useState("");
  const today = new Intl.DateTimeFormat("en-CA", { timeZone: t.zone() }).format(new Date());
  return h("form", { className: "panel-form", onSubmit: (event) => { event.preventDefault(); if (day) onDay(day); } },
    h("label", { className: "small muted" }, t("inbox_chat.day.label"), h("input", { type: "date", className: "input", "data-first": true, max: today, value: day, onChange: (event) => setDay(event.target.value) })),
    h("button", { type: "submit", className: "btn primary", disabled: !day }, t("inbox_chat.day.go")));
}

export function ChatMenu(props) {
  const { chat = "", name = "", head = {}, people = [], teams = [], tags = [], me = "", blocked = false, writes = false, mayTag = false, mayBlock = false, busy = "",
    onDeed, onChoices, onDay, onSummary } = props;
  const t = useT();
  const [page, setPage] = useState("");
  const open = (which) => { if (which === page) { setPage(""); return; } onChoices?.(); setPage(which); };
  const close = () => setPage("");
  const act = (verb, value = "") => { close(); onDeed?.(chat, verb, value); };
  const has = new Set((head.tags ?? []).map((one) => one.id));
  const isOpen = head.status === "open";
  const back = () => setPage("main");
  const go = (which, icon, text, note) => h(Item, { icon, text, note, onClick: () => setPage(which) });
  const whose = head.assigned === me && me ? t("inbox.you") : head.assignee || t("inbox_chat.assign.none");

  const pages = {
    main: () => h(Panel, { label: t("inbox_chat.menu"), onClose: close },
      writes && h("div", { className: "phone-only" }, go("assign", "human", t("inbox_chat.assign"), whose)),
      writes && (isOpen ? h(Item, { icon: "done", text: t("inbox_chat.close"), onClick: () => act("close") }) : h(Item, { icon: "undo", text: t("inbox_chat.reopen"), onClick: () => act("reopen") })),
      writes && go("snooze", "snooze", t("inbox_chat.snooze")),
      writes && go("priority", "flag", t("inbox_chat.priority"), t(`inbox_chat.priority.${head.priority ?? "none"}`)),
      writes && go("tags", "tag", t("inbox_chat.tags"), has.size ? t.num(has.size) : ""),
      writes && head.status !== "archived" && h(Item, { icon: "archive", text: t("inbox_chat.archive"), onClick: () => act("archive") }),
      h("hr", null),
      writes && h(Item, { icon: "agent", text: t("inbox_chat.summary"), disabled: Boolean(busy), onClick: () => { close(); onSummary?.(chat); } }),
      go("day", "calendar", t("inbox_chat.day")),
      writes && mayBlock && !head.group && h("hr", null),
      writes && mayBlock && !head.group && (blocked ? go("unblock", "undo", t("inbox_chat.unblock")) : h(Item, { icon: "ban", danger: true, text: t("inbox_chat.block"), onClick: () => setPage("block") }))),
    assign: () => h(Panel, { label: t("inbox_chat.assign"), onClose: close },
      h(Choices, { groups: assignGroups({ head, people, teams, me, t }), label: t("inbox_chat.assign.find"), nothing: t("inbox_chat.nothing"), onPick: (one) => act(one.kind ?? "assign", one.id) })),
    snooze: () => h(Panel, { label: t("inbox_chat.snooze"), onClose: close, onBack: back }, h(Times, { t, act: t("inbox_chat.snooze.do"), onPick: (at) => act("snooze", at) })),
    priority: () => h(Panel, { label: t("inbox_chat.priority"), onClose: close, onBack: back },
      PRIORITIES.map((one) => h(Item, { key: one, icon: "flag", text: t(`inbox_chat.priority.${one}`), on: head.priority === one, onClick: () => act("priority", one) }))),
    tags: () => h(Panel, { label: t("inbox_chat.tags"), onClose: close, onBack: back },
      h(Choices, {
        groups: [{ items: tags.map((one) => ({ ...one, mark: dot(one.color), on: has.has(one.id) })) }], label: t("inbox_chat.tags.find"), nothing: t("inbox_chat.tags.none"),
        extra: (text, chosen) => (mayTag && text && !tags.some((one) => one.name.toLowerCase() === text.toLowerCase()) ? h(Item, { icon: "plus", text: t("inbox_chat.tags.make", { name: text }), onClick: () => chosen(() => onDeed?.(chat, "new_tag", text)) }) : null),
        onPick: (one) => onDeed?.(chat, has.has(one.id) ? "untag" : "tag", one.id),
      })),
    day: () => h(Panel, { label: t("inbox_chat.day"), onClose: close, onBack: back }, h(Day, { t, onDay: (day) => { close(); onDay?.(day); } })),
  };
  for (const verb of ["block", "unblock"]) {
    pages[verb] = () => h(Panel, { label: t(`inbox_chat.${verb}.title`, { name }), onClose: close },
      h("div", { className: "panel-ask" }, h("b", null, t(`inbox_chat.${verb}.title`, { name })), h("p", null, t(`inbox_chat.${verb}.words`)),
        h("div", { className: "row" }, h("button", { type: "button", className: "btn", "data-first": true, onClick: close }, t("common.cancel")),
          h("button", { type: "button", className: `btn ${verb === "block" ? "danger-solid" : "primary"}`, onClick: () => act(verb) }, t(`inbox_chat.${verb}.do`)))));
  }
  return h("div", { className: "chat-deeds" },
    writes && h("button", { type: "button", id: "chat-assign", className: "btn assign-btn desk", onClick: () => open("assign"), "aria-expanded": page === "assign", "aria-haspopup": "dialog", "aria-label": t(head.assigned ? "inbox_chat.assigned" : "inbox_chat.assign", { name: whose }) },
      h(Glyph, { name: "human" }), h("span", { className: "clip" }, head.assigned ? whose : t("inbox_chat.assign")), h(Glyph, { name: "chevron", size: 14 })),
    writes && h("button", {
      type: "button", id: "chat-close", className: "icon-btn desk", onClick: () => act(isOpen ? "close" : "reopen"), "aria-label": t(isOpen ? "inbox_chat.close" : "inbox_chat.reopen"), title: t(isOpen ? "inbox_chat.close" : "inbox_chat.reopen"),
    }, h(Glyph, { name: isOpen ? "done" : "undo", size: 18 })),
    h("button", { type: "button", id: "chat-menu", className: "icon-btn", onClick: () => open("main"), "aria-expanded": page !== "" && page !== "assign", "aria-haspopup": "dialog", "aria-label": t("inbox_chat.menu") }, h(Glyph, { name: "more", size: 18 })),
    pages[page]?.());
}

// What is not usual about the conversation, in one row under its head.
export function ChatStatus({ chat = "", head = {}, writes = false, onDeed }) {
  const t = useT();
  const { status = "open", priority = "none", tags = [] } = head;
  if (status === "open" && priority === "none" && !tags.length && !head.team) return null;
  return h("div", { className: "chat-status", role: "group", "aria-label": t("inbox_chat.status") },
    status !== "open" && h("span", { className: `state ${status}` }, h(Glyph, { name: { snoozed: "snooze", closed: "done", archived: "archive" }[status], size: 14 }),
      status === "snoozed" ? t("inbox_chat.status.snoozed", { at: t.moment(head.snoozed) }) : t(`inbox_chat.status.${status}`)),
    status !== "open" && writes && h("button", { type: "button", className: "link-btn", onClick: () => onDeed?.(chat, "reopen", "") }, t("inbox_chat.reopen")),
    priority !== "none" && h("span", { className: `priority ${priority}` }, h(Glyph, { name: "flag", size: 14 }), t(`inbox_chat.priority.${priority}`)),
    head.team && h("span", { className: "state" }, h(Glyph, { name: "team", size: 14 }), head.team_name),
    tags.map((one) => h("span", { key: one.id, className: "tag", style: { "--k": `var(--k-${one.color}, var(--k-mist))` } }, one.name)));
}
