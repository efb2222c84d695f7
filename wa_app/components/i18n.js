// Language, numbers and times in the browser: switching never asks the server.
import { useSyncExternalStore } from "react";
import { catalogues } from "./catalogues.js";

const KEY = "sapa_lang";
const LOCALES = { id: "id-ID", en: "en-GB" };
const NAMED = /\{(\w+):([\w.]+)\}/g;
const listeners = new Set();
let zone = "Asia/Jakarta";
let version = 0;
let language = read();
let current = makeT(language);
// The page was written when it was built: what depends on the hour is filled in by the browser, or the two would differ.
const serverT = Object.assign(makeT("id"), { greeting: () => "\u00a0", today: () => "\u00a0" });
if (typeof window !== "undefined") {
  window.sapaT = (key, args) => current(key, args); // toasts sent by the server
  window.sapaLanguage = (next) => setLanguage(next);
}

function read() {
  if (typeof window === "undefined") return "id";
  try {
    const stored = localStorage.getItem(KEY);
    if (stored && stored in catalogues) return stored;
  } catch { /* storage may be forbidden; the page language still works */ }
  return document.documentElement.lang === "en" ? "en" : "id";
}

function announce() {
  version += 1;
  current = makeT(language);
  listeners.forEach((listener) => listener());
}

export function setLanguage(next) {
  if (!(next in catalogues) || next === language) return;
  language = next;
  document.documentElement.lang = next;
  document.cookie = `${KEY}=${next}; path=/; max-age=31536000; samesite=lax`;
  try { localStorage.setItem(KEY, next); } catch { /* the cookie still remembers */ }
  announce();
}

export function getLanguage() { return language; }

export function setZone(next) {
  if (!next || next === zone) return;
  zone = next;
  announce();
}

export function getZone() { return zone; }

function subscribe(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function useT() {
  return useSyncExternalStore(subscribe, () => current, () => serverT);
}

function makeT(lang) {
  const texts = catalogues[lang] ?? catalogues.id;
  const locale = LOCALES[lang] ?? LOCALES.id;
  const t = (key, args) => {
    let text = texts[key];
    if (text === undefined) return key ?? "";
    if (args) for (const [name, value] of Object.entries(args)) {
      text = text.split(`{${name}}`).join(typeof value === "number" ? num(value, 1) : value ?? "");
    }
    return text.replace(NAMED, (whole, name, family) => (args && name in args ? named(family, args[name]) : whole));
  };
  // `{mood:insight.mood}`: the codes in `mood` have texts of their own; one without is shown as it is.
  const named = (family, value) => String(value ?? "").split(", ").reduce((said, code) => {
    const text = texts[`${family}.${(code || "none").replaceAll(" ", "_")}`] ?? code;
    return said ? `${said}${said.endsWith(".") ? " " : ", "}${text}` : text;
  }, "");
  const num = (value, digits = 0) => value === null || value === undefined || value === "" ? "" :
    new Intl.NumberFormat(locale, { minimumFractionDigits: 0, maximumFractionDigits: digits }).format(Number(value));
  const percent = (value, digits = 1) => `${num(value, digits)}%`;
  const money = (minor, currency = "IDR") => {
    const places = new Intl.NumberFormat("en", { style: "currency", currency }).resolvedOptions().maximumFractionDigits;
    const amount = num(Number(minor) / 10 ** (currency === "IDR" ? 0 : places), currency === "IDR" ? 0 : places);
    return currency === "IDR" ? `Rp ${amount}` : `${currency} ${amount}`;
  };
  const size = (bytes) => {
    const units = ["B", "KB", "MB", "GB"];
    let value = Number(bytes) || 0, unit = 0;
    while (value >= 1024 && unit < units.length - 1) { value /= 1024; unit += 1; }
    return `${num(value, value < 10 && unit > 0 ? 1 : 0)} ${units[unit]}`;
  };
  const parse = (iso) => {
    if (!iso) return null;
    const moment = new Date(iso);
    return Number.isNaN(moment.getTime()) ? null : moment;
  };
  const parts = (moment, options) => new Intl.DateTimeFormat(locale, { timeZone: zone, ...options }).format(moment);
  const clock = (moment, seconds) => {
    const text = new Intl.DateTimeFormat("en-GB", { timeZone: zone, hour: "2-digit", minute: "2-digit", second: seconds ? "2-digit" : undefined, hourCycle: "h23" }).format(moment);
    return lang === "id" ? text.replaceAll(":", ".") : text;
  };
  const time = (iso, seconds = false) => { const m = parse(iso); return m ? clock(m, seconds) : ""; };
  const abbreviation = () => ({ "Asia/Jakarta": "WIB", "Asia/Pontianak": "WIB", "Asia/Makassar": "WITA", "Asia/Jayapura": "WIT" })[zone] ??
    new Intl.DateTimeFormat("en", { timeZone: zone, timeZoneName: "short" }).formatToParts(new Date()).find((p) => p.type === "timeZoneName").value;
  const timeZoned = (iso) => { const text = time(iso); return text && (lang === "id" || abbreviation() !== "WIB") ? `${text} ${abbreviation()}` : text; };
  const date = (iso) => { const m = parse(iso); return m ? parts(m, { day: "numeric", month: lang === "id" ? "long" : "short", year: "numeric" }) : ""; };
  const dateShort = (iso) => { const m = parse(iso); return m ? parts(m, { day: "numeric", month: "short" }) : ""; };
  const dateTime = (iso) => { const m = parse(iso); return m ? `${parts(m, { day: "numeric", month: "short", year: "numeric" })}, ${clock(m)}` : ""; };
  const weekday = (iso) => { const m = parse(iso); return m ? parts(m, { weekday: "long" }) : ""; };
  const day = (moment) => new Intl.DateTimeFormat("en-CA", { timeZone: zone }).format(moment);
  const moment = (iso) => {
    const m = parse(iso);
    if (!m) return "";
    if (day(m) === day(new Date())) return clock(m);
    return m.getFullYear() === new Date().getFullYear() ? `${dateShort(iso)} ${clock(m)}` : dateTime(iso);
  };
  const ago = (iso) => {
    const m = parse(iso);
    if (!m) return "";
    const seconds = Math.round((Date.now() - m.getTime()) / 1000);
    const future = seconds < 0;
    const s = Math.abs(seconds);
    const [n, unit] = s < 60 ? [s, "second"] : s < 3600 ? [Math.floor(s / 60), "minute"] : s < 86400 ? [Math.floor(s / 3600), "hour"] : [Math.floor(s / 86400), "day"];
    if (s < 10 && !future) return t("time.now");
    return t(`time.${future ? "in" : "ago"}.${unit}`, { n });
  };
  const duration = (totalSeconds) => {
    const s = Math.max(0, Math.round(Number(totalSeconds) || 0));
    if (s < 60) return t("time.span.second", { n: s });
    if (s < 3600) return t("time.span.minute", { n: Math.round(s / 60) });
    const minutes = Math.round(s / 60);
    return t(minutes % 60 ? "time.span.hour" : "time.span.hours", { n: Math.floor(minutes / 60), m: minutes % 60 });
  };
  const phone = (e164) => {
    if (!e164 || !e164.startsWith("+")) return e164 ?? "";
    if (!e164.startsWith("+62")) return e164;
    const rest = e164.slice(3);
    return `+62 ${rest.slice(0, 3)}-${rest.slice(3, 7)}${rest.length > 7 ? `-${rest.slice(7)}` : ""}`;
  };
  const greeting = () => {
    const hour = Number(new Intl.DateTimeFormat("en-GB", { timeZone: zone, hour: "2-digit", hourCycle: "h23" }).format(new Date()));
    return t(hour < 4 || hour >= 18 ? "home.greeting.night" : hour < 11 ? "home.greeting.morning" : hour < 15 ? "home.greeting.noon" : "home.greeting.afternoon");
  };
  const today = () => parts(new Date(), { weekday: "long", day: "numeric", month: "long", year: "numeric" });
  return Object.assign(t, { lang, num, percent, money, size, time, timeZoned, date, dateShort, dateTime, weekday, moment, ago, duration, phone, greeting, today, zone: () => zone, zoneName: abbreviation });
}
