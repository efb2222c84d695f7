import { createElement as h, useRef, useState } from "react";
import { useT } from "$/public/external/wa_app/components/i18n/i18n.js";

function cookie(name) {
  return document.cookie.split("; ").find((part) => part.startsWith(`${name}=`))?.slice(name.length + 1);
}

// Says in words why a file cannot be taken, or null when it can.
function refusal(file, accept, types, limit, t) {
  const ending = `.${file.name.split(".").pop()}`.toLowerCase();
  if (accept.length && !accept.includes(ending)) return t("upload.wrong_type", { name: file.name, types });
  if (file.size === 0) return t("upload.empty_file", { name: file.name });
  if (file.size > limit) return t("upload.too_large", { name: file.name, size: t.size(file.size), limit: t.size(limit) });
  return null;
}

function problemText(request, t) {
  try {
    const problem = JSON.parse(request.responseText);
    const known = t(`error.${problem.code}`, problem.args ?? {});
    return known !== `error.${problem.code}` ? known : problem.detail || problem.title;
  } catch {
    return t("upload.network");
  }
}

export function Uploader(props) {
  const { accept = [], typesText = "", maxBytes, compact, valueName, valueSize, purpose = "any", onUploaded, onCleared } = props;
  const t = useT();
  const [phase, setPhase] = useState("idle");
  const [percent, setPercent] = useState(0);
  const [error, setError] = useState("");
  const [over, setOver] = useState(false);
  const [done, setDone] = useState(null);
  const input = useRef(null);
  const request = useRef(null);

  const send = (file) => {
    const why = refusal(file, accept, typesText, maxBytes, t);
    setError(why ?? "");
    if (why) return;
    const xhr = new XMLHttpRequest();
    const body = new FormData();
    body.append("file", file, file.name);
    request.current = xhr;
    setPercent(0);
    setPhase("sending");
    xhr.upload.onprogress = (event) => event.lengthComputable && setPercent(Math.round(event.loaded / event.total * 100));
    xhr.upload.onload = () => setPhase("checking");
    xhr.onabort = () => { setPhase("idle"); setError(t("upload.cancelled")); };
    xhr.onerror = () => { setPhase("idle"); setError(t("upload.network")); };
    xhr.onload = () => {
      setPhase("idle");
      if (xhr.status === 201 || xhr.status === 200) {
        const saved = JSON.parse(xhr.responseText);
        setDone({ name: saved.name, size: saved.size });
        onUploaded?.({ id: saved.id, name: saved.name, size: saved.size });
      } else setError(problemText(xhr, t));
    };
    xhr.open("POST", `/api/v1/files?for=${purpose}`);
    xhr.setRequestHeader("Accept-Language", cookie("sapa_lang") ?? document.documentElement.lang);
    xhr.send(body);
  };

  const pick = (files) => { if (files?.length) send(files[0]); if (input.current) input.current.value = ""; };
  const clear = () => { setDone(null); setError(""); onCleared?.(); };
  const shown = done ?? (valueName ? { name: valueName, size: valueSize } : null);
  const errorLine = error && h("p", { className: "field-error", role: "alert" }, error);

  if (phase !== "idle") {
    const words = phase === "checking" ? t("upload.checking") : t("upload.sending", { percent });
    return h("div", { className: "file-row" },
      h("div", { className: "stack grow" },
        h("span", { role: "status" }, words),
        h("div", { className: "bar", role: "progressbar", "aria-valuemin": 0, "aria-valuemax": 100, "aria-valuenow": percent, "aria-label": words },
          h("i", { style: { width: `${percent}%` } }))),
      h("button", { type: "button", className: "btn small-btn", onClick: () => request.current?.abort() }, t("upload.cancel")));
  }
  if (shown) {
    return h("div", { className: "stack" },
      h("div", { className: "file-row" },
        h("div", { className: "stack grow" }, h("span", { className: "strong clip" }, shown.name),
          h("span", { className: "small muted" }, `${t.size(shown.size)} · ${t("upload.done")}`)),
        h("button", { type: "button", className: "btn small-btn", onClick: clear }, t("common.replace"))),
      errorLine);
  }
  return h("div", { className: "stack", style: { gap: "6px" } },
    h("div", {
      className: `drop${over ? " over" : ""}${compact ? " compact" : ""}`,
      onDragOver: (event) => { event.preventDefault(); setOver(true); },
      onDragLeave: () => setOver(false),
      onDrop: (event) => { event.preventDefault(); setOver(false); pick(event.dataTransfer.files); },
    },
      h("button", { type: "button", className: "btn", onClick: () => input.current?.click() }, t("upload.choose")),
      h("span", null, t("upload.or_drop")),
      h("span", { className: "small muted" }, t("upload.limit", { types: typesText, size: t.size(maxBytes) })),
      h("input", { ref: input, type: "file", className: "input-file", tabIndex: -1, "aria-label": t("upload.choose"), accept: accept.join(","), onChange: (event) => pick(event.target.files) })),
    errorLine);
}
