// Notifications of one person in this browser: which, with or without words, with or without a sound. The number of
// unread conversations stands in the title.
import { createElement as h, useEffect, useRef, useState } from "react";
import { useT } from "$/public/external/wa_app/components/i18n/i18n.js";
import { IconButton, Sign } from "$/public/external/wa_app/components/inbox_pane/inbox_glyphs.jsx";
import { Sheet } from "$/public/external/wa_app/components/inbox_pane/inbox_sheet.jsx";

const KINDS = ["needs", "mine", "mention", "all"];
const FIRST = { needs: true, mine: true, mention: true, all: false, sound: true, words: true };
const keyOf = (me) => `sapa_inbox_bell:${me}`;
const stored = (me) => { try { return { ...FIRST, ...JSON.parse(localStorage.getItem(keyOf(me)) ?? "{}") }; } catch { return FIRST; } };
const permission = () => (typeof Notification === "undefined" ? "missing" : Notification.permission);

let audio = null;
function ready() {
  const Kind = window.AudioContext ?? window.webkitAudioContext;
  if (!audio && Kind) audio = new Kind();
  if (audio?.state === "suspended") audio.resume();
}

// Two soft tones of a gong, a fourth apart.
function ring() {
  if (!audio || audio.state !== "running") return;
  [[587.33, 0], [783.99, .14]].forEach(([pitch, after]) => {
    const from = audio.currentTime + after;
    const volume = audio.createGain();
    volume.gain.setValueAtTime(.0001, from);
    volume.gain.exponentialRampToValueAtTime(.14, from + .015);
    volume.gain.exponentialRampToValueAtTime(.0001, from + .7);
    volume.connect(audio.destination);
    [[1, 1], [2.76, .25]].forEach(([times, share]) => {
      const tone = audio.createOscillator();
      const part = audio.createGain();
      part.gain.value = share;
      tone.frequency.value = pitch * times;
      tone.connect(part).connect(volume);
      tone.start(from);
      tone.stop(from + .75);
    });
  });
}

// One of several open tabs tells it.
function isFirst(mark) {
  const key = "sapa_inbox_told";
  try {
    const told = JSON.parse(localStorage.getItem(key) ?? "[]");
    if (told.includes(mark)) return false;
    localStorage.setItem(key, JSON.stringify([...told, mark].slice(-50)));
  } catch { /* no storage: better twice than never */ }
  return true;
}

const wanted = (item, prefs) => prefs.all || (item.kind === "needs" && prefs.needs) || (item.kind === "mention" && prefs.mention) || (item.mine && prefs.mine && item.kind !== "mention");

export function useNews({ news, me, selected, unread, onOpen }) {
  const t = useT();
  const seen = useRef(null);
  const open = useRef(onOpen);
  open.current = onOpen;
  useEffect(() => {
    const wake = () => ready();
    window.addEventListener("pointerdown", wake);
    window.addEventListener("keydown", wake);
    return () => { window.removeEventListener("pointerdown", wake); window.removeEventListener("keydown", wake); };
  }, []);
  useEffect(() => {
    const label = unread > 0 ? `(${unread > 999 ? "999+" : unread}) Sapa` : "Sapa";
    document.title = label;
    return () => { document.title = "Sapa"; };
  }, [unread, selected]);
  useEffect(() => {
    if (seen.current === null || news.seq < seen.current) { seen.current = news.seq; return; }
    if (news.seq === seen.current) return;
    seen.current = news.seq;
    const prefs = stored(me);
    const items = news.items.filter((item) => (document.hidden || item.id !== selected) && wanted(item, prefs) && isFirst(item.mark));
    if (!items.length) return;
    if (prefs.sound) ring();
    if (permission() !== "granted") return;
    items.slice(-3).forEach((item) => {
      const who = item.name || t.phone(item.phone);
      const body = item.kind === "mention" ? t("inbox_list.bell.mentioned") : prefs.words && item.text ? item.text : item.kind === "needs" ? t("inbox_list.bell.needs_you") : t("inbox_list.bell.wrote");
      const shown = new Notification(item.kind === "needs" && prefs.words ? `${who} · ${t("inbox.needs")}` : who, { body, tag: item.id, icon: "/favicon.svg" });
      shown.onclick = () => { window.focus(); open.current(item.id); shown.close(); };
    });
  }, [news.seq]);
}

export function BellSheet({ me, onClose }) {
  const t = useT();
  const [prefs, setPrefs] = useState(() => stored(me));
  const [may, setMay] = useState(permission);
  const change = (name) => {
    const next = { ...prefs, [name]: !prefs[name] };
    setPrefs(next);
    try { localStorage.setItem(keyOf(me), JSON.stringify(next)); } catch { /* holds until the page is left */ }
    if (name === "sound" && next.sound) { ready(); setTimeout(ring, 60); }
  };
  const ask = async () => setMay(await Notification.requestPermission());
  const box = (name, text, note) => h("label", { key: name, className: "check" },
    h("input", { type: "checkbox", className: "tick", checked: prefs[name], onChange: () => change(name), disabled: name !== "all" && KINDS.includes(name) && prefs.all }),
    h("span", { className: "stack" }, h("span", null, text), note && h("span", { className: "small muted" }, note)));
  return h(Sheet, { label: t("inbox_list.bell.title"), onClose, className: "bell-sheet" },
    h("h2", { className: "h2" }, t("inbox_list.bell.title")),
    may === "default" && h("button", { type: "button", className: "btn primary", onClick: ask }, h(Sign, { name: "bell" }), t("inbox_list.bell.allow")),
    may === "denied" && h("p", { className: "small bell-denied" }, t("inbox_list.bell.denied")),
    may === "missing" && h("p", { className: "small muted" }, t("inbox_list.bell.missing")),
    h("fieldset", { className: "bell-set" }, h("legend", { className: "field-label" }, t("inbox_list.bell.which")),
      KINDS.map((kind) => box(kind, t(`inbox_list.bell.${kind}`)))),
    h("fieldset", { className: "bell-set" }, h("legend", { className: "field-label" }, t("inbox_list.bell.how")),
      box("sound", t("inbox_list.bell.sound")), box("words", t("inbox_list.bell.words"), t("inbox_list.bell.words.help"))),
    h("p", { className: "small muted" }, t("inbox_list.bell.here")));
}

export function BellButton({ onClick, open }) {
  const t = useT();
  return h(IconButton, { name: permission() === "denied" ? "silent" : "bell", label: t("inbox_list.bell.title"), onClick, "aria-expanded": open });
}
