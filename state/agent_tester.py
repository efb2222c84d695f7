"""State of the chat tester: a talk that lives in this tab, and why each answer is what it is.

Nothing of it is stored unless it is kept as a test case. The answer streams from the gateway through a
background event, which ends when the tab has gone.
"""

from contextlib import aclosing
from time import monotonic
from typing import Any
from uuid import UUID

import reflex as rx

from state.agents import form
from state.agents.settings import AgentState, agent_of_path
from state.base import AppState
from state.campaigns import id_of
from state.tester_lines import MAX_LINES, Talk, detail_of, forget_old, history_of, line_in, line_note, line_out
from wa_app import live
from wa_app.db import unit_of_work
from wa_app.errors import AppError, NotFound
from wa_app.inbound import trying
from wa_app.kit.ids import new_id
from wa_app.schemas.agent_trials import MAX_TEXT, TrialAsk, TrialOutcome, TrialReply
from wa_app.schemas.principal import Principal
from wa_app.services import agents, files
from wa_app.services.agent_trials import attachments, surroundings

COALESCE_S = 0.12
"""Pieces of a stream are shown together: a message to the browser for every token would be hundreds."""
SIDES = ("a", "b")
MAX_ANSWER_S = 90.0


class AgentTesterState(AppState):
    """One talk, or two that hear the same texts."""

    lines: list[dict[str, Any]] = []
    other_lines: list[dict[str, Any]] = []
    """What the second side said, while two are compared."""
    growing: str = ""
    other_growing: str = ""
    busy: bool = False
    other_busy: bool = False
    comparing: bool = False
    version: str = "0"
    other_version: str = "0"
    provider: str = ""
    other_provider: str = ""
    versions: list[list[str]] = []
    providers: list[list[str]] = []
    devices: list[list[str]] = []
    device: str = ""
    spoken: str = "id"
    hints: list[str] = []
    attaching: bool = False
    reading: bool = False
    attachment_name: str = ""
    attachment_error: str = ""
    attachment_args: dict[str, str] = {}
    options_open: bool = False
    picked: str = ""
    picked_question: str = ""
    picked_answer: str = ""
    trace: list[dict[str, Any]] = []
    passages: list[dict[str, Any]] = []
    facts: list[dict[str, str]] = []
    skipped: list[dict[str, str]] = []
    trace_ms: float = 0
    detail: dict[str, Any] = {}
    passage: dict[str, str] = {}
    typed: int = 0
    """Grows with every text sent: the field begins anew, empty."""
    _attachment: str = ""
    _talk: Talk = {}
    _stopped: bool = False
    _turn: str = ""

    @rx.event
    async def load(self) -> None:
        """An empty talk with the agent in the page's address."""
        await self.principal()
        self._clear()
        self.comparing = self.options_open = self.attaching = False
        self.version = self.other_version = "0"
        self.provider = self.other_provider = self.device = ""
        try:
            found = agent_of_path(self.router.url.path)
            async with self.unit_of_work() as uow:
                view = await agents.get(uow, found)
                versions = await agents.versions(uow, found, limit=20)
                around = await surroundings.of(uow, view)
        except NotFound:
            return
        self.versions = [["0", ""], *([str(one.number), ""] for one in versions)]
        self.providers, self.devices = around.providers, [[one["id"], one["name"]] for one in around.devices]
        self.hints = form.suggestions(view.draft)
        self.spoken = "en" if view.draft.language == "en" else "id"

    @rx.event
    async def restart(self) -> None:
        """Forget the talk: the next text is a customer's first."""
        await self.principal()
        self._clear()

    @rx.event
    async def show_options(self) -> None:
        """Number, language and what is compared."""
        await self.principal()
        self.options_open = not self.options_open

    @rx.event
    async def choose(self, what: str, value: str) -> None:
        """Which version, provider, number or language the talk is with."""
        await self.principal()
        known = {
            "version": self.versions, "other_version": self.versions, "provider": self.providers,
            "other_provider": self.providers, "device": self.devices, "spoken": [["id"], ["en"]],
        }.get(what)  # fmt: skip
        if known is None or (value and value not in [one[0] for one in known]):
            return
        setattr(self, what, value)

    @rx.event
    async def compare(self) -> None:
        """A second side beside the first, or no more. Both begin anew, so that they hear the same talk."""
        await self.principal()
        self._clear()
        self.comparing = not self.comparing
        if self.comparing and self.other_version == self.version and len(self.versions) > 1:
            self.other_version = next(one[0] for one in self.versions if one[0] != self.version)

    @rx.event
    async def attach(self, file_id: str, name: str, size: int) -> Any:
        """A picture or document was uploaded: let a worker read it."""
        await self.principal()
        self.attaching, self.reading, self.attachment_name = False, True, str(name)[:200]
        self.attachment_error, self._attachment = "", ""
        return AgentTesterState.read_file(str(id_of(file_id)))  # type: ignore[misc]

    @rx.event(background=True)
    async def read_file(self, file_id: str) -> None:
        """Wait for what stands in the file."""
        principal = await self.principal()
        text, code, args = "", "", {}
        try:
            async with unit_of_work(principal) as uow:
                await files.show(uow, id_of(file_id))
            text = await attachments.read(principal, id_of(file_id))
        except AppError as error:
            code, args = error.code, {key: str(value) for key, value in error.args_.items()}
        async with self:
            if self.reading:
                self.reading, self._attachment = False, text
                self.attachment_error, self.attachment_args = code, args

    @rx.event
    async def detach(self) -> None:
        """Without the file."""
        await self.principal()
        self._forget_file()

    @rx.event
    async def open_uploader(self) -> None:
        """Show where a file is dropped, or hide it."""
        await self.principal()
        self.attaching = not self.attaching

    @rx.event
    async def say(self, form_data: dict[str, Any]) -> Any:
        """What the customer writes."""
        return await self._send(str(form_data.get("say", "")))

    @rx.event
    async def say_hint(self, text: str) -> Any:
        """A suggestion, as if it were typed."""
        return await self._send(str(text))

    async def _send(self, text: str) -> Any:
        await self.principal()
        text = text.replace("\x00", "").strip()[:MAX_TEXT]
        if self.busy or self.other_busy or self.reading or not (text or self._attachment):
            return None
        line = line_in(str(new_id()), text, self.attachment_name if self._attachment else "")
        self._talk[line["id"]] = {"text": text, "attachment": self._attachment}
        self.lines = [*self.lines, line][-MAX_LINES:]
        self._turn, self.busy, self.growing = line["id"], True, ""
        self.typed += 1
        self._forget_file()
        events = [AgentTesterState.answer("a", line["id"])]  # type: ignore[misc]
        if self.comparing:
            self.other_lines = [*self.other_lines, line][-MAX_LINES:]
            self.other_busy, self.other_growing = True, ""
            events.insert(1, AgentTesterState.answer("b", line["id"]))  # type: ignore[misc]
        return events

    @rx.event(background=True)
    async def answer(self, side: str, turn: str) -> None:
        """Stream one side's answer into the page."""
        principal = await self.principal()
        if side not in SIDES:
            return
        async with self:
            if turn != self._turn or turn not in self._talk:
                return
            ask = self._ask(principal, side, turn)
            version = int(self.version if side == "a" else self.other_version)
        try:
            async with unit_of_work(principal) as uow:
                number, config = await agents.config_of(uow, ask[0], version)
            reply = await self._stream(side, turn, TrialAsk(principal.tenant_id, ask[0], number, config, **ask[1]))
        except AppError as error:
            async with self:
                self._say(side, turn, line_note(error.code, error.args_))
            return
        if reply is None:
            return
        async with self:
            self._hear(side, turn, reply, config.name)

    async def _stream(self, side: str, turn: str, ask: TrialAsk) -> TrialReply | None:
        """None when the tab has gone or the talk was begun anew."""
        token, pending, shown_at, ends = self.router.session.client_token, "", monotonic(), monotonic() + MAX_ANSWER_S
        async with aclosing(trying.stream(ask)) as pieces:
            async for piece in pieces:
                if isinstance(piece, TrialReply):
                    return piece
                pending += piece
                if monotonic() - shown_at < COALESCE_S:
                    continue
                if not live.tab_is_open(token) or monotonic() > ends:
                    return None
                async with self:
                    if turn != self._turn:
                        return None
                    if side == "a":
                        self.growing += pending
                    else:
                        self.other_growing += pending
                pending, shown_at = "", monotonic()
        return None

    def _ask(self, principal: Principal, side: str, turn: str) -> tuple[UUID, dict[str, Any]]:
        said = self._talk[turn]
        provider = self.provider if side == "a" else self.other_provider
        before = self.lines if side == "a" else self.other_lines
        return agent_of_path(self.router.url.path), {
            "text": said["text"], "attachment": said["attachment"], "stopped": self._stopped, "language": self.spoken,
            "history": history_of(before, self._talk, turn), "device_id": id_of(self.device) if self.device else None,
            "provider_id": id_of(provider) if provider else None,
        }  # fmt: skip

    def _hear(self, side: str, turn: str, reply: TrialReply, name: str) -> None:
        if turn != self._turn:
            return
        line = line_out(str(new_id()), turn, reply, name)
        self._talk[line["id"]] = detail_of(reply)
        forget_old(self._talk)
        self._say(side, turn, line)
        if side == "a":
            self._pick(line)
        if reply.outcome in (TrialOutcome.STOPPED, TrialOutcome.STARTED):
            self._stopped = reply.outcome is TrialOutcome.STOPPED

    def _say(self, side: str, turn: str, line: dict[str, Any]) -> None:
        if turn != self._turn:
            return
        if side == "a":
            self.lines, self.busy, self.growing = [*self.lines, line][-MAX_LINES:], False, ""
        else:
            self.other_lines, self.other_busy, self.other_growing = [*self.other_lines, line][-MAX_LINES:], False, ""

    @rx.event
    async def show_why(self, line_id: str) -> Any:
        """The trace of one answer."""
        await self.principal()
        line = next((one for one in (*self.lines, *self.other_lines) if one["id"] == line_id), None)
        if line is None or line_id not in self._talk:
            return None
        self._pick(line)
        return AgentState.show_pane("why")  # type: ignore[operator]

    @rx.event
    async def open_source(self, line_id: str, at: int) -> None:
        """The passage an answer stands on."""
        await self.principal()
        cited = self._talk.get(str(line_id), {}).get("cited", [])
        if 0 <= int(at) < len(cited):
            self._open(str(line_id), cited[int(at)])

    @rx.event
    async def open_passage(self, at: int) -> None:
        """A passage of the trace."""
        await self.principal()
        self._open(self.picked, int(at))

    @rx.event
    async def close_passage(self, is_open: bool) -> None:
        """Back to the talk."""
        await self.principal()
        if not is_open:
            self.passage = {}

    def _open(self, line_id: str, at: int) -> None:
        found = self._talk.get(line_id, {}).get("passages", [])
        if 0 <= at < len(found):
            self.passage = {key: str(value) for key, value in found[at].items()}

    def _pick(self, line: dict[str, Any]) -> None:
        kept = self._talk.get(line["id"], {})
        asked = self._talk.get(line["turn"], {})
        self.picked, self.picked_answer = line["id"], line["text"]
        self.picked_question = asked.get("text") or asked.get("attachment", "")[:MAX_TEXT]
        self.trace, self.facts = kept.get("trace", []), kept.get("facts", [])
        self.passages = [{**one, "text": ""} for one in kept.get("passages", [])]
        self.skipped = kept.get("skipped", [])
        self.trace_ms, self.detail = kept.get("ms", 0), kept.get("detail", {})

    def _forget_file(self) -> None:
        self.reading, self.attachment_name, self.attachment_error, self._attachment = False, "", "", ""

    def _clear(self) -> None:
        self.lines, self.other_lines, self._talk = [], [], {}
        self.growing = self.other_growing = self._turn = ""
        self.busy = self.other_busy = self._stopped = False
        self.picked = self.picked_question = self.picked_answer = ""
        self.trace, self.passages, self.facts, self.skipped = [], [], [], []
        self.detail, self.passage, self.trace_ms = {}, {}, 0
        self._forget_file()
