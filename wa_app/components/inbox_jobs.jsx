// Long work on conversations: the menu that leads to it, a file of what is on show, deleting several, and how far it is.
import { createElement as h, useEffect, useRef, useState } from "react";
import { useT } from "$/public/external/wa_app/components/i18n/i18n.js";
import { IconButton, Sign } from "$/public/external/wa_app/components/inbox_pane/inbox_glyphs.jsx";
import { FILTERS } from "$/public/external/wa_app/components/inbox_pane/inbox_head.jsx";
import { Sheet } from "$/public/external/wa_app/components/inbox_pane/inbox_sheet.jsx";

const FORMATS = ["csv", "json"];
const FILES_SHOWN = 5;
// A link to a file works for an hour. Its age is counted here: clocks of browsers may be wrong.
const FRESH_MS = 55 * 60_000;
const isOpen = (job) => job.status === "queued" || job.status === "running";
const isFile = (job) => FORMATS.includes(job.kind);

export function MoreSheet({ mayExport, mayDelete, onPick, onClose }) {
  const t = useT();
  const item = (name, sign, first) => h("li", { key: name },
    h("button", { type: "button", className: "pick-item", "data-first": first || undefined, onClick: () => onPick(name) }, h(Sign, { name: sign }), h("span", { className: "grow" }, t(name === "delete" ? "inbox_jobs.delete.all" : `inbox_jobs.${name}`))));
  return h(Sheet, { label: t("inbox_jobs.more"), onClose, className: "folders-sheet" },
    h("ul", { className: "pick-list" }, mayExport && item("export", "file", true), item("times", "timer", !mayExport), mayDelete && item("delete", "trash")));
}

function stateOf(job, t) {
  const far = { done: job.done, total: job.total };
  if (job.status === "failed") return t(`error.${job.error}`);
  if (job.status === "cancelled") return isFile(job) || !job.done ? t("inbox_jobs.cancelled") : t("inbox_jobs.deleted.some", far);
  if (isOpen(job)) return job.total ? t("inbox_jobs.progress", far) : t("inbox_jobs.waiting");
  if (!isFile(job)) return t("inbox_jobs.deleted", { n: job.done });
  return job.url ? `${t("inbox_jobs.of", { n: job.done })} · ${t.size(job.size)}` : t("inbox_jobs.gone");
}

// A link that is too old is asked for anew, and followed when it is there.
function FileLink({ job, onJobs }) {
  const t = useT();
  const link = useRef(null);
  const came = useRef(0);
  const [waits, setWaits] = useState(false);
  useEffect(() => {
    came.current = Date.now();
    if (!waits) return;
    setWaits(false);
    link.current.click();
  }, [job.url]);
  const onClick = (event) => {
    if (Date.now() - came.current < FRESH_MS) return;
    event.preventDefault();
    setWaits(true);
    onJobs();
  };
  return h("a", { ref: link, className: "btn small-btn", href: job.url, download: job.name, "aria-busy": waits || undefined, onClick }, h(Sign, { name: "download", size: 14 }), t("inbox_jobs.download"));
}

function Job({ job, timed, does, onPutAway }) {
  const t = useT();
  const name = t(`inbox_jobs.kind.${job.kind}`);
  const share = job.total ? Math.round(job.done * 100 / job.total) : 0;
  const mayRetry = job.status === "failed" || (job.status === "cancelled" && isFile(job));
  return h("li", { className: `chat-job ${job.status}` },
    h(Sign, { name: job.status === "failed" ? "alert" : isFile(job) ? "file" : "trash", size: 18 }),
    h("span", { className: "stack grow" },
      h("span", { className: "strong clip" }, name, timed && h("span", { className: "small muted" }, ` · ${t.moment(job.at)}`)),
      isOpen(job) && h("span", { className: "small muted" }, stateOf(job, t)),
      // Said once, when it is over; the bar is there for who wants to know how far it is.
      h("span", { className: "small muted", role: "status" }, isOpen(job) ? "" : stateOf(job, t)),
      isOpen(job) && h("span", { className: "bar", role: "progressbar", "aria-label": name, "aria-valuemin": 0, "aria-valuemax": 100, "aria-valuenow": share }, h("i", { style: { "--share": share } }))),
    isOpen(job) && h("button", { type: "button", className: "btn small-btn", onClick: () => does.onCancel(job.id) }, t("inbox_jobs.cancel")),
    mayRetry && h("button", { type: "button", className: "btn small-btn", onClick: () => does.onRetry(job.id) }, h(Sign, { name: "retry", size: 14 }), t("common.retry")),
    job.url && h(FileLink, { job, onJobs: does.onJobs }),
    !isOpen(job) && onPutAway && h(IconButton, { name: "x", label: t("common.close"), onClick: () => onPutAway(job.id) }));
}

// What this tab asked for stays above the list until it is put away.
export function JobStrip({ jobs, own, does, onPutAway }) {
  const t = useT();
  const shown = jobs.filter((job) => own.includes(job.id));
  if (!shown.length) return null;
  return h("ul", { className: "chat-jobs job-strip", "aria-label": t("inbox_jobs.work") }, shown.map((job) => h(Job, { key: job.id, job, does, onPutAway })));
}

// The folder and filters that the work is about.
function OnShow({ view, filters, choices }) {
  const t = useT();
  const chips = FILTERS.filter((name) => filters[name]).map((name) => [t(`inbox_list.by_${name}`), choices[name]?.find((one) => one.id === filters[name])?.name ?? "…"]);
  return h("div", { className: "in-force" }, [[t("inbox_jobs.folder"), t(`inbox_list.folder.${view}`)], ...chips].map(([name, value]) =>
    h("span", { key: name, className: "filter-chip" }, h("span", { className: "clip" }, name, ": ", h("b", null, value)))));
}

export function ExportSheet({ view, filters, choices, jobs, does, onExport, onClose }) {
  const t = useT();
  const [kind, setKind] = useState("csv");
  useEffect(() => { does.onJobs(); }, []);
  const files = jobs.filter(isFile).slice(0, FILES_SHOWN);
  return h(Sheet, { label: t("inbox_jobs.export"), onClose, modal: true, className: "export-sheet" },
    h("div", { className: "row" }, h("h2", { className: "dlg-title grow" }, t("inbox_jobs.export")), h(IconButton, { name: "x", label: t("common.close"), onClick: onClose })),
    h(OnShow, { view, filters, choices }),
    h("fieldset", { className: "kinds" }, h("legend", { className: "field-label" }, t("inbox_jobs.format")),
      FORMATS.map((one) => h("label", { key: one, className: "check" },
        h("input", { type: "radio", name: "inbox-export", className: "tick", value: one, checked: kind === one, "data-first": kind === one || undefined, onChange: () => setKind(one) }),
        h("span", { className: "stack" }, h("span", null, one.toUpperCase()), h("span", { className: "small muted" }, t(`inbox_jobs.format.${one}`)))))),
    h("p", { className: "small muted" }, t("inbox_jobs.export.note")),
    h("div", { className: "row sheet-acts" }, h("button", { type: "button", className: "btn primary", onClick: () => onExport(kind) }, h(Sign, { name: "file" }), t("inbox_jobs.export.do"))),
    files.length > 0 && h("div", { className: "stack" }, h("h3", { className: "field-label" }, t("inbox_jobs.files")),
      h("ul", { className: "chat-jobs" }, files.map((job) => h(Job, { key: job.id, job, timed: true, does })))));
}

// Those that are selected, or all that match; never more than the number that was named.
export function DeleteSheet({ n, shown, view, filters, choices, matching, onCount, onDelete, onClose }) {
  const t = useT();
  const [all, setAll] = useState(!n);
  useEffect(() => { onCount(); }, [shown.join()]);
  const known = matching?.of?.join() === shown.join() ? matching : null;
  const many = all ? known?.n : n;
  const title = many === undefined ? t("inbox_jobs.delete.all") : many === 1 ? t("inbox_jobs.delete.one") : t("inbox_jobs.delete", { n: many });
  // The focus would jump with the name of the dialog.
  const [label] = useState(title);
  const scope = (mine, words, off) => h("label", { className: "check" },
    h("input", { type: "radio", name: "inbox-delete", className: "tick", checked: all === mine, disabled: off, onChange: () => setAll(mine) }), h("span", null, words));
  return h(Sheet, { label, onClose, modal: true, className: "delete-sheet" },
    h("h2", { className: "dlg-title" }, title),
    n > 0 && h("fieldset", { className: "kinds" }, h("legend", { className: "sr" }, t("inbox_jobs.delete.which")),
      scope(false, t("inbox_jobs.delete.picked", { n })), scope(true, known ? t("inbox_jobs.delete.matching", { n: known.n }) : t("inbox_jobs.delete.counting"), !known)),
    all && h(OnShow, { view, filters, choices }),
    all && h("p", { className: "small muted", role: "status" }, known ? t("inbox_jobs.delete.since") : t("inbox_jobs.delete.counting")),
    h("p", null, t("inbox_jobs.delete.goes"), " ", h("b", null, t("inbox_jobs.delete.final"))),
    h("p", { className: "muted" }, t("inbox_jobs.delete.stays")),
    h("div", { className: "row sheet-acts" },
      h("button", { type: "button", className: "btn", "data-first": true, onClick: onClose }, t("common.cancel")),
      h("button", { type: "button", className: "btn danger-solid", disabled: !many, onClick: () => onDelete(all ? known.until : "") }, many === undefined ? t("common.delete") : t("inbox_jobs.delete.do", { n: many }))));
}
