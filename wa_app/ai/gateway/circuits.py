"""What a failure means for a provider's next calls. The row is the truth, so all processes act alike."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import text

from wa_app.ai.gateway.choosing import Candidate
from wa_app.ai.gateway.shapes import Fault, Why
from wa_app.db import SystemUnitOfWork
from wa_app.kit.clock import utc_now

log = structlog.get_logger(__name__)

OPEN_S: Final = 30.0
"""How long a circuit stays open after the first failure; twice as long after each probe that fails."""
MAX_OPEN_S: Final = 600.0
THROTTLE_S: Final = 20.0
"""Pause after a 429 that names none."""
EXHAUSTED_S: Final = 3 * 3600.0
CONFIG_S: Final = 600.0
PER_DAY: Final = "per_day"
BAD_JSON: Final = "bad_json"
"""The provider is well, its model cannot fill in a form: the next one is asked, and nothing is closed."""

_PROBE: Final = text("""
    UPDATE ai_providers SET probe_until = now() + make_interval(secs => :s)
    WHERE id = :id AND (probe_until IS NULL OR probe_until <= now()) AND open_until <= now() RETURNING 1
""")
_FINE: Final = text("""
    UPDATE ai_providers SET failures = 0, open_until = NULL, probe_until = NULL, cool_until = NULL, cool_reason = '',
      last_ok_at = now() WHERE id = :id
""")
_SEEN: Final = text("UPDATE ai_providers SET last_ok_at = now() WHERE id = :id AND last_ok_at < now() - interval '30 s'")
_OPEN: Final = text("""
    UPDATE ai_providers SET last_error = :error, last_error_at = now(), probe_until = NULL,
      failures = CASE WHEN open_until > now() THEN failures ELSE failures + 1 END,
      open_until = CASE WHEN open_until > now() THEN open_until
        ELSE now() + make_interval(secs => least(:most, :open * power(2, least(failures, 10)))) END
    WHERE id = :id
""")
_COOL: Final = text("""
    UPDATE ai_providers SET last_error = :error, last_error_at = now(), cool_reason = :reason, probe_until = NULL,
      cool_until = greatest(cool_until, now() + make_interval(secs => :s))
    WHERE id = :id OR id IN (SELECT provider_id FROM ai_provider_keys WHERE :shared AND fingerprint = :fingerprint
      AND tenant_id IS NOT DISTINCT FROM CAST(:tenant AS uuid))
""")
_DISABLE: Final = text("""
    UPDATE ai_providers SET last_error = :error, last_error_at = now(), disabled_at = COALESCE(disabled_at, now()),
      probe_until = NULL
    WHERE id = :id OR id IN (SELECT provider_id FROM ai_provider_keys WHERE fingerprint = :fingerprint
      AND tenant_id IS NOT DISTINCT FROM CAST(:tenant AS uuid))
""")
# Of calls that fail side by side the first one finds the provider on; the others wait for it and write nobody.
_LETTERS: Final = text("""
    INSERT INTO ai_provider_mails (provider_id, user_id)
    SELECT p.id, u.id FROM (SELECT * FROM ai_providers WHERE id = :id AND disabled_at IS NULL AND deleted_at IS NULL FOR UPDATE) p
    JOIN users u ON u.disabled_at IS NULL AND CASE WHEN p.tenant_id IS NULL THEN u.is_platform_admin ELSE EXISTS (
      SELECT 1 FROM memberships m JOIN roles r ON r.tenant_id = m.tenant_id AND r.id = m.role_id
      WHERE m.tenant_id = p.tenant_id AND m.user_id = u.id AND 'ai_providers.write' = ANY(r.verbs)) END
    RETURNING id
""")
_NOTED: Final = text(
    "UPDATE ai_providers SET last_error = :error, last_error_at = now(), probe_until = NULL WHERE id = :id"
)


async def claim_probe(uow: SystemUnitOfWork, candidate: Candidate) -> bool:
    """Whether this call is the one that finds out if a provider answers again."""
    values = {"id": candidate.endpoint.id, "s": candidate.endpoint.time_limit_s + 5}
    return (await uow.session.execute(_PROBE, values)).scalar_one_or_none() is not None


async def note_answer(uow: SystemUnitOfWork, candidate: Candidate) -> None:
    """It answered: whatever stood against it is over. The usual case writes twice a minute only."""
    await uow.session.execute(_FINE if candidate.needs_probe else _SEEN, {"id": candidate.endpoint.id})


async def clear(uow: SystemUnitOfWork, provider_id: UUID) -> None:
    """A test has passed: forget failures and pauses."""
    await uow.session.execute(_FINE, {"id": provider_id})


async def note_fault(uow: SystemUnitOfWork, candidate: Candidate, fault: Fault, *, is_test: bool = False) -> None:
    """Act on a failure, as its class says. Who keeps a provider whose key is refused gets a letter, unless it is their own test."""
    endpoint = candidate.endpoint
    values: dict[str, Any] = {"id": endpoint.id, "error": fault.words}
    key = {"fingerprint": endpoint.fingerprint, "tenant": candidate.tenant_id}
    if fault.detail == BAD_JSON:
        await uow.session.execute(_NOTED, values)
    elif fault.why is Why.UPSTREAM:
        await uow.session.execute(_OPEN, values | {"open": OPEN_S, "most": MAX_OPEN_S})
    elif fault.why is Why.KEY:
        if not is_test:
            await _write_letters(uow, endpoint.id)
        await uow.session.execute(_DISABLE, values | key)
    elif (pause := _pause(fault)) is not None:
        shared = fault.why is Why.EXHAUSTED and bool(endpoint.fingerprint)
        await uow.session.execute(_COOL, values | key | {"reason": fault.why.value, "s": pause, "shared": shared})
    else:
        await uow.session.execute(_NOTED, values)
        return
    log.warning("ai.provider_failed", provider_id=str(endpoint.id), why=fault.why.value, detail=fault.detail)


async def _write_letters(uow: SystemUnitOfWork, provider_id: UUID) -> None:
    """One letter to each who may change the key, at the first refusal of it and not at every call."""
    for row in (await uow.session.execute(_LETTERS, {"id": provider_id})).all():
        uow.enqueue("mail.send", letter="provider_key", id=row.id)


def _pause(fault: Fault) -> float | None:
    if fault.why is Why.THROTTLE:
        return fault.hint_s if fault.hint_s is not None else THROTTLE_S
    if fault.why is Why.EXHAUSTED:
        return _until_pacific_midnight(utc_now()) if fault.detail == PER_DAY else EXHAUSTED_S
    return CONFIG_S if fault.why is Why.CONFIG else None


def _until_pacific_midnight(now: datetime) -> float:
    """Google's free days end at midnight in California."""
    there = now.astimezone(ZoneInfo("America/Los_Angeles"))
    midnight = (there + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    return (midnight.astimezone(UTC) - now).total_seconds()
