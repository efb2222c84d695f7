"""One rule as controls: field, operator, value."""

from typing import Any

import reflex as rx

from state.segments import SegmentState as S
from state.segments.rows import OPS
from wa_app.components.forms import select, tag_picker
from wa_app.components.i18n import t
from wa_app.components.icons import icon

GROUPS = (
    ("segments.fields.contact", ("tags", "name", "city", "source", "time_zone", "attribute", "created")),
    ("segments.fields.activity", ("wrote", "replied", "received", "read", "campaign")),
    ("segments.fields.other", ("consent", "device")),
)
"""Fields as the list shows them."""
OP_KEYS = {"campaign": "segments.campaign.", "consent": "segments.consent.", "tags": "segments.tags.",
           "created": "segments.created.", "attribute": "segments.op.", "device": "segments.device."}  # fmt: skip
SINCE = ("wrote", "replied", "received", "read")


def _op_key(field: str, op: str) -> str:
    return f"{'segments.since.' if field in SINCE else OP_KEYS.get(field, 'segments.op.')}{op}"


def _field(row: Any) -> rx.Component:
    groups = [
        rx.el.optgroup(*(rx.el.option(t(f"segments.field.{one}"), value=one) for one in fields), label=t(title))
        for title, fields in GROUPS
    ]
    return rx.el.select(
        *groups, value=row["field"].to(str), on_change=lambda value: S.set_field(row["key"].to(str), value),
        aria_label=t("segments.field", n=row["n"].to(str)), class_name="input seg-field",
    )  # fmt: skip


def _op(row: Any, field: str) -> rx.Component:
    return select(
        [(op, t(_op_key(field, op))) for op in OPS[field]], value=row["op"].to(str),
        on_change=lambda value: S.set_op(row["key"].to(str), value),
        aria_label=t("segments.operator", n=row["n"].to(str)), class_name="input seg-op",
    )  # fmt: skip


def _cell(row: Any, cell: str, label: str, **props: Any) -> rx.Component:
    """A value that asks the server once typing rests."""
    props.setdefault("class_name", "input seg-value")
    control = rx.el.input(
        value=row[cell].to(str), on_change=lambda value: S.set_cell(row["key"].to(str), cell, value),
        aria_label=t(label, n=row["n"].to(str)), auto_complete="off", **props,
    )  # fmt: skip
    return rx.debounce_input(control, debounce_timeout=300)


def _value(row: Any, listed: str = "") -> rx.Component:
    more = {"list": listed} if listed else {}
    unset = (row["op"] == "is_set") | (row["op"] == "not_set")
    return rx.cond(unset, rx.fragment(), _cell(row, "value", "segments.value", max_length=200, **more))


def _days(row: Any, unit: Any = None) -> rx.Component:
    box = _cell(row, "days", "segments.days", type="number", min="1", max="3650", input_mode="numeric",
                class_name="input seg-days")  # fmt: skip
    return rx.el.span(box, rx.el.span(t("segments.days.last") if unit is None else unit, class_name="muted"), class_name="row gap-2")


def _day(row: Any) -> rx.Component:
    return _cell(row, "day", "segments.day", type="date", class_name="input seg-day")


def _tags(row: Any) -> rx.Component:
    picker = tag_picker(
        rx.el.span(t("segments.value", n=row["n"].to(str)), class_name="sr"), S.tag_options, row["tag_ids"].to(list[str]),
        lambda tag_id: S.toggle_tag(row["key"].to(str), tag_id),
    )  # fmt: skip
    none = rx.el.span(t("segments.no_tags"), class_name="small muted")
    return rx.el.div(rx.cond(S.tag_options.length() > 0, picker, none), class_name="seg-wide")


def _attribute(row: Any) -> rx.Component:
    name = _cell(row, "name", "segments.attribute", list="segment-attributes", max_length=60, class_name="input seg-op",
                 placeholder=t("segments.attribute.example"))  # fmt: skip
    days = (row["op"] == "before") | (row["op"] == "after")
    return rx.fragment(name, _op(row, "attribute"), rx.cond(days, _day(row), _value(row)))


def _created(row: Any) -> rx.Component:
    by_days = (row["op"] == "within") | (row["op"] == "older")
    unit = rx.cond(row["op"] == "older", t("segments.days.unit"), t("segments.days.last"))
    return rx.fragment(_op(row, "created"), rx.cond(by_days, _days(row, unit), _day(row)))


def _since(row: Any, field: str) -> rx.Component:
    by_days = (row["op"] == "within") | (row["op"] == "not_within")
    return rx.fragment(_op(row, field), rx.cond(by_days, _days(row)))


def _campaign(row: Any) -> rx.Component:
    ids, key = row["campaign_ids"].to(list[str]), row["key"].to(str)
    chosen = rx.cond(ids.length() > 0, "more", rx.cond(row["days"].to(str) != "", "d" + row["days"].to(str), "any"))
    which = rx.el.select(
        rx.el.option(t("segments.campaign.which.any"), value="any"),
        *(rx.el.option(t("segments.campaign.which.days", n=days), value=f"d{days}") for days in (7, 30, 90, 365)),
        rx.cond(ids.length() > 0, rx.el.option(t("segments.campaign.which.more"), value="more", disabled=True)),
        rx.el.optgroup(
            rx.foreach(S.campaign_options, lambda one: rx.el.option(one[1], value=one[0])), label=t("segments.campaign.which.one")
        ),
        value=chosen, on_change=lambda value: S.pick_campaign(key, value),
        aria_label=t("segments.campaign.which", n=row["n"].to(str)), class_name="input seg-value",
    )  # fmt: skip

    def picked(one: Any) -> rx.Component:
        name = rx.cond(S.campaign_names.contains(one), S.campaign_names[one], t("segments.campaign.gone"))
        drop = rx.el.button(icon("x", 13), type="button", on_click=S.drop_campaign(key, one),
                            aria_label=t("segments.campaign.drop", name=name))  # fmt: skip
        return rx.el.span(rx.el.b(name, class_name="clip"), drop, class_name="filter-chip", key=one.to(str))

    chips = rx.cond(ids.length() > 0, rx.el.div(rx.foreach(ids, picked), class_name="seg-wide row flex-wrap gap-1"))
    return rx.fragment(_op(row, "campaign"), which, chips)


def _device(row: Any) -> rx.Component:
    unset = (row["op"] == "is_set") | (row["op"] == "not_set")
    which = rx.el.select(
        rx.el.option(t("segments.device.pick"), value=""),
        rx.foreach(S.device_options, lambda one: rx.el.option(one[1], value=one[0])),
        value=row["device_id"].to(str), on_change=lambda value: S.set_cell(row["key"].to(str), "device_id", value),
        aria_label=t("segments.value", n=row["n"].to(str)), class_name="input seg-value",
    )  # fmt: skip
    return rx.fragment(_op(row, "device"), rx.cond(unset, rx.fragment(), which))


def row_controls(row: Any) -> rx.Component:
    """Field, operator and value of one rule; a rule the page cannot show says so."""
    raw = rx.el.span(icon("lock", 14), t("segments.raw"), class_name="row gap-2 muted seg-wide")
    texts = [(one, rx.fragment(_op(row, one), _value(row, "segment-sources" if one == "source" else "")))
             for one in ("name", "city", "source", "time_zone")]  # fmt: skip
    since = [(one, _since(row, one)) for one in SINCE]
    controls = rx.match(
        row["field"].to(str),
        ("tags", rx.fragment(_op(row, "tags"), _tags(row))),
        *texts, ("attribute", _attribute(row)), ("created", _created(row)), *since,
        ("campaign", _campaign(row)), ("consent", _op(row, "consent")), ("device", _device(row)),
        rx.fragment(),
    )  # fmt: skip
    return rx.cond(row["field"] == "raw", raw, rx.fragment(_field(row), controls))


def suggestions() -> rx.Component:
    """What the inputs of the rows suggest."""
    return rx.fragment(
        rx.el.datalist(rx.foreach(S.attribute_options, lambda one: rx.el.option(value=one)), id="segment-attributes"),
        rx.el.datalist(rx.foreach(S.source_options, lambda one: rx.el.option(value=one)), id="segment-sources"),
    )
