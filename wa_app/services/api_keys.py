"""Keys for programs: `sapa_live_…`, kept as SHA-256, with scopes and an expiry."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import and_, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from wa_app.db import TenantUnitOfWork, system_unit_of_work
from wa_app.errors import FieldError, Forbidden, Invalid, LimitReached, NotFound, NotSignedIn
from wa_app.kit.clock import utc_now
from wa_app.kit.secrets import digest, new_token
from wa_app.models.identity import ApiKey, Membership, Role, Tenant
from wa_app.schemas.accounts import ApiKeyView
from wa_app.schemas.principal import ALL_VERBS, Principal, Verb
from wa_app.services import audit

PREFIX = "sapa_live_"
SHOWN = len(PREFIX) + 4
MAX_KEYS = 50
USED_EVERY = timedelta(minutes=1)


async def create(
    uow: TenantUnitOfWork, name: str, scopes: list[str] | None = None, expires_at: datetime | None = None
) -> tuple[ApiKeyView, str]:
    """A new key and, this once, the key itself. Without scopes it may do what its maker may.

    Raises `Forbidden`, `Invalid` (unknown scope, one the maker lacks, an expiry that has passed), `LimitReached`.
    """
    uow.require(Verb.SETTINGS_WRITE)
    if uow.principal.kind != "user":
        raise Forbidden("keys_need_person")
    chosen = sorted(set(uow.principal.verbs if scopes is None else scopes))
    _check(uow, name, chosen, expires_at)
    await _check_room(uow)
    key = PREFIX + new_token()
    row = ApiKey(
        tenant_id=uow.tenant_id, name=name.strip()[:100], prefix=key[:SHOWN], key_hash=digest(key), scopes=chosen,
        created_by=uow.principal.user_id, expires_at=expires_at,
    )  # fmt: skip
    uow.session.add(row)
    await uow.session.flush()
    audit.record(uow, "api_key.create", "api_key", row.id, name=row.name, scopes=chosen)
    return _view(row), key


def _check(uow: TenantUnitOfWork, name: str, scopes: list[str], expires_at: datetime | None) -> None:
    problems = []
    if not name.strip():
        problems.append(FieldError("name", "value_missing"))
    if unknown := [scope for scope in scopes if scope not in ALL_VERBS]:
        problems.append(FieldError("scopes", "scope_unknown", {"scope": unknown[0][:40]}))
    elif foreign := [scope for scope in scopes if not uow.principal.may(scope)]:
        problems.append(FieldError("scopes", "scope_not_yours", {"scope": foreign[0]}))
    elif not scopes:
        problems.append(FieldError("scopes", "value_missing"))
    if expires_at is not None and (expires_at.tzinfo is None or expires_at <= utc_now()):
        problems.append(FieldError("expires_at", "time_passed"))
    if problems:
        raise Invalid(*problems)


async def _check_room(uow: TenantUnitOfWork) -> None:
    living = select(func.count()).select_from(ApiKey).where(
        col(ApiKey.tenant_id) == uow.tenant_id, col(ApiKey.revoked_at).is_(None)
    )
    if (await uow.session.scalar(living) or 0) >= MAX_KEYS:
        raise LimitReached("api_key_limit_reached", limit=MAX_KEYS)


async def list_keys(uow: TenantUnitOfWork) -> list[ApiKeyView]:
    """The tenant's living keys, newest first, masked."""
    uow.require(Verb.SETTINGS_READ)
    rows = await uow.session.scalars(
        select(ApiKey).where(col(ApiKey.tenant_id) == uow.tenant_id, col(ApiKey.revoked_at).is_(None))
        .order_by(col(ApiKey.id).desc()).limit(MAX_KEYS)
    )
    return [_view(row) for row in rows]


async def revoke(uow: TenantUnitOfWork, key_id: UUID) -> None:
    """End a key at once. Raises `NotFound`."""
    uow.require(Verb.SETTINGS_WRITE)
    ended = await uow.session.scalar(
        update(ApiKey).where(
            col(ApiKey.tenant_id) == uow.tenant_id, col(ApiKey.id) == key_id, col(ApiKey.revoked_at).is_(None)
        ).values(revoked_at=func.now()).returning(col(ApiKey.id))
    )
    if ended is None:
        raise NotFound
    audit.record(uow, "api_key.revoke", "api_key", key_id)


def _view(row: ApiKey) -> ApiKeyView:
    return ApiKeyView(
        row.id, row.name, f"{row.prefix}…", tuple(row.scopes), row.created_at, row.expires_at, row.last_used_at,
        row.expires_at is not None and row.expires_at <= utc_now(),
    )  # fmt: skip


async def principal_from_api_key(key: str) -> Principal:
    """What a key may do: its scopes, as far as its maker still has them. Raises `NotSignedIn`.

    So a key never outlives the rights of the person who made it, and dies when they leave.
    """
    if not key.startswith(PREFIX):
        raise NotSignedIn
    async with system_unit_of_work() as uow:
        maker = and_(col(Membership.tenant_id) == ApiKey.tenant_id, col(Membership.user_id) == ApiKey.created_by)
        role = and_(col(Role.tenant_id) == Membership.tenant_id, col(Role.id) == Membership.role_id)
        found = (
            await uow.session.execute(
                select(ApiKey, Tenant, Role).join(Tenant, col(Tenant.id) == ApiKey.tenant_id)
                .outerjoin(Membership, maker).outerjoin(Role, role)
                .where(col(ApiKey.key_hash) == digest(key), col(ApiKey.revoked_at).is_(None))
                .where(or_(col(ApiKey.expires_at).is_(None), col(ApiKey.expires_at) > func.now()))
                .where(col(Tenant.deleted_at).is_(None))
            )
        ).one_or_none()
        if found is None or (found[0].created_by is not None and found[2] is None):
            raise NotSignedIn
        row, tenant, made_by = found
        await _note_used(uow.session, row.id)
        verbs = frozenset(row.scopes) & (frozenset(made_by.verbs) if made_by else ALL_VERBS)
        return Principal(tenant.id, None, verbs, "api_key", tenant.language)


async def _note_used(session: AsyncSession, key_id: UUID) -> None:
    stale = or_(col(ApiKey.last_used_at).is_(None), col(ApiKey.last_used_at) < func.now() - USED_EVERY)
    await session.execute(
        update(ApiKey).where(col(ApiKey.id) == key_id, stale).values(last_used_at=func.now())
        .execution_options(synchronize_session=False)
    )
