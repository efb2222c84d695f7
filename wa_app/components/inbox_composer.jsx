// What is written to a customer. Typing stays in the browser; what was refused comes back into the field, with
// its file, and none is sent twice: each has a key that the ledger keeps.
import { createElement as h, useEffect, useLayoutEffect, useRef, useState } from "react";
import { useT } from "$/public/external/wa_app/components/i18n/i18n.js";
import { Glyph } from "$/public/external/wa_app/components/inbox/inbox_icons.jsx";
import { postFile, refusal } from "$/public/external/wa_app/components/uploader/file_post.js";

const EMOJI = "😀 😊 😍 🤗 😅 😂 🙏 👍 👌 👏 🙌 💪 🤝 ❤️ 🧡 💙 🎉 ✨ 🔥 ⭐ ✅ ❌ ⚠️ ⏰ 📦 🚚 💰 🧾 📍 📞 🛒 🎁 ☕ 🍽️ 🌸 🌙 ☀️ 😔 😢 🤔".split(" ");
const coarse = () => window.matchMedia("(pointer: coarse)").matches;

// One file on its way up: name, share, and its id once it is there.
function useFile(t) {
  const [file, setFile] = useState(null);
  const request = useRef(null);
  const drop = () => { request.current?.abort(); request.current = null; if (file?.preview) URL.revokeObjectURL(file.preview); setFile(null); };
  const take = (given) => {
    if (!given) return;
    drop();
    const name = given.name || t("inbox.type.image");
    const error = refusal(given, [], "", 0, t);
    if (error) { setFile({ name, error }); return; }
    setFile({ name, size: given.size, share: 0, preview: given.type.startsWith("image/") ? URL.createObjectURL(given) : "" });
    const more = (change) => setFile((was) => (was && request.current === mine ? { ...was, ...change } : was));
    const mine = postFile("/api/v1/files?for=message", given, t, {
      onShare: (share) => more({ share }), onDone: (saved) => more({ id: saved.id, share: 100 }), onFailed: (words) => more({ error: words }),
    });
    request.current = mine;
  };
  return [file, take, drop, setFile];
}

export function Composer(props) {
  const { chat = "", outcome = {}, quote, me = "", closed = "", onSend, onUnquote } = props;
  const t = useT();
  const [text, setText] = useState("");
  const [emoji, setEmoji] = useState(false);
  const [over, setOver] = useState(false);
  const [error, setError] = useState("");
  const [file, take, dropFile, setFile] = useFile(t);
  const field = useRef(null);
  const picker = useRef(null);
  const pending = useRef(null);
  const kept = useRef({});
  const state = useRef({});
  state.current = { text, chat };

  // Another chat: its own words come back, the ones before wait in theirs.
  useLayoutEffect(() => {
    setError(""); setEmoji(false);
    setText(kept.current[chat] ?? "");
    dropFile();
    return () => { kept.current[chat] = state.current.text; };
  }, [chat]);
  useEffect(() => {
    const sent = pending.current;
    if (!sent || outcome?.key !== sent.key) return;
    pending.current = null;
    if (outcome.error) {
      setError(t(`error.${outcome.error}`, outcome.args ?? {}));
      if (sent.chat === state.current.chat) { setText((now) => now || sent.text); setFile((now) => now || sent.file); }
    }
  }, [outcome]);
  useEffect(() => { if (quote) field.current?.focus(); }, [quote?.id]);
  useLayoutEffect(() => { const el = field.current; if (el) { el.style.height = "auto"; el.style.height = `${Math.min(el.scrollHeight, 180)}px`; } }, [text]);

  const change = (next) => { setText(next); setError(""); };
  const put = (letter) => {
    const el = field.current;
    const [from, to] = [el.selectionStart, el.selectionEnd];
    change(text.slice(0, from) + letter + text.slice(to));
    requestAnimationFrame(() => { el.focus(); el.setSelectionRange(from + letter.length, from + letter.length); });
  };
  const ready = (text.trim() !== "" || file?.id) && !(file && !file.id && !file.error);
  const submit = () => {
    if (!ready || closed) return;
    const key = crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`;
    pending.current = { key, text, chat, file };
    onSend?.(chat, text, file?.id ?? "", quote?.id ?? "", key);
    kept.current[chat] = undefined;
    setText(""); setError(""); setFile(null); setEmoji(false);
    field.current?.focus();
  };
  const onKeyDown = (event) => {
    if (event.nativeEvent.isComposing) return;
    if (event.key === "Escape") { if (emoji) setEmoji(false); else if (quote) onUnquote?.(); else field.current.blur(); event.stopPropagation(); return; }
    if (event.key === "Enter" && !event.shiftKey && !coarse()) { event.preventDefault(); submit(); }
  };
  const onPaste = (event) => {
    const pasted = [...(event.clipboardData?.files ?? [])];
    if (pasted.length) { event.preventDefault(); take(pasted[0]); }
  };
  const onDrop = (event) => { event.preventDefault(); setOver(false); if (!closed) take(event.dataTransfer.files?.[0]); };

  return h("div", { className: `reply-box${over ? " over" : ""}${closed ? " locked" : ""}`, onDragOver: (event) => { event.preventDefault(); setOver(true); }, onDragLeave: () => setOver(false), onDrop },
    h("div", { className: "reply-head" },
      h("b", null, t("inbox.reply")),
      h("span", { className: "grow" }),
      h("span", { className: "small muted row as-me" }, h(Glyph, { name: "human", size: 14 }), t("inbox.as", { name: me }))),
    quote && h("div", { className: "quoting" }, h("span", { className: "quote grow" }, h("span", { className: "clip" }, quote.text)), h("button", { type: "button", className: "icon-btn", onClick: () => onUnquote?.(), "aria-label": t("inbox.unquote") }, h(Glyph, { name: "x" }))),
    file && h("div", { className: "attach-row" },
      file.preview ? h("img", { src: file.preview, alt: "" }) : h("span", { className: "tile neutral" }, h(Glyph, { name: "document" })),
      h("span", { className: "stack grow" }, h("span", { className: "strong clip" }, file.name),
        file.error ? h("span", { className: "small text-bad", role: "alert" }, file.error) : h("span", { className: "small muted", role: "status" }, file.id ? t.size(file.size) : t("upload.sending", { percent: file.share })),
        !file.id && !file.error && h("div", { className: "bar", role: "progressbar", "aria-valuemin": 0, "aria-valuemax": 100, "aria-valuenow": file.share, "aria-label": file.name }, h("i", { style: { width: `${file.share}%` } }))),
      h("button", { type: "button", className: "icon-btn", onClick: dropFile, "aria-label": t("inbox.unattach") }, h(Glyph, { name: "x" }))),
    closed ? h("div", { className: "locked-words" }, h(Glyph, { name: "ban" }), h("span", null, closed)) : h("div", { className: "write" },
      h("button", { type: "button", className: "icon-btn phone-only", onClick: () => picker.current?.click(), "aria-label": t("inbox.attach") }, h(Glyph, { name: "plus", size: 22 })),
      h("textarea", {
        ref: field, id: "composer", rows: 1, value: text, "aria-label": t("inbox.write"), placeholder: t("inbox.write.hint"),
        maxLength: 65536, onChange: (event) => change(event.target.value), onKeyDown, onPaste,
      }),
      h("button", { type: "button", className: "send-round phone-only", disabled: !ready, onClick: () => submit(), "aria-label": t("inbox.send") }, h(Glyph, { name: "send", size: 22 }))),
    error && h("p", { className: "field-error", role: "alert" }, error),
    !closed && h("div", { className: "reply-foot desk" },
      h("button", { type: "button", className: "icon-btn", onClick: () => picker.current?.click(), "aria-label": t("inbox.attach"), title: t("inbox.attach") }, h(Glyph, { name: "clip", size: 18 })),
      h("span", { className: "emoji-root" },
        h("button", { type: "button", className: "icon-btn", onClick: () => setEmoji(!emoji), "aria-label": t("inbox.emoji"), title: t("inbox.emoji"), "aria-expanded": emoji }, h(Glyph, { name: "smile", size: 18 })),
        emoji && h("div", { className: "emoji", role: "group", "aria-label": t("inbox.emoji"), onKeyDown: (event) => event.key === "Escape" && setEmoji(false) }, EMOJI.map((one) => h("button", { key: one, type: "button", onClick: () => put(one) }, one)))),
      h("span", { className: "grow" }),
      h("button", { type: "button", className: "btn primary", disabled: !ready, onClick: submit }, t("inbox.send"), h(Glyph, { name: "enter" }))),
    h("input", { ref: picker, type: "file", hidden: true, tabIndex: -1, "aria-label": t("inbox.attach"), onChange: (event) => { take(event.target.files?.[0]); event.target.value = ""; } }));
}
