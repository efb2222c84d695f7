// The list of conversations: as many rows as fit the window are drawn, however many there are, and none moves
// under the finger. Rows before the loaded ones (`above`) and after them are only height.
import { createElement as h, memo, useEffect, useImperativeHandle, useLayoutEffect, useRef, useState } from "react";
import { useT } from "$/public/external/wa_app/components/i18n/i18n.js";
import { Glyph } from "$/public/external/wa_app/components/inbox/inbox_icons.jsx";
import { Sign } from "$/public/external/wa_app/components/inbox_pane/inbox_glyphs.jsx";

const SPARE = 8;
const REST_MS = 2500;
const PRESS_MS = 480;
const FAR = 100;
const HUES = ["indigo", "terra", "teal", "ochre", "plum", "olive", "rose", "sea", "mist"];
const TURNS = { bot: "agent", flow: "flow", human: "human", rule: "rule" };
const SOON_MIN = 10;

export function hue(id) {
  let sum = 0;
  for (const letter of id ?? "") sum = (sum * 31 + letter.codePointAt(0)) % 9973;
  return HUES[sum % HUES.length];
}

export function initials(name) {
  return ((name ?? "").trim().split(/\s+/).slice(0, 2).map((word) => [...word][0] ?? "").join("") || "?").replace(/[^\p{L}\p{N}]/gu, "") || "·";
}

// A person is a petal with initials, a group a rounded square with people.
export function Petal({ who, name, size, group }) {
  return h("span", { className: `avatar${size ? ` ${size}` : ""}${group ? " of-many" : ""}`, style: { "--k": `var(--k-${hue(who)})` }, "aria-hidden": true },
    group ? h(Glyph, { name: "team", size: size === "lg" ? 26 : size === "sm" ? 12 : 18 }) : initials(name).toUpperCase());
}

function useHeight() {
  const query = "(max-width: 639px)";
  const [phone, setPhone] = useState(() => typeof window !== "undefined" && window.matchMedia(query).matches);
  useEffect(() => {
    const media = window.matchMedia(query);
    const change = () => setPhone(media.matches);
    change();
    media.addEventListener("change", change);
    return () => media.removeEventListener("change", change);
  }, []);
  return phone ? 88 : 78;
}

// `42 mnt`, `3 jam`, `2 Nov`.
export function since(iso, t) {
  const at = iso ? new Date(iso).getTime() : NaN;
  if (Number.isNaN(at)) return ["", 0];
  const minutes = Math.max(0, Math.floor((Date.now() - at) / 60000));
  if (minutes < 1) return [t("inbox.now"), 0];
  if (minutes < 60) return [t("time.span.minute", { n: minutes }), minutes];
  if (minutes < 1440) return [t("inbox.hours", { n: Math.floor(minutes / 60) }), minutes];
  return [t.dateShort(iso), minutes];
}

export function preview(row, t) {
  const words = row.text || (row.type && row.type !== "text" ? t(`inbox.type.${row.type}`) : "");
  const by = { human: t("inbox.you"), agent: t("inbox.ai"), rule: t("inbox.rule"), flow: t("inbox.flow"), campaign: t("inbox.campaign") }[row.by];
  return by && words ? `${by}: ${words}` : words;
}

// Words that were begun here stand before those that were said last.
function Last({ row, t }) {
  if (row.draft !== null && row.draft !== undefined) {
    return h("span", { className: "last clip" }, h("span", { className: "draft" }, `${t("inbox_list.draft")}: `), row.draft || t("inbox_list.draft.file"));
  }
  return h("span", { className: "last clip" }, row.type && row.type !== "text" && h(Glyph, { name: row.type === "voice" ? "audio" : row.type, size: 14, className: "kind" }), preview(row, t));
}

function Waiting({ row, target, t }) {
  const [when, minutes] = since(row.waiting || row.at, t);
  const passed = row.waiting ? (Date.now() - new Date(row.waiting).getTime()) / 60000 : 0;
  const late = target > 0 && passed >= target;
  const tone = late ? " bad" : row.waiting && passed >= SOON_MIN ? " warn" : "";
  return h("span", { className: `when${tone}` }, late && h(Sign, { name: "late", size: 13 }),
    row.waiting && h("span", { className: "sr" }, t(late ? "inbox_list.late" : "inbox.waits")), when);
}

const tagColour = (note) => ({ "--k": `var(--k-${note}, var(--k-mist))` });

// A finger that rests on a row picks it; one that moves scrolls.
function usePress(onLong) {
  const timer = useRef(0);
  const fired = useRef(false);
  const end = () => clearTimeout(timer.current);
  return [fired, {
    onPointerDown: (event) => {
      fired.current = false;
      if (event.pointerType === "mouse") return;
      timer.current = setTimeout(() => { fired.current = true; navigator.vibrate?.(12); onLong(); }, PRESS_MS);
    },
    onPointerUp: end, onPointerCancel: end, onPointerMove: (event) => { if (Math.abs(event.movementY) > 4) end(); },
    onContextMenu: (event) => { if (fired.current) event.preventDefault(); },
  }];
}

const Row = memo(function Row({ row, t, height, at, total, top, selected, focusable, me, target, picked, picking, onOpen, onPick }) {
  const name = row.name || t.phone(row.phone);
  const [pressed, press] = usePress(() => onPick(row.id));
  const open = (event) => {
    if (pressed.current) { event.preventDefault(); pressed.current = false; return; }
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.button) return;
    event.preventDefault();
    if (picking) onPick(row.id); else onOpen(row.id);
  };
  return h("li", { className: `chat-item${picked ? " picked" : ""}`, style: { height, transform: `translateY(${top}px)` }, "aria-setsize": total, "aria-posinset": at + 1 },
    h("a", {
      href: `/inbox?chat=${row.id}`, className: `chat-row${row.unread ? " unread" : ""}`, onClick: open, "data-id": row.id, draggable: false,
      "aria-current": selected ? "true" : undefined, tabIndex: focusable ? 0 : -1, ...press,
    },
      h(Petal, { who: row.contact, name: row.name, group: row.group }),
      row.group && h("span", { className: "sr" }, `${t("inbox.group")}: `),
      h("span", { className: "chat-words" },
        h("span", { className: "line" },
          h("span", { className: "name clip" }, name),
          row.priority && h("span", { className: `priority ${row.priority}` }, h(Sign, { name: row.priority, size: 15 }), h("span", { className: "sr" }, t(`inbox_list.priority.${row.priority}`))),
          h(Waiting, { row, target, t })),
        h("span", { className: "line" },
          h(Last, { row, t }),
          row.unread > 0 && h("span", { className: "count-pill" }, row.unread > 99 ? "99+" : row.unread, h("span", { className: "sr" }, ` ${t("inbox.unread")}`))),
        h("span", { className: "line" },
          h("span", { className: `whose ${row.turn}` }, h(Glyph, { name: TURNS[row.turn] ?? "human", size: 14 }),
            h("span", { className: "sr" }, t(`inbox.turn.${row.turn}`)), h("span", { className: "clip" }, row.device)),
          row.needs && h("span", { className: "tag need", title: t("inbox.needs") }, row.tags.length > 0 && h(Sign, { name: "needs_human", size: 13 }), h("span", { className: row.tags.length > 0 ? "sr" : "clip" }, t("inbox.needs"))),
          row.tags.map((one) => h("span", { className: "tag", key: one.name, style: tagColour(one.color) }, h("span", { className: "clip" }, one.name))),
          row.tags_more > 0 && h("span", { className: "tag-more" }, `+${row.tags_more}`, h("span", { className: "sr" }, ` ${t("inbox_list.more_tags")}`)),
          row.who && h("span", { className: row.who === me ? "holder mine" : "holder", title: row.who_name }, h(Petal, { who: row.who, name: row.who_name, size: "sm" }),
            h("span", { className: "sr" }, t(row.who === me ? "inbox_list.yours" : "inbox_list.held_by", { name: row.who_name })))))),
    onPick && h("label", { className: "pick-row" }, h("input", { type: "checkbox", checked: picked, tabIndex: -1, "aria-label": t("inbox_list.pick", { name }), onChange: () => onPick(row.id) }), h("i", null)));
});

export function SkeletonRows({ n }) {
  const height = useHeight();
  return h("ul", { className: "late", "aria-hidden": true, style: { height: n * height } }, Array.from({ length: n }, (_, at) => h(SkeletonRow, { key: at, height, top: at * height })));
}

function SkeletonRow({ height, top }) {
  const bar = (width, tall = 11) => h("span", { className: "skeleton", style: { width, height: tall } });
  return h("li", { className: "chat-item", style: { height, transform: `translateY(${top}px)` }, "aria-hidden": true },
    h("span", { className: "chat-row" }, h("span", { className: "skeleton avatar" }), h("span", { className: "chat-words bones" }, bar("42%"), bar("78%"), bar("30%", 9))));
}

// `sticky`: the open chat stays in a folder that it has left by being opened. `list` gets what keys need: order, step, focus.
export function ChatList({ rows = [], above = 0, more = false, mark = "", selected = "", sticky = false, label, me, target, picked, list, onOpen, onPick, onDown, onUp, onJump, children }) {
  const t = useT();
  const height = useHeight();
  const box = useRef(null);
  const [view, setView] = useState({ top: 0, size: 900 });
  const [, tick] = useState(0);
  const [chosen, setChosen] = useState("");
  const touched = useRef({ at: 0, finger: false });
  const held = useRef({ mark: null, ids: [] });
  const kept = useRef(null);
  const anchor = useRef(null);
  const asked = useRef("");
  const goal = useRef("");

  useEffect(() => { setChosen(selected); }, [selected]);
  useEffect(() => { const timer = setInterval(() => tick((n) => n + 1), 30000); return () => clearInterval(timer); }, []);

  const byId = new Map(rows.map((row) => [row.id, row]));
  // Being read took the open chat out of this folder, not its reader.
  if (kept.current && (kept.current.mark !== mark || kept.current.id !== selected)) kept.current = null;
  if (sticky && byId.has(selected)) kept.current = { mark, id: selected, row: byId.get(selected), at: rows.findIndex((row) => row.id === selected) };
  const present = rows.map((row) => row.id);
  if (sticky && kept.current && !byId.has(selected)) {
    byId.set(selected, { ...kept.current.row, unread: 0 });
    present.splice(Math.min(kept.current.at, present.length), 0, selected);
  }

  // While a hand is on the list its order is held; what changed is written into the rows where they are.
  const still = touched.current.finger || Date.now() - touched.current.at < REST_MS;
  const moving = still && held.current.mark === `${mark}|${above}`;
  const before = new Set(held.current.ids);
  const order = moving ? [...held.current.ids.filter((id) => byId.has(id)), ...fresh(present, before)] : present;
  const arrived = moving ? present.filter((id) => !order.includes(id)).length : 0;
  const isBehind = moving && (arrived > 0 || order.some((id, at) => present[at] !== id));
  useEffect(() => { held.current = { mark: `${mark}|${above}`, ids: order }; });
  useEffect(() => {
    if (!isBehind) return undefined;
    const timer = setTimeout(() => tick((n) => n + 1), Math.max(50, REST_MS - (Date.now() - touched.current.at) + 20));
    return () => clearTimeout(timer);
  });
  const touch = () => { touched.current.at = Date.now(); };
  const release = () => { touched.current = { at: 0, finger: false }; tick((n) => n + 1); };
  const finger = (down) => (event) => { touch(); if (event.pointerType !== "mouse") touched.current.finger = down; };

  // What stands at the top of the window stays there when rows come in above it.
  useLayoutEffect(() => {
    const el = box.current;
    if (!el || !anchor.current || el.scrollTop < 4) return;
    const at = order.indexOf(anchor.current.id);
    if (at < 0) return;
    const wanted = (above + at) * height + anchor.current.by;
    if (Math.abs(wanted - el.scrollTop) > 1) el.scrollTop = wanted;
  });
  useLayoutEffect(() => { const el = box.current; if (el) { el.scrollTop = 0; anchor.current = null; asked.current = ""; } }, [mark]);
  useEffect(() => {
    const el = box.current;
    const observer = new ResizeObserver(() => setView((was) => ({ ...was, size: el.clientHeight || 900 })));
    observer.observe(el);
    return () => observer.disconnect();
  }, []);

  const onScroll = () => {
    const el = box.current;
    const first = Math.floor(el.scrollTop / height) - above;
    const id = order[Math.max(0, first)];
    anchor.current = id ? { id, by: el.scrollTop - (above + Math.max(0, first)) * height } : null;
    setView({ top: el.scrollTop, size: el.clientHeight });
  };
  useEffect(() => {
    if (!rows.length) return;
    const last = rows[rows.length - 1].id;
    if (more && view.top + view.size * 2 > (above + rows.length) * height && asked.current !== `down${last}`) { asked.current = `down${last}`; onDown?.(); }
    if (above === 0 || view.top >= above * height + view.size || asked.current === `up${rows[0].id}`) return;
    asked.current = `up${rows[0].id}`;
    if (view.top + FAR * height < above * height) onJump?.(Math.floor(view.top / height)); else onUp?.();
  }, [view, rows, above, more, height]);

  const open = (id) => { setChosen(id); onOpen(id); };
  const handlers = useRef({});
  handlers.current = { open, pick: onPick };
  const stable = useRef({ open: (id) => handlers.current.open(id), pick: (id) => handlers.current.pick(id) });
  const focus = (id) => {
    const at = order.indexOf(id);
    const el = box.current;
    if (at < 0 || !el) return;
    const top = (above + at) * height;
    if (top < el.scrollTop) el.scrollTop = top;
    if (top + height > el.scrollTop + el.clientHeight) el.scrollTop = top + height - el.clientHeight;
    // Drawn first, then focused; keys that follow at once already mean it.
    goal.current = id;
    requestAnimationFrame(() => requestAnimationFrame(() => {
      if (goal.current !== id) return;
      goal.current = "";
      if (!document.querySelector("[role=dialog]")) el.querySelector(`[data-id="${id}"]`)?.focus({ preventScroll: true });
    }));
  };
  const current = () => goal.current || (document.activeElement?.dataset?.id ?? chosen);
  useImperativeHandle(list, () => ({
    order, row: (id) => byId.get(id), current, focus, has: (node) => box.current?.contains(node),
    step: (by) => { const at = order.indexOf(current()); focus(order[Math.min(order.length - 1, Math.max(0, at < 0 ? 0 : at + by))]); },
  }));

  const from = Math.max(0, Math.floor(view.top / height) - above - SPARE);
  const to = Math.min(order.length, Math.ceil((view.top + view.size) / height) - above + SPARE);
  const shown = order.slice(from, to);
  const focusable = shown.includes(chosen) ? chosen : shown[0];
  const picking = picked.size > 0;
  // Rows that were let go of are read again; until they are there, their place is kept.
  const blank = Math.floor(view.top / height);
  const blanks = Array.from({ length: Math.max(0, Math.min(above - blank, Math.ceil(view.size / height) + 1)) }, (_, at) => blank + at);
  return h("div", { className: "chat-list-root" },
    arrived > 0 && h("button", { type: "button", className: "arrived", onClick: () => { box.current.scrollTop = 0; release(); } }, h(Sign, { name: "up", size: 14 }), t("inbox_list.arrived", { n: arrived })),
    h("div", {
      ref: box, className: `chat-list${view.top < 4 ? " calm" : ""}${picking ? " picking" : ""}`, onScroll, onPointerMove: touch, onPointerDown: finger(true), onPointerUp: finger(false), onPointerCancel: finger(false),
      onPointerLeave: release,
    },
      order.length === 0 ? children : h("ul", { "aria-label": label, style: { height: (above + order.length + (more ? 1 : 0)) * height } },
        blanks.map((at) => h(SkeletonRow, { key: `blank${at}`, height, top: at * height })),
        shown.map((id, at) => h(Row, {
          key: id, row: byId.get(id), t, height, at: above + from + at, total: more ? -1 : above + order.length, top: (above + from + at) * height, me, target,
          selected: id === chosen, focusable: id === focusable, picked: picked.has(id), picking, onOpen: stable.current.open, onPick: onPick && stable.current.pick,
        })),
        more && h(SkeletonRow, { height, top: (above + order.length) * height }))));
}

// New rows that stand below all that were there may come at once: they move nothing.
function fresh(present, before) {
  const last = present.reduce((found, id, at) => (before.has(id) ? at : found), -1);
  return present.slice(last + 1);
}
