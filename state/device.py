"""State of one number's page: health, use, limits, protection, tempo, warm-up, diary."""

import re
from typing import Any
from uuid import UUID

import reflex as rx
from reflex.event import EventSpec

from state import device_tempo as tempo
from state.base import AppState, FormErrors
from state.devices import device_id_of, row_of
from wa_app import live
from wa_app.components.feedback import toast
from wa_app.db import unit_of_work
from wa_app.errors import FieldError, Invalid, NotFound
from wa_app.schemas.devices import DeviceEventView, DeviceUpdate, DeviceView, HealthHistory
from wa_app.schemas.presets import PRESETS
from wa_app.schemas.principal import Verb
from wa_app.sending import warmup
from wa_app.services import devices

LOG_PAGE = 15
_PATH = re.compile(r"/devices/([0-9a-fA-F-]{36})")
_DONE = {"restart": devices.restart, "disconnect": devices.disconnect}


def device_of_path(path: str) -> UUID:
    """The id in a page's address. Raises NotFound."""
    found = _PATH.match(path)
    if found is None:
        raise NotFound("device_not_found")
    return device_id_of(found[1])


class DeviceState(FormErrors, AppState):
    """Everything the page of a number shows; rebuilt from its address by `load`."""

    ready: bool = False
    missing: bool = False
    device: dict[str, Any] = {}
    score: int = -1
    signs: list[dict[str, Any]] = []
    points: list[dict[str, Any]] = []
    pins: list[dict[str, Any]] = []
    days: str = "7"
    today: dict[str, Any] = {}
    limits: dict[str, Any] = {}
    guard: dict[str, Any] = {}
    protection: bool = True
    is_owner: bool = False
    confirming: bool = False
    form: dict[str, str] = {}
    stored: dict[str, str] = {}
    version: int = 0
    """Counts up when fields must show other values than the ones typed into them."""
    preset: str = "custom"
    meant: dict[str, Any] = {}
    stage: int = 0
    stages: list[dict[str, Any]] = []
    curve_open: bool = False
    curve: list[str] = []
    curve_error: bool = False
    log: list[dict[str, Any]] = []
    more: bool = False
    asked: str = ""

    @rx.var
    def dirty(self) -> bool:
        return self.form != self.stored

    @rx.event
    async def load(self) -> None:
        """Build the page from its address."""
        self.ready = self.missing = self.confirming = self.curve_open = False
        self.errors, self.asked = {}, ""
        try:
            found = device_of_path(self.router.url.path)
            await self._refresh(found)
        except NotFound:
            self.missing = True
            return
        await self._read_log()
        self.ready = True

    @rx.event(background=True)
    async def watch(self) -> None:
        """Keep the page true until its tab has gone; what is being typed stays."""
        principal = await self.principal()
        try:
            watched = device_of_path(self.router.url.path)
        except NotFound:
            return
        async for batch in live.changes(principal.tenant_id, self.router.session.client_token):
            if not any(m.get("kind") == "resync" or m.get("id") == str(watched) for m in batch):
                continue
            try:
                async with unit_of_work(principal) as uow:
                    device = await devices.get(uow, watched)
                    history = await devices.health_history(uow, watched, int(self.days))
                    newest = await devices.list_events(uow, watched, LOG_PAGE)
            except NotFound:
                return
            async with self:
                if self.device.get("id") != str(watched):
                    return
                self._show(device, history)
                if len(self.log) <= LOG_PAGE:
                    self.log = [event_row(event) for event in newest]

    @rx.event
    async def show_days(self, days: str) -> None:
        """Another stretch of the score's line."""
        self.days = days if days in ("1", "7", "30") else "7"
        await self._refresh(self._id())

    @rx.event
    async def older(self) -> None:
        """More of the diary."""
        await self._read_log(self.log[-1]["id"] if self.log else "")

    @rx.event
    async def set_field(self, name: str, value: str) -> None:
        """A field of the tempo was left."""
        await self.principal()
        if name in self.stored:
            self.form = {**self.form, name: value[:60].strip() if name != "name" else value[:60]}
            self._judge_form()

    @rx.event
    async def flip_typing(self) -> None:
        """Show "typing…" before a message, or not."""
        await self.principal()
        self.form = {**self.form, "typing": "" if self.form.get("typing") else "1"}
        self._judge_form()

    @rx.event
    async def flip_day(self, day: str) -> None:
        """Work on a weekday, or not."""
        await self.principal()
        days = set(self.form.get("days", "")) ^ ({day} & set(tempo.ALL_DAYS))
        self.form = {**self.form, "days": "".join(sorted(days))}
        self._judge_form()

    @rx.event
    async def choose_preset(self, name: str) -> None:
        """Fill the fields from a ready-made tempo; nothing is saved yet."""
        await self.principal()
        if name in PRESETS:
            self.form = {**self.form, **tempo.to_form(PRESETS[name])}
            self.version += 1
            self._judge_form()

    @rx.event
    async def discard(self) -> None:
        """Back to what is stored."""
        await self.principal()
        self.form, self.version = dict(self.stored), self.version + 1
        self._judge_form()

    @rx.event
    async def save(self) -> EventSpec | None:
        """Store name, weight and tempo; errors stay at their fields."""
        with self.showing_errors():
            weight = self.form.get("weight", "")
            if not weight.isascii() or not weight.isdigit() or not 1 <= int(weight) <= 100:
                raise Invalid(FieldError("weight", "pacing_number", {"min": 1, "max": 100}))
            changes = DeviceUpdate.model_construct(
                name=self.form.get("name", ""), weight=int(weight), pacing=tempo.from_form(self.form),
                _fields_set={"name", "weight", "pacing"},
            )  # fmt: skip
            async with self.unit_of_work() as uow:
                await devices.update(uow, self._id(), changes)
        if self.errors:
            self.errors = {key.removeprefix("pacing."): value for key, value in self.errors.items()}
            return None
        self.stored = dict(self.form)
        await self._refresh(self._id())
        return toast("common.saved")

    @rx.event
    async def flip_protection(self) -> EventSpec | None:
        """On is free; off asks first."""
        await self.principal()
        self.errors = {}
        if self.protection:
            self.confirming = True
            return None
        async with self.unit_of_work() as uow:
            await devices.update(uow, self._id(), DeviceUpdate(protection=True))
        await self._refresh(self._id())
        await self._read_log()
        return toast("device.guard.saved.on")

    @rx.event
    async def close_confirm(self, is_open: bool) -> None:
        """Leave the question."""
        await self.principal()
        self.confirming = is_open

    @rx.event
    async def protection_off(self, form: dict[str, Any]) -> EventSpec | None:
        """Turn protection off: the service asks for the owner and the device's name."""
        with self.showing_errors():
            typed = str(form.get("confirm", ""))[:60]
            async with self.unit_of_work() as uow:
                await devices.update(uow, self._id(), DeviceUpdate(protection=False, confirm=typed))
        if self.errors:
            return None
        self.confirming = False
        await self._refresh(self._id())
        await self._read_log()
        return toast("device.guard.saved.off")

    @rx.event
    async def start_warmup(self) -> None:
        """Begin at the first stage."""
        await self._warm(DeviceUpdate(warmup_stage=1))

    @rx.event
    async def stop_warmup(self) -> None:
        """End it; the tempo alone holds from now on."""
        await self._warm(DeviceUpdate(warmup_stage=None))

    @rx.event
    async def open_curve(self, is_open: bool) -> None:
        """The dialog of the curve."""
        await self.principal()
        self.curve_open, self.curve_error = is_open, False
        self.curve = [str(stage["cap"]) for stage in self.stages]

    @rx.event
    async def save_curve(self, form: dict[str, Any]) -> EventSpec | None:
        """Store the 14 figures."""
        await self.principal()
        texts = [str(form.get(f"stage_{n}", "")).replace(".", "").replace(",", "").strip() for n in range(1, warmup.STAGES + 1)]
        numbers = [int(text) for text in texts if text.isascii() and text.isdigit() and len(text) < 8]
        self.curve, self.curve_error = texts, len(numbers) != warmup.STAGES or not warmup.is_curve(numbers)
        if self.curve_error:
            return None
        self.curve_open = False
        await self._warm(DeviceUpdate(warmup_curve=numbers))
        return toast("common.saved")

    @rx.event
    async def reset_curve(self) -> EventSpec:
        """Back to the default curve."""
        self.curve_open = False
        await self._warm(DeviceUpdate(warmup_curve=None))
        return toast("common.saved")

    @rx.event
    async def ask(self, what: str) -> None:
        """The question before a restart or an unlink."""
        await self.principal()
        self.asked = what if what in _DONE else ""

    @rx.event
    async def close_question(self, _: bool) -> None:
        """Leave it without an answer."""
        await self.principal()
        self.asked = ""

    @rx.event
    async def confirm(self) -> None:
        """Do what was asked."""
        verb, self.asked = _DONE.get(self.asked), ""
        if verb is not None:
            async with self.unit_of_work() as uow:
                await verb(uow, self._id())
            await self._refresh(self._id())

    def _id(self) -> UUID:
        return device_of_path(self.router.url.path)

    async def _warm(self, changes: DeviceUpdate) -> None:
        async with self.unit_of_work() as uow:
            await devices.update(uow, self._id(), changes)
        await self._refresh(self._id())
        await self._read_log()

    async def _refresh(self, device_id: UUID) -> None:
        async with self.unit_of_work() as uow:
            device = await devices.get(uow, device_id)
            history = await devices.health_history(uow, device_id, int(self.days))
            self.is_owner = uow.principal.may(Verb.DEVICES_PROTECTION)
        fresh = self.device.get("id") != str(device_id) or not self.ready
        self._show(device, history)
        stored = _form_of(device)
        if fresh or not self.dirty:
            self.form, self.version = stored, self.version + 1
        self.stored = stored
        self._judge_form()

    async def _read_log(self, before: str = "") -> None:
        async with self.unit_of_work() as uow:
            found = await devices.list_events(
                uow, self._id(), LOG_PAGE + 1, before=device_id_of(before) if before else None
            )
        rows = [event_row(event) for event in found[:LOG_PAGE]]
        self.log = [*self.log, *rows] if before else rows
        self.more = len(found) > LOG_PAGE

    def _show(self, device: DeviceView, history: HealthHistory) -> None:
        self.device = row_of(device)
        self.score = -1 if device.health_score is None else device.health_score
        self.signs = [
            {**sign.model_dump(), "key": f"devices.guard.why.{sign.sign}", "args": {"value": sign.value, "fine": sign.fine}}
            for sign in device.health_signs
            if sign.points
        ]
        self.points = [{"at": one.at.isoformat(), "score": one.score} for one in history.points]
        self.pins = [
            {**row, "level": event.detail.get("level", "")}
            for event, row in ((event, event_row(event)) for event in reversed(history.actions))
            if event.kind in ("guard", "protection")
        ]
        self.guard, self.protection = guard_row(device), device.protection
        self.limits = {
            **device.limits.model_dump(mode="json"), "restricted": "" if device.limits.restricted is None else "on" if device.limits.restricted else "off",
        }  # fmt: skip
        self.stage = device.warmup_stage or 0
        self.stages = [{"n": n, "cap": cap} for n, cap in enumerate(device.warmup_curve, 1)]
        self.today = _today(device)

    def _judge_form(self) -> None:
        """What the fields mean, or which of them make no sense."""
        self.errors = {}
        try:
            update = tempo.from_form(self.form)
        except Invalid as error:
            self._show_errors(error.fields)
            self.meant = {"ok": False}
            return
        meant = tempo.meaning(update)
        self.preset = update.preset or "custom"
        self.meant = {"ok": True, "day": meant.day or 0, "hour": meant.hour or 0, "strangers": meant.strangers
                      if meant.strangers is not None else -1}  # fmt: skip


def _form_of(device: DeviceView) -> dict[str, str]:
    return {**tempo.to_form(device.pacing), "name": device.name, "weight": str(device.weight)}


def _today(device: DeviceView) -> dict[str, Any]:
    stage_cap = warmup.cap(device.warmup_stage, device.warmup_curve) or 0
    caps = [cap for cap in (device.pacing.get("per_day"), stage_cap or None) if cap]
    budget = device.pacing.get("strangers_per_day")
    return {
        "sent": device.sent_today, "cap": min(caps, default=0), "strangers": device.strangers_today,
        "budget": -1 if budget is None else int(budget), "quota_total": device.limits.quota_total or 0,
        "quota_used": device.limits.quota_used or 0,
        "quota_ends": device.limits.quota_ends.isoformat() if device.limits.quota_ends else "",
    }  # fmt: skip


def guard_row(device: DeviceView) -> dict[str, Any]:
    """What the guard does now, in keys and figures."""
    guard = device.guard
    return {
        "level": guard.level, "why": f"devices.guard.why.{guard.reason or ''}", "todo": f"devices.guard.todo.{guard.reason or ''}",
        "args": {key: value for key, value in guard.detail.items() if key in ("value", "fine")},
        "until": guard.until.isoformat() if guard.until else "",
    }  # fmt: skip


def event_row(event: DeviceEventView) -> dict[str, Any]:
    """A line of the diary: keys of its words, their figures, its tone."""
    detail = event.detail
    key, why, tone = f"devices.event.{event.kind}", "", ""
    if event.kind == "guard":
        key, tone = f"{key}.{detail.get('level')}", "ok" if detail.get("level") == "none" else "warn"
        why = f"devices.guard.why.{detail.get('reason') or ''}" if detail.get("reason") else ""
    elif event.kind == "protection":
        key, tone = f"{key}.{'on' if detail.get('on') else 'off'}", "ok" if detail.get("on") else "bad"
    elif event.kind == "warmup":
        was, now = detail.get("was"), detail.get("now")
        way = "end" if now is None else "start" if was is None else "up" if now > was else "down"
        key, tone = f"{key}.{way}", "brand"
    elif event.kind == "paused":
        why, tone = f"devices.pause.{detail.get('reason')}", "warn"
    elif event.kind in ("disconnected", "failed", "restricted"):
        why, tone = f"devices.reason.{detail['reason']}" if detail.get("reason") else "", "bad"
    elif event.kind in ("connected", "unrestricted"):
        tone = "ok"
    figures = {name: value for name, value in detail.items() if name in ("value", "fine", "now", "cap")}
    return {
        "id": str(event.id), "key": key, "why": why, "args": figures, "tone": tone, "at": event.created_at.isoformat(),
    }  # fmt: skip
