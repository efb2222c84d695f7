"""Which conversations a job is about, in pieces."""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from wa_app.db import TenantUnitOfWork
from wa_app.schemas.conversations import ChatFilters
from wa_app.services.conversations import folders

PIECE: Final = 50
_LISTED = "FROM conversations WHERE tenant_id = $1 AND last_message_at IS NOT NULL"


def options_of(filters: ChatFilters, user_id: UUID | None) -> dict[str, Any]:
    """What a job remembers of a filter; views such as `mine` are those of the person who asks."""
    return {"filters": filters.model_dump(mode="json"), "user_id": str(user_id) if user_id else None}


async def count(uow: TenantUnitOfWork, options: Mapping[str, Any]) -> int:
    """How many there are."""
    if "ids" in options:
        return len(options["ids"])
    where = _where(options, first=2)
    if where is None:
        return 0
    conn = await uow.driver()
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
    user = options.get("user_id")
    return folders.condition(ChatFilters.model_validate(options["filters"]), UUID(user) if user else None, first=first)
