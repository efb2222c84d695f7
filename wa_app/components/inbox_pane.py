"""The left pane of the inbox, which lives in the browser: see `inbox_pane.jsx`."""

from functools import lru_cache
from typing import Any

import reflex as rx
from reflex.event import passthrough_event_spec as passes

from wa_app.components import inbox
from wa_app.components.i18n import library
from wa_app.components.inbox import Plain, Text

_PARTS = ("glyphs", "sheet", "head", "found", "begin", "bell", "jobs", "times")




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

    on_show: rx.EventHandler[passes(str, str, str, str, str, str)]  # type: ignore[valid-type,type-arg]
    on_open: Text
    on_hit: rx.EventHandler[passes(str, str)]  # type: ignore[valid-type,type-arg]
    on_down: Plain
    on_up: Plain
    on_jump: rx.EventHandler[passes(int)]  # type: ignore[valid-type,type-arg]
    on_act: rx.EventHandler[passes(str, list[str], str)]  # type: ignore[valid-type,type-arg]
    on_find: Text
    on_begin_find: Text
    on_start: rx.EventHandler[passes(str, str, str)]  # type: ignore[valid-type,type-arg]
    on_again: Plain
    on_choices: Plain
    on_jobs: Plain
    on_export: rx.EventHandler[passes(str, str, str, str, str, str)]  # type: ignore[valid-type,type-arg]
    on_delete: rx.EventHandler[passes(list[str])]  # type: ignore[valid-type,type-arg]
    on_count: rx.EventHandler[passes(str, str, str, str, str)]  # type: ignore[valid-type,type-arg]
    on_delete_all: rx.EventHandler[passes(str, str, str, str, str, str)]  # type: ignore[valid-type,type-arg]
    on_cancel: Text
    on_retry: Text
    on_put_away: Text
    on_times: rx.EventHandler[passes(int)]  # type: ignore[valid-type,type-arg]


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
