// One chat: lines with their day, sender, state and files; the newest at the bottom. Older lines come in above
// without a jump, and new ones only pull the reader down who is at the end already.
import { createElement as h, useEffect, useLayoutEffect, useRef, useState } from "react";
import { useT } from "$/public/external/wa_app/components/i18n/i18n.js";
import { WhatsAppText } from "$/public/external/wa_app/components/editor/editor.jsx";
import { Glyph, Tick } from "$/public/external/wa_app/components/inbox/inbox_icons.jsx";
import { quoteLine } from "$/public/external/wa_app/components/inbox/inbox_quote.jsx";

const NEAR = 140;
const GROUP_MS = 180000;
const dayOf = (iso, zone) => new Intl.DateTimeFormat("en-CA", { timeZone: zone }).format(new Date(iso));

function dayWords(iso, t) {
  const zone = t.zone();
  const day = dayOf(iso, zone);
  if (day === dayOf(Date.now(), zone)) return t("inbox.today");
  if (day === dayOf(Date.now() - 86400000, zone)) return t("inbox.yesterday");
  return t.date(iso);
}

function Picture({ media, t }) {
  const [broken, setBroken] = useState(false);
  if (broken || !media.url) return h(FileTile, { media, t, icon: media.kind });
  return h("a", { href: media.url, className: "pic", target: "_blank", rel: "noopener noreferrer", "aria-label": t("inbox.open_picture", { name: media.name }) },
    h("img", { src: media.thumb || media.url, alt: "", loading: "lazy", onError: () => setBroken(true) }));
}

function FileTile({ media, t, icon }) {
  const body = [
    h("span", { className: "tile neutral", key: "i" }, h(Glyph, { name: icon === "image" || icon === "sticker" ? "image" : icon === "video" ? "video" : icon === "audio" ? "audio" : "document" })),
    h("span", { className: "stack grow", key: "n" }, h("span", { className: "strong clip" }, media.name || t(`inbox.type.${media.kind}`)),
      h("span", { className: "small muted clip" }, media.error ? t("inbox.file_failed") : media.url ? t(`inbox.type.${media.kind}`) : t("inbox.file_waits"))),
  ];
  return media.url
    ? h("a", { className: "file-tile", href: media.url, target: "_blank", rel: "noopener noreferrer" }, body, h(Glyph, { name: "download" }))
    : h("div", { className: "file-tile" }, body);
}

function Media({ media, t }) {
  if (!media) return null;
  if (media.kind === "image" || media.kind === "sticker") return h(Picture, { media, t });
  if (media.kind === "audio" && media.url) return h("audio", { src: media.url, controls: true, preload: "none", className: "sound", "aria-label": t("inbox.type.audio") });
  if (media.kind === "video" && media.url) return h("video", { src: media.url, controls: true, preload: "none", poster: media.thumb || undefined, className: "film", "aria-label": t("inbox.type.video") });
  return h(FileTile, { media, t, icon: media.kind });
}

function Reading({ line, t }) {
  if (line.reading) {
    return h("details", { className: "read-text" }, h("summary", null, t("inbox.reading.text")), h("p", null, line.reading));
  }
  if (line.unread_why && (line.reading_state === "failed" || line.reading_state === "skipped")) {
    const why = t(`reading.reason.${line.unread_why}`);
    return h("span", { className: "small read-not" }, why === `reading.reason.${line.unread_why}` ? t("inbox_chat.not_read") : why);
  }
  return ["waiting", "fetching", "reading"].includes(line.reading_state) ? h("span", { className: "small read-now", role: "status" }, t("inbox.reading.now")) : null;
}

function Head({ line, t, first, picked, onWhy }) {
  const [icon, words] = {
    agent: ["agent", line.name || t("inbox.ai")],
    rule: ["rule", line.name ? t("inbox.by.rule", { name: line.name }) : t("inbox.rule")],
    flow: ["flow", line.name ? t("inbox.by.flow", { name: line.name }) : t("inbox.flow")],
    campaign: ["campaign", line.name ? t("inbox.by.campaign", { name: line.name }) : t("inbox.campaign")],
  }[line.by] ?? (line.by === "human" && first && (line.own_phone || line.name) ? [line.own_phone ? "phone" : "human", line.own_phone ? t("inbox.by.phone") : line.name] : []);
  if (!icon) return null;
  const body = [h(Glyph, { name: icon, size: 13, key: "i" }), h("span", { className: "clip", key: "w" }, words)];
  if (!line.why) return h("div", { className: "by" }, body);
  return h("button", { type: "button", className: "by", "aria-pressed": picked, onClick: () => onWhy?.(line.id) }, body, h("span", { className: "sr" }, t("inbox.why.open")));
}

// A note names people: each name that is one of the team's stands out.
function NoteText({ text, names }) {
  const known = names.filter(Boolean).sort((a, b) => b.length - a.length).map((one) => one.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  if (!known.length) return text;
  return text.split(new RegExp(`(@(?:${known.join("|")}))`, "u")).map((part, at) => (at % 2 ? h("b", { key: at, className: "mention" }, part) : part));
}

function Note({ line, t, names }) {
  return h("div", { className: "bubble note", "data-line": line.id },
    h("div", { className: "by" }, h(Glyph, { name: "lock", size: 13 }), h("span", { className: "clip" }, t("inbox_chat.note.by", { name: line.name || t("inbox_chat.someone") }))),
    h("div", { className: "note-text" }, h(NoteText, { text: line.text, names })),
    h("div", { className: "meta" }, h("time", { dateTime: line.at }, t.time(line.at))));
}

function Poll({ poll, t }) {
  return h("div", { className: "poll" }, h("div", { className: "row strong" }, h(Glyph, { name: "poll" }), h("span", null, poll.name || t("inbox.type.poll"))),
    poll.options.map((one) => h("div", { key: one.text, className: "poll-option" }, h("span", { className: "grow" }, one.text), one.votes > 0 && h("span", { className: "small strong" }, t("inbox_chat.votes", { n: one.votes })))));
}

function Bubble({ line, t, first, picked, onWhy, onReply, onAgain, canWrite, names }) {
  const side = line.side;
  if (side === "note") return h(Note, { line, t, names });
  const failed = line.status === "failed" || line.status === "unknown";
  return h("div", { className: `bubble ${side}${first ? "" : " same"}${picked ? " picked" : ""}`, "data-line": line.id },
    side !== "in" && h(Head, { line, t, first, picked, onWhy }),
    side === "in" && first && (line.name || line.member) && h("div", { className: "by member" }, h("span", { className: "clip" }, line.name || t("inbox.member"))),
    line.quote && h("div", { className: "quote" }, h("span", { className: "clip" }, line.quote.text)),
    h(Media, { media: line.media, t }),
    line.place && h("a", { className: "file-tile", href: `https://www.openstreetmap.org/?mlat=${line.place[0]}&mlon=${line.place[1]}#map=16/${line.place[0]}/${line.place[1]}`, target: "_blank", rel: "noopener noreferrer" },
      h("span", { className: "tile neutral" }, h(Glyph, { name: "location" })), h("span", { className: "stack grow" }, h("span", { className: "strong" }, t("inbox.type.location")), h("span", { className: "small muted" }, `${line.place[0].toFixed(5)}, ${line.place[1].toFixed(5)}`))),
    line.cards.map((card, at) => h("div", { className: "file-tile", key: at }, h("span", { className: "tile neutral" }, h(Glyph, { name: "contact" })), h("span", { className: "stack grow" }, h("span", { className: "strong clip" }, card.name), h("span", { className: "small muted" }, card.phone)))),
    line.poll && h(Poll, { poll: line.poll, t }),
    line.gone && h("div", { className: "gone-words small" }, h(Glyph, { name: "ban", size: 13 }), t("inbox_chat.revoked", { at: t.moment(line.gone) })),
    line.text && h("div", { className: line.gone ? "taken-back" : undefined }, h(WhatsAppText, { text: line.text })),
    line.before && h("details", { className: "read-text" }, h("summary", null, t("inbox_chat.before")), h("p", null, line.before)),
    !line.text && !line.media && !line.place && !line.poll && !line.gone && !line.cards.length && h("span", { className: "muted" }, t(`inbox.type.${line.type}`) === `inbox.type.${line.type}` ? t("inbox.type.other") : t(`inbox.type.${line.type}`)),
    h(Reading, { line, t }),
    line.sources.length > 0 && h("div", { className: "sources" }, line.sources.map((one, at) => h("button", { key: at, type: "button", className: "source", onClick: () => onWhy?.(line.id) },
      h(Glyph, { name: "book", size: 13 }), h("span", { className: "clip" }, one.page ? `${one.name}, ${t("agent_page.page", { n: one.page })}` : one.name)))),
    failed && h("div", { className: `sent-wrong ${line.status}` }, h(Glyph, { name: "alert", size: 14 }), h("span", { className: "grow" }, line.status === "failed" ? t("inbox.failed", { reason: t(`reason.${line.reason || ""}`) || t("inbox.no_reason") }) : t("inbox.unsure")),
      line.again && canWrite && h("button", { type: "button", className: "btn small-btn", onClick: () => onAgain?.(line.id) }, h(Glyph, { name: "retry", size: 14 }), t("inbox_chat.again"))),
    h("div", { className: "meta" },
      line.edited && h("span", { title: t.moment(line.edited) }, t("inbox_chat.edited")), h("time", { dateTime: line.at }, t.time(line.at)), side !== "in" && line.status && h(Tick, { state: line.status, t })),
    line.reactions.length > 0 && h("div", { className: "reactions", role: "img", "aria-label": t("inbox_chat.reactions", { all: line.reactions.join(" ") }) }, line.reactions.join(" ")),
    canWrite && line.quotable && !line.gone && h("button", { type: "button", className: "icon-btn answer", onClick: () => { quoteLine(line); onReply?.(line.id); }, "aria-label": t("inbox.reply_to"), title: t("inbox.reply_to") }, h(Glyph, { name: "reply" })));
}

function Pending({ pending, t, onNow, onHold, onTake }) {
  const [, tick] = useState(0);
  useEffect(() => { const timer = setInterval(() => tick((n) => n + 1), 1000); return () => clearInterval(timer); }, []);
  const left = pending.due_at ? Math.max(0, Math.ceil((new Date(pending.due_at).getTime() - Date.now()) / 1000)) : 0;
  const isAgent = pending.by !== "rule" && pending.by !== "flow";
  const who = t(isAgent ? "inbox.ai" : pending.by === "rule" ? "inbox.rule" : "inbox.flow");
  const span = left >= 60 ? t("inbox.min_sec", { m: Math.floor(left / 60), s: left % 60 }) : t("time.span.second", { n: left });
  const title = pending.state === "answering" ? t("inbox.pending.writing", { who }) : left > 0 ? t("inbox.pending.in", { who, span }) : t("inbox.pending.soon", { who });
  return h("div", { className: `pending${isAgent ? "" : " plain"}`, role: "group", "aria-label": t("inbox.pending.label") },
    h(Glyph, { name: isAgent ? "agent" : pending.by }),
    h("div", { className: "grow" }, h("div", { className: "what" }, title), h("div", { className: "small muted wait-words" }, pending.text || t("inbox.pending.words"))),
    onNow && pending.state !== "answering" && h("div", { className: "acts" },
      left > 0 && h("button", { type: "button", className: "btn", onClick: onNow }, h("span", { className: "desk" }, t("inbox.pending.now")), h("span", { className: "phone-only" }, t("inbox.send"))),
      h("button", { type: "button", className: "btn", onClick: onHold }, t("inbox.pending.hold")),
      h("button", { type: "button", className: "btn quiet", onClick: onTake }, t("inbox.pending.take"))));
}

// Whether the page is before somebody's eyes. Told again when the conversation has to be read anew: the server may have forgotten.
function useSight(ready, onLook) {
  const tell = useRef(onLook);
  tell.current = onLook;
  useEffect(() => {
    if (!ready) return undefined;
    const look = () => tell.current?.(!document.hidden);
    look();
    document.addEventListener("visibilitychange", look);
    return () => document.removeEventListener("visibilitychange", look);
  }, [ready]);
}

export function Thread(props) {
  const { lines = [], chat = "", older = false, ended = true, fresh = "", picked = "", writes = true, pending, label, ready = true,
    me = "", names = [], spot = {}, onOlder, onNewer, onNewest, onWhy, onReply, onAgain, onNow, onHold, onTake, onLook } = props;
  const t = useT();
  useSight(ready, onLook);
  const box = useRef(null);
  const anchor = useRef(null);
  const seen = useRef({ chat: "", last: "", first: "" });
  const asked = useRef("");
  const askedNewer = useRef("");
  const shown = useRef(0);
  const toEnd = useRef(false);
  const [missed, setMissed] = useState(0);
  const [away, setAway] = useState(false);

  const remember = () => {
    const el = box.current;
    if (!el) return;
    const top = el.getBoundingClientRect().top;
    const found = [...el.querySelectorAll("[data-line]")].find((one) => one.getBoundingClientRect().bottom > top);
    anchor.current = found ? { id: found.dataset.line, by: found.getBoundingClientRect().top - top } : null;
  };
  const distance = () => { const el = box.current; return el.scrollHeight - el.scrollTop - el.clientHeight; };
  const bottom = () => { box.current.scrollTop = box.current.scrollHeight; setMissed(0); setAway(false); };

  useLayoutEffect(() => {
    const el = box.current;
    if (!el) return;
    const last = lines[lines.length - 1];
    const before = seen.current;
    seen.current = { chat, last: last?.id ?? "", first: lines[0]?.id ?? "", n: lines.length, pending: pending?.id ?? "" };
    if (before.chat !== chat || !before.last) {
      asked.current = "";
      setMissed(0);
      const line = fresh && el.querySelector(".fresh");
      if (line) el.scrollTop = Math.max(0, line.offsetTop - 80); else el.scrollTop = el.scrollHeight;
      if (distance() < NEAR) bottom();
      return;
    }
    if (spot?.n && spot.n !== shown.current) {
      const line = el.querySelector(`[data-line="${spot.id}"]`);
      shown.current = spot.n;
      if (line) {
        el.scrollTop += line.getBoundingClientRect().top - el.getBoundingClientRect().top - el.clientHeight / 3;
        line.classList.add("spot");
        setTimeout(() => line.classList.remove("spot"), 2500);
      }
      asked.current = ""; askedNewer.current = ""; el.dataset.end = "0";
      setMissed(0);
      return;
    }
    const isNew = before.last !== last?.id;
    const mine = isNew && last && ended && (last.side === "out" || last.side === "note") && last.by === "human" && last.name === me;
    const isAsked = toEnd.current && ended;
    if (isAsked) toEnd.current = false;
    if (isAsked || mine || el.dataset.end === "1") { bottom(); return; }
    if (anchor.current) {
      const kept = el.querySelector(`[data-line="${anchor.current.id}"]`);
      if (kept) el.scrollTop += kept.getBoundingClientRect().top - el.getBoundingClientRect().top - anchor.current.by;
    }
    if (isNew && ended) {
      const at = lines.findIndex((one) => one.id === before.last);
      if (at >= 0) setMissed((n) => n + lines.length - 1 - at);
    }
  }, [lines, chat, pending?.id, spot?.n]);

  const onScroll = () => {
    const el = box.current;
    const gap = distance();
    el.dataset.end = gap < NEAR && ended ? "1" : "0";
    setAway(gap > 600 || !ended);
    if (gap < NEAR) setMissed(0);
    remember();
    const last = lines[lines.length - 1];
    if (!ended && gap < 400 && last && askedNewer.current !== last.id) { askedNewer.current = last.id; onNewer?.(); }
    if (older && el.scrollTop < 400 && lines[0] && asked.current !== lines[0].id) { asked.current = lines[0].id; onOlder?.(); }
  };
  useEffect(() => { onScroll(); }, [lines, chat, older, ended]);
  // The window may grow smaller (a keyboard comes up, the field grows): who was at the end stays there.
  useEffect(() => {
    const el = box.current;
    const observer = new ResizeObserver(() => { if (el.dataset.end === "1") el.scrollTop = el.scrollHeight; });
    observer.observe(el);
    return () => observer.disconnect();
  }, []);

  const zone = t.zone();
  const rows = [];
  let day = null, before = null;
  for (const line of lines) {
    const its = dayOf(line.at, zone);
    if (its !== day) { rows.push(h("div", { className: "date-pill", key: `d${its}` }, dayWords(line.at, t))); before = null; }
    if (line.id === fresh) { rows.push(h("div", { className: "fresh", key: "fresh" }, h("span", null, t("inbox.fresh")))); before = null; }
    const first = !before || before.by !== line.by || before.name !== line.name || new Date(line.at) - new Date(before.at) > GROUP_MS;
    rows.push(h(Bubble, { key: line.id, line, t, first, picked: picked === line.id, onWhy, onReply, onAgain, canWrite: writes, names }));
    day = its; before = line;
  }
  return h("div", { className: "thread" },
    h("div", { ref: box, className: "chat", role: "log", "aria-label": label, tabIndex: 0, onScroll, "aria-busy": !ready },
      h("div", { className: "top-space" }, older && h("span", { className: "small muted", role: "status" }, t("inbox.loading_older"))),
      rows,
      pending && h(Pending, { pending, t, onNow: writes ? onNow : null, onHold, onTake })),
    (away || missed > 0) && h("button", { type: "button", className: `to-end${missed ? " some" : ""}`, onClick: () => { if (!ended) { toEnd.current = true; onNewest?.(); } else bottom(); } },
      h(Glyph, { name: "down" }), missed > 0 ? t("inbox.missed", { n: missed }) : h("span", { className: "sr" }, t("inbox.to_end"))));
}
