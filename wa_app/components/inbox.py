"""Parts of the shared inbox that live in the browser: the list, the thread, the composer."""

from functools import lru_cache
from typing import Any

import reflex as rx
from reflex.event import no_args_event_spec
from reflex.event import passthrough_event_spec as passes

from wa_app.components.i18n import library
from wa_app.components.uploader import post_module

_text = passes(str)
Text = rx.EventHandler[_text]  # type: ignore[valid-type,type-arg]
Plain = rx.EventHandler[no_args_event_spec]  # type: ignore[valid-type,type-arg]


class Petal(rx.NoSSRComponent):
    """Somebody's initials in the colour that the list gives them; a group has a mark instead."""

    tag = "Petal"

    who: rx.Var[str]
    name: rx.Var[str]
    size: rx.Var[str]
    group: rx.Var[bool]


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
    me: rx.Var[str]
    names: rx.Var[list[str]]
    spot: rx.Var[dict[str, Any]]

    on_look: rx.EventHandler[passes(bool)]  # type: ignore[valid-type,type-arg]
    on_older: Plain
    on_newer: Plain
    on_newest: Plain
    on_why: Text
    on_reply: Text
    on_again: Text
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

    shut: rx.Var[str]
    window: rx.Var[dict[str, str]]
    draft: rx.Var[dict[str, Any]]
    replies: rx.Var[list[dict[str, str]]]
    insert: rx.Var[dict[str, Any]]
    values: rx.Var[list[dict[str, str]]]
    waiting: rx.Var[list[dict[str, str]]]
    typist: rx.Var[dict[str, Any]]
    proposal: rx.Var[dict[str, Any]]
    busy: rx.Var[str]
    people: rx.Var[list[dict[str, str]]]
    lines: rx.Var[list[dict[str, Any]]]

    on_send: rx.EventHandler[passes(str, str, str, str, str, str)]  # type: ignore[valid-type,type-arg]
    on_quote: Text
    on_unquote: Plain
    on_note: rx.EventHandler[passes(str, str, list[str], str)]  # type: ignore[valid-type,type-arg]
    on_later: rx.EventHandler[passes(str, str, str, str, str, str, str)]  # type: ignore[valid-type,type-arg]
    on_draft: rx.EventHandler[passes(str, str, str, str, str, str)]  # type: ignore[valid-type,type-arg]
    on_typing: rx.EventHandler[passes(str, bool)]  # type: ignore[valid-type,type-arg]
    on_find: Text
    on_use: rx.EventHandler[passes(str, str)]  # type: ignore[valid-type,type-arg]
    on_values: Plain
    on_take_back: Text
    on_suggest: Text


class ChatMenu(rx.NoSSRComponent):
    """What is done with a conversation."""

    tag = "ChatMenu"

    chat: rx.Var[str]
    name: rx.Var[str]
    head: rx.Var[dict[str, Any]]
    people: rx.Var[list[dict[str, str]]]
    teams: rx.Var[list[dict[str, str]]]
    tags: rx.Var[list[dict[str, str]]]
    me: rx.Var[str]
    blocked: rx.Var[bool]
    writes: rx.Var[bool]
    may_tag: rx.Var[bool]
    may_block: rx.Var[bool]
    busy: rx.Var[str]

    on_deed: rx.EventHandler[passes(str, str, str)]  # type: ignore[valid-type,type-arg]
    on_choices: Plain
    on_day: Text
    on_summary: Text


class ChatStatus(rx.NoSSRComponent):
    """What is not usual about a conversation."""

    tag = "ChatStatus"

    chat: rx.Var[str]
    head: rx.Var[dict[str, Any]]
    writes: rx.Var[bool]

    on_deed: rx.EventHandler[passes(str, str, str)]  # type: ignore[valid-type,type-arg]


@lru_cache
def _modules() -> dict[str, str]:
    library()
    post_module()
    # Their modules import these.
    for part in ("icons", "panel", "file", "window", "draft", "quote", "aids"):
        rx.asset(f"inbox_{part}.jsx", shared=True)
    return {name: str(rx.asset(f"inbox_{name}.jsx", shared=True).importable_path) for name in ("list", "thread", "composer", "menu")}


def petal(contact_id: Any, name: Any, size: str = "", *, group: Any = False) -> rx.Component:
    """See `Petal`."""
    Petal.library = _modules()["list"]
    component: rx.Component = Petal.create(who=contact_id, name=name, size=size, group=group)
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


def chat_menu(**props: Any) -> rx.Component:
    """See `ChatMenu`."""
    ChatMenu.library = _modules()["menu"]
    component: rx.Component = ChatMenu.create(**props)
    return component


def chat_status(**props: Any) -> rx.Component:
    """See `ChatStatus`."""
    ChatStatus.library = _modules()["menu"]
    component: rx.Component = ChatStatus.create(**props)
    return component
