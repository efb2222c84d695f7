"""Parts of the import wizard: the column table, the options, the consequence, progress and outcome."""

from typing import Any

import reflex as rx

from state.imports import ATTRIBUTES, ImportsState
from wa_app.components.cards import card, card_body
from wa_app.components.chips import avatar, tag_chip
from wa_app.components.forms import checkbox, radio_group, select, switch, text_field
from wa_app.components.i18n import error_text, number, t
from wa_app.components.icons import icon
from wa_app.components.progress import bar
from wa_app.kit.tables import ENCODINGS

CHOICES = ("phone", "name", "tags", "city", "email", *ATTRIBUTES, "ignore")
ENCODING_NAMES = (*ENCODINGS, "utf-8-sig", "utf-16-le", "utf-16-be")


def _choice_names() -> list[tuple[str, Any]]:
    return [(choice, t(f"imports.field.{choice}")) for choice in CHOICES]


def _read(column: Any) -> rx.Component:
    """How many values of a column could be read."""
    read, filled = column["read"].to(int), column["filled"].to(int)
    fine = rx.el.span(icon("circle-check"), t("imports.read.filled", n=read), class_name="row text-ok")
    none = rx.el.span(icon("triangle-alert"), t("imports.read.none"), class_name="row text-warn")
    return rx.cond(
        column["choice"] == "ignore",
        rx.el.span(t("imports.read.skipped"), class_name="muted"),
        rx.cond((read == 0) & (filled > 0), none, fine),
    )


def _column(column: Any) -> rx.Component:
    pick = select(
        _choice_names(),
        value=column["choice"].to(str),
        on_change=lambda choice: ImportsState.set_target(column["index"].to(int), choice),
        aria_label=t("imports.column.goes", column=column["name"].to(str)),
        class_name="input",
    )
    return rx.el.tr(
        rx.el.td(
            rx.el.div(column["name"], class_name="strong clip max-w-[150px]", title=column["name"].to(str)),
            class_name="main-cell",
        ),
        rx.el.td(rx.el.div(column["examples"], class_name="muted clip max-w-[150px]"), class_name="phone-hide"),
        rx.el.td(pick, class_name="wide-cell min-w-[184px] max-sm:!ms-0 max-sm:![grid-column:1/-1]"),
        rx.el.td(_read(column), class_name="phone-hide whitespace-nowrap"),
        key=column["index"].to(str),
    )


def _reading() -> rx.Component:
    """Corrections of how the file is read: sheet, encoding, separator."""
    state = ImportsState
    sheet = rx.el.select(
        rx.foreach(state.sheets, lambda name: rx.el.option(name, value=name)),
        value=state.sheet,
        on_change=state.set_sheet,
        aria_label=t("imports.sheet"),
        class_name="input w-auto",
    )
    encoding = select(
        [(name, name.upper()) for name in ENCODING_NAMES],
        value=state.encoding,
        on_change=state.set_encoding,
        aria_label=t("imports.encoding"),
        class_name="input w-auto",
    )
    delimiter = select(
        [(",", ","), (";", ";"), ("\t", "Tab"), ("|", "|")],
        value=state.delimiter,
        on_change=state.set_delimiter,
        aria_label=t("imports.delimiter"),
        class_name="input w-auto",
    )
    return rx.el.div(
        rx.cond(state.sheets.length() > 1, rx.el.label(t("imports.sheet"), sheet, class_name="row small muted")),
        rx.cond(
            state.kind == "csv",
            rx.fragment(
                rx.el.label(t("imports.encoding"), encoding, class_name="row small muted"),
                rx.el.label(t("imports.delimiter"), delimiter, class_name="row small muted"),
            ),
        ),
        class_name="row flex-wrap gap-3 px-4 py-3",
    )  # fmt: skip


def match_table() -> rx.Component:
    """Which column goes where."""
    state = ImportsState
    heads = ("imports.column.file", "imports.column.examples", "imports.column.target", "imports.column.result")
    table = rx.el.div(
        rx.el.table(
            rx.el.thead(rx.el.tr(*(rx.el.th(t(key), scope="col") for key in heads))),
            rx.el.tbody(rx.foreach(state.columns, _column)),
            class_name="tbl",
            aria_label=t("imports.match.title"),
        ),
        class_name="tbl-scroll",
    )
    return card(
        table,
        _reading(),
        title=t("imports.match.title"),
        action=switch(t("imports.first_row"), state.has_header, state.set_header),
        aria_busy=state.busy,
    )


def options() -> rx.Component:
    """What happens with known numbers, the tags of the batch, consent, the country of bare numbers."""
    state = ImportsState
    known = radio_group(
        t("imports.known"),
        "on_duplicate",
        [(key, t(f"imports.known.{key}")) for key in ("fill", "update", "skip")],
        value=state.on_duplicate,
        on_change=state.set_on_duplicate,
    )
    consent = checkbox(
        t("imports.consent"), note=t("imports.consent.note"), checked=state.consent, on_change=state.set_consent
    )
    batch = text_field(
        t("imports.batch_tags"),
        "batch_tags",
        value=state.batch_tags,
        on_change=state.set_batch_tags,
        optional=True,
        help_=t("contacts.tags.help"),
        max_length=500,
        auto_complete="off",
    )
    region = text_field(
        t("imports.region"),
        "region",
        default_value=state.region,
        on_blur=state.set_region,
        optional=True,
        help_=t("imports.region.help"),
        max_length=2,
        placeholder="ID",
        auto_complete="off",
    )
    return card(
        card_body(
            rx.el.div(known, consent, class_name="grid gap-4 sm:grid-cols-2"),
            rx.el.div(batch, region, class_name="grid gap-4 sm:grid-cols-2 mt-4"),
        ),
        title=t("imports.options"),
    )  # fmt: skip


def _line(dot: str, words: Any, n: Any, *after: Any) -> rx.Component:
    return rx.el.li(
        rx.el.i(class_name=f"dot h-[8px] w-[8px] rounded-full {dot}"),
        rx.el.span(words, class_name="grow"),
        rx.el.b(number(n)),
        *after,
        class_name="row py-1",
    )


def _share(counts: list[tuple[str, Any]], total: Any) -> rx.Component:
    """One bar of what the rows become; the list below says the same in words."""
    return rx.el.div(
        *(
            rx.el.i(class_name=f"block h-full {colour}", style={"width": f"calc({n} / max(1, {total}) * 100%)"})
            for colour, n in counts
        ),
        class_name="flex h-[8px] gap-[2px] overflow-hidden rounded-[4px] bg-[var(--track)]",
        aria_hidden="true",
    )


def _tally(total: Any, new: Any, known: Any, known_words: Any, double: Any, bad: Any, *bad_after: Any) -> rx.Component:
    colours = ("bg-[var(--st-delivered)]", "bg-[var(--spark)]", "bg-[var(--ctl)]", "bg-[var(--bad-dot)]")
    return rx.fragment(
        _share(list(zip(colours, (new, known, double, bad), strict=True)), total),
        rx.el.ul(
            _line(colours[0], t("imports.count.new"), new),
            _line(colours[1], known_words, known),
            _line(colours[2], t("imports.count.double"), double),
            _line(colours[3], t("imports.count.bad"), bad, *bad_after),
            class_name="plain mt-3",
        ),
    )


def consequence() -> rx.Component:
    """What this import would do, as it is set up now."""
    state = ImportsState
    words = rx.match(
        state.on_duplicate,
        ("skip", t("imports.count.known_skip")),
        ("update", t("imports.count.known_update")),
        t("imports.count.known_fill"),
    )
    counts = state.counts
    tags = rx.cond(
        state.new_tags.length() > 0,
        rx.el.p(t("imports.new_tags", n=state.new_tags.length()), class_name="small muted mt-2"),
    )
    return card(
        rx.el.div(
            rx.el.p(
                rx.el.b(number(state.ready_count), class_name="figure me-2"),
                rx.el.span(t("imports.ready"), class_name="muted"),
                role="status",
            ),
            _tally(
                counts["rows"].to(int), counts["new"].to(int), counts["existing"].to(int), words,
                counts["duplicates"].to(int), counts["failed"].to(int),
            ),
            rx.cond(
                counts["warnings"].to(int) > 0,
                rx.el.p(
                    icon("triangle-alert"), t("imports.warnings", n=counts["warnings"].to(int)),
                    class_name="row small text-warn mt-2",
                ),
            ),
            tags,
            class_name="card-body stack gap-2",
        ),
        title=t("imports.result"),
        note=rx.cond(state.is_whole, "", t("imports.rows.first", n=counts["rows"].to(int))),
        aria_busy=state.busy,
    )  # fmt: skip


def _sample(one: Any) -> rx.Component:
    changed = rx.el.span(
        rx.el.s(one["raw"], class_name="muted"),
        " → ",
        rx.el.span(one["phone"], class_name="strong"),
        class_name="small clip",
    )
    labels = rx.foreach(one["tags"].to(list[dict[str, str]]), lambda tag: tag_chip(tag["name"], tag["color"]))
    return rx.el.div(
        avatar(one["name"], one["color"]),
        rx.el.div(
            rx.el.span(one["name"], class_name="strong clip"),
            changed,
            rx.el.span(labels, rx.el.span(one["city"], class_name="small muted"), class_name="row flex-wrap gap-1"),
            class_name="stack grow min-w-0",
        ),
        class_name="card-row items-start",
        key=one["row"].to(str),
    )  # fmt: skip


def _problem(one: Any) -> rx.Component:
    return rx.el.div(
        rx.el.span(icon("x"), class_name="avatar bg-bad-soft text-bad", aria_hidden="true"),
        rx.el.div(
            rx.el.span(
                rx.el.span(one["name"], class_name="strong"), " ",
                rx.el.span(t("imports.row", n=one["row"].to(int)), class_name="muted small"),
            ),
            rx.el.span(one["raw"], ": ", error_text(one["code"].to(str)), class_name="small text-bad"),
            class_name="stack grow min-w-0",
        ),
        class_name="card-row items-start",
        key=one["row"].to(str),
    )  # fmt: skip


def samples_card() -> rx.Component:
    """The first rows as they will stand in the list."""
    return rx.cond(
        ImportsState.samples.length() > 0,
        card(rx.foreach(ImportsState.samples, _sample), rx.cond(
            ImportsState.problems.length() > 0, _problem(ImportsState.problems[0]),
        ), title=t("imports.samples")),
    )  # fmt: skip


def problems_card() -> rx.Component:
    """The first values that cannot come in."""
    return rx.cond(
        ImportsState.problems.length() > 0,
        card(rx.foreach(ImportsState.problems, _problem), title=t("imports.problems")),
    )


def progress(job: Any, reading: Any, words: Any) -> rx.Component:
    """How far a job is; while the file is read, only how many rows were seen."""
    done, total = job["processed"].to(int), job["total"].to(int)
    seen = rx.cond(reading > 0, t("imports.seen", n=reading), t("imports.waiting"))
    return rx.el.div(
        rx.el.p(words, class_name="strong"),
        rx.cond(
            total > 0,
            rx.fragment(
                bar(done, total, label=words),
                rx.el.p(t("imports.of", done=done, total=total), class_name="small muted", role="status"),
            ),
            rx.el.p(seen, class_name="small muted", role="status"),
        ),
        class_name="card-body stack gap-2",
    )


def outcome(job: Any, *, is_check: bool) -> rx.Component:
    """Counts of a job, with the file of what was refused."""
    bad = job["failed"].to(int) + job["warnings"].to(int)
    download = rx.cond(
        job["errors_url"].to(str) & (bad > 0),
        rx.el.a(
            icon("download"),
            t("imports.errors.get", n=bad),
            href=job["errors_url"].to(str),
            download=True,
            class_name="btn small-btn",
        ),
    )
    known = t("imports.count.updated")
    return card(
        rx.el.div(
            _tally(
                job["total"].to(int), job["created"].to(int), job["updated"].to(int), known,
                job["skipped"].to(int), job["failed"].to(int),
            ),
            rx.el.div(download, class_name="row mt-2"),
            class_name="card-body",
        ),
        title=t("imports.check.result") if is_check else t("imports.result.final"),
        note=t("imports.rows", n=job["total"].to(int)),
        aria_live="polite",
    )  # fmt: skip
