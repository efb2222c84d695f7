"""The score of every number, measured once a minute from counters and short index ranges.

Nothing here reads the ledger: what left, failed or hangs is the difference of `campaign_counters` against
the totals in a sample (`device_health.marks`) of a day ago; the rest are rows of the last day found by key.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import orjson
from sqlalchemy import text

from wa_app.db import SystemUnitOfWork
from wa_app.kit.ids import NIL, id_floor
from wa_app.sending import health
from wa_app.sending.health import Assessment, Figures

CHUNK: Final = 300
"""Devices measured in one transaction."""
SAMPLE_EVERY: Final = timedelta(minutes=15)
SAMPLE_AT_LEAST: Final = timedelta(hours=6)
"""A number that rests is still sampled this often, so that its line has no holes."""
SAMPLE_STEP: Final = 3
"""A change of the score by so many points is kept at once."""

RESTRICTED: Final = "account_restricted"
"""The reason a lane gives when WhatsApp answered 463."""

Marks = dict[str, list[int]]
"""Campaign → how many left, failed, hang on one device."""

_DEVICES = text("""
SELECT d.id, d.tenant_id, d.status_detail, d.health_score, d.health_signs, d.health_at, d.protection, d.guard,
  d.guard_until, d.guard_reason, d.pause_reason, d.paused_until, now() AS now
FROM devices d
WHERE d.deleted_at IS NULL AND (d.last_seen_at IS NOT NULL OR d.connected_at IS NOT NULL) AND d.id > :after
ORDER BY d.id LIMIT :n
""")
_TOTALS = text("""
SELECT n.device_id, n.campaign_id, c.started_at,
  coalesce(sum(n.n) FILTER (WHERE n.state IN ('sent', 'delivered', 'read', 'played')), 0)::bigint AS sent,
  coalesce(sum(n.n) FILTER (WHERE n.state = 'failed'), 0)::bigint AS failed,
  coalesce(sum(n.n) FILTER (WHERE n.state = 'unknown'), 0)::bigint AS unknown
FROM campaigns c JOIN campaign_counters n ON n.tenant_id = c.tenant_id AND n.campaign_id = c.id
WHERE c.tenant_id = ANY(CAST(:tenants AS uuid[])) AND c.started_at IS NOT NULL
  AND (c.finished_at IS NULL OR c.finished_at > :since) AND n.device_id = ANY(CAST(:devices AS uuid[]))
  AND n.state IN ('sent', 'delivered', 'read', 'played', 'failed', 'unknown')
GROUP BY 1, 2, 3
""")
_SAMPLES = text("""
SELECT u.device_id, base.marks AS base, first.marks AS first, last.score, last.guard, last.created_at
FROM unnest(CAST(:of AS uuid[]), CAST(:devices AS uuid[])) AS u(tenant_id, device_id)
JOIN LATERAL (SELECT h.score, h.guard, h.created_at FROM device_health h
  WHERE h.tenant_id = u.tenant_id AND h.device_id = u.device_id ORDER BY h.created_at DESC LIMIT 1) last ON true
JOIN LATERAL (SELECT h.marks FROM device_health h
  WHERE h.tenant_id = u.tenant_id AND h.device_id = u.device_id ORDER BY h.created_at LIMIT 1) first ON true
LEFT JOIN LATERAL (SELECT h.marks FROM device_health h
  WHERE h.tenant_id = u.tenant_id AND h.device_id = u.device_id AND h.created_at <= :since
  ORDER BY h.created_at DESC LIMIT 1) base ON true
""")
_EVENTS = text("""
SELECT u.device_id,
  count(*) FILTER (WHERE e.kind = 'paused' AND e.detail ->> 'reason' = 'access_refused') AS refused,
  count(*) FILTER (WHERE e.kind = 'paused' AND e.detail ->> 'reason' = 'account_restricted') AS restricted,
  count(*) FILTER (WHERE e.kind IN ('disconnected', 'failed', 'scan_qr') AND e.detail ->> 'before' = 'CONNECTED') AS flaps
FROM unnest(CAST(:of AS uuid[]), CAST(:devices AS uuid[])) AS u(tenant_id, device_id)
JOIN device_events e ON e.tenant_id = u.tenant_id AND e.device_id = u.device_id AND e.id >= :floor
GROUP BY 1
""")
_PEOPLE = text("""
SELECT v.device_id, count(*) AS replies, count(*) FILTER (WHERE v.created_at > :since) AS fresh
FROM conversations v
WHERE v.tenant_id = ANY(CAST(:tenants AS uuid[])) AND v.group_jid IS NULL AND v.last_message_at > :since AND v.last_inbound_at > :since
GROUP BY 1
""")
_STRANGERS = text("""
SELECT u.device_id, last.strangers - first.strangers AS strangers
FROM unnest(CAST(:of AS uuid[]), CAST(:devices AS uuid[])) AS u(tenant_id, device_id)
JOIN LATERAL (SELECT s.strangers, s.at FROM device_sends s WHERE s.tenant_id = u.tenant_id
  AND s.device_id = u.device_id ORDER BY s.total DESC LIMIT 1) last ON last.at > :since
JOIN LATERAL (SELECT s.strangers FROM device_sends s WHERE s.tenant_id = u.tenant_id
  AND s.device_id = u.device_id ORDER BY s.total LIMIT 1) first ON true
""")
_OPT_OUTS = text("""
SELECT v.device_id, count(DISTINCT i.contact_id) AS opt_outs
FROM suppressions s
JOIN contact_identities i ON i.tenant_id = s.tenant_id AND i.hash = s.hash
JOIN conversations v ON v.tenant_id = i.tenant_id AND v.contact_id = i.contact_id AND v.last_inbound_at > :since
WHERE s.id >= :floor AND s.tenant_id = ANY(CAST(:tenants AS uuid[])) AND s.reason IN ('UNSUBSCRIBE', 'SPAM_REPORT')
GROUP BY 1
""")
_WRITE = text("""
UPDATE devices d SET health_score = u.score, health_signs = u.signs::jsonb, health_at = now()
FROM unnest(CAST(:devices AS uuid[]), CAST(:scores AS int[]), CAST(:signs AS text[])) AS u(id, score, signs)
WHERE d.id = u.id
""")
_SAMPLE = text("""
INSERT INTO device_health (tenant_id, device_id, score, guard, signs, marks)
SELECT u.tenant_id, u.device_id, u.score, u.guard, u.signs::jsonb, u.marks::jsonb
FROM unnest(CAST(:of AS uuid[]), CAST(:devices AS uuid[]), CAST(:scores AS int[]), CAST(:guards AS text[]),
  CAST(:signs AS text[]), CAST(:marks AS text[])) AS u(tenant_id, device_id, score, guard, signs, marks)
""")


@dataclass(slots=True)
class Measured:
    """A device, what was counted on it, and what that means."""

    row: Any
    """The device as `_DEVICES` reads it."""
    figures: Figures
    assessment: Assessment
    marks: Marks = field(default_factory=dict)
    last: Any = None
    """Its newest sample, None when it has none."""

    @property
    def signs(self) -> str:
        return orjson.dumps([sign.view() for sign in self.assessment.signs if sign.points or sign.value]).decode()


async def measure(uow: SystemUnitOfWork, after: UUID = NIL, limit: int = CHUNK) -> list[Measured]:
    """The next devices after `after` with their scores; writes the scores and the samples that are due."""
    devices = (await uow.session.execute(_DEVICES, {"after": after, "n": limit})).all()
    if not devices:
        return []
    facts = await _facts(uow, devices)
    measured = [_judge(device, facts) for device in devices]
    await _write(uow, [one for one in measured if _has_news(one)])
    await _keep(uow, [one for one in measured if _is_due(one)])
    return measured


@dataclass(slots=True)
class _Facts:
    """What the day says, by device."""

    since: datetime
    totals: dict[UUID, list[Any]]
    samples: dict[UUID, Any]
    events: dict[UUID, Any]
    people: dict[UUID, Any]
    strangers: dict[UUID, Any]
    opt_outs: dict[UUID, Any]


async def _facts(uow: SystemUnitOfWork, devices: Sequence[Any]) -> _Facts:
    since = devices[0].now - health.WINDOW
    tenants = sorted({device.tenant_id for device in devices})
    values = {
        "tenants": tenants, "of": [device.tenant_id for device in devices], "devices": [device.id for device in devices],
        "since": since, "floor": id_floor(since),
    }  # fmt: skip

    async def ask(query: Any, *names: str) -> dict[UUID, Any]:
        found = await uow.session.execute(query, {name: values[name] for name in names})
        return {row.device_id: row for row in found}

    totals: dict[UUID, list[Any]] = defaultdict(list)
    named = {name: values[name] for name in ("tenants", "devices", "since")}
    for row in await uow.session.execute(_TOTALS, named):
        totals[row.device_id].append(row)
    return _Facts(
        since, totals,
        await ask(_SAMPLES, "of", "devices", "since"), await ask(_EVENTS, "of", "devices", "floor"),
        await ask(_PEOPLE, "tenants", "since"), await ask(_STRANGERS, "of", "devices", "since"),
        await ask(_OPT_OUTS, "tenants", "since", "floor"),
    )  # fmt: skip


def limits_of(device: Any) -> health.Limits:
    """WhatsApp's limits on a device read by `_DEVICES`: what the server tells, and what a refused send showed."""
    limits = health.read_limits(device.status_detail, device.now)
    if device.pause_reason == RESTRICTED and device.paused_until is not None and device.paused_until > device.now:
        return replace(limits, restricted_until=max(device.paused_until, limits.restricted_until or device.paused_until))
    return limits


def _judge(device: Any, facts: _Facts) -> Measured:
    sample = facts.samples.get(device.id)
    totals = facts.totals.get(device.id, [])
    sent, failed, unknown = _within(totals, sample, facts.since)
    people, events = facts.people.get(device.id), facts.events.get(device.id)
    strangers, stops = facts.strangers.get(device.id), facts.opt_outs.get(device.id)
    locked = limits_of(device).restricted_until is not None
    figures = Figures(
        sent=sent, failed=failed, unknown=unknown,
        refused=events.refused if events else 0,
        restricted=max(events.restricted if events else 0, 2 if locked else 0),
        flaps=events.flaps if events else 0,
        opt_outs=stops.opt_outs if stops else 0,
        replies=people.replies if people else 0,
        strangers=max(0, (strangers.strangers if strangers else 0) - (people.fresh if people else 0)),
    )  # fmt: skip
    marks = {row.campaign_id.hex: [row.sent, row.failed, row.unknown] for row in totals}
    return Measured(device, figures, health.assess(figures), marks, sample)


def _within(totals: Sequence[Any], sample: Any, since: datetime) -> tuple[int, int, int]:
    """What the window added to the totals."""
    added = [0, 0, 0]
    for row in totals:
        before = _before(row, sample, since)
        for place, (later, earlier) in enumerate(zip((row.sent, row.failed, row.unknown), before, strict=True)):
            added[place] += max(0, later - earlier)
    return added[0], added[1], added[2]


def _before(row: Any, sample: Any, since: datetime) -> Sequence[int]:
    """A broadcast's totals when the window began: nothing, if it began later; else what a sample of that time holds.

    Where no sample is that old the oldest must do, and without any the present: what was before we looked is not judged.
    """
    nothing = (0, 0, 0)
    if row.started_at > since:
        return nothing
    key = row.campaign_id.hex
    if sample is None:
        return row.sent, row.failed, row.unknown
    marks: Mapping[str, Sequence[int]] = sample.base if sample.base is not None else sample.first
    return marks.get(key, nothing)


def _has_news(one: Measured) -> bool:
    row = one.row
    return bool(
        row.health_at is None or row.health_score != one.assessment.score or row.now - row.health_at > SAMPLE_EVERY
        or row.health_signs != one.signs
    )  # fmt: skip


def _is_due(one: Measured) -> bool:
    """Whether a sample is worth keeping now."""
    last, score = one.last, one.assessment.score
    if last is None:
        return True
    age = one.row.now - last.created_at
    if (last.score is None) is not (score is None) or last.guard != one.row.guard:
        return True
    if score is not None and abs(score - last.score) >= SAMPLE_STEP:
        return True
    return age >= SAMPLE_AT_LEAST or (age >= SAMPLE_EVERY and bool(one.marks))


async def _write(uow: SystemUnitOfWork, changed: Sequence[Measured]) -> None:
    if not changed:
        return
    await uow.session.execute(_WRITE, {
        "devices": [one.row.id for one in changed], "scores": [one.assessment.score for one in changed],
        "signs": [one.signs for one in changed],
    })  # fmt: skip
    for one in changed:
        if one.row.health_score != one.assessment.score:
            uow.publish_for(one.row.tenant_id, "device", id=one.row.id, score=one.assessment.score)


async def _keep(uow: SystemUnitOfWork, due: Sequence[Measured]) -> None:
    if due:
        await uow.session.execute(_SAMPLE, {
            "of": [one.row.tenant_id for one in due], "devices": [one.row.id for one in due],
            "scores": [one.assessment.score for one in due], "guards": [one.row.guard for one in due],
            "signs": [one.signs for one in due], "marks": [orjson.dumps(one.marks).decode() for one in due],
        })  # fmt: skip
