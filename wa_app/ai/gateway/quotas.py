"""Limits that concurrent calls cannot overrun: reserve before the call, settle or release after it.

A reservation is one guarded UPSERT per period: the row is there with room for one more, or nothing happens.
Requests are exact. Tokens and money are reserved as what a call can take at most, and put right when the
vendor has said what it took. Each is a row as long as the call goes on, so that one which was killed is given
back: once, as whoever deletes that row corrects the counters.
"""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy import text

from wa_app.ai.gateway.choosing import Limits
from wa_app.db import SystemUnitOfWork, system_unit_of_work
from wa_app.kit.ids import new_id
from wa_app.models.ai import CounterOf

log = structlog.get_logger(__name__)

GRACE_S: Final = 120.0
"""A reservation outlives its call's deadline by this: until then its booking may still come."""
MOST: Final = 500
"""Reservations that one sweep gives back."""
_TAKE: Final = text("""
    INSERT INTO ai_counters AS c (tenant_id, subject, subject_id, period, requests, tokens, cost_micros)
    SELECT CAST(:tenant AS uuid), :subject, CAST(:id AS uuid), :period, 1, CAST(:tokens AS bigint), CAST(:cost AS bigint)
    WHERE (CAST(:max_requests AS bigint) IS NULL OR 1 <= CAST(:max_requests AS bigint))
      AND (CAST(:max_tokens AS bigint) IS NULL OR CAST(:tokens AS bigint) <= CAST(:max_tokens AS bigint))
      AND (CAST(:max_cost AS bigint) IS NULL OR CAST(:cost AS bigint) <= CAST(:max_cost AS bigint))
    ON CONFLICT (subject_id, subject, period) DO UPDATE SET requests = c.requests + 1,
      tokens = c.tokens + excluded.tokens, cost_micros = c.cost_micros + excluded.cost_micros
    WHERE (CAST(:max_requests AS bigint) IS NULL OR c.requests + 1 <= CAST(:max_requests AS bigint))
      AND (CAST(:max_tokens AS bigint) IS NULL OR c.tokens + excluded.tokens <= CAST(:max_tokens AS bigint))
      AND (CAST(:max_cost AS bigint) IS NULL OR c.cost_micros + excluded.cost_micros <= CAST(:max_cost AS bigint))
    RETURNING 1
""")
_CORRECT: Final = text("""
    UPDATE ai_counters SET requests = greatest(0, requests + :requests), tokens = greatest(0, tokens + :tokens),
      cost_micros = greatest(0, cost_micros + :cost)
    WHERE subject_id = :id AND subject = :subject AND period = :period
""")
_KEEP: Final = text("""
    INSERT INTO ai_holds (id, tenant_id, subject, subject_id, day, tokens, cost_micros, expires_at)
    VALUES (:hold, CAST(:tenant AS uuid), :subject, :id, :day, :tokens, :cost, now() + make_interval(secs => :wait))
""")
_END: Final = text("DELETE FROM ai_holds WHERE id = :hold RETURNING 1")
_EXPIRED: Final = text("""
    DELETE FROM ai_holds WHERE id = (SELECT id FROM ai_holds WHERE expires_at < now() ORDER BY expires_at LIMIT 1 FOR UPDATE SKIP LOCKED)
    RETURNING id, tenant_id, subject, subject_id, day, tokens, cost_micros
""")


@dataclass(frozen=True, slots=True)
class Account:
    """Whose counter, and on which day's calendar."""

    subject: CounterOf
    id: UUID
    tenant_id: UUID | None
    day: str
    limits: Limits

    def periods(self) -> tuple[tuple[str, int | None, int | None, int | None], ...]:
        """Each period with its limits of requests, tokens and money; always in this order, so that nobody deadlocks."""
        one = self.limits
        return (
            (self.day, one.daily_requests, one.daily_tokens, one.daily_cost_micros),
            (self.day[:7], one.monthly_requests, one.monthly_tokens, one.monthly_cost_micros),
        )


@dataclass(frozen=True, slots=True)
class Hold:
    """What was reserved on an account."""

    id: UUID
    account: Account
    tokens: int
    cost_micros: int


async def reserve(
    uow: SystemUnitOfWork, account: Account, tokens: int, cost_micros: int, *, for_s: float
) -> Hold | None:
    """Reserve one request with this many tokens at most; None, and nothing reserved, when a limit would be passed.

    Args:
        for_s: how long the call may take; a while after that, what nobody settled is given back.
    """
    if not await count(uow, account, tokens, cost_micros):
        return None
    hold = Hold(new_id(), account, tokens, cost_micros)
    await uow.session.execute(_KEEP, {
        "hold": hold.id, "tenant": account.tenant_id, "subject": account.subject.value, "id": account.id, "day": account.day,
        "tokens": tokens, "cost": cost_micros, "wait": for_s + GRACE_S,
    })  # fmt: skip
    return hold


async def count(uow: SystemUnitOfWork, account: Account, tokens: int, cost_micros: int) -> bool:
    """Count one request for good; False, and nothing counted, when a limit would be passed."""
    async with uow.session.begin_nested() as savepoint:
        for period, requests, most_tokens, most_cost in account.periods():
            values = {
                "tenant": account.tenant_id, "subject": account.subject.value, "id": account.id, "period": period,
                "tokens": tokens, "cost": cost_micros, "max_requests": requests, "max_tokens": most_tokens,
                "max_cost": most_cost,
            }  # fmt: skip
            if (await uow.session.execute(_TAKE, values)).scalar_one_or_none() is None:
                await savepoint.rollback()
                return False
    return True


async def settle(uow: SystemUnitOfWork, hold: Hold, tokens: int, cost_micros: int) -> None:
    """Put what was used in the place of what was reserved; beside it, where that was given back meanwhile."""
    if await _is_ours(uow, hold):
        await _correct(uow, hold, 0, tokens - hold.tokens, cost_micros - hold.cost_micros)
    else:
        await _correct(uow, hold, 1, tokens, cost_micros)


async def release(uow: SystemUnitOfWork, hold: Hold) -> None:
    """Give a reservation back as if it had not been, unless that was done."""
    if await _is_ours(uow, hold):
        await _correct(uow, hold, -1, -hold.tokens, -hold.cost_micros)


async def give_back() -> int:
    """Give back what calls had reserved that were killed; returns how many reservations (for the sweep).

    Each in a transaction of its own: calls lock several counters, so this may hold those of one account alone.
    """
    given = 0
    while given < MOST:
        async with system_unit_of_work() as uow:
            row = (await uow.session.execute(_EXPIRED)).one_or_none()
            if row is None:
                break
            account = Account(CounterOf(row.subject), row.subject_id, row.tenant_id, row.day, Limits())
            await _correct(uow, Hold(row.id, account, row.tokens, row.cost_micros), -1, -row.tokens, -row.cost_micros)
        given += 1
    if given:
        log.warning("ai.reservations_given_back", count=given)
    return given


async def _is_ours(uow: SystemUnitOfWork, hold: Hold) -> bool:
    return (await uow.session.execute(_END, {"hold": hold.id})).scalar_one_or_none() is not None


async def _correct(uow: SystemUnitOfWork, hold: Hold, requests: int, tokens: int, cost: int) -> None:
    account = hold.account
    for period, *_ in account.periods():
        values = {
            "subject": account.subject.value, "id": account.id, "period": period, "requests": requests,
            "tokens": tokens, "cost": cost,
        }  # fmt: skip
        await uow.session.execute(_CORRECT, values)
