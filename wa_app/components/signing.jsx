// The form of the signed-out pages. What is typed goes by fetch to a route of the API, which answers with an
// HttpOnly cookie: no password ever passes through the websocket or lies in the page's state.
import { createElement as h, useEffect, useRef, useSyncExternalStore } from "react";
import { getLanguage } from "$/public/external/wa_app/components/i18n/i18n.js";

const CALM = { busy: false, done: false, code: "", args: {}, errors: {} };
// Codes that are about one field although the API says them of the whole.
const FIELD_OF = { email_taken: "email" };
const listeners = new Set();
let shown = CALM;

function show(next) {
  shown = { ...CALM, ...next };
  listeners.forEach((listener) => listener());
}

function subscribe(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function useSigning() {
  return useSyncExternalStore(subscribe, () => shown, () => CALM);
}

// Only a path of this site: an address in `next` must not lead away.
function goal(fallback) {
  const next = new URLSearchParams(location.search).get("next") ?? "";
  return /^\/[^/\\]/.test(next) ? next : fallback;
}

function emptyFields(form) {
  const found = {};
  for (const field of form.elements) {
    if (field.required && !field.value.trim()) found[field.name] = { code: "value_missing", args: {} };
  }
  return found;
}

function refusals(problem) {
  const errors = {};
  for (const one of problem.errors ?? []) errors[one.field] = { code: one.code, args: one.args ?? {} };
  const field = FIELD_OF[problem.code];
  if (field) errors[field] = { code: problem.code, args: problem.args ?? {} };
  return errors;
}

async function post(action, body) {
  const answer = await fetch(`/api/v1/auth/${action}`, {
    method: "POST", credentials: "same-origin", body: JSON.stringify(body),
    headers: { "Content-Type": "application/json", "Accept-Language": getLanguage(), "X-Sapa-Session": "cookie" },
  });
  return answer.ok ? null : await answer.json();
}

export function SigningForm({ action, to, fromAddress = [], withLanguage = false, children, ...rest }) {
  const form = useRef(null);
  useEffect(() => { show({}); return () => show({}); }, []);

  const fail = (next) => {
    show(next);
    requestAnimationFrame(() => form.current?.querySelector('[aria-invalid="true"]')?.focus());
  };

  const submit = async (event) => {
    event.preventDefault();
    if (shown.busy) return;
    const missing = emptyFields(form.current);
    if (Object.keys(missing).length) return fail({ errors: missing });
    const body = Object.fromEntries(new FormData(form.current));
    const address = new URLSearchParams(location.search);
    for (const name of fromAddress) body[name] = address.get(name) || "-";
    if (withLanguage) body.language = getLanguage();
    show({ busy: true });
    try {
      const problem = await post(action, body);
      if (problem) {
        const errors = refusals(problem);
        const known = Object.keys(errors).some((name) => form.current?.elements.namedItem(name));
        return fail(known ? { errors } : { code: Object.values(errors)[0]?.code ?? problem.code, args: problem.args });
      }
      if (to) {
        sessionStorage.removeItem("token"); // a fresh state for whoever signs in, nothing of who was here before
        location.assign(goal(to));
      }
      else show({ done: true });
    } catch {
      fail({ code: "unreachable" });
    }
  };

  return h("form", { ref: form, onSubmit: submit, noValidate: true, method: "post", ...rest }, children);
}
