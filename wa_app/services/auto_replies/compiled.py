"""A tenant's rules, ready to be asked: compiled once per change, kept per process."""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import text

from wa_app.db import TenantUnitOfWork
from wa_app.kit import keywords
from wa_app.kit.keywords import Keyword, Said
from wa_app.kit.patterns import PatternRefused
from wa_app.kit.weekly import Window, within
from wa_app.kit.zones import zone
from wa_app.schemas.auto_replies import RuleMatch

log = structlog.get_logger(__name__)

KEPT: Final = 128
"""Tenants whose compiled rules a process keeps."""
_cache: OrderedDict[UUID, tuple[UUID, tuple["Rule", ...]]] = OrderedDict()

_STAMP = "SELECT t.time_zone, s.stamp FROM tenants t LEFT JOIN auto_reply_sets s ON s.tenant_id = t.id WHERE t.id = $1"
_RULES = text("""
    SELECT r.id, r.name, r.match_type, r.keywords, r.response_text, r.file_id, r.is_active, r.windows, r.from_date,
      r.until_date, r.limit_times, r.limit_period, r.cooldown_s, r.delay, r.hand_over, r.stops_here,
      (SELECT coalesce(array_agg(d.device_id), '{}') FROM auto_reply_devices d
       WHERE d.tenant_id = r.tenant_id AND d.auto_reply_id = r.id) AS device_ids
    FROM auto_replies r WHERE r.tenant_id = :t AND r.deleted_at IS NULL ORDER BY r.priority, r.id
""")


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule, its keywords ready to be asked."""

    id: UUID
    name: str
    keywords: tuple[Keyword, ...]
    is_active: bool
    device_ids: frozenset[UUID]
    windows: tuple[Window, ...]
    from_date: date | None
    until_date: date | None
    limit_times: int | None
    limit_period: str
    cooldown_s: int
    answer: RuleMatch

    @property
    def is_limited(self) -> bool:
        """Whether it remembers whom it has answered."""
        return self.limit_times is not None or self.cooldown_s > 0

    def asked(self, said: Said) -> tuple[str, str | None]:
        """The keyword that a message says and None, or the nearest one and why it is not said."""
        for one in self.keywords:
            if one.said_by(said):
                return one.text, None
        keyword, why = keywords.nearest(self.keywords, said)
        return keyword, why.value

    def closed(self, device_id: UUID | None, local: datetime) -> str | None:
        """Why it keeps silent now and here, whatever is said; None when it does not."""
        if not self.is_active:
            return "inactive"
        if self.device_ids and device_id is not None and device_id not in self.device_ids:
            return "other_device"
        if self.from_date is not None and local.date() < self.from_date:
            return "not_begun"
        if self.until_date is not None and local.date() > self.until_date:
            return "over"
        return None if within(self.windows, local) else "outside_schedule"


async def of_tenant(uow: TenantUnitOfWork) -> tuple[tuple[Rule, ...], ZoneInfo]:
    """All rules of the tenant in the order they are asked in, and its zone."""
    row = await (await uow.driver()).fetchrow(_STAMP, uow.tenant_id)
    if row["stamp"] is None:
        return (), zone(row["time_zone"])
    kept = _cache.get(uow.tenant_id)
    if kept is None or kept[0] != row["stamp"]:
        # The stamp is read first: rules that change in between are compiled again at the next question.
        found = (await uow.session.execute(_RULES, {"t": uow.tenant_id})).all()
        kept = row["stamp"], tuple(_compiled(one) for one in found)
        _cache[uow.tenant_id] = kept
        while len(_cache) > KEPT:
            _cache.popitem(last=False)
    _cache.move_to_end(uow.tenant_id)
    return kept[1], zone(row["time_zone"])


def window_of(kept: dict[str, Any]) -> Window:
    """A window as it is kept in the database."""
    return Window(tuple(kept["days"]), time.fromisoformat(kept["start"]), time.fromisoformat(kept["end"]))


def _compiled(row: Any) -> Rule:
    match = RuleMatch(
        row.id, row.name, "", row.response_text, row.file_id, row.delay, row.hand_over, row.stops_here
    )
    return Rule(
        id=row.id, name=row.name, keywords=_ready(row), is_active=row.is_active, device_ids=frozenset(row.device_ids),
        windows=tuple(map(window_of, row.windows)), from_date=row.from_date, until_date=row.until_date,
        limit_times=row.limit_times, limit_period=row.limit_period, cooldown_s=row.cooldown_s, answer=match,
    )  # fmt: skip


def _ready(row: Any) -> tuple[Keyword, ...]:
    made: list[Keyword] = []
    for one in row.keywords:
        try:
            ready = keywords.keyword(one, row.match_type)
        except PatternRefused as error:
            # It was fine when it was saved; a newer RE2 must not take the other rules with it.
            log.warning("rules.pattern_refused", rule_id=str(row.id), code=error.code)
            continue
        if ready is not None:
            made.append(ready)
    return tuple(made)
