import { createElement as h, useRef, useState } from "react";
import { useT } from "$/public/external/wa_app/components/i18n/i18n.js";
import { postFile, refusal } from "$/public/external/wa_app/components/uploader/file_post.js";

// Several files, one after the other, each with its own progress and its own reason when it is refused.
export function ManyUploader(props) {
  const { accept = [], typesText = "", maxBytes, action, onAdded } = props;
  const t = useT();
  const [files, setFiles] = useState([]);
  const [over, setOver] = useState(false);
  const input = useRef(null);
  const queue = useRef([]);
  const busy = useRef(false);
  const sending = useRef(null);
  const count = useRef(0);

  const change = (key, values) => setFiles((all) => all.map((one) => (one.key === key ? { ...one, ...values } : one)));
  const drop = (key) => setFiles((all) => all.filter((one) => one.key !== key));

  const next = () => {
    const job = queue.current.shift();
    if (!job) { busy.current = false; return; }
    busy.current = true;
    const end = (error) => { sending.current = null; if (error) change(job.key, { error, phase: "failed" }); else drop(job.key); next(); };
    change(job.key, { phase: "sending" });
    const request = postFile(action, job.file, t, {
      onShare: (percent) => change(job.key, { percent }),
      onSent: () => change(job.key, { phase: "checking", percent: 100 }),
      onFailed: end,
      onDone: (saved) => { onAdded?.(saved.id); end(null); },
    });
    sending.current = { key: job.key, request };
  };

  const take = (picked) => {
    const fresh = [...(picked ?? [])].map((file) => {
      const error = refusal(file, accept, typesText, maxBytes, t);
      return { key: ++count.current, file, name: file.name, size: file.size, percent: 0, phase: error ? "failed" : "waiting", error };
    });
    setFiles((all) => [...all, ...fresh]);
    queue.current.push(...fresh.filter((one) => !one.error));
    if (input.current) input.current.value = "";
    if (!busy.current) next();
  };

  const stop = (one) => {
    queue.current = queue.current.filter((other) => other.key !== one.key);
    if (sending.current?.key === one.key) sending.current.request.abort(); else drop(one.key);
  };

  const line = (one) => {
    const words = one.error ?? (one.phase === "waiting" ? t("upload.waiting") : one.phase === "checking" ? t("upload.checking") : t("upload.sending", { percent: one.percent }));
    return h("li", { key: one.key, className: "file-row" },
      h("div", { className: "stack grow" },
        h("span", { className: "strong clip" }, one.name),
        one.error ? h("span", { className: "field-error", role: "alert" }, words) : h("span", { className: "small muted", role: "status" }, words),
        !one.error && h("div", { className: "bar", role: "progressbar", "aria-valuemin": 0, "aria-valuemax": 100, "aria-valuenow": one.percent, "aria-label": `${one.name}: ${words}` },
          h("i", { style: { width: `${one.percent}%` } }))),
      h("button", { type: "button", className: "btn small-btn", onClick: () => (one.error ? drop(one.key) : stop(one)) }, t(one.error ? "common.close" : "upload.cancel")));
  };

  return h("div", { className: "stack", style: { gap: "10px" } },
    h("div", {
      className: `drop compact${over ? " over" : ""}`,
      onDragOver: (event) => { event.preventDefault(); setOver(true); },
      onDragLeave: () => setOver(false),
      onDrop: (event) => { event.preventDefault(); setOver(false); take(event.dataTransfer.files); },
    },
      h("button", { type: "button", className: "btn primary", onClick: () => input.current?.click() }, t("upload.choose_many")),
      h("span", null, t("upload.or_drop_many")),
      h("span", { className: "small muted" }, t("upload.limit", { types: typesText, size: t.size(maxBytes) })),
      h("input", { ref: input, type: "file", multiple: true, className: "input-file", tabIndex: -1, "aria-label": t("upload.choose_many"), accept: accept.join(","), onChange: (event) => take(event.target.files) })),
    files.length > 0 && h("ul", { className: "stack m-0 p-0 list-none", style: { gap: "8px" } }, files.map(line)));
}
