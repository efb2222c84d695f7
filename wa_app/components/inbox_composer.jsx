// What is written to a customer, or noted for the team. Typing stays in the browser; a text that was refused comes
// back into the field, and none is sent twice: each has a key that the server remembers.
import { createElement as h, useEffect, useLayoutEffect, useRef, useState } from "react";
import { useT } from "$/public/external/wa_app/components/i18n/i18n.js";
import { Glyph } from "$/public/external/wa_app/components/inbox/inbox_icons.jsx";

const EMOJI = "😀 😊 😍 🤗 😅 😂 🙏 👍 👌 👏 🙌 💪 🤝 ❤️ 🧡 💙 🎉 ✨ 🔥 ⭐ ✅ ❌ ⚠️ ⏰ 📦 🚚 💰 🧾 📍 📞 🛒 🎁 ☕ 🍽️ 🌸 🌙 ☀️ 😔 😢 🤔".split(" ");
const coarse = () => window.matchMedia("(pointer: coarse)").matches;
const cookie = (name) => document.cookie.split("; ").find((part) => part.startsWith(`${name}=`))?.slice(name.length + 1);

function problem(xhr, t) {
  try {
    const body = JSON.parse(xhr.responseText);
    const known = t(`error.${body.code}`, body.args ?? {});
    return known !== `error.${body.code}` ? known : body.detail || body.title;
  } catch { return t("upload.network"); }
}

// One file on its way up: name, share, and its id once it is there.
function useFile(t) {
  const [file, setFile] = useState(null);
  const xhr = useRef(null);
  const drop = () => { xhr.current?.abort(); if (file?.preview) URL.revokeObjectURL(file.preview); setFile(null); };
  const take = (given) => {
    if (!given) return;
    if (given.size === 0) { setFile({ name: given.name, error: t("upload.empty_file", { name: given.name }) }); return; }
    const request = new XMLHttpRequest();
    const body = new FormData();
    body.append("file", given, given.name || "gambar.png");
    xhr.current?.abort();
    xhr.current = request;
    const preview = given.type.startsWith("image/") ? URL.createObjectURL(given) : "";
    setFile({ name: given.name || t("inbox.type.image"), size: given.size, share: 0, preview });
    const more = (change) => setFile((was) => (was && xhr.current === request ? { ...was, ...change } : was));
    request.upload.onprogress = (event) => event.lengthComputable && more({ share: Math.round(event.loaded / event.total * 100) });
    request.onerror = () => more({ error: t("upload.network") });
    request.onload = () => (request.status === 201 || request.status === 200
      ? more({ id: JSON.parse(request.responseText).id, share: 100 }) : more({ error: problem(request, t) }));
    request.open("POST", "/api/v1/files?for=message");
    request.setRequestHeader("Accept-Language", cookie("sapa_lang") ?? document.documentElement.lang);
    request.send(body);
  };
  return [file, take, drop, () => setFile(null)];
}

export function Composer(props) {
  const { chat = "", outcome = {}, draft = "", quote, replies = [], insert = {}, me = "", notes = true, closed = "", note,
    onSend, onNote, onDraft, onTyping, onUnquote, onSearch, onLater, children } = props;
  const t = useT();
  const [text, setText] = useState("");
  const [mode, setMode] = useState("reply");
  const [at, setAt] = useState(0);
  const [emoji, setEmoji] = useState(false);
  const [over, setOver] = useState(false);
  const [error, setError] = useState("");
  const [file, take, dropFile, forgetFile] = useFile(t);
  const field = useRef(null);
  const picker = useRef(null);
  const pending = useRef(null);
  const timer = useRef(null);
  const told = useRef(0);
  const kept = useRef({});
  const state = useRef({});
  state.current = { text, chat };

  // Another chat: its own words come back, the ones before wait in theirs.
  useLayoutEffect(() => {
    setMode("reply"); setError(""); setEmoji(false);
    setText(kept.current[chat] ?? draft ?? "");
    dropFile();
    return () => { kept.current[chat] = state.current.text; clearTimeout(timer.current); };
  }, [chat]);
  // The draft of the server comes a moment after the chat; words typed meanwhile are newer.
  useEffect(() => { if (draft && !state.current.text && kept.current[chat] === undefined) setText(draft); }, [draft, chat]);
  useEffect(() => {
    const sent = pending.current;
    if (!sent || outcome?.key !== sent.key) return;
    pending.current = null;
    if (outcome.error) {
      setError(t(`error.${outcome.error}`, outcome.args ?? {}));
      if (sent.chat === state.current.chat) setText((now) => now || sent.text);
    }
  }, [outcome]);
  useEffect(() => { if (insert?.text) { setText((now) => (now && !insert.whole ? `${now}${now.endsWith(" ") ? "" : " "}${insert.text}` : insert.text)); field.current?.focus(); } }, [insert?.n]);
  useEffect(() => { if (quote) field.current?.focus(); }, [quote?.id]);
  useLayoutEffect(() => { const el = field.current; if (el) { el.style.height = "auto"; el.style.height = `${Math.min(el.scrollHeight, 180)}px`; } }, [text, mode]);

  const slash = mode === "reply" && /^\/[^\n]*$/.test(text) ? text.slice(1).toLowerCase() : null;
  const found = slash === null ? [] : replies.filter((one) => `${one.shortcut} ${one.title} ${one.text}`.toLowerCase().includes(slash)).slice(0, 8);
  useEffect(() => { if (slash !== null) onSearch?.(slash); setAt(0); }, [slash]);

  const change = (next) => {
    setText(next);
    setError("");
    if (mode !== "reply") return;
    clearTimeout(timer.current);
    if (!next.startsWith("/")) timer.current = setTimeout(() => onDraft?.(chat, next), 800);
    if (next && Date.now() - told.current > 2500) { told.current = Date.now(); onTyping?.(chat); }
  };
  const choose = (one) => { if (one) { setText(one.text); onSearch?.(""); field.current?.focus(); } };
  const put = (letter) => {
    const el = field.current;
    const [from, to] = [el.selectionStart, el.selectionEnd];
    change(text.slice(0, from) + letter + text.slice(to));
    requestAnimationFrame(() => { el.focus(); el.setSelectionRange(from + letter.length, from + letter.length); });
  };
  const ready = mode === "note" ? text.trim() !== "" : (text.trim() !== "" || file?.id) && !(file && !file.id && !file.error);
  const submit = (due) => {
    if (!ready || (closed && mode === "reply")) return;
    const key = crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`;
    clearTimeout(timer.current);
    told.current = 0;
    pending.current = { key, text, chat };
    if (mode === "note") onNote?.(chat, text, key);
    else if (due) onLater?.(chat, text, file?.id ?? "", due, key);
    else onSend?.(chat, text, file?.id ?? "", quote?.id ?? "", key);
    kept.current[chat] = undefined;
    setText(""); setError(""); forgetFile(); setEmoji(false);
    field.current?.focus();
  };
  const onKeyDown = (event) => {
    if (event.nativeEvent.isComposing) return;
    if (found.length && ["ArrowDown", "ArrowUp"].includes(event.key)) { event.preventDefault(); setAt((now) => (now + (event.key === "ArrowDown" ? 1 : -1) + found.length) % found.length); return; }
    if (found.length && ["Enter", "Tab"].includes(event.key) && !event.shiftKey) { event.preventDefault(); choose(found[at]); return; }
    if (event.key === "Escape") { if (emoji) setEmoji(false); else if (quote) onUnquote?.(); else field.current.blur(); event.stopPropagation(); return; }
    if (event.key === "Enter" && !event.shiftKey && !coarse()) { event.preventDefault(); submit(); }
  };
  const onPaste = (event) => {
    const pasted = [...(event.clipboardData?.files ?? [])];
    if (mode === "reply" && pasted.length) { event.preventDefault(); take(pasted[0]); }
  };
  const onDrop = (event) => { event.preventDefault(); setOver(false); if (mode === "reply" && !closed) take(event.dataTransfer.files?.[0]); };
  const tab = (name, words) => h("button", { type: "button", role: "tab", "aria-selected": mode === name, onClick: () => { setMode(name); setError(""); field.current?.focus(); } }, words);
  const locked = closed && mode === "reply";

  return h("div", { className: `reply-box ${mode}${over ? " over" : ""}${locked ? " locked" : ""}`, onDragOver: (event) => { event.preventDefault(); setOver(true); }, onDragLeave: () => setOver(false), onDrop },
    found.length > 0 && h("ul", { className: "quick", role: "listbox", id: "quick", "aria-label": t("inbox.quick") }, found.map((one, index) => h("li", {
      key: one.id, id: `quick-${index}`, role: "option", "aria-selected": index === at, onMouseDown: (event) => { event.preventDefault(); choose(one); }, onMouseMove: () => setAt(index),
    }, h("b", { className: "clip" }, one.shortcut ? `/${one.shortcut}` : one.title), h("span", { className: "clip" }, one.text)))),
    h("div", { className: "reply-head" },
      h("div", { role: "tablist", "aria-label": t("inbox.compose") }, tab("reply", t("inbox.reply")), notes && tab("note", t("inbox.note"))),
      h("span", { className: "grow" }),
      h("span", { className: "small muted row as-me" }, h(Glyph, { name: mode === "note" ? "lock" : "human", size: 14 }), mode === "note" ? t("inbox.note.who") : t("inbox.as", { name: me }))),
    quote && mode === "reply" && h("div", { className: "quoting" }, h("span", { className: "quote grow" }, h("span", { className: "clip" }, quote.text)), h("button", { type: "button", className: "icon-btn", onClick: () => onUnquote?.(), "aria-label": t("inbox.unquote") }, h(Glyph, { name: "x" }))),
    file && mode === "reply" && h("div", { className: "attach-row" },
      file.preview ? h("img", { src: file.preview, alt: "" }) : h("span", { className: "tile neutral" }, h(Glyph, { name: "document" })),
      h("span", { className: "stack grow" }, h("span", { className: "strong clip" }, file.name),
        file.error ? h("span", { className: "small text-bad", role: "alert" }, file.error) : h("span", { className: "small muted", role: "status" }, file.id ? t.size(file.size) : t("upload.sending", { percent: file.share })),
        !file.id && !file.error && h("div", { className: "bar", role: "progressbar", "aria-valuemin": 0, "aria-valuemax": 100, "aria-valuenow": file.share, "aria-label": file.name }, h("i", { style: { width: `${file.share}%` } }))),
      h("button", { type: "button", className: "icon-btn", onClick: dropFile, "aria-label": t("inbox.unattach") }, h(Glyph, { name: "x" }))),
    locked ? h("div", { className: "locked-words" }, h(Glyph, { name: "ban" }), h("span", null, closed)) : h("div", { className: "write" },
      h("button", { type: "button", className: "icon-btn phone-only", onClick: () => picker.current?.click(), "aria-label": t("inbox.attach") }, h(Glyph, { name: "plus", size: 22 })),
      h("textarea", {
        ref: field, id: "composer", rows: 1, value: text, "aria-label": mode === "note" ? t("inbox.note") : t("inbox.write"), placeholder: mode === "note" ? t("inbox.note.hint") : t("inbox.write.hint"),
        maxLength: 65536, onChange: (event) => change(event.target.value), onKeyDown, onPaste, "aria-controls": found.length ? "quick" : undefined, "aria-activedescendant": found.length ? `quick-${at}` : undefined,
      }),
      h("button", { type: "button", className: "send-round phone-only", disabled: !ready, onClick: () => submit(), "aria-label": mode === "note" ? t("inbox.note.add") : t("inbox.send") }, h(Glyph, { name: "send", size: 22 }))),
    error && h("p", { className: "field-error", role: "alert" }, error),
    note && h("p", { className: "small collide", role: "status" }, h(Glyph, { name: "human", size: 14 }), note),
    h("div", { className: "reply-foot desk" },
      mode === "reply" && !locked && h("button", { type: "button", className: "icon-btn", onClick: () => picker.current?.click(), "aria-label": t("inbox.attach"), title: t("inbox.attach") }, h(Glyph, { name: "clip", size: 18 })),
      !locked && h("span", { className: "emoji-root" },
        h("button", { type: "button", className: "icon-btn", onClick: () => setEmoji(!emoji), "aria-label": t("inbox.emoji"), title: t("inbox.emoji"), "aria-expanded": emoji }, h(Glyph, { name: "smile", size: 18 })),
        emoji && h("div", { className: "emoji", role: "group", "aria-label": t("inbox.emoji"), onKeyDown: (event) => event.key === "Escape" && setEmoji(false) }, EMOJI.map((one) => h("button", { key: one, type: "button", onClick: () => put(one) }, one)))),
      !locked && mode === "reply" && children,
      h("span", { className: "grow" }),
      !locked && h("button", { type: "button", className: "btn primary", disabled: !ready, onClick: () => submit() }, mode === "note" ? t("inbox.note.add") : t("inbox.send"), h(Glyph, { name: "enter" }))),
    h("input", { ref: picker, type: "file", hidden: true, tabIndex: -1, "aria-label": t("inbox.attach"), onChange: (event) => { take(event.target.files?.[0]); event.target.value = ""; } }));
}
