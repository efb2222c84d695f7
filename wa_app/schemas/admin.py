"""What a platform admin sees of the machinery: numbers, ids and names, never what people wrote."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

Source = Literal["messages", "events", "imports"]
"""Kinds of dead letters: messages to workers, stored webhooks, imports."""


class QueueLine(BaseModel):
    """One queue of the workers."""

    name: str
    waiting: int
    delayed: int
    in_flight: int
    """Taken by a worker: in work, or fetched and next in line there."""
    oldest_s: float
    """Age of the message that has waited longest, in seconds."""
    per_minute: float
    """Jobs done a minute, over the last five."""
    failed: int
    """Jobs that failed within the last five minutes, retries counted each."""
    expired: int
    dead: int


class QueuesView(BaseModel):
    """All queues; `reachable` is False while Redis does not answer, then there are none."""

    reachable: bool
    workers: int
    queues: list[QueueLine]


class DeadLetter(BaseModel):
    """Work that was given up."""

    id: str
    source: Source
    what: str
    """Actor, kind of webhook, or `import`."""
    ids: dict[str, str]
    tenant: str
    reason: str
    """Class of the error or our own code."""
    where: str
    tries: int
    at: datetime


class DeadLetters(BaseModel):
    """The newest dead letters, and how many there are of each source (None: it could not be asked)."""

    counts: dict[str, int | None]
    letters: list[DeadLetter]


class JobLine(BaseModel):
    """One recurring job of the scheduler."""

    name: str
    every_s: int
    last_run_at: datetime | None
    last_ms: int | None
    last_ok_at: datetime | None
    next_at: datetime | None
    late_s: float
    last_error: str | None
    errors: int


class LaneLine(BaseModel):
    """One device that works, should work, or rests."""

    device_id: UUID
    device: str
    tenant: str
    status: str
    working: bool
    lease_until: datetime | None
    last_sent_at: datetime | None
    next_send_at: datetime | None
    pause_reason: str | None
    paused_until: datetime | None
    sending: int


class TenantLine(BaseModel):
    """What waits for one tenant."""

    tenant_id: UUID
    tenant: str
    events: int
    replies: int
    broadcast: int
    imports: int


class LedgerView(BaseModel):
    """What the database says is to be done."""

    replies_due: dict[str, int]
    """Single messages that are due, by how long they have been: `now, s10, m1, m10`."""
    oldest_reply_s: float
    events_pending: int
    oldest_event_s: float
    broadcast_waiting: int
    sending: int
    unknown: int
    oldest_unknown_s: float
    lanes: list[LaneLine]
    lanes_working: int
    tenants: list[TenantLine]


class Picked(BaseModel):
    """Dead letters to act on: one by its id, or all of the source."""

    model_config = ConfigDict(extra="forbid")

    source: Source
    id: str | None = Field(default=None, max_length=64)


class Changed(BaseModel):
    n: int
