"""State of the platform's AI providers: read every few seconds while somebody looks, for platform admins only."""

import asyncio
import time
from typing import Any, Final

import reflex as rx
from reflex.event import EventSpec

from pages import routes
from state.ai_parts import ProvidersPart, call_of, chart, dollars, id_of, kind_of, moved, read_form, rotation_of
from state.base import AppState
from wa_app import live
from wa_app.ai.gateway.vendors import VENDORS
from wa_app.components.feedback import error_toast, toast
from wa_app.config import get_settings
from wa_app.errors import AppError, Forbidden
from wa_app.models.ai import Rotation
from wa_app.schemas.ai_providers import ProviderCreate, ProviderList, ProviderUpdate, UsageView
from wa_app.services.admin import Admin, ai

REFRESH_S: Final = 3.0
WATCH_S: Final = 4 * 3600


class AdminAiState(ProvidersPart, AppState):
    """What the page shows."""

    rotation: str = "priority"
    tenants: int = 0

    @rx.event
    async def load(self) -> list[EventSpec] | None:
        """Read everything once; somebody who is no platform admin is led home."""
        try:
            who = await self.admin()
        except Forbidden as error:
            return [rx.redirect(routes.HOME), error_toast(error.code)]
        self._show(*await _read(who))
        return None

    @rx.event(background=True)
    async def watch(self) -> None:
        """Read again every few seconds until the tab has gone, or the person is no admin any more."""
        token, ends = self.router.session.client_token, time.monotonic() + WATCH_S
        while live.tab_is_open(token) and time.monotonic() < ends:
            await asyncio.sleep(REFRESH_S)
            try:
                found = await _read(await self.admin())
            except AppError:
                return
            async with self:
                self._show(*found)

    @rx.event
    async def set_rotation(self, rotation: str) -> EventSpec:
        """Spread calls another way from now on."""
        await ai.set_rotation(await self.admin(), rotation_of(rotation))
        self.rotation = rotation_of(rotation).value
        return toast("common.saved")

    @rx.event
    async def move(self, provider_id: str, target: str, after: bool) -> None:
        """Put a provider elsewhere in the order."""
        who = await self.admin()
        order = moved([row["id"] for row in self.rows], str(provider_id), str(target), bool(after))
        await ai.order_providers(who, [id_of(one) for one in order])
        self._show(*await _read(who))

    @rx.event
    async def toggle(self, provider_id: str) -> None:
        """Switch a provider on or off."""
        who = await self.admin()
        row = next((row for row in self.rows if row["id"] == provider_id), None)
        if row is not None:
            await ai.change_provider(who, id_of(provider_id), ProviderUpdate(is_active=not row["active"]))
        self._show(*await _read(who))

    @rx.event(background=True)
    async def test(self, provider_id: str) -> None:
        """Ask a provider something small now."""
        who = await self.admin()
        async with self:
            self.testing = str(provider_id)
            language = self.language
        found = await ai.test_provider(who, id_of(provider_id), language)
        read = await _read(who)
        async with self:
            self._tested(str(provider_id), found)
            self._show(*read)

    @rx.event
    async def hide_test(self, provider_id: str) -> None:
        """Put the result of a test away."""
        await self.admin()
        self.tests = {key: one for key, one in self.tests.items() if key != provider_id}

    @rx.event
    async def ask_new(self) -> None:
        """Open an empty form."""
        await self.admin()
        self._open(None)

    @rx.event
    async def ask_edit(self, provider_id: str) -> None:
        """Open the form of a provider."""
        listed = await ai.providers(await self.admin())
        self._open(next((one for one in listed.items if one.id == id_of(provider_id)), None))

    @rx.event
    async def set_editing(self, open_: bool) -> None:
        """Close the form."""
        await self.admin()
        self.editing = bool(open_)

    @rx.event
    async def set_vendor(self, vendor: str) -> None:
        """Choose whose model it is."""
        await self.admin()
        self.vendor = vendor if vendor in VENDORS else "custom"

    @rx.event
    async def change_key(self) -> None:
        """Open the field for another key."""
        await self.admin()
        self.key_open = True

    @rx.event(background=True)
    async def load_models(self) -> None:
        """Ask the vendor which models there are."""
        who = await self.admin()
        async with self:
            provider_id, self.models_note = self.draft_id, "loading"
        try:
            found, note = (await ai.provider_models(who, id_of(provider_id))).items, "found"
        except AppError:
            found, note = [], "none"
        async with self:
            self.models, self.models_note = found[:300], note

    @rx.event
    async def save(self, form: dict[str, Any]) -> EventSpec | None:
        """Keep the form; a new provider is tested at once."""
        who = await self.admin()
        made = ""
        with self.showing_errors():
            values = read_form(form, self.vendor)
            if self.draft_id:
                await ai.change_provider(who, id_of(self.draft_id), _change(values))
            else:
                values["priority"] = 10 * len(self.rows)
                made = str((await ai.add_provider(who, ProviderCreate(kind=kind_of(self.vendor), **values))).id)
        if self.errors:
            return None
        self.editing = False
        self._show(*await _read(who))
        return AdminAiState.test(made) if made else toast("common.saved")  # type: ignore[misc]

    @rx.event
    async def ask_drop(self, provider_id: str, name: str) -> None:
        """Ask before a provider and its key are deleted."""
        await self.admin()
        self.dropping_id, self.dropping_name = str(provider_id), str(name)[:80]

    @rx.event
    async def close_question(self, _: bool) -> None:
        """Leave it."""
        await self.admin()
        self.dropping_id = ""

    @rx.event
    async def drop(self) -> EventSpec:
        """Delete the provider."""
        who = await self.admin()
        going, self.dropping_id = self.dropping_id, ""
        await ai.drop_provider(who, id_of(going))
        self._show(*await _read(who))
        return toast("ai.deleted", name=self.dropping_name)

    def _show(self, listed: ProviderList, rotation: Rotation, usage: UsageView) -> None:
        self._show_rows(listed.items)
        self.rotation, self.tenants = rotation.value, usage.tenants_today
        self.bars, self.legend = chart(usage.bars, get_settings().time_zone, unit="hour", n=24)
        self.calls = [call_of(call) for call in usage.calls]
        self.answered, self.failed, self.unanswered = usage.answered_today, usage.failed_today, usage.unanswered_today
        self.cost_today = dollars(usage.cost_today_micros)


async def _read(who: Admin) -> tuple[ProviderList, Rotation, UsageView]:
    return await ai.providers(who), await ai.rotation(who), await ai.usage(who)


def _change(values: dict[str, Any]) -> ProviderUpdate:
    """An empty key means: the one that is there."""
    return ProviderUpdate(**{key: value for key, value in values.items() if key != "api_key" or value})
