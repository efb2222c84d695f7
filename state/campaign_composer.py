"""State of the composer: a draft that saves itself, its audience, what one person would read, what is wrong."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import reflex as rx
from reflex.event import EventSpec

from pages import routes
from state.base import AppState
from state.campaign_progress import campaign_of_path
from state.campaigns import id_of
from wa_app.components.feedback import error_toast
from wa_app.db import TenantUnitOfWork
from wa_app.errors import AppError, Invalid, NotFound
from wa_app.i18n import translate
from wa_app.models.outbound import CampaignStatus
from wa_app.schemas.campaigns import (
    AudienceCount,
    CampaignCreate,
    CampaignUpdate,
    CampaignView,
    Check,
    Preflight,
    Target,
)
from wa_app.sending.rendering import BUILT_IN
from wa_app.services import campaigns, devices, files, tags
from wa_app.services.campaigns.checks import known_attributes, media_kind

STEPS = ("people", "message", "timing", "check")
FIELD_STEP = {"target": "people", "message_template": "message", "file_id": "message", "name": "message"}


class CampaignComposerState(AppState):
    """One draft. Every change is saved when typing rests; the first one makes the draft."""

    ready: bool = False
    missing: bool = False
    step: str = "people"
    draft_id: str = ""
    name: str = ""
    name_error: str = ""
    status: str = "DRAFT"
    message: str = ""
    saved_at: str = ""
    everyone: bool = False
    tag_options: list[dict[str, str]] = []
    wanted: list[str] = []
    unwanted: list[str] = []
    people: int = 0
    suppressed: int = 0
    unreachable: int = 0
    sendable: int = 0
    device_rows: list[dict[str, Any]] = []
    chosen: list[str] = []
    connected: int = 0
    delay_min: str = ""
    delay_max: str = ""
    delay_error: str = ""
    when: str = "now"
    when_local: str = ""
    when_error: str = ""
    file_id: str = ""
    file_name: str = ""
    file_size: int = 0
    file_kind: str = ""
    file_url: str = ""
    file_error: str = ""
    file_error_args: dict[str, str] = {}
    variables: list[str] = []
    variants: int = 1
    letters: int = 0
    sample_at: int = 0
    sample_names: list[str] = []
    sample_options: list[list[str]] = []
    preview: str = ""
    preview_name: str = ""
    checks: list[dict[str, Any]] = []
    errors: int = 0
    warnings: int = 0
    seconds: int = 0
    step_state: dict[str, str] = {}
    busy: bool = False
    asked: bool = False
    _samples: list[dict[str, Any]] = []
    _zone: str = "Asia/Jakarta"

    @rx.event
    async def load_new(self) -> None:
        """An empty composer; nothing is stored before the first change."""
        self._clear()
        self.everyone = True
        async with self.unit_of_work() as uow:
            self._zone = (await campaigns.tenant_zone(uow)).key
            self.name = translate((await self.principal()).language, "composer.new_name")
            await self._lists(uow)
            await self._look(uow)
        self.ready = True

    @rx.event
    async def load(self) -> EventSpec | None:
        """The draft named in the page's address."""
        self._clear()
        try:
            found = campaign_of_path(self.router.url.path)
            async with self.unit_of_work() as uow:
                self._zone = (await campaigns.tenant_zone(uow)).key
                view = await campaigns.get(uow, found)
                if view.status not in (CampaignStatus.DRAFT, CampaignStatus.PENDING) or view.started_at:
                    return rx.redirect(routes.campaign(str(found)))
                await self._fill(uow, view)
                await self._lists(uow)
                await self._look(uow)
        except NotFound:
            self.missing = True
            return None
        self.ready = True
        return None

    @rx.event
    async def go(self, step: str) -> None:
        """Show one of the steps."""
        await self.principal()
        self.step = step if step in STEPS else "people"

    @rx.event
    async def forward(self) -> None:
        """The next step."""
        await self.principal()
        self.step = STEPS[min(STEPS.index(self.step) + 1, len(STEPS) - 1)]

    @rx.event
    async def set_name(self, name: str) -> EventSpec | None:
        """Rename."""
        self.name = name[:200]
        return await self._save(name=self.name)

    @rx.event
    async def set_message(self, text: str) -> EventSpec | None:
        """The text, once typing rests."""
        self.message = text[:70_000]
        self.letters = len(self.message)
        return await self._save(message_template=self.message)

    @rx.event
    async def set_scope(self, scope: str) -> EventSpec | None:
        """All contacts, or those with one of the tags."""
        self.everyone = scope == "all"
        return await self._save_target()

    @rx.event
    async def toggle_wanted(self, name: str) -> EventSpec | None:
        """Take a tag in or out; it cannot be wanted and excluded."""
        self.wanted = _flipped(self.wanted, name)
        self.unwanted = [one for one in self.unwanted if one != name]
        self.everyone = False
        return await self._save_target()

    @rx.event
    async def toggle_unwanted(self, name: str) -> EventSpec | None:
        """Leave out who carries a tag."""
        self.unwanted = _flipped(self.unwanted, name)
        self.wanted = [one for one in self.wanted if one != name]
        return await self._save_target()

    @rx.event
    async def toggle_device(self, device_id: str) -> EventSpec | None:
        """Let a device take part, or not; none chosen means all that are active."""
        self.chosen = _flipped(self.chosen, str(id_of(device_id)))
        return await self._save(device_ids=[UUID(one) for one in self.chosen])

    @rx.event
    async def set_delay_min(self, value: str) -> EventSpec | None:
        """Shortest gap in seconds."""
        self.delay_min = value[:6]
        return await self._save_delays()

    @rx.event
    async def set_delay_max(self, value: str) -> EventSpec | None:
        """Longest gap in seconds."""
        self.delay_max = value[:6]
        return await self._save_delays()

    @rx.event
    async def set_when(self, when: str) -> EventSpec | None:
        """Now, or at a time."""
        self.when, self.when_error = "later" if when == "later" else "now", ""
        return await self._save_time()

    @rx.event
    async def set_when_local(self, value: str) -> EventSpec | None:
        """The time on the tenant's wall."""
        self.when_local, self.when = value[:20], "later"
        return await self._save_time()

    @rx.event
    async def attach(self, file_id: str, name: str, size: int) -> EventSpec | None:
        """A file has been uploaded."""
        self.file_error = ""
        saved = await self._save(file_id=id_of(file_id))
        async with self.unit_of_work() as uow:
            await self._show_file(uow, id_of(file_id) if not self.file_error else None)
        return saved

    @rx.event
    async def detach(self) -> EventSpec | None:
        """Take the file off."""
        self.file_id = self.file_name = self.file_url = self.file_kind = self.file_error = ""
        return await self._save(file_id=None)

    @rx.event
    async def next_sample(self) -> None:
        """The next person."""
        await self.principal()
        self._show_sample(self.sample_at + 1)

    @rx.event
    async def previous_sample(self) -> None:
        """The person before."""
        await self.principal()
        self._show_sample(self.sample_at - 1)

    @rx.event
    async def pick_sample(self, at: str) -> None:
        """A person from the list."""
        await self.principal()
        self._show_sample(int(at) if at.isdigit() else 0)

    @rx.event
    async def ask_start(self) -> None:
        """Ask before it goes out, or show what is wrong."""
        async with self.unit_of_work() as uow:
            await self._look(uow)
        self.step = "check"
        self.asked = self.errors == 0

    @rx.event
    async def close_question(self, _: bool) -> None:
        """Not yet."""
        await self.principal()
        self.asked = False

    @rx.event
    async def start(self) -> EventSpec | None:
        """Send, now or at the chosen time."""
        self.asked, self.busy = False, True
        try:
            async with self.unit_of_work() as uow:
                found = id_of(self.draft_id)
                if self.when == "later":
                    await campaigns.schedule(uow, found, self._moment() or datetime.now(UTC))
                else:
                    await campaigns.start(uow, found)
        except Invalid as error:
            self._refuse(error)
            async with self.unit_of_work() as uow:
                await self._look(uow)
            return None
        except AppError as error:
            return error_toast(error.code, **error.args_)
        finally:
            self.busy = False
        return rx.redirect(routes.campaign(self.draft_id))

    def _clear(self) -> None:
        for key in ("draft_id", "message", "saved_at", "delay_min", "delay_max", "when_local", "file_id", "file_name",
                    "file_url", "file_kind", "preview", "preview_name"):  # fmt: skip
            setattr(self, key, "")
        self.name_error = self.delay_error = self.when_error = self.file_error = ""
        self.ready = self.missing = self.everyone = self.busy = self.asked = False
        self.wanted, self.unwanted, self.chosen, self._samples, self.checks = [], [], [], [], []
        self.step, self.when, self.status, self.sample_at = "people", "now", "DRAFT", 0
        self.step_state, self.variants = {}, 1
        self.errors = self.warnings = self.seconds = self.connected = 0
        self.letters = self.people = self.sendable = self.suppressed = self.unreachable = 0

    async def _fill(self, uow: TenantUnitOfWork, view: CampaignView) -> None:
        self.draft_id, self.name, self.status = str(view.id), view.name, view.status.value
        self.message, self.letters = view.message_template, len(view.message_template)
        self.everyone, self.wanted, self.unwanted = view.target.all, view.target.tags, view.target.exclude_tags
        self.chosen = [str(one) for one in view.device_ids]
        self.delay_min = "" if view.delay_min_s is None else str(view.delay_min_s)
        self.delay_max = "" if view.delay_max_s is None else str(view.delay_max_s)
        self.saved_at = (view.updated_at or view.created_at).isoformat()
        if view.scheduled_at is not None:
            self.when = "later"
            self.when_local = view.scheduled_at.astimezone(ZoneInfo(self._zone)).strftime("%Y-%m-%dT%H:%M")
        self.step = "message" if not view.target.is_empty else "people"
        await self._show_file(uow, view.file_id)

    async def _lists(self, uow: TenantUnitOfWork) -> None:
        # The picker speaks of ids; tags are named in a target, so the name stands for the id here.
        self.tag_options = [
            {"id": tag.name, "name": tag.name, "color": tag.color, "n": str(tag.contacts or 0)}
            for tag in await tags.list_(uow)
        ]
        found = await devices.list_devices(uow)
        self.device_rows = [
            {"id": str(one.id), "name": one.name, "phone": one.phone or "", "status": one.status,
             "cap": int(one.pacing.get("per_day") or 0), "sent": one.sent_today}
            for one in found if one.is_active_for_broadcast
        ]  # fmt: skip
        self.variables = [*sorted(BUILT_IN - {"email"}), *sorted(await known_attributes(uow))][:40]

    def _target(self) -> Target:
        return Target(all=self.everyone, tags=[] if self.everyone else self.wanted, exclude_tags=self.unwanted)

    async def _save_target(self) -> EventSpec | None:
        return await self._save(target=self._target())

    async def _save_delays(self) -> EventSpec | None:
        values = [one.strip() for one in (self.delay_min, self.delay_max)]
        if not all(one.isdigit() or one == "" for one in values):
            self.delay_error = "delay_out_of_range"
            return None
        low, high = (int(one) if one else None for one in values)
        return await self._save(delay_min_s=low, delay_max_s=high)

    async def _save_time(self) -> EventSpec | None:
        moment = self._moment() if self.when == "later" else None
        if self.when == "later" and moment is None:
            return None
        return await self._save(scheduled_at=moment)

    def _moment(self) -> datetime | None:
        try:
            return datetime.fromisoformat(self.when_local).replace(tzinfo=ZoneInfo(self._zone)).astimezone(UTC)
        except ValueError:
            return None

    async def _save(self, **changes: Any) -> EventSpec | None:
        """Store what changed; the first change makes the draft and gives the page its address."""
        self.name_error = self.delay_error = self.when_error = self.file_error = ""
        is_new = not self.draft_id
        try:
            async with self.unit_of_work() as uow:
                view = await self._store(uow, is_new, changes)
                self.draft_id, self.status = str(view.id), view.status.value
                self.saved_at = (view.updated_at or view.created_at).isoformat()
                await self._look(uow)
        except Invalid as error:
            self._refuse(error)
            return None
        if not is_new:
            return None
        place = routes.campaign_edit(self.draft_id)
        return rx.call_script(f"window.history.replaceState(window.history.state, '', '{place}')")

    async def _store(self, uow: TenantUnitOfWork, is_new: bool, changes: dict[str, Any]) -> CampaignView:
        if is_new:
            return await campaigns.create(uow, CampaignCreate(**{"name": self.name, "target": self._target(), **changes}))
        return await campaigns.update(uow, id_of(self.draft_id), CampaignUpdate(**changes))

    def _refuse(self, error: Invalid) -> None:
        for one in error.fields:
            if one.field == "name":
                self.name_error = one.code
            elif one.field.startswith("delay"):
                self.delay_error = one.code
            elif one.field == "scheduled_at":
                self.when_error = one.code
            elif one.field == "file_id":
                self.file_error = one.code
                self.file_error_args = {key: str(value) for key, value in one.args.items()}

    async def _show_file(self, uow: TenantUnitOfWork, file_id: UUID | None) -> None:
        if file_id is None:
            self.file_id = self.file_name = self.file_url = self.file_kind = ""
            return
        try:
            shown = await files.show(uow, file_id)
        except NotFound:
            return
        self.file_id, self.file_name, self.file_size = str(shown.id), shown.name, shown.size
        self.file_url, self.file_kind = shown.url, media_kind(shown.mime)

    async def _look(self, uow: TenantUnitOfWork) -> None:
        """Count the audience, draw samples, run the checks."""
        target = self._target()
        if not self._samples or self.draft_id:
            found = await campaigns.sample(uow, target)
            self._samples = [{"name": one.name or one.phone, "id": str(one.id), "city": one.city, "values": one.values}
                             for one in found]  # fmt: skip
            self.sample_names = [" · ".join(filter(None, (one["name"], one["city"]))) for one in self._samples]
            self.sample_options = [[str(at), name] for at, name in enumerate(self.sample_names)]
        self._show_sample(min(self.sample_at, max(len(self._samples) - 1, 0)))
        if not self.draft_id:
            self._show_people(await campaigns.count(uow, target))
        else:
            self._show_checks(await campaigns.preflight(uow, await campaigns.find(uow, id_of(self.draft_id))))

    def _show_sample(self, at: int) -> None:
        if not self._samples:
            self.preview = campaigns.render(self.message, {}, "sample").text
            self.preview_name = ""
            return
        self.sample_at = at % len(self._samples)
        person = self._samples[self.sample_at]
        shown = campaigns.render(self.message, person["values"], person["id"])
        self.preview, self.variants, self.preview_name = shown.text, shown.variants, person["name"]

    def _show_people(self, audience: AudienceCount) -> None:
        self.people, self.suppressed = audience.total, audience.suppressed
        self.unreachable, self.sendable = audience.no_identity, audience.sendable

    def _show_checks(self, result: Preflight) -> None:
        self._show_people(result.audience)
        self.connected, self.variants, self.seconds = result.devices_connected, result.variants, result.seconds or 0
        self.checks = [_check_row(check) for check in result.checks if check.level != "ok"]
        self.errors = len(result.errors)
        self.warnings = sum(check.level == "warning" for check in result.checks)
        levels = dict.fromkeys(STEPS, "ok")
        for check in result.checks:
            step = FIELD_STEP.get(check.field, "timing")
            if check.level == "error" or (check.level == "warning" and levels[step] == "ok"):
                levels[step] = check.level
        levels["check"] = "error" if self.errors else "warning" if self.warnings else "ok"
        self.step_state = levels


def _check_row(check: Check) -> dict[str, Any]:
    return {"level": check.level, "code": check.code, "args": {key: str(value) for key, value in check.args.items()},
            "step": FIELD_STEP.get(check.field, "timing")}  # fmt: skip


def _flipped(chosen: list[str], one: str) -> list[str]:
    return [kept for kept in chosen if kept != one] if one in chosen else [*chosen, one]
