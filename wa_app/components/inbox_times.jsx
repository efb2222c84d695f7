// Times of service: how long customers waited for a first answer and for the end, all in all, by person and by team.
import { createElement as h, useEffect, useState } from "react";
import { useT } from "$/public/external/wa_app/components/i18n/i18n.js";
import { IconButton } from "$/public/external/wa_app/components/inbox_pane/inbox_glyphs.jsx";
import { Sheet } from "$/public/external/wa_app/components/inbox_pane/inbox_sheet.jsx";

const DAYS = [7, 30];
const SLOW_MS = 6000;

function Span({ span, target }) {
  const t = useT();
  if (!span.cases) return h("td", null, h("span", { className: "muted", "aria-label": t("inbox_times.nothing") }, "–"));
  return h("td", null, h("span", { className: "strong block" }, t.duration(span.median_s)),
    h("span", { className: "small muted block" }, t("inbox_times.p90", { time: t.duration(span.p90_s) })),
    target > 0 && h("span", { className: "small muted block" }, t("inbox_times.within", { n: span.within_target, all: span.cases })));
}

function Open({ name, n, late, target }) {
  const t = useT();
  return h("div", { className: "times-open" }, h("span", { className: "small muted" }, t(`inbox_times.${name}`)), h("b", null, t.num(n)),
    target > 0 ? h("span", { className: `small ${late ? "late-words" : "muted"}` }, t("inbox_times.late", { n: late })) : h("span", { className: "small muted" }, t("inbox_times.no_target")));
}

function Figures({ times, me }) {
  const t = useT();
  const [first, whole] = [times.first_response_target_min, times.resolution_target_min];
  const head = (name, target) => h("th", { scope: "col" }, t(`inbox_times.${name}`), target > 0 && h("span", { className: "small muted block" }, t("inbox_times.target", { time: t.duration(target * 60) })));
  const line = (key, name, one) => h("tr", { key }, h("th", { scope: "row" }, name), h(Span, { span: one.first_response, target: first }), h(Span, { span: one.resolution, target: whole }));
  return [
    h("div", { key: "open", className: "times-opens" },
      h(Open, { name: "unanswered", n: times.unanswered, late: times.unanswered_late, target: first }),
      h(Open, { name: "unresolved", n: times.unresolved, late: times.unresolved_late, target: whole })),
    h("table", { key: "table", className: "times-table" }, h("caption", { className: "sr" }, t("inbox_times.caption", { n: times.days })),
      h("thead", null, h("tr", null, h("th", { scope: "col" }, t("inbox_times.who")), head("first", first), head("whole", whole))),
      h("tbody", null, line("all", t("inbox_times.all", { n: times.cases }), times),
        times.people.map((one) => line(one.user_id, one.user_id === me ? t("inbox_times.you", { name: one.name }) : one.name, one))),
      times.teams.length > 0 && h("tbody", null, h("tr", { className: "times-group" }, h("th", { scope: "colgroup", colSpan: 3 }, t("inbox_times.teams"))),
        times.teams.map((one) => line(one.team_id, one.name, one)))),
    times.people.length === 0 && h("p", { key: "nobody", className: "small muted" }, t(times.of_all ? "inbox_times.nobody" : "inbox_times.not_you")),
    !times.of_all && times.people.length > 0 && h("p", { key: "own", className: "small muted" }, t("inbox_times.own")),
  ];
}

export function TimesSheet({ times, me, onTimes, onClose }) {
  const t = useT();
  const [days, setDays] = useState(DAYS[0]);
  const [slow, setSlow] = useState(false);
  const ready = times.days === days;
  const read = () => { setSlow(false); onTimes(days); };
  useEffect(read, [days]);
  useEffect(() => {
    if (ready || slow) return undefined;
    const timer = setTimeout(() => setSlow(true), SLOW_MS);
    return () => clearTimeout(timer);
  }, [ready, slow, days]);
  const hasTargets = times.first_response_target_min > 0 || times.resolution_target_min > 0;
  return h(Sheet, { label: t("inbox_jobs.times"), onClose, modal: true, className: "times-sheet" },
    h("div", { className: "row" }, h("h2", { className: "dlg-title grow" }, t("inbox_jobs.times")), h(IconButton, { name: "x", label: t("common.close"), onClick: onClose })),
    h("div", { className: "segmented", role: "group", "aria-label": t("inbox_times.days") }, DAYS.map((one) =>
      h("button", { key: one, type: "button", "aria-pressed": days === one, "data-first": days === one || undefined, onClick: () => setDays(one) }, t("inbox_times.last", { n: one })))),
    !ready && !slow && h("div", { className: "times-wait", role: "status", "aria-busy": true, "aria-label": t("common.loading") }, [70, 90, 60].map((width) => h("span", { key: width, className: "skeleton", style: { width: `${width}%`, height: "14px" } }))),
    !ready && slow && h("div", { className: "error-box row", role: "alert" }, h("p", { className: "grow" }, t("inbox_times.slow")), h("button", { type: "button", className: "btn small-btn", onClick: read }, t("common.retry"))),
    ready && (times.cases ? h(Figures, { times, me }) : h("div", { className: "empty", role: "status" }, h("p", { className: "title" }, t("inbox_times.empty", { n: days })), h("p", null, t("inbox_times.empty.text")))),
    ready && times.cases > 0 && h("p", { className: "small muted" }, t("inbox_times.help")),
    ready && times.may_set && h("p", { className: "small muted" }, !hasTargets && `${t("inbox_times.none")} `, h("a", { className: "link", href: "/settings/business" }, t("inbox_times.set"))));
}
