"""State of an agent's page: a draft that saves itself, and what is live beside it."""

import re
from typing import Any
from uuid import UUID

import reflex as rx
from reflex.event import EventSpec

from state.agents import form
from state.base import AppState
from state.campaigns import id_of
from wa_app import live
from wa_app.components.feedback import toast
from wa_app.db import TenantUnitOfWork, unit_of_work
from wa_app.errors import Conflict, FieldError, Invalid, NotFound
from wa_app.kit.clock import utc_now
from wa_app.schemas.agent_views import AgentUpdate, AgentView
from wa_app.schemas.agents import AgentConfig, OpenHours
from wa_app.services import agents
from wa_app.services.agent_trials import surroundings

TICK_S = 5.0
MAX_HOURS = 21
MAX_TOPICS = 50
PANES = ("settings", "talk", "why")
_PATH = re.compile(r"/knowledge/agents/([0-9a-fA-F-]{36})")
WEEK = "0123456"


def agent_of_path(path: str) -> UUID:
    """The id in a page's address. Raises NotFound."""
    found = _PATH.match(path)
    if found is None:
        raise NotFound
    return id_of(found[1])


class AgentState(AppState):
    """The draft as fields; every change is stored at once under the revision that the page saw."""

    ready: bool = False
    missing: bool = False
    agent_id: str = ""
    name: str = ""
    is_active: bool = True
    live_version: int = 0
    unpublished: int = 0
    next_version: int = 1
    answers_on: list[str] = []
    answered: int = 0
    handed_over: int = 0
    words: dict[str, str] = {}
    flags: dict[str, bool] = {}
    topics: list[str] = []
    hours: list[dict[str, str]] = []
    devices: list[dict[str, Any]] = []
    all_devices: bool = True
    documents: list[dict[str, Any]] = []
    all_documents: bool = True
    reading: int = 0
    """Documents that are being read right now."""
    providers: list[list[str]] = []
    errors: dict[str, dict[str, Any]] = {}
    saved_at: str = ""
    stale: bool = False
    """Somebody else saved: nothing more is stored before the page is read again."""
    loaded: int = 0
    """Grows with every reading from the database, so that fields begin with what was read."""
    pane: str = "talk"
    _revision: int = 0

    @rx.event
    async def load(self) -> None:
        """Build the page from its address."""
        self.ready = self.missing = False
        self.pane = "talk"
        try:
            found = agent_of_path(self.router.url.path)
            async with self.unit_of_work() as uow:
                await self._read(uow, found)
        except NotFound:
            self.missing = True

    @rx.event(background=True)
    async def watch(self) -> None:
        """Documents become ready, others publish or save: the page follows until its tab has gone."""
        principal = await self.principal()
        try:
            watched = agent_of_path(self.router.url.path)
        except NotFound:
            return
        async for batch in live.changes(principal.tenant_id, self.router.session.client_token, tick_s=TICK_S):
            if not any(one["kind"] in ("agent", "knowledge", "resync") for one in batch):
                continue
            try:
                async with unit_of_work(principal) as uow:
                    view = await agents.get(uow, watched)
                    around = await surroundings.of(uow, view)
            except NotFound:
                continue
            async with self:
                if str(watched) not in self.router.url.path:
                    return
                self._show_live(view)
                self._show_around(view.draft, around)
                self.stale = self.stale or view.revision > self._revision

    @rx.event
    async def reload(self) -> None:
        """Take what somebody else saved."""
        async with self.unit_of_work() as uow:
            await self._read(uow, id_of(self.agent_id))

    @rx.event
    async def show_pane(self, pane: str) -> None:
        """On a phone: settings, talk or why."""
        await self.principal()
        self.pane = pane if pane in PANES else "talk"

    @rx.event
    async def write(self, field: str, value: str | float) -> None:
        """A text, a number or a choice has changed."""
        field, value = str(field)[:80], str(value).removesuffix(".0")
        if self.words.get(field) == value:
            return
        try:
            change = form.change(field, value)
        except Invalid as error:
            await self.principal()
            self._refuse(error)
            return
        self.words = {**self.words, field: value}
        await self._save(change, field)

    @rx.event
    async def flip(self, field: str) -> None:
        """A switch was turned."""
        if field not in form.FLAGS:
            return
        on = not self.flags.get(field, False)
        self.flags = {**self.flags, field: on}
        await self._save(form.nested(field, on), field)

    @rx.event
    async def add_topic(self, form_data: dict[str, Any]) -> None:
        """One more topic that the agent does not talk about."""
        topic = " ".join(str(form_data.get("topic", "")).split())[:80]
        if topic and topic not in self.topics and len(self.topics) < MAX_TOPICS:
            self.topics = [*self.topics, topic]
            await self._save({"forbidden_topics": self.topics}, "forbidden_topics")

    @rx.event
    async def drop_topic(self, topic: str) -> None:
        """A topic may be talked about again."""
        self.topics = [one for one in self.topics if one != topic]
        await self._save({"forbidden_topics": self.topics}, "forbidden_topics")

    @rx.event
    async def set_hour(self, at: int, part: str, value: str) -> None:
        """One part of a row of working hours."""
        if not 0 <= at < len(self.hours) or part not in ("day", "start", "end"):
            return
        self.hours = [{**one, part: str(value)[:5]} if n == at else one for n, one in enumerate(self.hours)]
        await self._save_hours()

    @rx.event
    async def add_hours(self, days: str) -> None:
        """More rows: one for each digit of `days` (0 is Monday), nine to five where nothing else is known."""
        days = "".join(day for day in str(days) if day in WEEK)[:7]
        last = self.hours[-1] if self.hours else {"start": "08:00", "end": "21:00"}
        self.hours = [*self.hours, *({**last, "day": day} for day in days)][:MAX_HOURS]
        await self._save_hours()

    @rx.event
    async def drop_hour(self, at: int) -> None:
        """One row less; without rows the agent answers around the clock."""
        self.hours = [one for n, one in enumerate(self.hours) if n != at]
        await self._save_hours()

    @rx.event
    async def pick_device(self, device_id: str) -> None:
        """Answer on a number, or no more."""
        chosen = [one["id"] for one in self.devices if one["picked"] != (one["id"] == device_id)]
        self.all_devices, self.devices = False, _picked(self.devices, chosen)
        await self._save({"device_ids": chosen}, "device_ids")

    @rx.event
    async def flip_all_devices(self) -> None:
        """All numbers, also those to come; or only some."""
        self.all_devices = not self.all_devices
        chosen = None if self.all_devices else [one["id"] for one in self.devices]
        self.devices = _picked(self.devices, chosen)
        await self._save({"device_ids": chosen}, "device_ids")

    @rx.event
    async def pick_document(self, document_id: str) -> None:
        """Answer from a document, or no more."""
        chosen = [one["id"] for one in self.documents if one["picked"] != (one["id"] == document_id)]
        self.all_documents, self.documents = False, _picked(self.documents, chosen)
        await self._save({"document_ids": chosen}, "document_ids")

    @rx.event
    async def flip_all_documents(self) -> None:
        """All documents, also those to come; or only some."""
        self.all_documents = not self.all_documents
        chosen = None if self.all_documents else [one["id"] for one in self.documents]
        self.documents = _picked(self.documents, chosen)
        await self._save({"document_ids": chosen}, "document_ids")

    @rx.event
    async def flip_active(self) -> EventSpec:
        """Switch the live version off or on; the draft is not touched."""
        async with self.unit_of_work() as uow:
            view = await agents.update(uow, id_of(self.agent_id), AgentUpdate(is_active=not self.is_active))
        self._show_live(view)
        return toast("agent_page.switched_on" if self.is_active else "agent_page.switched_off")

    async def _save_hours(self) -> None:
        try:
            rows = [OpenHours(day=int(one["day"]), start=one["start"], end=one["end"]) for one in self.hours]
        except ValueError:
            await self.principal()
            self._refuse(Invalid(FieldError("behaviour.hours", "agent_hours_wrong")))
            return
        await self._save({"behaviour": {"hours": [one.model_dump() for one in rows]}}, "behaviour.hours")

    async def _save(self, change: dict[str, Any], field: str) -> None:
        """Store one change under the revision that this page saw."""
        principal = await self.principal()
        if self.stale:
            return
        self.errors = {name: code for name, code in self.errors.items() if not name.startswith(field)}
        try:
            async with unit_of_work(principal) as uow:
                data = AgentUpdate(revision=self._revision, config=change)
                view = await agents.update(uow, id_of(self.agent_id), data)
        except Conflict as error:
            if error.code != "agent_changed_elsewhere":
                raise
            self.stale = True
            return
        except Invalid as error:
            self._refuse(error)
            return
        self._revision, self.saved_at = view.revision, utc_now().isoformat()
        self._show_live(view)

    def _refuse(self, error: Invalid) -> None:
        found = {one.field: {"code": one.code, "args": {key: str(value) for key, value in one.args.items()}} for one in error.fields}
        self.errors = {**self.errors, **found}

    async def _read(self, uow: TenantUnitOfWork, agent_id: UUID) -> None:
        view = await agents.get(uow, agent_id)
        around = await surroundings.of(uow, view)
        self.agent_id, self._revision, self.stale = str(view.id), view.revision, False
        self.words, self.flags = form.read(view.draft)
        self.topics, self.hours, self.errors = view.draft.forbidden_topics, form.hours(view.draft), {}
        self.saved_at = (view.updated_at or view.created_at).isoformat()
        self._show_live(view)
        self._show_around(view.draft, around)
        self.loaded += 1
        self.ready = True

    def _show_live(self, view: AgentView) -> None:
        self.name, self.is_active = view.name, view.is_active
        self.live_version = view.live.number if view.live else 0
        self.unpublished = len(view.unpublished)
        self._answers_on = {str(one) for one in view.answers_on}
        self.answers_on = [one["name"] for one in self.devices if one["id"] in self._answers_on]

    _answers_on: set[str] = set()

    def _show_around(self, draft: AgentConfig, around: surroundings.Surroundings) -> None:
        devices, documents = draft.device_ids, draft.document_ids
        self.all_devices, self.all_documents = devices is None, documents is None
        self.devices = _picked(around.devices, None if devices is None else [str(one) for one in devices])
        self.documents = _picked(around.documents, None if documents is None else [str(one) for one in documents])
        self.reading = sum(one["status"] not in ("ready", "failed") for one in around.documents)
        self.providers = around.providers
        self.answered, self.handed_over = around.answered, around.handed_over
        self.next_version = around.last_version + 1
        self.answers_on = [one["name"] for one in self.devices if one["id"] in self._answers_on]


def _picked(rows: list[dict[str, Any]], chosen: list[str] | None) -> list[dict[str, Any]]:
    return [{**one, "picked": chosen is None or one["id"] in chosen} for one in rows]
