"""What is done with conversations from the list: with one by a key, with several by the bar."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

import reflex as rx
from reflex.event import EventSpec

from state.campaigns import id_of
from state.inbox import snoozing
from wa_app.components.feedback import error_toast, toast
from wa_app.db import TenantUnitOfWork
from wa_app.errors import AppError, NotFound
from wa_app.kit.clock import utc_now
from wa_app.services import conversations

MOST: Final = 200
"""Conversations that one act is about, at most."""
VERBS: Final = ("close", "reopen", "archive", "snooze", "assign", "team", "tag", "read")
UNDONE: Final = ("close", "archive", "snooze")
"""Verbs that opening again takes back."""


class Acting(rx.State, mixin=True):
    """For the state of the list."""

    @rx.event
    async def act(self: Any, verb: str, ids: list[str], value: str) -> EventSpec | None:
        """Do one thing with each of these conversations; who is gone meanwhile is left out."""
        verb, wanted = str(verb), [str(one) for one in ([ids] if isinstance(ids, str) else list(ids))[:MOST]]
        if verb not in VERBS or not wanted:
            return None
        try:
            async with self.unit_of_work() as uow:
                done = await _each(uow, verb, wanted, str(value), self.tenant_zone)
        except AppError as error:
            return error_toast(error.code, **error.args_)
        if not done:
            return error_toast("not_found")
        async with self.unit_of_work() as uow:
            await self._merge(uow, set(done))
            await self._count(uow)
        if verb == "read":
            return None
        undo = ("common.undo", type(self).act("reopen", done, "")) if verb in UNDONE else None
        return toast(f"inbox_list.done.{verb}", action=undo, n=len(done))


async def _each(uow: TenantUnitOfWork, verb: str, ids: Sequence[str], value: str, zone: str) -> list[str]:
    done = []
    until = snoozing.until(value, zone, utc_now())
    target = id_of(value) if verb == "tag" or (verb in ("assign", "team") and value) else None
    for one in dict.fromkeys(ids):
        try:
            await _one(uow, verb, id_of(one), target, until)
        except NotFound:
            if len(ids) == 1:
                raise
            continue
        done.append(one)
    return done


async def _one(uow: TenantUnitOfWork, verb: str, chat: UUID, target: UUID | None, until: Any) -> None:
    match verb:
        case "close":
            await conversations.close(uow, chat)
        case "reopen":
            await conversations.reopen(uow, chat)
        case "archive":
            await conversations.archive(uow, chat)
        case "snooze" if until is not None:
            await conversations.snooze(uow, chat, until)
        case "assign":
            await conversations.assign(uow, chat, target)
        case "team":
            await conversations.assign_team(uow, chat, target)
        case "tag" if target is not None:
            has = [tag.id for tag in (await conversations.get(uow, chat)).tags]
            await conversations.set_tags(uow, chat, [*has, target])
        case "read":
            await conversations.mark_read(uow, chat)
        case _:
            raise NotFound
