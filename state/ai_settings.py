"""State of a tenant's AI page: its own providers, its budget, and who answered what."""

import asyncio
import time
from typing import Any, Final

import reflex as rx
from reflex.event import EventSpec

from state.ai_parts import (
    COST_FIELDS,
    LIMIT_FIELDS,
    ProvidersPart,
    call_of,
    chart,
    dollars,
    id_of,
    iso,
    kind_of,
    moved,
    read_form,
    rotation_of,
    source_of,
)
from state.base import AppState
from wa_app import live
from wa_app.ai.gateway.vendors import VENDORS
from wa_app.components.feedback import toast
from wa_app.db import unit_of_work
from wa_app.errors import AppError
from wa_app.schemas.ai_providers import (
    AiSettingsUpdate,
    AiSettingsView,
    Meter,
    ProviderCreate,
    ProviderList,
    ProviderUpdate,
    UsageView,
)
from wa_app.schemas.principal import Principal, Verb
from wa_app.services import ai_providers, ai_usage

REFRESH_S: Final = 4.0
WATCH_S: Final = 4 * 3600
MICROS: Final = 1_000_000


class AiSettingsState(ProvidersPart, AppState):
    """What the page shows."""

    rotation: str = "priority"
    source: str = "auto"
    may_write: bool = False
    may_own: bool = True
    own_limit: int = -1
    budget: list[dict[str, Any]] = []
    package: list[dict[str, Any]] = []
    budget_open: bool = False

    @rx.event
    async def load(self) -> None:
        """Read everything."""
        principal = await self.principal()
        self.may_write = principal.may(Verb.AI_PROVIDERS_WRITE)
        self._show(*await _read(principal))

    @rx.event(background=True)
    async def watch(self) -> None:
        """Read again every few seconds until the tab has gone."""
        token, ends = self.router.session.client_token, time.monotonic() + WATCH_S
        while live.tab_is_open(token) and time.monotonic() < ends:
            await asyncio.sleep(REFRESH_S)
            try:
                found = await _read(await self.principal())
            except AppError:
                return
            async with self:
                self._show(*found)

    @rx.event
    async def set_rotation(self, rotation: str) -> EventSpec:
        """Spread calls another way."""
        return await self._change(AiSettingsUpdate(rotation=rotation_of(rotation)))

    @rx.event
    async def set_source(self, source: str) -> EventSpec:
        """Choose whose providers answer."""
        return await self._change(AiSettingsUpdate(source=source_of(source)))

    @rx.event
    async def set_budget_open(self, open_: bool) -> None:
        """Open or close the form of the budget."""
        await self.principal()
        self.budget_open, self.errors = bool(open_), {}
        self.form_key += 1

    @rx.event
    async def save_budget(self, form: dict[str, Any]) -> EventSpec | None:
        """Keep the budget; an empty field is without a limit."""
        await self.principal()
        with self.showing_errors():
            limits = {_FORM.get(key, key): value for key, value in form.items()}
            values = read_form(limits, "gemini")
            changed = {_COLUMN.get(key, key): values[key] for key in (*LIMIT_FIELDS, *COST_FIELDS) if key in values}
            async with self.unit_of_work() as uow:
                await ai_providers.change_settings(uow, AiSettingsUpdate(**changed))
        if self.errors:
            self.errors = {_COLUMN.get(key, key): one for key, one in self.errors.items()}
            return None
        self.budget_open = False
        self._show(*await _read(await self.principal()))
        return toast("common.saved")

    @rx.event
    async def move(self, provider_id: str, target: str, after: bool) -> None:
        """Put a provider elsewhere in the order."""
        principal = await self.principal()
        order = moved([row["id"] for row in self.rows], str(provider_id), str(target), bool(after))
        await ai_providers.reorder(principal, [id_of(one) for one in order])
        self._show(*await _read(principal))

    @rx.event
    async def toggle(self, provider_id: str) -> None:
        """Switch a provider on or off."""
        principal = await self.principal()
        row = next((row for row in self.rows if row["id"] == provider_id), None)
        if row is not None:
            await ai_providers.update(principal, id_of(provider_id), ProviderUpdate(is_active=not row["active"]))
        self._show(*await _read(principal))

    @rx.event(background=True)
    async def test(self, provider_id: str) -> None:
        """Ask a provider something small now."""
        principal = await self.principal()
        async with self:
            self.testing = str(provider_id)
        try:
            found = await ai_providers.test(principal, id_of(provider_id))
        except AppError:
            async with self:
                self.testing = ""
            raise
        read = await _read(principal)
        async with self:
            self._tested(str(provider_id), found)
            self._show(*read)

    @rx.event
    async def hide_test(self, provider_id: str) -> None:
        """Put the result of a test away."""
        await self.principal()
        self.tests = {key: one for key, one in self.tests.items() if key != provider_id}

    @rx.event
    async def ask_new(self) -> None:
        """Open an empty form."""
        await self.principal()
        self._open(None)

    @rx.event
    async def ask_edit(self, provider_id: str) -> None:
        """Open the form of a provider."""
        self._open(await ai_providers.get(await self.principal(), id_of(provider_id)))

    @rx.event
    async def set_editing(self, open_: bool) -> None:
        """Close the form."""
        await self.principal()
        self.editing = bool(open_)

    @rx.event
    async def set_vendor(self, vendor: str) -> None:
        """Choose whose model it is."""
        await self.principal()
        self.vendor = vendor if vendor in VENDORS else "custom"

    @rx.event
    async def change_key(self) -> None:
        """Open the field for another key."""
        await self.principal()
        self.key_open = True

    @rx.event(background=True)
    async def load_models(self) -> None:
        """Ask the vendor which models there are."""
        principal = await self.principal()
        async with self:
            provider_id, self.models_note = self.draft_id, "loading"
        try:
            found, note = (await ai_providers.models(principal, id_of(provider_id))).items, "found"
        except AppError:
            found, note = [], "none"
        async with self:
            self.models, self.models_note = found[:300], note

    @rx.event
    async def save(self, form: dict[str, Any]) -> EventSpec | None:
        """Keep the form; a new provider is tested at once."""
        principal = await self.principal()
        made = ""
        with self.showing_errors():
            values = read_form(form, self.vendor)
            if self.draft_id:
                kept = {key: value for key, value in values.items() if key != "api_key" or value}
                await ai_providers.update(principal, id_of(self.draft_id), ProviderUpdate(**kept))
            else:
                values["priority"] = 10 * (len(self.rows) + 1)
                made = str((await ai_providers.create(principal, ProviderCreate(kind=kind_of(self.vendor), **values))).id)
        if self.errors:
            return None
        self.editing = False
        self._show(*await _read(principal))
        return AiSettingsState.test(made) if made else toast("common.saved")  # type: ignore[misc]

    @rx.event
    async def ask_drop(self, provider_id: str, name: str) -> None:
        """Ask before a provider and its key are deleted."""
        await self.principal()
        self.dropping_id, self.dropping_name = str(provider_id), str(name)[:80]

    @rx.event
    async def close_question(self, _: bool) -> None:
        """Leave it."""
        await self.principal()
        self.dropping_id = ""

    @rx.event
    async def drop(self) -> EventSpec:
        """Delete the provider."""
        principal = await self.principal()
        going, self.dropping_id = self.dropping_id, ""
        await ai_providers.remove(principal, id_of(going))
        self._show(*await _read(principal))
        return toast("ai.deleted", name=self.dropping_name)

    async def _change(self, data: AiSettingsUpdate) -> EventSpec:
        async with self.unit_of_work() as uow:
            await ai_providers.change_settings(uow, data)
        self._show(*await _read(await self.principal()))
        return toast("common.saved")

    def _show(self, listed: ProviderList, settings: AiSettingsView, usage: UsageView) -> None:
        self._show_rows(listed.items)
        self.rotation, self.source = settings.rotation.value, settings.source.value
        self.own_limit = -1 if settings.own_limit is None else settings.own_limit
        self.may_own = settings.own_limit != 0
        self.budget, self.package = [_meter(one) for one in settings.budget], [_meter(one) for one in settings.package]
        self.bars, self.legend = chart(usage.bars, self.tenant_zone, unit="day", n=30)
        self.calls = [call_of(call) for call in usage.calls]
        self.answered, self.failed, self.unanswered = usage.answered_today, usage.failed_today, usage.unanswered_today
        self.cost_today = dollars(usage.cost_today_micros)


_FORM: Final = {"daily_requests": "daily_limit", "monthly_requests": "monthly_limit"}
_COLUMN: Final = {value: key for key, value in _FORM.items()}


def _meter(meter: Meter) -> dict[str, Any]:
    is_cost = meter.key.endswith("cost_micros")
    limit = meter.limit or 0
    shown = "" if not limit else f"{limit / MICROS:g}" if is_cost else str(limit)
    return {
        "id": meter.key, "used": meter.used / MICROS if is_cost else meter.used, "limit": limit / MICROS if is_cost else limit,
        "shown": shown, "is_cost": is_cost, "resets": iso(meter.resets_at), "has_limit": meter.limit is not None,
    }  # fmt: skip


async def _read(principal: Principal) -> tuple[ProviderList, AiSettingsView, UsageView]:
    listed = await ai_providers.list_(principal)
    async with unit_of_work(principal) as uow:
        return listed, await ai_providers.get_settings_view(uow), await ai_usage.summary(uow, limit=20)
