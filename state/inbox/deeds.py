"""What is done with the open conversation from its head: whose it is, until when it waits, how much it matters, its tags."""

from typing import Any, Final
from uuid import UUID

import reflex as rx
from reflex.event import EventSpec

from state.campaigns import id_of
from state.inbox.times import moment_of
from wa_app.components.feedback import error_toast, toast
from wa_app.db import TenantUnitOfWork
from wa_app.errors import AppError, Invalid, NotFound
from wa_app.kit.clock import utc_now
from wa_app.schemas.contacts import TagCreate
from wa_app.schemas.conversations import ChatView
from wa_app.services import conversations, tags

SAID: Final = ("close", "reopen", "archive", "snooze", "block", "unblock")
"""Verbs that a toast tells of; the others show in the head itself."""
UNDONE: Final = ("close", "archive", "snooze")
"""Verbs that opening again takes back."""


class Deeds(rx.State, mixin=True):
    """For the state of the open conversation."""

    head: dict[str, Any] = {}
    """Its state, whose it is, its tags: see `head_row`."""
    people: list[dict[str, str]] = []
    teams: list[dict[str, str]] = []
    tags: list[dict[str, str]] = []
    names: list[str] = []
    """Of the people, for notes that name them."""
    may_tag: bool = False
    """Whether new tags may be made."""
    may_block: bool = False

    @rx.event
    async def choices(self: Any) -> None:
        """Who and what may be chosen in the menu, as it is now."""
        await self._read_choices()

    async def _read_choices(self: Any) -> None:
        async with self.unit_of_work() as uow:
            self.may_tag, self.may_block = uow.principal.may("contacts.write"), uow.principal.may("blacklist.write")
            people, teams = await conversations.colleagues(uow), await conversations.team_names(uow)
            known = await tags.list_(uow, with_counts=False) if uow.principal.may("contacts.read") else []
        self.people = [{"id": str(one.id), "name": one.name} for one in people]
        self.names = [one.name for one in people]
        self.teams = [{"id": str(one.id), "name": one.name} for one in teams]
        self.tags = [{"id": str(one.id), "name": one.name, "color": one.color} for one in known]

    @rx.event
    async def deed(self: Any, chat_id: str, verb: str, value: str) -> EventSpec | None:
        """Do one thing with a conversation; what it has become shows at once, to others by the live channel."""
        verb = str(verb)
        try:
            async with self.unit_of_work() as uow:
                view = await _do(uow, id_of(str(chat_id)), verb, str(value)[:200], self.tenant_zone)
                if str(view.id) == self.chat_id:
                    await self._show_all(uow, view)
        except Invalid as error:
            first = error.fields[0] if error.fields else None
            return error_toast(first.code, **first.args) if first else error_toast(error.code)
        except AppError as error:
            return error_toast(error.code, **error.args_)
        if verb == "new_tag":
            await self._read_choices()
        if verb not in SAID:
            return None
        undo = ("common.undo", type(self).deed(str(view.id), "reopen", "")) if verb in UNDONE else None
        return toast(f"inbox_chat.done.{verb}", action=undo)


async def _do(uow: TenantUnitOfWork, chat: UUID, verb: str, value: str, zone: str) -> ChatView:
    match verb:
        case "assign":
            return await conversations.assign(uow, chat, _maybe(value))
        case "free":
            return await conversations.assign_free(uow, chat)
        case "team":
            return await conversations.assign_team(uow, chat, _maybe(value))
        case "close":
            return await conversations.close(uow, chat)
        case "reopen":
            return await conversations.reopen(uow, chat)
        case "snooze":
            return await conversations.snooze(uow, chat, moment_of(value, zone, utc_now()))
        case "archive":
            return await conversations.archive(uow, chat)
        case "priority":
            return await conversations.set_priority(uow, chat, value)
        case "block":
            return await conversations.block(uow, chat)
        case "unblock":
            return await conversations.unblock(uow, chat)
        case "tag" | "untag" | "new_tag":
            return await _tag(uow, chat, verb, value)
        case _:
            raise NotFound


async def _tag(uow: TenantUnitOfWork, chat: UUID, verb: str, value: str) -> ChatView:
    has = [one.id for one in (await conversations.get(uow, chat)).tags]
    if verb == "untag":
        return await conversations.set_tags(uow, chat, [one for one in has if one != id_of(value)])
    name = " ".join(value.split())[:50]
    if not name:
        raise NotFound
    wanted = (await tags.create(uow, TagCreate(name=name))).id if verb == "new_tag" else id_of(value)
    return await conversations.set_tags(uow, chat, [*has, wanted])


def _maybe(value: str) -> UUID | None:
    return id_of(value) if value else None
