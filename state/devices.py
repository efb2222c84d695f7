"""State of the devices page: the list, live, and the dialogs that link, edit and take away a number."""

import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import reflex as rx
import segno
from reflex.event import EventSpec

from state.base import AppState
from wa_app import live
from wa_app.channels import registry
from wa_app.components.feedback import toast
from wa_app.errors import AppError, FieldError, Invalid, NotFound
from wa_app.schemas.devices import DeviceQr, DeviceUpdate, DeviceView, PacingUpdate, QuietHours
from wa_app.schemas.principal import Principal
from wa_app.services import devices

REFRESH_S = 1.0
LINK_WATCH_S = 20 * 60
"""How long the linking dialog watches, in seconds; WAHA gives up a code far earlier."""


class DevicesState(AppState):
    """The list of linked numbers; rebuilt by `load` and after each live message."""

    ready: bool = False
    query: str = ""
    rows: list[dict[str, Any]] = []
    troubles: list[dict[str, str]] = []
    total: int = 0
    connected: int = 0
    in_broadcast: int = 0
    sent: int = 0
    waiting: int = 0
    asked: str = ""
    target_id: str = ""
    target_name: str = ""

    @rx.event
    async def load(self) -> None:
        """Read the list."""
        await self._reload()

    @rx.event(background=True)
    async def watch(self) -> None:
        """Read again whenever a device moved, until the tab has gone."""
        tenant_id = (await self.principal()).tenant_id
        async for batch in live.changes(tenant_id, self.router.session.client_token):
            if not any(message.get("kind") in ("device", "resync") for message in batch):
                continue
            async with self.unit_of_work() as uow:
                found = await devices.list_devices(uow)
            async with self:
                self._show(found)

    @rx.event
    async def search(self, query: str) -> None:
        """Narrow the list to names and phones that hold the words."""
        self.query = query[:100]
        await self._reload()

    @rx.event
    async def clear_query(self) -> None:
        """Show all again."""
        self.query = ""
        await self._reload()

    @rx.event
    async def sync(self) -> EventSpec:
        """Ask WAHA how the numbers are; changes come by the watch."""
        async with self.unit_of_work() as uow:
            devices.sync(uow)
        return toast("devices.synced", kind="info")

    @rx.event
    async def toggle_broadcast(self, device_id: str) -> None:
        """Let a number take part in broadcasts, or not any more."""
        async with self.unit_of_work() as uow:
            await devices.toggle(uow, _id(device_id))
        await self._reload()

    @rx.event
    async def ask(self, what: str, device_id: str) -> None:
        """Open the question before a restart, an unlink or a delete."""
        async with self.unit_of_work() as uow:
            device = await devices.get(uow, _id(device_id))
        self.asked = what if what in ("restart", "disconnect", "delete") else ""
        self.target_id, self.target_name = device_id, device.name

    @rx.event
    async def close_question(self, _: bool) -> None:
        """Leave the question without an answer."""
        await self.principal()
        self.asked = ""

    @rx.event
    async def confirm(self) -> EventSpec | None:
        """Do what was asked."""
        verb = {"restart": devices.restart, "disconnect": devices.disconnect, "delete": devices.delete}.get(self.asked)
        done, self.asked = self.asked, ""
        if verb is None:
            return None
        async with self.unit_of_work() as uow:
            await verb(uow, _id(self.target_id))
        await self._reload()
        return toast("devices.deleted", name=self.target_name) if done == "delete" else None

    async def _reload(self) -> None:
        async with self.unit_of_work() as uow:
            found = await devices.list_devices(uow)
        self._show(found)

    def _show(self, found: list[DeviceView]) -> None:
        shown = [device for device in found if _matches(device, self.query)]
        self.rows = [_row(device) for device in shown]
        self.troubles = [_trouble(device) for device in found if _needs_words(device)][:5]
        self.total = len(found)
        alive = [device for device in found if device.status == "CONNECTED"]
        self.connected = len(alive)
        self.in_broadcast = sum(device.is_active_for_broadcast for device in alive)
        self.waiting = sum(bool(_needs(device)) for device in found)
        self.sent = sum(device.sent_today for device in found)
        self.ready = True


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
            device = await devices.get(uow, _id(device_id))
            if device.status in ("FAILED", "DISCONNECTED"):
                device = await devices.link(uow, device.id)
        self._open(device, mode)
        return DeviceLinkState.watch

    @rx.event
    async def again(self) -> EventSpec:
        """Ask for a new code after the last one has run out."""
        async with self.unit_of_work() as uow:
            device = await devices.link(uow, _id(self.device_id))
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
            code = await devices.pairing_code(principal, _id(device_id), self.pair_phone, registry.channel)
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
        device_id, token = _id(self.device_id), self.router.session.client_token
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


class DeviceEditState(AppState):
    """The drawer of one number: what it is, its tempo, its history."""

    opened: bool = False
    device_id: str = ""
    device: dict[str, Any] = {}
    pacing: dict[str, str] = {}
    typing: bool = True
    events: list[dict[str, str]] = []
    name_error: str = ""
    pacing_error: str = ""
    pacing_args: dict[str, str] = {}
    busy: bool = False

    @rx.event
    async def open(self, device_id: str) -> None:
        """Show one number."""
        async with self.unit_of_work() as uow:
            device = await devices.get(uow, _id(device_id))
            diary = await devices.list_events(uow, device.id, limit=8)
        self.device_id, self.device = device_id, _row(device)
        self.pacing, self.typing = _pacing_form(device.pacing), device.pacing.get("typing") is not False
        self.events = [
            {
                "kind": event.kind,
                "reason": str(event.detail.get("reason", "")),
                "at": event.created_at.isoformat(),
            }
            for event in diary
        ]
        self.name_error = self.pacing_error = ""
        self.opened = True

    @rx.event
    async def close(self, is_open: bool) -> None:
        """Close the drawer."""
        await self.principal()
        self.opened = is_open

    @rx.event
    async def flip_typing(self) -> None:
        """Show "typing…" before a message, or not."""
        await self.principal()
        self.typing = not self.typing

    @rx.event
    async def save(self, form: dict[str, Any]) -> list[Any] | None:
        """Store name and tempo; errors stay at their fields."""
        self.name_error = self.pacing_error = ""
        try:
            pacing = _pacing_from(form, self.typing)
            # Not validated here: the service says which field is wrong in words for a person.
            name = str(form.get("edit_name", ""))
            changes = DeviceUpdate.model_construct(name=name, pacing=pacing, _fields_set={"name", "pacing"})
            async with self.unit_of_work() as uow:
                await devices.update(uow, _id(self.device_id), changes)
        except Invalid as error:
            self._refuse(error.fields[0])
            return None
        self.opened = False
        return [DevicesState.load, toast("common.saved")]

    def _refuse(self, problem: FieldError) -> None:
        if problem.field == "name":
            self.name_error = problem.code
            return
        self.pacing_error = problem.code
        self.pacing_args = {key: str(value) for key, value in problem.args.items()}


def _id(text: str) -> UUID:
    """An id from the browser. Raises NotFound for what is none."""
    try:
        return UUID(str(text))
    except ValueError:
        raise NotFound("device_not_found") from None


async def _find(principal: Principal, device_id: UUID) -> DeviceView | None:
    from wa_app.db import unit_of_work

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


def _row(device: DeviceView) -> dict[str, Any]:
    return {
        "id": str(device.id),
        "name": device.name,
        "status": "PAUSED" if device.pause_reason and device.status == "CONNECTED" else device.status,
        "reason": device.reason or "",
        "phone": device.phone or "",
        "push_name": device.push_name or "",
        "engine": device.engine or "",
        "on": device.is_active_for_broadcast,
        "seen": _iso(device.last_seen_at),
        "since": _iso(device.connected_at),
        "sent": device.sent_today,
        "cap": int(device.pacing.get("per_day") or 0),
        "needs": _needs(device),
    }


def _iso(moment: datetime | None) -> str:
    return moment.isoformat() if moment else ""


def _needs(device: DeviceView) -> str:
    if device.status in ("SCAN_QR", "PASSKEY"):
        return "scan" if device.status == "SCAN_QR" else "confirm"
    return "reconnect" if device.status in ("FAILED", "DISCONNECTED") else ""


def _needs_words(device: DeviceView) -> bool:
    return bool(device.reason) and device.reason != "by_user"


def _trouble(device: DeviceView) -> dict[str, str]:
    return {"id": str(device.id), "name": device.name, "reason": device.reason or "", "needs": _needs(device)}


def _matches(device: DeviceView, query: str) -> bool:
    words, digits = query.strip().lower(), "".join(c for c in query if c.isdigit())
    return not words or words in device.name.lower() or bool(digits and digits in (device.phone or ""))


_NUMBERS = {
    "delay_min_s": ("delay_min", 0, 3600),
    "delay_max_s": ("delay_max", 0, 3600),
    "per_hour": ("per_hour", 1, 100_000),
    "per_day": ("per_day", 1, 1_000_000),
}
_DELAY_DEFAULTS = {"delay_min_s": 5, "delay_max_s": 20}


def _pacing_form(pacing: dict[str, Any]) -> dict[str, str]:
    shown = {field: pacing.get(key, _DELAY_DEFAULTS.get(key)) for key, (field, _, _) in _NUMBERS.items()}
    quiet = pacing.get("quiet_hours") or {}
    form = {field: "" if value is None else f"{value:g}" for field, value in shown.items()}
    return {**form, "quiet_start": quiet.get("start", ""), "quiet_end": quiet.get("end", "")}


def _pacing_from(form: dict[str, Any], typing: bool) -> PacingUpdate:
    """The tempo in a submitted form. Raises Invalid on field `pacing`."""
    values: dict[str, Any] = {"typing": typing}
    for key, (field, low, high) in _NUMBERS.items():
        values[key] = _number(str(form.get(field, "")), low, high, _DELAY_DEFAULTS.get(key))
    start, end = str(form.get("quiet_start", "")), str(form.get("quiet_end", ""))
    if bool(start) is not bool(end):
        raise Invalid(FieldError("pacing", "pacing_time"))
    if start and end:
        try:
            values["quiet_hours"] = QuietHours.model_validate({"start": start, "end": end})
        except ValueError:
            raise Invalid(FieldError("pacing", "pacing_time")) from None
    else:
        values["quiet_hours"] = None
    if values["delay_min_s"] > values["delay_max_s"]:
        raise Invalid(FieldError("pacing", "pacing_delays_crossed"))
    return PacingUpdate(**values)


def _number(text: str, low: int, high: int, default: float | None) -> float | None:
    if not text.strip():
        return default
    try:
        number = float(text.replace(",", "."))
    except ValueError:
        number = -1.0
    if not low <= number <= high or (default is None and number != int(number)):
        raise Invalid(FieldError("pacing", "pacing_number", {"min": low, "max": high}))
    return number if default is not None else int(number)
