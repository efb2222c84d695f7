// What is written to a customer, or noted for the team. Typing stays in the browser; what was refused comes back into
// the field, with its file, and none is sent twice: each has a key that the ledger keeps.
import { createElement as h, useEffect, useLayoutEffect, useRef, useState } from "react";
import { useT } from "$/public/external/wa_app/components/i18n/i18n.js";
import { Locked, Proposal, useTypist, Waiting, Words } from "$/public/external/wa_app/components/inbox/inbox_aids.jsx";
import { OtherDraft, useDrafts } from "$/public/external/wa_app/components/inbox/inbox_draft.jsx";
import { FileRow, useFile } from "$/public/external/wa_app/components/inbox/inbox_file.jsx";
import { Glyph } from "$/public/external/wa_app/components/inbox/inbox_icons.jsx";
import { Item, Panel, Times } from "$/public/external/wa_app/components/inbox/inbox_panel.jsx";
import { useQuote } from "$/public/external/wa_app/components/inbox/inbox_quote.jsx";
import { useWindow, WindowNotice } from "$/public/external/wa_app/components/inbox/inbox_window.jsx";

const EMOJI = "😀 😊 😍 🤗 😅 😂 🙏 👍 👌 👏 🙌 💪 🤝 ❤️ 🧡 💙 🎉 ✨ 🔥 ⭐ ✅ ❌ ⚠️ ⏰ 📦 🚚 💰 🧾 📍 📞 🛒 🎁 ☕ 🍽️ 🌸 🌙 ☀️ 😔 😢 🤔".split(" ");
const TELL_MS = 3000;
const coarse = () => window.matchMedia("(pointer: coarse)").matches;
const lastOf = (lines, me) => [...lines].reverse().find((one) => one.side === "out" && one.by === "human" && (one.own_phone || one.name !== me));

// The word before the caret that asks for help: `/…` for a quick reply, `@…` for a person.
function asked(text, caret, mode) {
  const found = (mode === "note" ? /(^|\s)@([^\s@]{0,40})$/u : /(^|\s)\/([\p{L}\p{N}_-]{0,40})$/u).exec(text.slice(0, caret));
  return found ? { word: found[2].toLowerCase(), from: caret - found[2].length - 1 } : null;
}

export function Composer(props) {
  const { chat = "", outcome = {}, quote: quoted, me = "", closed = "", shut: told = "", window: opening, draft = {}, replies = [], insert = {}, values = [], waiting = [], typist = {}, proposal = {}, busy = "", people = [], lines = [],
    onSend, onQuote, onUnquote, onNote, onLater, onDraft, onTyping, onFind, onUse, onValues, onTakeBack, onSuggest } = props;
  const t = useT();
  const [mode, setMode] = useState("reply");
  const [text, setText] = useState("");
  const [caret, setCaret] = useState(0);
  const [at, setAt] = useState(0);
  const [panel, setPanel] = useState("");
  const [over, setOver] = useState(false);
  const [error, setError] = useState("");
  const [agreed, setAgreed] = useState("");
  const [hidden, setHidden] = useState(0);
  const [file, take, dropFile, setFile] = useFile(t);
  const field = useRef(null);
  const picker = useRef(null);
  const pending = useRef(null);
  const kept = useRef({});
  const begun = useRef("");
  const hinted = useRef(0);
  const quiet = useRef(false);
  const taken = useRef("");
  const caretTo = useRef(null);
  const [quote, setQuote] = useQuote(chat, quoted);
  const unquote = () => { setQuote(null); onUnquote?.(); };
  const state = useRef({});
  state.current = { text, chat, file, mode, quote };
  const typistName = useTypist(typist, chat);
  const left = useWindow(opening);
  const shut = told || (left !== null && left <= 0 ? "window_closed" : "");

  const hush = () => { if (hinted.current) { hinted.current = 0; onTyping?.(chat, false); } };
  // While a note is written the reply waits in `kept`.
  const hand = useRef(null);
  hand.current = {
    read: () => { const now = state.current; return { text: now.mode === "reply" ? now.text : kept.current[chat] ?? "", file: now.file, quote: now.quote, uploads: Boolean(now.file && !now.file.id && !now.file.error) }; },
    put: (other) => {
      if (state.current.mode === "reply") setText(other.text); else kept.current[chat] = other.text;
      setFile(other.file ?? null);
      taken.current = other.file?.id;
      begun.current = lastOf(lines, me)?.id ?? "";
      if ((other.reply || "") === (quote?.id ?? "")) return;
      quiet.current = true;
      if (other.reply) onQuote?.(other.reply); else unquote();
    },
  };
  const drafts = useDrafts({ chat, told: draft, hand, onDraft });
  const keep = (words, given = state.current.file) => drafts.keep(words, given, state.current.quote);

  // Another chat: its own words come back, those before wait in theirs, and on the server.
  useLayoutEffect(() => {
    setMode("reply"); setError(""); setPanel(""); setAgreed("");
    const words = drafts.begin(chat) || (kept.current[chat] ?? "");
    setText(words);
    // The draft that came with the chat is compared before this is drawn.
    state.current = { ...state.current, text: words, file: null, mode: "reply" };
    begun.current = lastOf(lines, me)?.id ?? "";
    dropFile();
    return () => {
      if (state.current.mode === "reply") kept.current[chat] = state.current.text;
      drafts.flush();
      if (hinted.current) { hinted.current = 0; onTyping?.(chat, false); }
    };
  }, [chat]);
  useEffect(() => {
    const sent = pending.current;
    if (!sent || outcome?.key !== sent.key) return;
    pending.current = null;
    if (outcome.error) {
      if (sent.mode === "reply") setQuote(undefined);
      setError(t(`error.${outcome.error}`, outcome.args ?? {}));
      if (sent.chat === state.current.chat) { setMode(sent.mode); setText((now) => now || sent.text); setFile((now) => now || sent.file); }
    }
  }, [outcome]);
  // One's own text has left, or was emptied: the one of the other screen takes its place.
  useEffect(() => { if (drafts.clash && mode === "reply" && !text && !file && !pending.current) drafts.take(drafts.clash); }, [outcome, text, file, mode]);
  useEffect(() => { if (quote) { setMode("reply"); if (!quiet.current) field.current?.focus(); } quiet.current = false; }, [quote?.id]);
  useEffect(() => {
    if (!insert?.n || insert.chat !== chat) return;
    const word = asked(state.current.text, field.current?.selectionStart ?? state.current.text.length, "reply");
    const [from, to] = word ? [word.from, word.from + word.word.length + 1] : [state.current.text.length, state.current.text.length];
    put(insert.text, from, to);
    if (insert.file) setFile(insert.file);
  }, [insert?.n]);
  // With the words themselves, not a frame later: the next letter may come before that, and would stand behind its place.
  useLayoutEffect(() => { if (caretTo.current !== null) field.current?.setSelectionRange(caretTo.current, caretTo.current); caretTo.current = null; }, [text]);
  useLayoutEffect(() => { const el = field.current; if (el) { el.style.height = "auto"; el.style.height = `${Math.min(el.scrollHeight, 180)}px`; } }, [text, mode, shut]);

  const locked = mode === "reply" && (closed || shut);
  const help = locked ? null : asked(text, caret, mode);
  const named = mode === "note" && help ? people.filter((one) => one.name.toLowerCase().includes(help.word)).slice(0, 8).map((one) => ({ id: one.id, lead: `@${one.name}`, text: "" })) : [];
  const found = mode === "note" ? named : help ? replies.map((one) => ({ id: one.id, lead: `/${one.shortcut}`, text: one.title || one.text, file: one.file })) : [];
  const chosen = Math.min(at, Math.max(0, found.length - 1));
  const word = help && mode === "reply" ? help.word : null;
  useEffect(() => { setAt(0); if (word !== null) { const timer = setTimeout(() => onFind?.(word), 120); return () => clearTimeout(timer); } return undefined; }, [word]);

  const change = (next, caretAt) => {
    if (!state.current.text && next) begun.current = lastOf(lines, me)?.id ?? "";
    setText(next);
    setCaret(caretAt ?? next.length);
    setError("");
    if (state.current.mode !== "reply") return;
    keep(next);
    if (!next) hush();
    else if (Date.now() - hinted.current > TELL_MS) { hinted.current = Date.now(); onTyping?.(chat, true); }
  };
  function put(words, from = field.current?.selectionStart ?? text.length, to = field.current?.selectionEnd ?? text.length) {
    const now = state.current.text;
    const next = now.slice(0, from) + words + now.slice(to);
    if (next !== now) caretTo.current = from + words.length;
    change(next, from + words.length);
    field.current?.focus();
  }
  const choose = (one) => {
    if (!one) return;
    if (mode === "note") put(`${one.lead} `, help.from, help.from + help.word.length + 1);
    else onUse?.(chat, one.id);
  };

  const theirs = lastOf(lines, me);
  const met = mode === "reply" && text && theirs && theirs.id !== begun.current ? theirs : null;
  const ready = mode === "note" ? text.trim() !== "" : (text.trim() !== "" || file?.id) && !(file && !file.id && !file.error);
  const submit = (due) => {
    if (!ready || locked) return;
    if (met && agreed !== met.id) { setAgreed(met.id); return; }
    const key = crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`;
    hinted.current = 0;
    pending.current = { key, text, chat, file, mode };
    if (mode === "note") onNote?.(chat, text, people.filter((one) => text.includes(`@${one.name}`)).map((one) => one.id), key);
    else if (due) onLater?.(chat, text, file?.id ?? "", quote?.id ?? "", due, key, drafts.seen());
    else onSend?.(chat, text, file?.id ?? "", quote?.id ?? "", key, drafts.seen());
    if (mode === "reply") { setQuote(null); drafts.sent(); kept.current[chat] = undefined; setFile(null); onTyping?.(chat, false); }
    setText(mode === "note" ? kept.current[chat] ?? "" : ""); setError(""); setPanel(""); setAgreed("");
    if (mode === "note") setMode("reply");
    field.current?.focus();
  };
  const onKeyDown = (event) => {
    if (event.nativeEvent.isComposing) return;
    if (found.length && ["ArrowDown", "ArrowUp"].includes(event.key)) { event.preventDefault(); setAt((chosen + (event.key === "ArrowDown" ? 1 : -1) + found.length) % found.length); return; }
    if (found.length && ["Enter", "Tab"].includes(event.key) && !event.shiftKey) { event.preventDefault(); choose(found[chosen]); return; }
    if (event.key === "Escape") { if (found.length) setCaret(0); else if (quote) unquote(); else field.current.blur(); event.stopPropagation(); return; }
    if (event.key === "Enter" && !event.shiftKey && !coarse()) { event.preventDefault(); submit(); }
  };
  const onPaste = (event) => {
    const pasted = [...(event.clipboardData?.files ?? [])];
    if (mode === "reply" && pasted.length) { event.preventDefault(); take(pasted[0]); }
  };
  const onDrop = (event) => { event.preventDefault(); setOver(false); if (!locked && mode === "reply") take(event.dataTransfer.files?.[0]); };
  const turn = (next) => {
    if (next === mode) return;
    if (mode === "reply") kept.current[chat] = text;
    setText(next === "reply" ? kept.current[chat] ?? "" : ""); setCaret(0); setMode(next); setError("");
    requestAnimationFrame(() => field.current?.focus());
  };
  useEffect(() => { if (file?.id && file.id !== taken.current) keep(state.current.text, file); }, [file?.id]);

  const tab = (name, words) => h("button", { type: "button", role: "tab", "aria-selected": mode === name, tabIndex: mode === name ? 0 : -1, onClick: () => turn(name),
    onKeyDown: (event) => { if (event.key === "ArrowRight" || event.key === "ArrowLeft") { event.preventDefault(); turn(mode === "reply" ? "note" : "reply"); } } }, words);
  const shut_ = () => setPanel("");
  const open = (name) => { if (name === "values") onValues?.(); setPanel(panel === name ? "" : name); };
  const tool = (name, icon, words, onClick = () => open(name), off = false) => h("button", { type: "button", className: "icon-btn", onClick, disabled: off, "aria-label": words, title: words, "aria-expanded": panel === name }, h(Glyph, { name: icon, size: 18 }));
  const slash = () => { shut_(); put(text && !/\s$/.test(text) ? " /" : "/"); };
  const panels = {
    emoji: () => h(Panel, { label: t("inbox.emoji"), onClose: shut_, className: "emoji-panel" }, h("div", { className: "emoji-grid" }, EMOJI.map((one) => h("button", { key: one, type: "button", "data-item": true, onClick: () => put(one) }, one)))),
    values: () => h(Panel, { label: t("inbox_chat.values"), onClose: shut_ }, values.map((one) => h(Item, { key: one.name, icon: "braces", text: one.name, note: one.value, onClick: () => { shut_(); put(one.value); } })), !values.length && h("p", { className: "small muted panel-none" }, t("inbox_chat.values.none"))),
    later: () => h(Panel, { label: t("inbox_chat.later"), onClose: shut_, className: "at-end" }, h(Times, { t, act: t("inbox_chat.later.do"), onPick: submit })),
    plus: () => h(Panel, { label: t("inbox_chat.more"), onClose: shut_ },
      h(Item, { icon: "clip", text: t("inbox.attach"), onClick: () => { shut_(); picker.current?.click(); } }), h(Item, { icon: "quick", text: t("inbox_chat.quick"), onClick: slash }),
      h(Item, { icon: "braces", text: t("inbox_chat.values"), onClick: () => open("values") }), h(Item, { icon: "smile", text: t("inbox.emoji"), onClick: () => open("emoji") }),
      h(Item, { icon: "later", text: t("inbox_chat.later"), disabled: !ready, onClick: () => open("later") }),
      onSuggest && h(Item, { icon: "agent", text: t("inbox_chat.suggest"), disabled: Boolean(busy), onClick: () => { shut_(); onSuggest(chat); } })),
  };

  const isShown = proposal?.chat === chat && proposal.n !== hidden;
  const useIt = () => { setMode("reply"); put(proposal.text, 0, state.current.text.length); setHidden(proposal.n); };
  return h("div", { className: "compose" },
    h(Waiting, { waiting, t, onTakeBack: closed ? null : onTakeBack }),
    isShown && h(Proposal, { proposal, t, onUse: useIt, onForget: () => setHidden(proposal.n) }),
    busy === "suggest" && h("p", { className: "aside", role: "status" }, h(Glyph, { name: "agent", size: 14 }), t("inbox_chat.suggest.busy")),
    mode === "reply" && !locked && h(OtherDraft, { drafts, t }),
    mode === "reply" && !locked && h(WindowNotice, { left, t }),
    h("p", { className: typistName ? "aside" : "sr", role: "status", "aria-live": "polite" }, typistName && h(Glyph, { name: "human", size: 14 }), typistName && t("inbox_chat.typing", { name: typistName })),
    h("div", { className: `reply-box ${mode}${over ? " over" : ""}${locked ? " locked" : ""}`, onDragOver: (event) => { event.preventDefault(); setOver(true); }, onDragLeave: () => setOver(false), onDrop },
      found.length > 0 && h(Words, { id: "composer-words", label: t(mode === "note" ? "inbox_chat.people" : "inbox_chat.quick"), items: found, at: chosen, onPick: choose, onPoint: setAt }),
      h("div", { className: "reply-head" },
        closed ? h("b", { className: "grow" }, t("inbox.reply")) : h("div", { role: "tablist", "aria-label": t("inbox_chat.compose"), className: "grow" }, tab("reply", t("inbox.reply")), tab("note", t("inbox_chat.note"))),
        h("span", { className: "small muted row as-me" }, h(Glyph, { name: mode === "note" ? "lock" : "human", size: 14 }), h("span", { className: "clip" }, mode === "note" ? t("inbox_chat.note.who") : t("inbox.as", { name: me })))),
      quote && mode === "reply" && h("div", { className: "quoting" }, h("span", { className: "quote grow" }, h("span", { className: "clip" }, quote.text)), h("button", { type: "button", className: "icon-btn", onClick: unquote, "aria-label": t("inbox.unquote") }, h(Glyph, { name: "x" }))),
      file && mode === "reply" && h(FileRow, { file, t, onDrop: () => { dropFile(); keep(text, null); } }),
      locked ? h(Locked, { closed, shut, begun: Boolean(text || file), t }) : h("div", { className: "write" },
        mode === "reply" && h("button", { type: "button", className: "icon-btn phone-only", onClick: () => open("plus"), "aria-label": t("inbox_chat.more"), "aria-expanded": panel === "plus" }, h(Glyph, { name: "plus", size: 22 })),
        h("textarea", {
          ref: field, id: "composer", rows: 1, value: text, "aria-label": mode === "note" ? t("inbox_chat.note") : t("inbox.write"), placeholder: mode === "note" ? t("inbox_chat.note.hint") : t("inbox.write.hint"),
          maxLength: mode === "note" ? 10000 : 65536, onChange: (event) => change(event.target.value, event.target.selectionStart), onSelect: (event) => setCaret(event.target.selectionStart), onBlur: hush, onKeyDown, onPaste,
          "aria-controls": found.length ? "composer-words" : undefined, "aria-activedescendant": found.length ? `composer-words-${chosen}` : undefined,
        }),
        h("button", { type: "button", className: "send-round phone-only", disabled: !ready, onClick: () => submit(), "aria-label": mode === "note" ? t("inbox_chat.note.add") : t("inbox.send") }, h(Glyph, { name: "send", size: 22 }))),
      error && h("p", { className: "field-error", role: "alert" }, error),
      met && h("div", { className: "collide", role: "alert" }, h(Glyph, { name: "alert", size: 14 }), h("span", { className: "grow" }, t(agreed === met.id ? "inbox_chat.met.again" : "inbox_chat.met", { name: met.own_phone ? t("inbox.by.phone") : met.name })),
        h("button", { type: "button", className: "btn small-btn quiet", onClick: () => { begun.current = met.id; setAgreed(met.id); field.current?.focus(); } }, t("inbox_chat.met.seen"))),
      !locked && h("div", { className: "reply-foot desk" },
        mode === "reply" && tool("file", "clip", t("inbox.attach"), () => picker.current?.click()),
        tool("emoji", "smile", t("inbox.emoji")),
        mode === "reply" && tool("quick", "quick", t("inbox_chat.quick"), slash),
        mode === "reply" && tool("values", "braces", t("inbox_chat.values")),
        mode === "reply" && onSuggest && tool("suggest", "agent", t("inbox_chat.suggest"), () => onSuggest(chat), Boolean(busy)),
        h("span", { className: "grow" }),
        mode === "reply" && tool("later", "later", t("inbox_chat.later"), undefined, !ready),
        h("button", { type: "button", className: "btn primary", disabled: !ready, onClick: () => submit() }, mode === "note" ? t("inbox_chat.note.add") : t("inbox.send"), h(Glyph, { name: "enter" }))),
      !locked && panels[panel]?.(),
      h("input", { ref: picker, type: "file", hidden: true, tabIndex: -1, "aria-label": t("inbox.attach"), onChange: (event) => { take(event.target.files?.[0]); event.target.value = ""; } })));
}
