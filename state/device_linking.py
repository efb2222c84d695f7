"""State of the dialogs that link a number: its name first, then the code, live until it is done."""

import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import reflex as rx
import segno
from reflex.event import EventSpec

from state.base import AppState
from state.devices import DevicesState, device_id_of
from wa_app import live
from wa_app.channels import registry
from wa_app.components.feedback import toast
from wa_app.db import unit_of_work
from wa_app.errors import AppError, Invalid, NotFound
from wa_app.schemas.devices import DeviceQr, DeviceView
from wa_app.schemas.principal import Principal
from wa_app.services import devices

REFRESH_S = 1.0
LINK_WATCH_S = 20 * 60
"""How long the linking dialog watches, in seconds; WAHA gives up a code far earlier."""


class DeviceLinkState(AppState):
    """The dialogs that link a number: first its name, then the code."""

    naming: bool = False
    name_error: str = ""
    opened: bool = False
    device_id: str = ""
    name: str = ""
    status: str = ""
    reason: str = ""
    mode: str = "qr"
    qr_image: str = ""
    qr_left: int = 0
    qr_full: int = 60
    passkey_code: str = ""
    pair_code: str = ""
    pair_phone: str = ""
    pair_error: str = ""
    pair_busy: bool = False

    @rx.event
    async def ask_name(self) -> None:
        """Open the first step."""
        await self.principal()
        self.naming, self.name_error = True, ""

    @rx.event
    async def close_naming(self, is_open: bool) -> None:
        """Close the first step."""
        await self.principal()
        self.naming = is_open

    @rx.event
    async def create(self, mode: str, form: dict[str, Any]) -> list[Any] | None:
        """Make the device and show its code."""
        try:
            async with self.unit_of_work() as uow:
                made = await devices.create(uow, str(form.get("device_name", "")))
        except Invalid as error:
            self.name_error = error.fields[0].code
            return None
        self.naming = False
        self._open(made, mode)
        return [DevicesState.load, DeviceLinkState.watch]

    @rx.event
    async def open(self, device_id: str, mode: str) -> EventSpec:
        """Show the code of a number that is not linked, asking for a fresh session where needed.

        `mode` is `code` where the screen is the phone itself, which cannot scan its own picture.
        """
        async with self.unit_of_work() as uow:
            device = await devices.get(uow, device_id_of(device_id))
            if device.status in ("FAILED", "DISCONNECTED"):
                device = await devices.link(uow, device.id)
        self._open(device, mode)
        return DeviceLinkState.watch

    @rx.event
    async def again(self) -> EventSpec:
        """Ask for a new code after the last one has run out."""
        async with self.unit_of_work() as uow:
            device = await devices.link(uow, device_id_of(self.device_id))
        self._open(device, self.mode)
        return DeviceLinkState.watch

    @rx.event
    async def close(self, is_open: bool) -> None:
        """Close the dialog; linking may go on by itself."""
        await self.principal()
        self.opened = is_open

    @rx.event
    async def choose(self, mode: str) -> None:
        """Scan a picture, or type a code."""
        await self.principal()
        self.mode = "code" if mode == "code" else "qr"
        self.pair_error = ""

    @rx.event(background=True)
    async def get_code(self, form: dict[str, Any]) -> None:
        """Ask for eight letters to type on the phone."""
        principal = await self.principal()
        async with self:
            device_id, self.pair_error, self.pair_busy = self.device_id, "", True
            self.pair_phone = str(form.get("pair_phone", ""))[:40]
        code, problem = "", ""
        try:
            code = await devices.pairing_code(principal, device_id_of(device_id), self.pair_phone, registry.channel)
        except Invalid as error:
            problem = error.fields[0].code
        except AppError as error:
            problem = error.code
        async with self:
            self.pair_code, self.pair_error, self.pair_busy = code, problem, False

    @rx.event(background=True)
    async def watch(self) -> AsyncIterator[Any]:
        """Keep the dialog true, second by second, until the number is linked or the dialog closed."""
        principal = await self.principal()
        device_id, token = device_id_of(self.device_id), self.router.session.client_token
        ends, code, fresh = time.monotonic() + LINK_WATCH_S, None, True
        async with live.watch(principal.tenant_id) as inbox:
            while live.tab_is_open(token) and time.monotonic() < ends:
                device = await _find(principal, device_id)
                code = await _code(principal, device, code, fresh=fresh)
                async with self:
                    if not self.opened or self.device_id != str(device_id):
                        return
                    self._follow(device, code)
                if device is None or device.status == "CONNECTED":
                    yield (
                        [DevicesState.load, toast("devices.linked", name=device.name)] if device else DevicesState.load
                    )
                    return
                batch = await inbox.wait(REFRESH_S)
                fresh = any(message.get("id") == str(device_id) or message["kind"] == "resync" for message in batch)

    def _open(self, device: DeviceView, mode: str) -> None:
        self.opened, self.mode = True, "code" if mode == "code" else "qr"
        self.device_id, self.name = str(device.id), device.name
        self.qr_image, self.qr_left, self.pair_code, self.pair_error, self.pair_busy = "", 0, "", "", False
        self.pair_phone = ""
        self._follow(device, None)

    def _follow(self, device: DeviceView | None, code: DeviceQr | None) -> None:
        """Copy what is new; what did not change costs nothing."""
        if device is None or device.status == "CONNECTED":
            self.opened = False
            return
        self.status, self.reason = device.status, device.reason or ""
        self.passkey_code = device.passkey_code or ""
        if device.status != "SCAN_QR":
            self.pair_code = ""
        if code is None or device.status != "SCAN_QR":
            self.qr_image = ""
            return
        self.qr_image, self.qr_full = _picture(code.qr), code.lives_s
        self.qr_left = max(0, round((code.expires_at - datetime.now(UTC)).total_seconds()))


async def _find(principal: Principal, device_id: UUID) -> DeviceView | None:
    try:
        async with unit_of_work(principal) as uow:
            return await devices.get(uow, device_id)
    except NotFound:
        return None


async def _code(
    principal: Principal, device: DeviceView | None, code: DeviceQr | None, *, fresh: bool
) -> DeviceQr | None:
    """The code to show: the one we have, or the next one after a hint or at its end."""
    if device is None or device.status != "SCAN_QR":
        return None
    if code is not None and not fresh and datetime.now(UTC) < code.expires_at:
        return code
    try:
        return await devices.qr(principal, device.id, registry.channel)
    except AppError:
        return code


def _after_linking(device: DeviceView | None) -> list[Any]:
    return [DevicesState.load, *([toast("devices.linked", name=device.name)] if device else [])]


def _picture(value: str) -> str:
    """The code as an SVG address, black on white in both themes.

    One module of border: the white card around it makes the quiet zone up to four and more.
    """
    code = segno.make(value, error="l", boost_error=False)
    return str(code.svg_data_uri(border=1, dark="black", light="white", omitsize=True))
