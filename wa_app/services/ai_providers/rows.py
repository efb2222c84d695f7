"""Rows of providers, whoever owns them: a tenant, or (owner None) the platform."""

import hashlib
import hmac
from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from wa_app.ai.gateway.vendors import Vendor, vendor_of
from wa_app.ai.gateway.web import problem_of_address
from wa_app.config import get_settings
from wa_app.errors import FieldError, Invalid, NotFound
from wa_app.kit.clock import utc_now
from wa_app.kit.secrets import encrypt
from wa_app.models.ai import AiProvider, AiProviderKey, ProviderKind
from wa_app.schemas.ai_providers import ProviderCreate, ProviderUpdate, ProviderView, State

PLAIN: Final = (
    "name", "base_url", "model", "priority", "weight", "time_limit_s", "is_active", "daily_limit", "monthly_limit",
    "daily_tokens", "monthly_tokens", "daily_cost_micros", "monthly_cost_micros",
)  # fmt: skip
LIMITS: Final = frozenset(PLAIN[-6:])
MAX_PROVIDERS: Final = 50
_FACTS: Final = text("""
    WITH z AS (SELECT CAST(:zone AS text) AS zone), d AS (
      SELECT zone, date_trunc('day', now() AT TIME ZONE zone) AS day, date_trunc('month', now() AT TIME ZONE zone) AS month FROM z)
    SELECT p.id, (d.day + interval '1 day') AT TIME ZONE d.zone AS day_ends_at, (d.month + interval '1 month') AT TIME ZONE d.zone AS month_ends_at,
      COALESCE(t.requests, 0) AS used_today, COALESCE(m.requests, 0) AS used_month, COALESCE(t.tokens, 0) AS tokens_today,
      COALESCE(m.tokens, 0) AS tokens_month, COALESCE(t.cost_micros, 0) AS cost_today_micros, COALESCE(m.cost_micros, 0) AS cost_month_micros,
      COALESCE(p.cool_until > now(), false) AS is_cooling, COALESCE(p.open_until > now() OR p.probe_until > now(), false) AS is_open,
      (SELECT percentile_disc(0.95) WITHIN GROUP (ORDER BY u.latency_ms) FROM ai_usage u WHERE u.provider_id = p.id
        AND u.created_at >= d.day AT TIME ZONE d.zone AND u.outcome = 'ok') AS p95_ms,
      (SELECT count(*) FROM ai_usage u WHERE u.provider_id = p.id AND u.created_at >= d.day AT TIME ZONE d.zone
        AND u.outcome <> 'ok')::int AS failed_today
    FROM ai_providers p CROSS JOIN d
    LEFT JOIN ai_counters t ON t.subject_id = p.id AND t.subject = 'provider' AND t.period = to_char(d.day, 'YYYY-MM-DD')
    LEFT JOIN ai_counters m ON m.subject_id = p.id AND m.subject = 'provider' AND m.period = to_char(d.day, 'YYYY-MM')
    WHERE p.id = ANY(:ids)
""")
_DROP_KEY: Final = text("DELETE FROM ai_provider_keys WHERE provider_id = :id")
_ORDER: Final = text("""
    UPDATE ai_providers p SET priority = o.place * 10 FROM unnest(CAST(:ids AS uuid[])) WITH ORDINALITY AS o(id, place)
    WHERE p.id = o.id AND p.tenant_id IS NOT DISTINCT FROM CAST(:owner AS uuid) AND p.deleted_at IS NULL RETURNING p.id
""")


def masked(key: str) -> str:
    """What is shown of a key for ever after: enough to tell it from another.

    >>> masked("sk-proj-1234567890abcdTt0a")
    'sk-p…Tt0a'
    """
    if len(key) >= 16:
        return f"{key[:4]}…{key[-4:]}"
    return f"…{key[-2:]}" if len(key) >= 8 else "…"


def fingerprint(key: str) -> str:
    """Tells whether two rows hold the same key, without holding it."""
    secret = get_settings().secret_key.split(",")[0].encode()
    return hmac.new(b"sapa:ai-key:" + secret, key.encode(), hashlib.sha256).hexdigest()


async def find(session: AsyncSession, owner: UUID | None, provider_id: UUID, *, lock: bool = False) -> AiProvider:
    """A provider of this owner. Raises NotFound."""
    owned = col(AiProvider.tenant_id).is_(None) if owner is None else col(AiProvider.tenant_id) == owner
    query = select(AiProvider).where(col(AiProvider.id) == provider_id, owned, col(AiProvider.deleted_at).is_(None))
    found = (await session.execute(query.with_for_update() if lock else query)).scalar_one_or_none()
    if found is None:
        raise NotFound
    return found


async def every(session: AsyncSession, owner: UUID | None) -> Sequence[AiProvider]:
    """The owner's providers in their order; quoting stands last, as it is asked last."""
    owned = col(AiProvider.tenant_id).is_(None) if owner is None else col(AiProvider.tenant_id) == owner
    query = select(AiProvider).where(owned, col(AiProvider.deleted_at).is_(None))
    rows = (await session.execute(query.order_by(col(AiProvider.priority), col(AiProvider.id)))).scalars().all()
    return sorted(rows, key=lambda row: row.kind == ProviderKind.QUOTE)


async def check_address(kind: ProviderKind, base_url: str, *, trusted: bool) -> None:
    """Raises Invalid on `base_url`. Looks a name up, so it is called outside of transactions."""
    if not base_url.strip() or kind is ProviderKind.QUOTE:
        return
    if (problem := await problem_of_address(base_url.strip(), trusted=trusted)) is not None:
        raise Invalid(FieldError("base_url", f"ai_{problem}"), code="ai_provider_invalid")


async def add(session: AsyncSession, owner: UUID | None, data: ProviderCreate) -> AiProvider:
    """A new row with its key. Raises Invalid."""
    row = AiProvider(tenant_id=owner, kind=data.kind, **{key: getattr(data, key) for key in PLAIN})
    _tidy(row)
    _validate(row, data.api_key.strip(), has_key=False)
    if len(await every(session, owner)) >= MAX_PROVIDERS:
        raise Invalid(FieldError("name", "ai_providers_too_many", {"limit": MAX_PROVIDERS}), code="ai_provider_invalid")
    row.updated_at = utc_now()
    session.add(row)
    await session.flush()
    await _keep_key(session, row, data.api_key.strip())
    return row


async def change(session: AsyncSession, owner: UUID | None, provider_id: UUID, data: ProviderUpdate) -> AiProvider:
    """Change a row. A key does not follow to another address: whoever moves it must know it. Raises Invalid."""
    row = await find(session, owner, provider_id, lock=True)
    before = row.base_url
    for key in data.model_fields_set.intersection(PLAIN):
        value = getattr(data, key)
        if value is not None or key in LIMITS:
            setattr(row, key, value)
    _tidy(row)
    new_key = (data.api_key or "").strip()
    with session.no_autoflush:
        _validate(row, new_key, has_key=bool(row.key_masked))
        if row.base_url != before and row.key_masked and not new_key:
            raise Invalid(FieldError("api_key", "ai_key_again"), code="ai_provider_invalid")
    if new_key:
        await _keep_key(session, row, new_key)
    if new_key or row.base_url != before or "model" in data.model_fields_set:
        # What went wrong went wrong with what it was.
        row.disabled_at = row.cool_until = row.open_until = row.probe_until = None
        row.failures, row.cool_reason, row.last_error = 0, "", ""
    row.updated_at = utc_now()
    await session.flush()
    return row


async def drop(session: AsyncSession, owner: UUID | None, provider_id: UUID) -> AiProvider:
    """Take a provider away, and its key for good; the ledger keeps its name."""
    row = await find(session, owner, provider_id, lock=True)
    if row.tenant_id is None and row.kind is ProviderKind.QUOTE:
        raise Invalid(code="ai_quote_stays")
    row.deleted_at = utc_now()
    row.key_masked = ""
    await session.execute(_DROP_KEY, {"id": provider_id})
    await session.flush()
    return row


async def put_in_order(session: AsyncSession, owner: UUID | None, ids: Sequence[UUID]) -> None:
    """Priorities by place. Raises NotFound when one is not the owner's."""
    moved = (await session.execute(_ORDER, {"ids": list(ids), "owner": owner})).scalars().all()
    if set(moved) != set(ids):
        raise NotFound


async def views(session: AsyncSession, rows: Sequence[AiProvider], zone: str) -> list[ProviderView]:
    """Rows with what they have used and the state they are in."""
    ids = [row.id for row in rows]
    found = (await session.execute(_FACTS, {"ids": ids, "zone": zone})).mappings().all() if ids else []
    facts = {one["id"]: one for one in found}
    made: list[ProviderView] = []
    is_first = True
    for row in rows:
        state, until, reason = _state(row, facts[row.id], is_first=is_first)
        is_first = is_first and state not in ("active", "always")
        made.append(_view(row, facts[row.id], state, until, reason))
    return made


def _view(row: AiProvider, facts: Any, state: State, until: Any, reason: str) -> ProviderView:
    plain = {key: getattr(row, key) for key in PLAIN}
    counted = {key: facts[key] for key in (
        "used_today", "used_month", "tokens_today", "tokens_month", "cost_today_micros", "cost_month_micros",
        "day_ends_at", "month_ends_at", "p95_ms", "failed_today",
    )}  # fmt: skip
    return ProviderView(
        id=row.id, kind=row.kind, vendor=vendor_of(row.kind, row.base_url).key, api_key_masked=row.key_masked, state=state,
        state_until=until, state_reason=reason, last_error=row.last_error, last_error_at=row.last_error_at,
        last_ok_at=row.last_ok_at, created_at=row.created_at, **plain, **counted,
    )  # fmt: skip


def _state(row: AiProvider, facts: Any, *, is_first: bool) -> tuple[State, Any, str]:
    if not row.is_active:
        return "off", None, ""
    if row.disabled_at is not None:
        return "disabled", None, row.last_error
    for limit, used, until, reason in (
        (row.daily_limit, "used_today", "day_ends_at", "daily"), (row.monthly_limit, "used_month", "month_ends_at", "monthly"),
        (row.daily_tokens, "tokens_today", "day_ends_at", "daily_tokens"),
        (row.monthly_tokens, "tokens_month", "month_ends_at", "monthly_tokens"),
        (row.daily_cost_micros, "cost_today_micros", "day_ends_at", "daily_cost"),
        (row.monthly_cost_micros, "cost_month_micros", "month_ends_at", "monthly_cost"),
    ):  # fmt: skip
        if limit is not None and facts[used] >= limit:
            return "limit", facts[until], reason
    if facts["is_cooling"]:
        return "cooling", row.cool_until, row.cool_reason
    if facts["is_open"]:
        return "open", row.open_until, row.last_error
    if row.kind is ProviderKind.QUOTE:
        return "always", None, ""
    return ("active" if is_first else "standby"), None, ""


def _tidy(row: AiProvider) -> None:
    row.name, row.model = row.name.strip(), row.model.strip()
    row.base_url = row.base_url.strip().rstrip("/")
    if row.kind is ProviderKind.QUOTE:
        row.base_url, row.model = "", "quote"


def _validate(row: AiProvider, new_key: str, *, has_key: bool) -> None:
    vendor: Vendor = vendor_of(row.kind, row.base_url)
    found: list[FieldError] = []
    if not row.name:
        found.append(FieldError("name", "value_missing"))
    if not row.model:
        found.append(FieldError("model", "value_missing"))
    if vendor.needs_key and not new_key and not has_key:
        found.append(FieldError("api_key", "value_missing"))
    elif new_key and (not new_key.isascii() or not new_key.isprintable() or " " in new_key):
        # A key with a line break or a curly quote comes from pasting, and would be an illegal header.
        found.append(FieldError("api_key", "ai_key_malformed"))
    if found:
        raise Invalid(*found, code="ai_provider_invalid")


async def _keep_key(session: AsyncSession, row: AiProvider, key: str) -> None:
    if not key or row.kind is ProviderKind.QUOTE:
        return
    await session.execute(_DROP_KEY, {"id": row.id})
    session.add(AiProviderKey(tenant_id=row.tenant_id, provider_id=row.id, cipher=encrypt(key), fingerprint=fingerprint(key)))
    row.key_masked = masked(key)
    await session.flush()


