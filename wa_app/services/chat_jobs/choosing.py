"""Which conversations a job is about, in pieces."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from wa_app.db import TenantUnitOfWork
from wa_app.schemas.conversations import ChatFilters
from wa_app.services.conversations import folders

PIECE: Final = 50
_THERE = "SELECT count(*) FROM conversations WHERE tenant_id = $1 AND id = ANY($2::uuid[])"
_LISTED = "FROM conversations WHERE tenant_id = $1 AND last_message_at IS NOT NULL"


def options_of(filters: ChatFilters, user_id: UUID | None, until: datetime | None = None) -> dict[str, Any]:
    """What a job remembers of a filter; views such as `mine` are those of the person who asks.

    Args:
        until: conversations in which something newer was said are left out.
    """
    options = {"filters": filters.model_dump(mode="json"), "user_id": str(user_id) if user_id else None}
    return {**options, "until": until.isoformat()} if until else options


async def count(uow: TenantUnitOfWork, options: Mapping[str, Any]) -> int:
    """How many there are."""
    conn = await uow.driver()
    if "ids" in options:
        return int(await conn.fetchval(_THERE, uow.tenant_id, [UUID(one) for one in options["ids"]]))
    where = _where(options, first=2)
    if where is None:
        return 0
    return int(await conn.fetchval(f"SELECT count(*) {_LISTED}{where[0]}", uow.tenant_id, *where[1]))


async def piece(uow: TenantUnitOfWork, options: Mapping[str, Any], after: UUID | None) -> list[UUID]:
    """The next ones, in the order of their ids; those that are gone meanwhile are left out."""
    conn = await uow.driver()
    if "ids" in options:
        query = "SELECT id FROM conversations WHERE tenant_id = $1 AND id = ANY($2::uuid[]) AND ($3::uuid IS NULL OR id > $3) ORDER BY id LIMIT $4"
        rows = await conn.fetch(query, uow.tenant_id, [UUID(one) for one in options["ids"]], after, PIECE)
        return [row["id"] for row in rows]
    where = _where(options, first=4)
    if where is None:
        return []
    query = f"SELECT id {_LISTED} AND ($2::uuid IS NULL OR id > $2){where[0]} ORDER BY id LIMIT $3"
    return [row["id"] for row in await conn.fetch(query, uow.tenant_id, after, PIECE, *where[1])]


def _where(options: Mapping[str, Any], *, first: int) -> tuple[str, list[Any]] | None:
    user, until = options.get("user_id"), options.get("until")
    where = folders.condition(ChatFilters.model_validate(options["filters"]), UUID(user) if user else None, first=first)
    if where is None or until is None:
        return where
    said, values = where
    return f"{said} AND last_message_at <= ${first + len(values)}", [*values, datetime.fromisoformat(until)]
