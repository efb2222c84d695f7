"""Which rule answers a text, and why the others do not."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import text

from wa_app.db import TenantUnitOfWork
from wa_app.kit.keywords import Said
from wa_app.kit.periods import period_start
from wa_app.schemas.auto_replies import Considered, RuleDecision, RuleMatch, RuleQuestion
from wa_app.schemas.principal import Verb
from wa_app.services.auto_replies import compiled
from wa_app.services.auto_replies.compiled import Rule

LONG: Final = 2_000
"""Characters from which on a text is looked at in a thread, so that nobody else waits."""
FIRED: Final = "fired"

_ANSWERED = text(
    "SELECT auto_reply_id, period_at, times, last_at FROM auto_reply_contacts "
    "WHERE tenant_id = :t AND contact_id = :c AND auto_reply_id = ANY(CAST(:ids AS uuid[]))"
)


async def decide(uow: TenantUnitOfWork, question: RuleQuestion) -> RuleDecision:
    """The first rule by priority that matches, and what was found about every rule. Changes nothing.

    Whoever answers by it calls `count_hit` in the transaction that plans the answer.
    """
    uow.require(Verb.RULES_READ)
    rules, zone = await compiled.of_tenant(uow)
    if not rules:
        return RuleDecision(None, ())
    local = question.at.astimezone(zone)
    if len(question.text) > LONG:
        found = await asyncio.to_thread(_weigh, rules, question, local)
    else:
        found = _weigh(rules, question, local)
    waits = await _limits(uow, [rule for rule, one in zip(rules, found, strict=True) if not one.why], question, zone)
    return _decided(rules, found, waits)


def _weigh(rules: Sequence[Rule], question: RuleQuestion, local: datetime) -> list[Considered]:
    """What a text alone, the device and the time say about each rule; `why` is empty where it may fire."""
    said = Said.of(question.text)
    return [_weighed(rule, said, question.device_id, local) for rule in rules]


def _weighed(rule: Rule, said: Said, device_id: UUID | None, local: datetime) -> Considered:
    keyword, missed = rule.asked(said)
    why = missed or rule.closed(device_id, local) or ""
    return Considered(rule.id, rule.name, matched=False, why=why, keyword=keyword)


async def _limits(
    uow: TenantUnitOfWork, rules: Sequence[Rule], question: RuleQuestion, zone: ZoneInfo
) -> dict[UUID, str]:
    """Rules that have answered this contact as often as they may, or just now."""
    limited = {rule.id: rule for rule in rules if rule.is_limited}
    if not limited or question.contact_id is None:
        return {}
    values = {"t": uow.tenant_id, "c": question.contact_id, "ids": list(limited)}
    rows = (await uow.session.execute(_ANSWERED, values)).all()
    found = {row.auto_reply_id: _exhausted(limited[row.auto_reply_id], row, question.at, zone) for row in rows}
    return {rule_id: why for rule_id, why in found.items() if why is not None}


def _exhausted(rule: Rule, row: Any, at: datetime, zone: ZoneInfo) -> str | None:
    is_same = row.period_at >= period_start(rule.limit_period, at, zone)
    if rule.limit_times is not None and is_same and row.times >= rule.limit_times:
        return "limit_reached"
    return "cooling_down" if at < row.last_at + timedelta(seconds=rule.cooldown_s) else None


def _decided(rules: Sequence[Rule], found: Sequence[Considered], waits: dict[UUID, str]) -> RuleDecision:
    match: RuleMatch | None = None
    told: list[Considered] = []
    for rule, one in zip(rules, found, strict=True):
        why = one.why or waits.get(rule.id) or ("lower_priority" if match is not None else FIRED)
        if why == FIRED:
            match = replace(rule.answer, keyword=one.keyword)
        told.append(replace(one, matched=why == FIRED, why=why))
    return RuleDecision(match, tuple(told))
