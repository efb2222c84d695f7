import { createElement as h, useRef, useState } from "react";
import { useT } from "$/public/external/wa_app/components/i18n/i18n.js";
import { postFile, refusal } from "$/public/external/wa_app/components/uploader/file_post.js";

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
    setPercent(0);
    setPhase("sending");
    request.current = postFile(`/api/v1/files?for=${purpose}`, file, t, {
      onShare: setPercent,
      onSent: () => setPhase("checking"),
      onFailed: (words) => { setPhase("idle"); setError(words); },
      onDone: (saved) => {
        setPhase("idle");
        setDone({ name: saved.name, size: saved.size });
        onUploaded?.({ id: saved.id, name: saved.name, size: saved.size });
      },
    });
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
