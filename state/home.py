"""State of Home: first steps, today's figures, what waits for a decision."""

from typing import Any

import reflex as rx

from state.base import AppState
from wa_app.schemas.overview import BroadcastLine, DeviceLine, Overview


class HomeState(AppState):
    """What Home shows; rebuilt by `on_load` and after each live message."""

    ready: bool = False
    has_device: bool = False
    has_contacts: bool = False
    has_broadcast: bool = False
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
        return sum((self.has_device, self.has_contacts, self.has_broadcast))

    @rx.event
    async def on_load(self) -> None:
        """Reads what Home shows."""

    def _show(self, overview: Overview) -> None:
        self.has_device = overview.has_device
        self.has_contacts = overview.has_contacts
        self.has_broadcast = overview.has_broadcast
        self.sent = overview.sent
        self.read_percent = -1.0 if overview.read_percent is None else overview.read_percent
        self.incoming = overview.incoming
        self.failed = overview.failed
        self.device_count = len(overview.devices)
        self.broadcasts = [_broadcast_row(line) for line in overview.broadcasts]
        self.devices = [_device_row(line) for line in overview.devices]
        self.decisions = _decisions(overview)
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
    }


def _decisions(overview: Overview) -> list[dict[str, Any]]:
    """What only a person can settle, most urgent first: lost numbers, paused broadcasts, unconfirmed messages."""
    lost = [
        {"kind": "device", "id": str(d.id), "name": d.name, "n": 0, "at": d.since.isoformat() if d.since else ""}
        for d in overview.devices
        if d.status in ("DISCONNECTED", "FAILED")
    ]
    paused = [
        {"kind": "paused", "id": str(b.id), "name": b.name, "n": 0, "at": ""}
        for b in overview.broadcasts
        if b.status == "PAUSED" and b.pause_reason
    ]
    unsure = [
        {"kind": "unknown", "id": str(b.id), "name": b.name, "n": b.counts["unknown"], "at": ""}
        for b in overview.broadcasts
        if b.counts["unknown"]
    ]
    return [*lost, *paused, *unsure]
