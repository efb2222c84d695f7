"""What a model does for the person who answers: words to begin with, and the talk in short. Nothing is sent by it."""

from typing import Any
from uuid import UUID

import reflex as rx

from state.campaigns import id_of
from wa_app.errors import AppError
from wa_app.schemas.agents import Suggestion
from wa_app.services import conversations
from wa_app.services.agents import helping

SOURCES = 3


class Helping(rx.State, mixin=True):
    """For the state of the open conversation."""

    help_busy: str = ""
    """What is being asked for: `suggest`, `summary`."""
    proposal: dict[str, Any] = {}
    """Words for the field: `{n, chat, text, sources, reason}`."""
    gist: str = ""
    help_error: dict[str, Any] = {}
    """Why there is no help: `{code, args}`."""

    @rx.event(background=True)
    async def suggest(self: Any, chat_id: str) -> None:
        """Ask for words to answer the open messages with."""
        tenant_id = await self._ask("suggest", chat_id)
        if tenant_id is None:
            return
        try:
            made: Any = _proposal(await helping.suggest(tenant_id, id_of(chat_id)))
        except AppError as error:
            await self._no_help(chat_id, error)
            return
        async with self:
            self.help_busy = ""
            if self.chat_id == chat_id:
                self.proposal = {"n": int(self.proposal.get("n", 0)) + 1, "chat": chat_id, **made}

    @rx.event(background=True)
    async def summarise(self: Any, chat_id: str) -> None:
        """Ask for the talk in a few sentences."""
        tenant_id = await self._ask("summary", chat_id)
        if tenant_id is None:
            return
        try:
            said = await helping.summarise(tenant_id, id_of(chat_id))
        except AppError as error:
            await self._no_help(chat_id, error)
            return
        async with self:
            self.help_busy = ""
            if self.chat_id == chat_id:
                self.gist = said

    @rx.event
    async def forget_help(self: Any) -> None:
        """Put the summary, or what was said of an error, away."""
        await self.principal()
        self.gist, self.help_error = "", {}

    async def _ask(self: Any, what: str, chat_id: str) -> UUID | None:
        """Whose talk it is, once the person may answer it; None while something is asked for already."""
        async with self:
            if self.help_busy or chat_id != self.chat_id:
                return None
            self.help_busy, self.help_error = what, {}
        try:
            # Over before a model is asked.
            async with self.unit_of_work() as uow:
                uow.require("messages.send")
                await conversations.get(uow, id_of(chat_id))
                return UUID(str(uow.tenant_id))
        except AppError as error:
            await self._no_help(chat_id, error)
            return None

    async def _no_help(self: Any, chat_id: str, error: AppError) -> None:
        async with self:
            self.help_busy = ""
            if self.chat_id == chat_id:
                self.help_error = {"code": error.code, "args": {key: str(value) for key, value in error.args_.items()}}


def _proposal(made: Suggestion) -> dict[str, Any]:
    named = {(one.document_name, one.page or 0): one for one in made.sources}
    sources = [{"name": name, "page": page, "text": one.text[:400]} for (name, page), one in list(named.items())[:SOURCES]]
    return {"text": made.text, "sources": sources, "reason": made.reason}
