"""State of Home: first steps, today's figures, what waits for a decision."""

import asyncio
from typing import Any

import reflex as rx

from state.base import AppState
from wa_app import live
from wa_app.schemas.overview import BroadcastLine, DeviceLine, Overview
from wa_app.services import overview

REFRESH_S = 1.0
"""Least time between two readings, in seconds, however busy the tenant is."""


class HomeState(AppState):
    """What Home shows; rebuilt by `on_load` and after each live message."""

    ready: bool = False
    has_device: bool = False
    has_contacts: bool = False
    has_broadcast: bool = False
    has_knowledge: bool = False
    sent: int = 0
    read_percent: float = -1.0
    incoming: int = 0
    failed: int = 0
    device_count: int = 0
    decisions: list[dict[str, Any]] = []
    broadcasts: list[dict[str, Any]] = []
    devices: list[dict[str, Any]] = []

    @rx.var
    def steps_done(self) -> int:
        return sum((self.has_device, self.has_contacts, self.has_broadcast, self.has_knowledge))

    @rx.event
    async def load(self) -> None:
        """Read what Home shows."""
        async with self.unit_of_work() as uow:
            found = await overview.get_overview(uow)
        self._show(found)

    @rx.event(background=True)
    async def watch(self) -> None:
        """Read again whenever something of the tenant moved, until the tab has gone."""
        tenant_id = (await self.principal()).tenant_id
        async for _ in live.changes(tenant_id, self.router.session.client_token):
            async with self.unit_of_work() as uow:
                found = await overview.get_overview(uow)
            async with self:
                self._show(found)
            await asyncio.sleep(REFRESH_S)

    def _show(self, found: Overview) -> None:
        self.has_device = found.has_device
        self.has_contacts = found.has_contacts
        self.has_broadcast = found.has_broadcast
        self.has_knowledge = found.has_knowledge
        self.sent = found.sent
        self.read_percent = -1.0 if found.read_percent is None else found.read_percent
        self.incoming = found.incoming
        self.failed = found.failed
        self.device_count = len(found.devices)
        self.broadcasts = [_broadcast_row(line) for line in found.broadcasts]
        self.devices = [_device_row(line) for line in found.devices]
        self.decisions = _decisions(found)
        self.ready = True


def _broadcast_row(line: BroadcastLine) -> dict[str, Any]:
    return {
        "id": str(line.id),
        "name": line.name,
        "status": line.status,
        "counts": line.counts,
        "total": line.total,
        "done": line.done,
        "scheduled_at": line.scheduled_at.isoformat() if line.scheduled_at else "",
    }


def _device_row(line: DeviceLine) -> dict[str, Any]:
    return {
        "id": str(line.id),
        "name": line.name,
        "status": line.status,
        "used": line.used,
        "cap": line.cap or 0,
        "guard": line.guard,
    }


def _decisions(found: Overview) -> list[dict[str, Any]]:
    """What only a person can settle, most urgent first: lost and guarded numbers, paused broadcasts, unconfirmed messages."""
    lost = [
        {"kind": "device", "id": str(d.id), "name": d.name, "n": 0, "at": d.since.isoformat() if d.since else ""}
        for d in found.devices
        if d.status in ("DISCONNECTED", "FAILED")
    ]
    paused = [
        {"kind": "paused", "id": str(b.id), "name": b.name, "n": 0, "at": ""}
        for b in found.broadcasts
        if b.status == "PAUSED" and b.pause_reason
    ]
    unsure = [
        {"kind": "unknown", "id": str(b.id), "name": b.name, "n": b.counts["unknown"], "at": ""}
        for b in found.broadcasts
        if b.counts["unknown"]
    ]
    guarded = [
        {"kind": "guarded", "id": str(d.id), "name": d.name, "n": 0, "at": "", "level": d.guard}
        for d in found.devices
        if d.guard != "none" and d.status == "CONNECTED"
    ]
    return [*lost, *guarded, *paused, *unsure]
