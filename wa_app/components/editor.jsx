// Message editor: a textarea over its own highlighted copy. Typing stays in the browser; the server
// hears of the text once it rests. The colouring is a hint, the server's parser has the last word.
import { createElement as h, useEffect, useLayoutEffect, useRef, useState } from "react";
import { useT } from "$/public/external/wa_app/components/i18n/i18n.js";

const NAME = "[\\p{L}_][\\p{L}\\p{N}_ \\-]{0,62}";
const VARIABLE = new RegExp(`^\\{\\{\\s*${NAME}?\\s*(\\|[^{}]*)?\\}\\}`, "u");
const BRACKET = new RegExp(`^\\[\\s*${NAME}?\\s*(\\|[^\\[\\]{}|\\\\\\n]*)?\\]`, "u");
const BLOCK = /^\{\{\s*(?:#if(?!\w)[^\n{}]*|else(?:\s+if(?!\w)[^\n{}]*)?|\/if)\s*\}\}/;
const ESCAPED = "{}|[]\\";

// Pieces [kind, text]; kinds: text, choice, variable, block, open (a brace that is never closed).
export function pieces(source) {
  const partner = new Map();
  const stack = [];
  for (let i = 0; i < source.length; i += 1) {
    if (source[i] === "\\" && ESCAPED.includes(source[i + 1] ?? "\0")) i += 1;
    else if (source[i] === "{") stack.push(i);
    else if (source[i] === "}" && stack.length) partner.set(stack.pop(), i);
  }
  const out = [];
  const ends = [];
  const put = (kind, text) => {
    const last = out[out.length - 1];
    if (last && last[0] === kind) last[1] += text; else out.push([kind, text]);
  };
  for (let i = 0; i < source.length;) {
    const rest = source.slice(i, i + 400);
    const block = BLOCK.exec(rest);
    if (block) { out.push(["block", block[0]]); i += block[0].length; continue; }
    const variable = VARIABLE.exec(rest) ?? BRACKET.exec(rest);
    while (ends.length && ends[ends.length - 1] < i) ends.pop();
    const plain = ends.length ? "choice" : "text";
    if (source[i] === "\\" && ESCAPED.includes(source[i + 1] ?? "\0")) { put(plain, source.slice(i, i + 2)); i += 2; continue; }
    if (variable) { out.push(["variable", variable[0]]); i += variable[0].length; continue; }
    if (source[i] === "{" && !partner.has(i)) { put("open", "{"); i += 1; continue; }
    if (source[i] === "{") ends.push(partner.get(i));
    put(ends.length ? "choice" : "text", source[i]);
    i += 1;
  }
  return out;
}

const PATHS = {
  bold: "M6 12h9a4 4 0 0 1 0 8H7a1 1 0 0 1-1-1V5a1 1 0 0 1 1-1h7a4 4 0 0 1 0 8",
  italic: "M19 4h-9M14 20H5M15 4 9 20",
  braces: "M8 3H7a2 2 0 0 0-2 2v5a2 2 0 0 1-2 2 2 2 0 0 1 2 2v5c0 1.1.9 2 2 2h1M16 21h1a2 2 0 0 0 2-2v-5c0-1.1.9-2 2-2a2 2 0 0 1-2-2V5a2 2 0 0 0-2-2h-1",
  split: "M16 3h5v5M8 3H3v5M12 22v-8.3a4 4 0 0 0-1.17-2.87L3 3M15 9l6-6",
  shuffle: "m18 14 4 4-4 4M18 2l4 4-4 4M2 18h1.97a4 4 0 0 0 3.3-1.7l5.46-8.6a4 4 0 0 1 3.3-1.7H22M2 6h1.97a4 4 0 0 1 3.6 2.2M22 18h-6.04a4 4 0 0 1-3.3-1.8l-.36-.45",
};
// Conditions to start from; what stands between the quotes is an example to write over.
const IFS = [
  ["composer.if.filled", (v) => [`{{#if ${v}}}`, "{{/if}}"]],
  ["composer.if.equals", () => ['{{#if city = "Malang"}}', "{{else}}…{{/if}}"]],
  ["composer.if.tag", () => ['{{#if tag "vip"}}', "{{/if}}"]],
  ["composer.if.more", (v) => [`{{#if ${v} > 100}}`, "{{/if}}"]],
];
const glyph = (name) => h("svg", { width: 16, height: 16, viewBox: "0 0 24 24", fill: "none", stroke: "currentColor", strokeWidth: 1.75, strokeLinecap: "round", strokeLinejoin: "round", "aria-hidden": true }, h("path", { d: PATHS[name] }));

export function MessageEditor({ value, variables = [], problems = false, name, restMs = 600, onRest, label, children }) {
  const t = useT();
  const area = useRef(null);
  const copy = useRef(null);
  const timer = useRef(null);
  const chosen = useRef(null);
  const sent = useRef(value ?? "");
  const [text, setText] = useState(value ?? "");
  const [menu, setMenu] = useState("");

  // A text from outside (another draft, a reload) replaces ours; the echo of our own does not.
  useEffect(() => { if ((value ?? "") !== sent.current) { sent.current = value ?? ""; setText(value ?? ""); } }, [value]);
  useEffect(() => () => clearTimeout(timer.current), []);
  // With the text at once: a letter typed before the next frame would land behind the whole text.
  useLayoutEffect(() => {
    if (!chosen.current) return;
    area.current.focus();
    area.current.setSelectionRange(...chosen.current);
    chosen.current = null;
  }, [text]);

  const rest = (next) => { sent.current = next; onRest?.(next); };
  const change = (next) => {
    setText(next);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => rest(next), restMs);
  };
  const flush = () => { clearTimeout(timer.current); if (text !== sent.current) rest(text); };
  const around = (before, after, inner) => {
    const el = area.current;
    const [from, to] = [el.selectionStart, el.selectionEnd];
    const middle = text.slice(from, to) || inner;
    chosen.current = [from + before.length, from + before.length + middle.length];
    change(text.slice(0, from) + before + middle + after + text.slice(to));
    setMenu("");
  };
  const tool = (icon, words, onClick, shown, extra) => h("button", { key: words, type: "button", className: "ed-tool", onClick, "aria-label": shown ? undefined : words, title: shown ? undefined : words, ...extra }, glyph(icon), shown && h("span", null, words));

  return h("div", { className: problems ? "ed bad" : "ed" },
    h("div", { className: "ed-bar", role: "toolbar", "aria-label": t("composer.tools") },
      tool("bold", t("composer.bold"), () => around("*", "*", t("composer.bold_words"))),
      tool("italic", t("composer.italic"), () => around("_", "_", t("composer.italic_words"))),
      h("i", { className: "ed-sep" }),
      h("span", { className: "ed-menu-root" },
        tool("braces", t("composer.variable"), () => setMenu(menu === "vars" ? "" : "vars"), true, { "aria-expanded": menu === "vars", "aria-haspopup": "true" }),
        menu === "vars" && h("ul", { className: "ed-menu", onKeyDown: (e) => e.key === "Escape" && setMenu("") },
          variables.map((v) => h("li", { key: v }, h("button", { type: "button", onClick: () => around(`{{${v}|`, "}}", "Kak") }, h("code", null, `{{${v}}}`)))))),
      h("span", { className: "ed-menu-root" },
        tool("split", t("composer.if"), () => setMenu(menu === "ifs" ? "" : "ifs"), true, { "aria-expanded": menu === "ifs", "aria-haspopup": "true" }),
        menu === "ifs" && h("ul", { className: "ed-menu wide", onKeyDown: (e) => e.key === "Escape" && setMenu("") },
          IFS.map(([key, make]) => {
            const [open, close] = make(key === "composer.if.more" ? variables.find((v) => !["name", "first_name", "phone", "city"].includes(v)) ?? "poin" : "name");
            return h("li", { key }, h("button", { type: "button", onClick: () => around(open, close, "…") }, h("span", null, t(key)), h("code", null, open)));
          }))),
      tool("shuffle", t("composer.spintax"), () => around("{", `|${t("composer.other_words")}}`, t("composer.some_words")), true)),
    h("div", { className: "ed-field" },
      h("div", { className: "ed-copy", ref: copy, "aria-hidden": true },
        pieces(text).map(([kind, part], at) => (kind === "text" ? part : h("mark", { key: at, className: `ed-${kind}` }, part))), "\n"),
      h("textarea", {
        ref: area, id: name, name, value: text, spellCheck: false, rows: 10, "aria-label": label, placeholder: t("composer.placeholder"),
        onChange: (e) => change(e.target.value), onBlur: flush,
        onScroll: (e) => { copy.current.scrollTop = e.target.scrollTop; },
      })),
    h("span", { className: "small muted ed-count" }, t("composer.letters", { n: text.length })),
    children);
}

// What WhatsApp makes of *bold*, _italic_, ~struck~ and line ends.
const MARKS = { "*": "strong", _: "em", "~": "s" };
export function WhatsAppText({ text = "" }) {
  const out = [];
  let rest = text;
  for (let hit; (hit = /(^|[\s(])([*_~])(\S(?:[^\n]*?\S)?)\2(?=$|[\s).,!?:;])/.exec(rest));) {
    out.push(rest.slice(0, hit.index) + hit[1], h(MARKS[hit[2]], { key: out.length }, hit[3]));
    rest = rest.slice(hit.index + hit[0].length);
  }
  return h("span", null, ...out, rest);
}
