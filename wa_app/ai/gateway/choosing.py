"""Which providers may answer a tenant's call, in which order."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text

from wa_app.ai.gateway.shapes import Endpoint
from wa_app.db import SystemUnitOfWork
from wa_app.errors import NotFound
from wa_app.kit.secrets import decrypt
from wa_app.models.ai import ProviderKind, Rotation, Source

_TENANT: Final = text("""
    SELECT t.time_zone, p.limits, s.rotation, s.source, s.daily_requests, s.monthly_requests, s.daily_tokens,
      s.monthly_tokens, s.daily_cost_micros, s.monthly_cost_micros, o.rotation AS platform_rotation,
      to_char(now() AT TIME ZONE t.time_zone, 'YYYY-MM-DD') AS own_day,
      to_char(now() AT TIME ZONE :zone, 'YYYY-MM-DD') AS platform_day
    FROM tenants t JOIN packages p ON p.key = t.package_key
    LEFT JOIN ai_settings s ON s.tenant_id = t.id LEFT JOIN ai_settings o ON o.tenant_id IS NULL
    WHERE t.id = :tenant AND t.deleted_at IS NULL
""")
_PROVIDERS: Final = text("""
    SELECT p.*, k.cipher, k.fingerprint, p.open_until > now() AS is_open,
      COALESCE(p.cool_until > now(), false) AS is_cooling, COALESCE(p.probe_until > now(), false) AS is_probed
    FROM ai_providers p LEFT JOIN ai_provider_keys k ON k.provider_id = p.id
    WHERE p.deleted_at IS NULL AND p.is_active AND (p.tenant_id = :tenant OR p.tenant_id IS NULL)
    ORDER BY p.priority, p.id
""")
_TURN: Final = text(
    "UPDATE ai_settings SET turn = turn + 1 WHERE tenant_id IS NOT DISTINCT FROM CAST(:tenant AS uuid) RETURNING turn"
)
PLATFORM_LIMITS: Final = ("ai_requests_day", "ai_requests_month", "ai_tokens_month", "ai_cost_micros_month")
"""Keys of a package's limits on calls that the platform's providers answer."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of a day and a month; None is without."""

    daily_requests: int | None = None
    monthly_requests: int | None = None
    daily_tokens: int | None = None
    monthly_tokens: int | None = None
    daily_cost_micros: int | None = None
    monthly_cost_micros: int | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A provider that could answer, and what stands against it now."""

    endpoint: Endpoint
    limits: Limits
    day: str
    """Today on the calendar its limits go by."""
    tenant_id: UUID | None
    weight: int
    outcome: str
    """Empty, or why it is passed over: `disabled`, `cooling`, `open`."""
    needs_probe: bool
    """Its circuit was open: only one call at a time may find out whether it answers again."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What a call may use."""

    candidates: tuple[Candidate, ...]
    budget: Limits
    package: Limits
    day: str
    """Today in the tenant's zone."""


async def choose(uow: SystemUnitOfWork, tenant_id: UUID, zone: str, provider_id: UUID | None = None) -> Choice:
    """Candidates in the order they are to be asked. Raises NotFound for an unknown tenant or provider."""
    tenant = (await uow.session.execute(_TENANT, {"tenant": tenant_id, "zone": zone})).mappings().one_or_none()
    if tenant is None:
        raise NotFound
    rows = (await uow.session.execute(_PROVIDERS, {"tenant": tenant_id})).mappings().all()
    may_own = tenant["limits"].get("ai_providers") != 0
    own = [row for row in rows if row["tenant_id"] is not None] if may_own else []
    platform = [row for row in rows if row["tenant_id"] is None]
    if provider_id is not None:
        picked = [row for row in (*own, *platform) if row["id"] == provider_id]
        if not picked:
            raise NotFound
    else:
        picked = await _ordered(uow, tenant_id, tenant, own, platform)
    budget = Limits(**{key: tenant[key] for key in Limits.__slots__})
    made = tuple(_candidate(row, tenant) for row in picked)
    return Choice(made, budget, package_limits(tenant["limits"]), tenant["own_day"])


def package_limits(limits: dict[str, int]) -> Limits:
    """What a package allows of the platform's providers."""
    per_day, per_month, tokens, cost = (limits.get(key) for key in PLATFORM_LIMITS)
    return Limits(per_day, per_month, None, tokens, None, cost)


async def _ordered(
    uow: SystemUnitOfWork, tenant_id: UUID, tenant: Any, own: list[Any], platform: list[Any]
) -> list[Any]:
    """A tenant's keys never stand in for the platform's, nor the reverse, unless the tenant says so."""
    source = Source(tenant["source"] or Source.AUTO)
    if source is Source.AUTO and own:
        platform = []
    elif source is Source.AUTO:
        own = []
    mine = await _rotated(uow, tenant_id, tenant["rotation"], own)
    theirs = await _rotated(uow, None, tenant["platform_rotation"], platform)
    both = mine + theirs if source is not Source.PLATFORM_FIRST else theirs + mine
    # Quoting never fails, so it stands behind everybody who could do better.
    return sorted(both, key=lambda row: row["kind"] == ProviderKind.QUOTE)


async def _rotated(uow: SystemUnitOfWork, tenant_id: UUID | None, rotation: str | None, rows: list[Any]) -> list[Any]:
    if len(rows) < 2:
        return rows
    turn = 0
    if rotation == Rotation.ROUND_ROBIN:
        turn = (await uow.session.execute(_TURN, {"tenant": tenant_id})).scalar_one_or_none() or 0
    askable = [row for row in rows if row["kind"] != ProviderKind.QUOTE]
    return rotate(askable, Rotation(rotation or Rotation.PRIORITY), turn) + [row for row in rows if row not in askable]


def rotate(rows: Sequence[Any], rotation: Rotation, turn: int = 0, draw: random.Random | None = None) -> list[Any]:
    """Rows in the order of a rotation; they come in the order of priority."""
    dice, found = draw or random.Random(), list(rows)
    if rotation is Rotation.ROUND_ROBIN and found:
        start = turn % len(found)
        return found[start:] + found[:start]
    if rotation is Rotation.RANDOM:
        dice.shuffle(found)
    if rotation is Rotation.WEIGHTED:
        # A draw without replacement: each next one by its share of what is left (Efraimidis and Spirakis).
        found.sort(key=lambda row: dice.random() ** (1 / max(1, row["weight"])), reverse=True)
    return found


def endpoint_of(row: Any) -> Endpoint:
    """The endpoint of a row of `ai_providers` joined with its key."""
    return Endpoint(
        id=row["id"], name=row["name"], kind=ProviderKind(row["kind"]), base_url=row["base_url"], model=row["model"],
        key=decrypt(row["cipher"]) if row["cipher"] else "", fingerprint=row["fingerprint"] or "",
        is_own=row["tenant_id"] is not None, time_limit_s=float(row["time_limit_s"]),
    )  # fmt: skip


def limits_of(row: Any) -> Limits:
    """The limits in a row of `ai_providers`."""
    return Limits(row["daily_limit"], row["monthly_limit"], row["daily_tokens"], row["monthly_tokens"],
                  row["daily_cost_micros"], row["monthly_cost_micros"])  # fmt: skip


def _candidate(row: Any, tenant: Any) -> Candidate:
    outcome = "disabled" if row["disabled_at"] else "cooling" if row["is_cooling"] else ""
    opened: datetime | None = row["open_until"]
    if not outcome and opened is not None and (row["is_open"] or row["is_probed"]):
        outcome = "open"
    return Candidate(
        endpoint=endpoint_of(row), limits=limits_of(row), tenant_id=row["tenant_id"], weight=row["weight"],
        day=tenant["own_day"] if row["tenant_id"] else tenant["platform_day"], outcome=outcome,
        needs_probe=opened is not None and not outcome,
    )  # fmt: skip
