// What stands above the field: what leaves later, what a model proposes, what others do meanwhile, what a word means.
import { createElement as h, useEffect, useState } from "react";
import { Glyph } from "$/public/external/wa_app/components/inbox/inbox_icons.jsx";

const FADE_MS = 7000;

// Somebody else writes: gone after seconds unless told again.
export function useTypist(typist, chat) {
  const [name, setName] = useState("");
  useEffect(() => {
    setName(typist?.name ?? "");
    if (!typist?.name) return undefined;
    const timer = setTimeout(() => setName(""), FADE_MS);
    return () => clearTimeout(timer);
  }, [typist?.n, chat]);
  return name;
}

export function Waiting({ waiting, t, onTakeBack }) {
  if (!waiting.length) return null;
  return h("ul", { className: "waiting", "aria-label": t("inbox_chat.later.list") }, waiting.map((one) => h("li", { key: one.id },
    h(Glyph, { name: "later" }),
    h("span", { className: "stack grow" }, h("b", { className: "clip" }, t("inbox_chat.later.at", { at: t.moment(one.at), who: one.by })), h("span", { className: "small muted clip" }, one.text || t("inbox.type.document"))),
    onTakeBack && h("button", { type: "button", className: "btn quiet small-btn", onClick: () => onTakeBack(one.id) }, t("common.cancel")))));
}

export function Proposal({ proposal, t, onUse, onForget }) {
  const sources = proposal.sources ?? [];
  const reason = proposal.reason && t(`handover.reason.${proposal.reason}`);
  return h("div", { className: "proposal", role: "group", "aria-label": t("inbox_chat.suggested") },
    h("div", { className: "row" }, h(Glyph, { name: "agent" }), h("b", { className: "grow" }, t("inbox_chat.suggested")),
      h("button", { type: "button", className: "icon-btn", onClick: onForget, "aria-label": t("common.close") }, h(Glyph, { name: "x" }))),
    h("p", { className: "said" }, proposal.text || t("inbox_chat.suggested.none")),
    reason && reason !== `handover.reason.${proposal.reason}` && h("p", { className: "small muted" }, reason),
    sources.map((one, at) => h("details", { key: at, className: "source-text" },
      h("summary", null, h(Glyph, { name: "book", size: 13 }), h("span", { className: "clip" }, one.page ? `${one.name}, ${t("agent_page.page", { n: one.page })}` : one.name)), h("p", null, one.text))),
    proposal.text && h("div", { className: "row" }, h("button", { type: "button", className: "btn primary small-btn", onClick: onUse }, t("inbox_chat.suggested.use")), h("span", { className: "small muted" }, t("inbox_chat.suggested.unsent"))));
}

// Quick replies behind `/`, people behind `@`.
export function Words({ id, label, items, at, onPick, onPoint }) {
  useEffect(() => { document.getElementById(`${id}-${at}`)?.scrollIntoView({ block: "nearest" }); }, [at]);
  return h("ul", { className: "words-list", role: "listbox", id, "aria-label": label }, items.map((one, index) => h("li", {
    key: one.id, id: `${id}-${index}`, role: "option", "aria-selected": index === at, onPointerDown: (event) => { event.preventDefault(); onPick(one); }, onPointerMove: () => onPoint(index),
  }, h("b", { className: "clip" }, one.lead), h("span", { className: "clip grow" }, one.text), one.file && h(Glyph, { name: "clip", size: 14 }))));
}

// Why nobody can be written to here, and what helps.
const HELPS = { device_down: "/devices", device_gone: "/devices", recipient_suppressed: "/blacklist" };
export function Locked({ closed, shut, begun, t }) {
  const to = HELPS[shut];
  return h("div", { className: "locked-words", role: "status" }, h(Glyph, { name: "ban" }),
    h("div", { className: "grow" }, closed || h("b", null, t(`error.${shut}`)), !closed && h("p", null, t(`inbox_chat.shut.${shut}`)), !closed && begun && h("p", { className: "small" }, t("inbox_chat.shut.kept"))),
    !closed && to && h("a", { className: "btn small-btn", href: to }, t(`inbox_chat.shut.${shut}.do`)));
}
