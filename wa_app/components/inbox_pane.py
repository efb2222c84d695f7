"""The left pane of the inbox, which lives in the browser: see `inbox_pane.jsx`."""

from functools import lru_cache
from typing import Any

import reflex as rx
from reflex.event import no_args_event_spec

from wa_app.components import inbox
from wa_app.components.i18n import library

_PARTS = ("glyphs", "sheet", "head", "found", "begin", "bell", "jobs", "times")


def _one(value: rx.Var[str]) -> tuple[rx.Var[str]]:
    return (value,)


def _row(at: rx.Var[int]) -> tuple[rx.Var[int]]:
    return (at,)


def _two(first: rx.Var[str], second: rx.Var[str]) -> tuple[rx.Var[str], rx.Var[str]]:
    return first, second


def _three(first: rx.Var[str], second: rx.Var[str], third: rx.Var[str]) -> tuple[rx.Var[str], rx.Var[str], rx.Var[str]]:
    return first, second, third


def _act(verb: rx.Var[str], ids: rx.Var[list[str]], value: rx.Var[str]) -> tuple[rx.Var[str], rx.Var[list[str]], rx.Var[str]]:
    return verb, ids, value


def _five(
    first: rx.Var[str], second: rx.Var[str], third: rx.Var[str], fourth: rx.Var[str], fifth: rx.Var[str]
) -> tuple[rx.Var[str], rx.Var[str], rx.Var[str], rx.Var[str], rx.Var[str]]:
    return first, second, third, fourth, fifth


def _six(
    first: rx.Var[str], second: rx.Var[str], third: rx.Var[str], fourth: rx.Var[str], fifth: rx.Var[str], sixth: rx.Var[str]
) -> tuple[rx.Var[str], rx.Var[str], rx.Var[str], rx.Var[str], rx.Var[str], rx.Var[str]]:
    return first, second, third, fourth, fifth, sixth


def _ids(ids: rx.Var[list[str]]) -> tuple[rx.Var[list[str]]]:
    return (ids,)


Text = rx.EventHandler[_one]  # type: ignore[valid-type,type-arg]
Plain = rx.EventHandler[no_args_event_spec]  # type: ignore[valid-type,type-arg]


class InboxPane(rx.NoSSRComponent):
    """Folders, filters, search, the list. Children show while there is no conversation at all."""

    tag = "InboxPane"

    rows: rx.Var[list[dict[str, Any]]]
    above: rx.Var[int]
    more: rx.Var[bool]
    mark: rx.Var[str]
    ready: rx.Var[bool]
    selected: rx.Var[str]
    missing: rx.Var[bool]
    view: rx.Var[str]
    filters: rx.Var[dict[str, str]]
    counts: rx.Var[dict[str, int]]
    choices: rx.Var[dict[str, list[dict[str, str]]]]
    me: rx.Var[str]
    writes: rx.Var[bool]
    target: rx.Var[int]
    found: rx.Var[dict[str, Any]]
    begun: rx.Var[dict[str, Any]]
    news: rx.Var[dict[str, Any]]
    work: rx.Var[dict[str, Any]]

    on_show: rx.EventHandler[_six]  # type: ignore[valid-type,type-arg]
    on_open: Text
    on_hit: rx.EventHandler[_two]  # type: ignore[valid-type,type-arg]
    on_down: Plain
    on_up: Plain
    on_jump: rx.EventHandler[_row]  # type: ignore[valid-type,type-arg]
    on_act: rx.EventHandler[_act]  # type: ignore[valid-type,type-arg]
    on_find: Text
    on_begin_find: Text
    on_start: rx.EventHandler[_three]  # type: ignore[valid-type,type-arg]
    on_again: Plain
    on_choices: Plain
    on_jobs: Plain
    on_export: rx.EventHandler[_six]  # type: ignore[valid-type,type-arg]
    on_delete: rx.EventHandler[_ids]  # type: ignore[valid-type,type-arg]
    on_count: rx.EventHandler[_five]  # type: ignore[valid-type,type-arg]
    on_delete_all: rx.EventHandler[_six]  # type: ignore[valid-type,type-arg]
    on_cancel: Text
    on_retry: Text
    on_put_away: Text
    on_times: rx.EventHandler[_row]  # type: ignore[valid-type,type-arg]


@lru_cache
def _module() -> str:
    library()
    inbox.list_module()
    for part in _PARTS:
        rx.asset(f"inbox_{part}.jsx", shared=True)
    return str(rx.asset("inbox_pane.jsx", shared=True).importable_path)


def inbox_pane(*empty: Any, **props: Any) -> rx.Component:
    """See `InboxPane`."""
    InboxPane.library = _module()
    component: rx.Component = InboxPane.create(*empty, **props)
    return component
