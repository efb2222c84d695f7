"""Parts of the shared inbox that live in the browser: the list, the thread, the composer."""

from functools import lru_cache
from typing import Any

import reflex as rx
from reflex.event import no_args_event_spec

from wa_app.components.i18n import library
from wa_app.components.uploader import post_module


def _one(value: rx.Var[str]) -> tuple[rx.Var[str]]:
    return (value,)


def _five(
    first: rx.Var[str], second: rx.Var[str], third: rx.Var[str], fourth: rx.Var[str], fifth: rx.Var[str]
) -> tuple[rx.Var[str], rx.Var[str], rx.Var[str], rx.Var[str], rx.Var[str]]:
    return first, second, third, fourth, fifth


Text = rx.EventHandler[_one]  # type: ignore[valid-type,type-arg]
Plain = rx.EventHandler[no_args_event_spec]  # type: ignore[valid-type,type-arg]


class Petal(rx.NoSSRComponent):
    """Somebody's initials in the colour that the list gives them."""

    tag = "Petal"

    who: rx.Var[str]
    name: rx.Var[str]
    size: rx.Var[str]


class Thread(rx.NoSSRComponent):
    """The lines of a chat, oldest first."""

    tag = "Thread"

    lines: rx.Var[list[dict[str, Any]]]
    chat: rx.Var[str]
    older: rx.Var[bool]
    ended: rx.Var[bool]
    fresh: rx.Var[str]
    picked: rx.Var[str]
    writes: rx.Var[bool]
    pending: rx.Var[dict[str, Any] | None]
    label: rx.Var[str]
    ready: rx.Var[bool]

    on_older: Plain
    on_newest: Plain
    on_why: Text
    on_reply: Text
    on_now: Plain
    on_hold: Plain
    on_take: Plain


class Composer(rx.NoSSRComponent):
    """Where a person writes."""

    tag = "Composer"

    chat: rx.Var[str]
    outcome: rx.Var[dict[str, Any]]
    quote: rx.Var[dict[str, str] | None]
    me: rx.Var[str]
    closed: rx.Var[str]

    on_send: rx.EventHandler[_five]  # type: ignore[valid-type,type-arg]
    on_unquote: Plain


@lru_cache
def _modules() -> dict[str, str]:
    library()
    post_module()
    # Their modules import these.
    rx.asset("inbox_icons.jsx", shared=True)
    return {name: str(rx.asset(f"inbox_{name}.jsx", shared=True).importable_path) for name in ("list", "thread", "composer")}


def petal(contact_id: Any, name: Any, size: str = "") -> rx.Component:
    """See `Petal`."""
    Petal.library = _modules()["list"]
    component: rx.Component = Petal.create(who=contact_id, name=name, size=size)
    return component


def list_module() -> str:
    """Import path of the rows of the list, which the left pane builds upon."""
    return _modules()["list"]


def thread(**props: Any) -> rx.Component:
    """See `Thread`."""
    from wa_app.components.editor import whatsapp_text

    whatsapp_text("")  # its module writes the texts of bubbles
    Thread.library = _modules()["thread"]
    component: rx.Component = Thread.create(**props)
    return component


def composer(**props: Any) -> rx.Component:
    """See `Composer`."""
    Composer.library = _modules()["composer"]
    component: rx.Component = Composer.create(**props)
    return component
