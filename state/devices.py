"""State of the devices page: the list, live, and the questions before what cannot be undone."""

from datetime import datetime
from typing import Any
from uuid import UUID

import reflex as rx
from reflex.event import EventSpec

from state.base import AppState
from wa_app import live
from wa_app.components.feedback import toast
from wa_app.errors import NotFound
from wa_app.schemas.devices import DeviceView
from wa_app.services import devices


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
            await devices.toggle(uow, device_id_of(device_id))
        await self._reload()

    @rx.event
    async def open(self, device_id: str) -> EventSpec:
        """The page of a number."""
        await self.principal()
        return rx.redirect(f"/devices/{device_id_of(device_id)}")

    @rx.event
    async def ask(self, what: str, device_id: str) -> None:
        """Open the question before a restart, an unlink or a delete."""
        async with self.unit_of_work() as uow:
            device = await devices.get(uow, device_id_of(device_id))
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
            await verb(uow, device_id_of(self.target_id))
        await self._reload()
        return toast("devices.deleted", name=self.target_name) if done == "delete" else None

    async def _reload(self) -> None:
        async with self.unit_of_work() as uow:
            found = await devices.list_devices(uow)
        self._show(found)

    def _show(self, found: list[DeviceView]) -> None:
        shown = [device for device in found if _matches(device, self.query)]
        self.rows = [row_of(device) for device in shown]
        self.troubles = [_trouble(device) for device in found if _needs_words(device)][:5]
        self.total = len(found)
        alive = [device for device in found if device.status == "CONNECTED"]
        self.connected = len(alive)
        self.in_broadcast = sum(device.is_active_for_broadcast for device in alive)
        self.waiting = sum(bool(_needs(device)) for device in found)
        self.sent = sum(device.sent_today for device in found)
        self.ready = True


def device_id_of(text: str) -> UUID:
    """An id from the browser. Raises NotFound for what is none."""
    try:
        return UUID(str(text))
    except ValueError:
        raise NotFound("device_not_found") from None


def row_of(device: DeviceView) -> dict[str, Any]:
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
        "score": -1 if device.health_score is None else device.health_score,
        "guard": device.guard.level,
        "stage": device.warmup_stage or 0,
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
