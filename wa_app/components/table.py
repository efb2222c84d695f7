"""The data table: toolbar, head, rows, paging; two-line rows on phones.

Usage::

    data_table(
        ContactsState.rows,
        [
            Column(t("contacts.name"), lambda row: name_cell(row["name"], phone(row["phone"]), row["color"])),
            Column(t("contacts.tags"), lambda row: tag_list(row["tags"]), phone="wide"),
            Column(t("contacts.added"), lambda row: date(row["created_at"]), align="end", phone="hide"),
        ],
        label=t("contacts.title"),
        toolbar=toolbar(search_box(ContactsState.q, ContactsState.search), right=[…]),
        on_open=ContactsState.open_row,          # gets the row's id
        row_menu=lambda row: [menu_item(t("common.edit"), ContactsState.edit(row["id"]))],
        selection=Selection(ContactsState.selected, ContactsState.toggle_row, ContactsState.toggle_page, bar=[…]),
        paging=Paging(ContactsState.first, ContactsState.last, ContactsState.total, …),
        loading=ContactsState.loading, empty=empty(…), filtered=ContactsState.is_filtered, on_clear=ContactsState.clear,
    )

Each row is a mapping with at least `id` and, for the selection's label, `name`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import reflex as rx

from wa_app.components.buttons import button, icon_button
from wa_app.components.chips import avatar
from wa_app.components.dialogs import row_menu as ellipsis_menu
from wa_app.components.feedback import filtered_empty, skeleton_rows
from wa_app.components.forms import select
from wa_app.components.i18n import t
from wa_app.components.icons import icon
from wa_app.components.ticking import tick_box


@dataclass(frozen=True)
class Column:
    """One column. The first is the row's name.

    On phones a row has two lines: `phone="cell"` stands at the right (chip, figure), "wide" below the name, "hide"
    is left out.
    """

    title: Any
    cell: Callable[[Any], Any]
    align: Literal["start", "end"] = "start"
    phone: Literal["cell", "wide", "hide"] = "cell"
    fit: bool = False


@dataclass(frozen=True)
class Selection:
    """`picked`: var of ids; `on_toggle(id)`; `on_page()` flips all rows shown; `bar`: buttons of the bar."""

    picked: Any
    on_toggle: Any
    on_page: Any
    on_clear: Any
    bar: Sequence[rx.Component] = field(default_factory=tuple)


@dataclass(frozen=True)
class Paging:
    """Keyset paging: numbers of the first and last row shown, an estimated total, previous and next."""

    first: Any
    last: Any
    total: Any
    has_previous: Any
    has_next: Any
    on_previous: Any
    on_next: Any
    is_estimate: Any = False


def search_box(value: Any, on_change: Any, *, placeholder: Any = None, wait_ms: int = 250) -> rx.Component:
    """Search of the toolbar; asks the server once typing rests. `/` puts the cursor here."""
    words = placeholder if placeholder is not None else t("common.search")
    return rx.el.div(
        rx.el.span(icon("search"), class_name="lead"),
        rx.debounce_input(
            rx.el.input(
                value=value,
                on_change=on_change,
                placeholder=words,
                aria_label=words,
                type="search",
                class_name="input",
                custom_attrs={"data-search": "true"},
            ),
            debounce_timeout=wait_ms,
        ),
        class_name="input-wrap search",
        role="search",
    )


def filter_chip(name: Any, value: Any, on_remove: Any) -> rx.Component:
    """A filter in force: `Tag: batik ×`."""
    return rx.el.span(
        rx.el.span(name, ": ", rx.el.b(value)),
        rx.el.button(icon("x", 13), type="button", on_click=on_remove, aria_label=t("table.remove_filter", name=name)),
        class_name="filter-chip",
    )


def filter_select(label: Any, options: Sequence[tuple[str, Any]] | rx.Var[Any], **props: Any) -> rx.Component:
    """A small select in the toolbar; the first option is "all"."""
    return select(options, aria_label=label, class_name="input w-auto max-w-[200px]", **props)


def toolbar(*left: Any, right: Sequence[rx.Component] = ()) -> rx.Component:
    """Search and filters left; columns, export right."""
    return rx.el.div(*left, rx.el.span(class_name="grow desk"), *right, class_name="tbl-bar")


def name_cell(title: Any, note: Any = None, colour: Any = "mist", *, lead: Any = None) -> rx.Component:
    """Petal, strong name, quiet second line."""
    mark = lead if lead is not None else avatar(title, colour)
    lines = [rx.el.span(title, class_name="strong clip")]
    if note is not None:
        lines.append(rx.el.span(note, class_name="small muted clip"))
    return rx.el.div(mark, rx.el.div(*lines, class_name="stack"), class_name="row gap-[12px]")


def _selection_bar(selection: Selection) -> rx.Component:
    return rx.el.div(
        icon_button("x", t("table.clear_selection"), on_click=selection.on_clear, tooltip=False),
        rx.el.b(t("table.selected", n=selection.picked.length())),
        *selection.bar,
        class_name="tbl-bar selecting",
        role="status",
    )


def _head(columns: Sequence[Column], selection: Selection | None, has_menu: bool, rows: Any) -> rx.Component:
    first = []
    if selection is not None:
        box = tick_box(
            checked=(selection.picked.length() > 0) & (selection.picked.length() >= rows.length()),
            on_change=selection.on_page,
            aria_label=t("table.select_all"),
        )
        first = [rx.el.th(rx.el.label(box, class_name="check"), class_name="fit", scope="col")]
    last = (
        [rx.el.th(rx.el.span(t("table.actions"), class_name="sr"), class_name="fit", scope="col")] if has_menu else []
    )
    cells = [
        rx.el.th(
            column.title,
            scope="col",
            class_name=f"{'num' if column.align == 'end' else ''} {'fit' if column.fit else ''}",
        )
        for column in columns
    ]
    return rx.el.thead(rx.el.tr(*first, *cells, *last))


def _cell(column: Column, row: Any, *, main: bool) -> rx.Component:
    place = "main-cell" if main else {"cell": "", "wide": "wide-cell", "hide": "phone-hide"}[column.phone]
    names = ["num" if column.align == "end" else "", place]
    return rx.el.td(column.cell(row), class_name=" ".join(filter(None, names)))


def _row(
    row: Any, columns: Sequence[Column], selection: Selection | None, on_open: Any, menu_of: Callable[[Any], Any] | None
) -> rx.Component:
    props: dict[str, Any] = {"key": row["id"].to(str)}
    cells: list[rx.Component] = []
    if selection is not None:
        on = selection.picked.contains(row["id"])
        props["aria_selected"] = on
        box = tick_box(
            checked=on,
            on_change=selection.on_toggle(row["id"]),
            aria_label=t("table.select_row", name=row["name"]),
        )
        cells.append(
            rx.el.td(rx.el.label(box, class_name="check"), class_name="fit check-cell", on_click=rx.stop_propagation)
        )
    cells += [_cell(column, row, main=at == 0) for at, column in enumerate(columns)]
    if menu_of is not None:
        cells.append(
            rx.el.td(ellipsis_menu(*menu_of(row)), class_name="fit num menu-cell", on_click=rx.stop_propagation)
        )
    if on_open is not None:
        props |= {"on_click": on_open(row["id"]), "class_name": "opens"}
    return rx.el.tr(*cells, **props)


def paging_foot(paging: Paging) -> rx.Component:
    """`1–50 dari ± 2.418` and the two arrows."""
    args = {"from": paging.first, "to": paging.last, "total": paging.total}
    words = rx.cond(paging.is_estimate, t("table.range_estimate", **args), t("table.range", **args))
    return rx.el.div(
        rx.el.span(words, class_name="grow", role="status"),
        icon_button(
            "chevron-left",
            t("table.previous"),
            outlined=True,
            tooltip=False,
            disabled=~_bool(paging.has_previous),
            on_click=paging.on_previous,
        ),
        icon_button(
            "chevron-right",
            t("table.next"),
            outlined=True,
            tooltip=False,
            disabled=~_bool(paging.has_next),
            on_click=paging.on_next,
        ),
        class_name="tbl-foot",
    )


def _bool(value: Any) -> rx.Var[bool]:
    return rx.Var.create(value).bool()


def data_table(
    rows: Any,
    columns: Sequence[Column],
    *,
    label: Any,
    toolbar: rx.Component | None = None,
    on_open: Any = None,
    row_menu: Callable[[Any], Any] | None = None,
    selection: Selection | None = None,
    paging: Paging | None = None,
    loading: Any = False,
    empty: rx.Component | None = None,
    filtered: Any = False,
    on_clear: Any = None,
    dense: bool = False,
) -> rx.Component:
    """The table as described above; see the module's usage."""
    rows = rx.Var.create(rows).to(list[dict[str, Any]]) if not isinstance(rows, rx.Var) else rows
    names = " ".join(["tbl", *(["dense"] if dense else []), *(["has-select"] if selection else [])])
    table = rx.el.div(
        rx.el.table(
            _head(columns, selection, row_menu is not None, rows),
            rx.el.tbody(rx.foreach(rows, lambda row: _row(row, columns, selection, on_open, row_menu))),
            class_name=names,
            aria_label=label,
        ),
        class_name="tbl-scroll",
    )
    nothing = empty if empty is not None else rx.fragment()
    if on_clear is not None:
        nothing = rx.cond(filtered, filtered_empty(on_clear), nothing)
    body = rx.cond(rows.length() > 0, table, rx.cond(loading, skeleton_rows(), nothing))
    top = [] if toolbar is None else [toolbar]
    if selection is not None:
        top = [rx.cond(selection.picked.length() > 0, _selection_bar(selection), top[0] if top else rx.fragment())]
    foot = [rx.cond(rows.length() > 0, paging_foot(paging))] if paging is not None else []
    return rx.el.section(*top, body, *foot, class_name="card")


def export_button(on_click: Any) -> rx.Component:
    """Export with the filters in force."""
    return button(t("table.export"), leading="download", on_click=on_click)
