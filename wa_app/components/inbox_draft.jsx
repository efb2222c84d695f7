// What was begun in a chat: kept on the server while it is written, and taken over from the person's other screens where
// nobody is writing. Where somebody is, both texts stay until the person has chosen.
import { createElement as h, useEffect, useReducer, useRef, useState } from "react";
import { Glyph } from "$/public/external/wa_app/components/inbox/inbox_icons.jsx";

const REST_MS = 700;
const TYPING_MS = 3000;
const idOf = (file) => file?.id ?? "";
// While two texts wait for a choice, one's own is on no server: it outlives a reload here.
const place = (chat) => `sapa_draft_${chat}`;
const recall = (chat) => { try { return sessionStorage.getItem(place(chat)) || ""; } catch { return ""; } };
const remember = (chat, text) => { try { if (text) sessionStorage.setItem(place(chat), text); else sessionStorage.removeItem(place(chat)); } catch { /* storage may be forbidden */ } };

// `hand`: a ref to `{ read, put }`, what stands in the field, and how a draft gets there.
export function useDrafts({ chat, told, hand, onDraft }) {
  const [other, setOther] = useState(null);
  const [looked, look] = useReducer((n) => n + 1, 0);
  const known = useRef({});
  const saving = useRef(null);
  const typedAt = useRef(0);
  const clash = other?.chat === chat ? other : null;
  // By chat: the version that was seen last, the number of the text that was sent last, of the one that was kept last.
  const of = (id) => (known.current[id] ??= { n: 0, kept: 0 });
  const settle = () => { clearTimeout(saving.current?.timer); saving.current = null; };
  const seen = (id = chat) => of(id).seen ?? "";

  const flush = () => {
    if (!saving.current) return;
    const { id, text, file, quote } = saving.current;
    settle();
    const one = of(id);
    Object.assign(one, { n: Math.max(Date.now(), one.n + 1), sends: true });
    onDraft?.(id, text, file, quote, seen(id), String(one.n));
  };
  const keep = (text, file, quote, isFree = !clash) => {
    typedAt.current = Date.now();
    settle();
    if (!isFree) { remember(chat, text); return; }
    saving.current = { id: chat, text, file: idOf(file), quote: quote?.id ?? "", timer: setTimeout(flush, REST_MS) };
  };
  const take = (draft) => {
    settle();
    remember(draft.chat, "");
    const one = of(draft.chat);
    Object.assign(one, { seen: draft.at, kept: one.n });
    typedAt.current = 0;
    setOther(null);
    hand.current.put(draft);
  };
  // Saved over the version that was just looked at.
  const insist = (text, file) => {
    const quote = hand.current.read().quote?.id ?? "";
    remember(chat, "");
    of(chat).seen = clash.at;
    setOther(null);
    settle();
    saving.current = { id: chat, text, file: idOf(file), quote };
    flush();
    hand.current.put({ chat, text, file, reply: quote });
  };
  const stay = () => { const now = hand.current.read(); insist(now.text, now.file); };
  const join = () => { const now = hand.current.read(); insist([now.text, clash.text].filter(Boolean).join("\n"), now.file ?? clash.file); };
  const sent = () => { settle(); remember(chat, ""); typedAt.current = 0; const one = of(chat); one.kept = one.n; };
  // What waited for a choice when the page was left comes up again, and is nobody's until the server's is known.
  const begin = (id) => { const text = recall(id); if (text) of(id).n = Date.now(); typedAt.current = 0; setOther(null); return text; };

  useEffect(() => {
    if (!told?.chat) return undefined;
    const one = of(told.chat);
    one.kept = Math.max(one.kept, Number(told.n) || 0);
    // What was kept before the page was loaded anew is not in the field yet.
    if (told.text === undefined) { if (one.sends) one.seen = told.at; return undefined; }
    if (told.chat !== chat || (told.at === one.seen && !told.refused)) return undefined;
    const now = hand.current.read();
    const isSame = told.text === now.text && idOf(told.file) === idOf(now.file);
    const isUnkept = Boolean(now.text || now.file) && (saving.current || one.n > one.kept || now.uploads);
    const rests = typedAt.current + TYPING_MS - Date.now();
    if (!isSame && !isUnkept) {
      // Nothing is lost, but words do not change under the fingers.
      if (now.text && rests > 0) { const timer = setTimeout(look, rests); return () => clearTimeout(timer); }
      take(told);
      return undefined;
    }
    const isClash = !isSame && (told.text || told.file) && !(told.own && one.seen !== undefined);
    if (isClash) { settle(); remember(chat, now.text); setOther(told); return undefined; }
    one.seen = told.at;
    if (isSame) { one.kept = one.n; settle(); }
    remember(chat, "");
    setOther(null);
    // What was refused, or never sent, and has nothing against it any more.
    if (!isSame && !saving.current && !now.uploads) keep(now.text, now.file, now.quote, true);
    return undefined;
  }, [told, looked]);
  useEffect(() => {
    if (!clash) return undefined;
    const ask = (event) => event.preventDefault();
    window.addEventListener("beforeunload", ask);
    return () => window.removeEventListener("beforeunload", ask);
  }, [clash]);
  return { clash, keep, flush, take, join, sent, begin, seen, stay };
}

export function OtherDraft({ drafts, t }) {
  const { clash } = drafts;
  if (!clash) return null;
  const act = (name, does, look = "") => h("button", { type: "button", className: `btn small-btn${look}`, onClick: does }, t(`inbox_chat.draft.${name}`));
  return h("div", { className: "other-draft", role: "group", "aria-label": t("inbox_chat.draft.other") },
    h("p", { className: "row strong", role: "alert" }, h(Glyph, { name: "edited", size: 14 }), t("inbox_chat.draft.other")),
    clash.text && h("p", { className: "said" }, clash.text),
    clash.file && h("p", { className: "small muted" }, t("inbox_chat.draft.file", { name: clash.file.name })),
    h("div", { className: "row" }, act("use", () => drafts.take(clash)), act("both", drafts.join), act("keep", drafts.stay, " quiet")));
}
