// What a search has found: people first, then messages with the words that were looked for.
import { createElement as h, useMemo } from "react";
import { useT } from "$/public/external/wa_app/components/i18n/i18n.js";
import { Petal, preview } from "$/public/external/wa_app/components/inbox/inbox_list.jsx";

const escaped = (word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

export function Marked({ text, words }) {
  const parts = useMemo(() => {
    if (!words.length || !text) return [text ?? ""];
    return text.split(new RegExp(`(?<![\\p{L}\\p{N}])(${words.map(escaped).join("|")})`, "giu"));
  }, [text, words.join(" ")]);
  return parts.map((part, at) => (at % 2 ? h("mark", { key: at }, part) : part));
}

function Found({ id, message, children, className, onOpen }) {
  const query = message ? `?chat=${id}&message=${message}` : `?chat=${id}`;
  const open = (event) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.button) return;
    event.preventDefault();
    onOpen(id, message);
  };
  return h("li", null, h("a", { className: `found ${className ?? ""}`, href: `/inbox${query}`, onClick: open, "data-found": true }, children));
}

export function FoundList({ query, found, waits, onOpen }) {
  const t = useT();
  const words = query.split(/[^\p{L}\p{N}]+/u).filter(Boolean);
  const none = !waits && !found.people.length && !found.hits.length;
  const move = (event) => {
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
    event.preventDefault();
    const links = [...event.currentTarget.querySelectorAll("[data-found]")];
    const next = links.indexOf(document.activeElement) + (event.key === "ArrowDown" ? 1 : -1);
    if (next < 0) document.getElementById("inbox-search")?.focus();
    else links[Math.min(next, links.length - 1)]?.focus();
  };
  return h("div", { className: "chat-list found-list", "aria-busy": waits, onKeyDown: move },
    h("p", { className: "sr", role: "status" }, waits ? t("inbox_list.find.busy") : t("inbox_list.find.count", { people: found.people.length, hits: found.hits.length })),
    none && h("div", { className: "empty" }, h("p", { className: "title" }, t("inbox_list.find.none", { words: query })), h("p", null, t("inbox_list.find.none.text"))),
    found.people.length > 0 && h("section", null,
      h("h2", { className: "found-head" }, t("inbox_list.find.people"), h("span", { className: "n" }, found.more_people ? `${found.people.length}+` : found.people.length)),
      h("ul", null, found.people.map((row) => h(Found, { key: row.id, id: row.id, onOpen, className: "person" },
        h(Petal, { who: row.contact, name: row.name, size: "sm", group: row.group }),
        h("span", { className: "chat-words" },
          h("span", { className: "line" }, h("span", { className: "name clip" }, h(Marked, { text: row.name || t.phone(row.phone), words })),
            row.status !== "open" && h("span", { className: "tag" }, t(`inbox_list.folder.${row.status}`))),
          h("span", { className: "line small muted" }, h("span", { className: "clip" }, row.name && row.phone ? `${t.phone(row.phone)} · ` : "", row.device || preview(row, t)))))))),
    found.hits.length > 0 && h("section", null,
      h("h2", { className: "found-head" }, t("inbox_list.find.hits"), h("span", { className: "n" }, found.more_hits ? `${found.hits.length}+` : found.hits.length)),
      h("ul", null, found.hits.map((hit) => h(Found, { key: hit.id, id: hit.chat, message: hit.id, onOpen },
        h("span", { className: "chat-words" },
          h("span", { className: "line" }, h("span", { className: "name clip" }, hit.name || t.phone(hit.phone)), h("span", { className: "when" }, t.moment(hit.at))),
          h("span", { className: "hit-words" }, hit.by && h("b", null, `${t(`inbox_list.by.${hit.by}`)}: `), h(Marked, { text: hit.text, words }))))))));
}
