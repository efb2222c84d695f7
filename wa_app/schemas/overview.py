"""What Home shows."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class BroadcastLine:
    """A broadcast that runs, waits or is paused. `counts` by message state; `played` apart from `read`."""

    id: UUID
    name: str
    status: str
    counts: dict[str, int]
    pause_reason: str | None
    scheduled_at: datetime | None

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    @property
    def done(self) -> int:
        """Messages nobody has to wait for any more."""
        return self.total - self.counts["planned"] - self.counts["sending"] - self.counts["held"]


@dataclass(frozen=True, slots=True)
class DeviceLine:
    """A linked number with what it has sent today; `cap` is None when it has no daily limit."""

    id: UUID
    name: str
    phone: str | None
    status: str
    since: datetime | None
    used: int
    cap: int | None
    guard: str = "none"
    """What protects it now; anything but `none` holds something back."""


@dataclass(frozen=True, slots=True)
class Job:
    """Long work under way: a broadcast (`kind` campaign), an import (import, blacklist) or groups being taken
    over (grab). `total` is None while unknown."""

    kind: str
    id: UUID
    name: str
    done: int
    total: int | None


@dataclass(frozen=True, slots=True)
class Overview:
    """First steps that are done, and today in numbers (the tenant's day)."""

    has_device: bool
    has_contacts: bool
    has_broadcast: bool
    has_knowledge: bool
    sent: int
    read_percent: float | None
    incoming: int
    failed: int
    broadcasts: list[BroadcastLine] = field(default_factory=list)
    devices: list[DeviceLine] = field(default_factory=list)
