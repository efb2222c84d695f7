"""Caps that are exact: what a device has sent, how many messages it may take now, and when the next one.

A message may leave when the cap-th last one left a whole period ago. That is one look at the key of
`device_sends`, whose rows say how many messages had left by when. A row's time is first the time its
messages are meant to leave, then, once their outcome is known, the time of that: whoever counts at
the other end, at whatever moment the call arrived, never counts more than the cap in any window.
All times are the database's. Days are the tenant's calendar days, counted in `device_usage`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from wa_app.sending.pacing import MAX_WINDOW, TYPING_MAX_S, Policy, day_start, next_day

LENGTH: Final[Mapping[str, timedelta]] = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1)}
AHEAD: Final = timedelta(seconds=30)
"""A send that is logged further ahead than this was logged before the clock was set back."""
TAIL: Final = MAX_WINDOW + 1
NEVER: Final = timedelta(hours=1)
"""How long to wait under a cap of 0."""


@dataclass(frozen=True, slots=True)
class Used:
    """What a device has sent so far, as far as its caps ask."""

    total: int = 0
    last_at: datetime | None = None
    day: int = 0
    strangers_day: int = 0
    new_chats: int = 0
    """Messages to strangers since the vendor's own count was read."""
    tails: Mapping[str, Sequence[tuple[int, datetime]]] = field(default_factory=dict)
    """Period → `(total, at)` of the claims from the cap-th last message on, oldest first, at most `TAIL`."""


def room(policy: Policy, used: Used, leaves: datetime) -> int:
    """How many messages may leave at `leaves` (of today), by all caps and the window."""
    left = [policy.window]
    for period, cap in policy.caps.items():
        left.append(cap - used.day if period == "day" else _free(used, period, cap, leaves))
    return max(0, min(left))


def _free(used: Used, period: str, cap: int, leaves: datetime) -> int:
    first = used.total - cap
    gone = max(0, first)
    for total, at in used.tails.get(period, ()):
        if at + LENGTH[period] > leaves:
            break
        gone = total
    return gone - first


def ready_at(policy: Policy, used: Used, now: datetime, zone: ZoneInfo) -> datetime:
    """The earliest time at which one more message may leave; not after `now` when that is now."""
    at = now
    for period, cap in policy.caps.items():
        if period == "day":
            at = max(at, next_day(now, zone)) if used.day >= cap else at
        elif cap <= 0:
            at = max(at, now + NEVER)
        elif used.total >= cap and (tail := used.tails.get(period)):
            at = max(at, tail[0][1] + LENGTH[period])
    return at


def strangers_left(policy: Policy, used: Used, new_chats_left: int | None) -> int | None:
    """How many strangers may be written to today; None: no limit."""
    left = []
    if policy.strangers_per_day is not None:
        left.append(policy.strangers_per_day - used.strangers_day)
    if new_chats_left is not None:
        left.append(new_chats_left - used.new_chats)
    return max(0, min(left)) if left else None


def lead(policy: Policy) -> timedelta:
    """How long before its slot a message may be taken: the time its typing may fill."""
    return timedelta(seconds=TYPING_MAX_S if policy.has_delay and policy.typing else 0)


def day_ends(policy: Policy, now: datetime, zone: ZoneInfo) -> datetime | None:
    """Midnight, when it is so near that what is taken now might leave on the next day and count there."""
    if policy.per_day is None and policy.strangers_per_day is None:
        return None
    margin = timedelta(seconds=TYPING_MAX_S + 4 if policy.has_delay else 2)
    return next_day(now, zone) if day_start(now + margin, zone) != day_start(now, zone) else None


def new_chats(head: Mapping[str, Any]) -> tuple[int | None, datetime | None]:
    """How many new chats WhatsApp still allows, and when it said so (`status_detail`)."""
    left, at = head["new_chats_left"], head["new_chats_at"]
    if isinstance(left, bool) or not isinstance(left, int):
        return None, None
    try:
        return left, datetime.fromisoformat(at) if at else None
    except ValueError:
        return left, None


_USED = """
WITH l AS (SELECT total, strangers, at FROM device_sends WHERE tenant_id = $1 AND device_id = $2 ORDER BY total DESC LIMIT 1)
SELECT 'last' AS what, l.total, l.strangers, l.at FROM l
UNION ALL SELECT 'minute', s.total, 0, s.at FROM l, LATERAL (SELECT total, at FROM device_sends
  WHERE tenant_id = $1 AND device_id = $2 AND total > l.total - $3::bigint ORDER BY total LIMIT 17) s
UNION ALL SELECT 'hour', s.total, 0, s.at FROM l, LATERAL (SELECT total, at FROM device_sends
  WHERE tenant_id = $1 AND device_id = $2 AND total > l.total - $4::bigint ORDER BY total LIMIT 17) s
UNION ALL SELECT 'day', used, strangers, starts_at FROM device_usage
  WHERE tenant_id = $1 AND device_id = $2 AND period = 'day' AND starts_at = $5
UNION ALL (SELECT 'chats', total, strangers, at FROM device_sends
  WHERE tenant_id = $1 AND device_id = $2 AND at <= $6 ORDER BY total DESC LIMIT 1)
"""
_BOOK = """
WITH l AS (SELECT total, strangers, at FROM device_sends WHERE tenant_id = $1 AND device_id = $2 ORDER BY total DESC LIMIT 1),
logged AS (
  INSERT INTO device_sends (tenant_id, device_id, total, strangers, at)
  SELECT $1, $2, coalesce(max(l.total), 0) + $3, coalesce(max(l.strangers), 0) + $4, greatest($5, max(l.at)) FROM l
  RETURNING total),
counted AS (
  INSERT INTO device_usage AS u (tenant_id, device_id, period, starts_at, used, strangers) VALUES ($1, $2, 'day', $6, $3, $4)
  ON CONFLICT (tenant_id, device_id, period, starts_at) DO UPDATE
    SET used = u.used + excluded.used, strangers = u.strangers + excluded.strangers)
SELECT total FROM logged
"""
_LANDED = """
UPDATE device_sends SET at = coalesce($4, now())
WHERE tenant_id = $1 AND device_id = $2 AND total >= $3 AND at < coalesce($4, now())
"""
_LOST = """
UPDATE device_sends SET at = now() WHERE tenant_id = $1 AND device_id = $2 AND at < now() AND total > (
  SELECT max(total) FROM device_sends WHERE tenant_id = $1 AND device_id = $2) - $3
"""
_SET_BACK = "UPDATE device_sends SET at = $3 WHERE tenant_id = $1 AND device_id = $2 AND at > $3"


async def read(
    conn: Any, tenant_id: UUID, device_id: UUID, policy: Policy, now: datetime, zone: ZoneInfo, chats_at: datetime | None
) -> Used:
    """What the device has used. `chats_at`: when the vendor's own count of new chats was read."""
    rows = await conn.fetch(
        _USED, tenant_id, device_id, policy.per_minute, policy.per_hour, day_start(now, zone), chats_at
    )
    used = _read(rows, chats_at)
    if used.last_at is not None and used.last_at > now + AHEAD:
        # The clock was set back. What was sent may have been sent just now: it counts from here.
        await conn.execute(_SET_BACK, tenant_id, device_id, now)
        return await read(conn, tenant_id, device_id, policy, now, zone, chats_at)
    return used


def _read(rows: Sequence[Mapping[str, Any]], chats_at: datetime | None) -> Used:
    one = {row["what"]: row for row in rows if row["what"] in ("last", "day", "chats")}
    last, day = one.get("last"), one.get("day")
    before = one["chats"]["strangers"] if "chats" in one else 0
    return Used(
        total=last["total"] if last else 0,
        last_at=last["at"] if last else None,
        day=day["total"] if day else 0,
        strangers_day=day["strangers"] if day else 0,
        new_chats=last["strangers"] - before if last and chats_at else 0,
        tails={
            period: [(row["total"], row["at"]) for row in rows if row["what"] == period] for period in LENGTH
        },
    )  # fmt: skip


async def book(
    conn: Any, tenant_id: UUID, device_id: UUID, n: int, strangers: int, leaves: datetime, day: datetime
) -> int:
    """Book `n` messages that are meant to leave at `leaves`; returns the device's total with them."""
    total: int = await conn.fetchval(_BOOK, tenant_id, device_id, n, strangers, leaves, day)
    return total


async def landed(conn: Any, tenant_id: UUID, device_id: UUID, since: int, at: datetime | None) -> None:
    """The outcomes of the claims from total `since` on are known: they count from now (or `at`) on."""
    await conn.execute(_LANDED, tenant_id, device_id, since, at)


async def lost(conn: Any, tenant_id: UUID, device_id: UUID, n: int) -> None:
    """A lane died with `n` messages under way: they may have left at any moment until now."""
    await conn.execute(_LOST, tenant_id, device_id, n)
