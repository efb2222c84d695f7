"""Making, changing and deleting quick replies. Those of everybody need the verb of rules; one's own, that one may answer."""

import re
from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from asyncpg import UniqueViolationError

from wa_app.db import TenantUnitOfWork
from wa_app.errors import Conflict, FieldError, Forbidden, Invalid, LimitReached, NotFound
from wa_app.kit.ids import new_id
from wa_app.schemas.principal import Verb
from wa_app.schemas.quick_replies import (
    MAX_BODY,
    MAX_CATEGORY,
    MAX_OWN,
    MAX_SHARED,
    MAX_SHORTCUT,
    MAX_TITLE,
    QuickReplyCreate,
    QuickReplyUpdate,
    QuickReplyView,
)
from wa_app.services import audit
from wa_app.services.campaigns import checks
from wa_app.services.quick_replies import reading

LONGEST: Final[Mapping[str, int]] = {"title": MAX_TITLE, "category": MAX_CATEGORY, "body": MAX_BODY}
_SHORTCUT = re.compile(rf"[\w-]{{1,{MAX_SHORTCUT}}}")
_CREATE = """
INSERT INTO quick_replies (id, tenant_id, user_id, shortcut, title, category, body, file_id, created_by, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, now())
"""
_UPDATE = """
UPDATE quick_replies SET user_id = $3, shortcut = $4, title = $5, category = $6, body = $7, file_id = $8, updated_at = now()
WHERE tenant_id = $1 AND id = $2
"""
_FIND = """
SELECT user_id, shortcut, title, category, body, file_id FROM quick_replies
WHERE tenant_id = $1 AND id = $2 AND (user_id IS NULL OR user_id = $3) FOR UPDATE
"""
_COUNT = "SELECT count(*) FROM quick_replies WHERE tenant_id = $1 AND user_id IS NOT DISTINCT FROM $2"


async def create(uow: TenantUnitOfWork, data: QuickReplyCreate) -> QuickReplyView:
    """Keep one. Raises Invalid by field, Conflict `shortcut_exists`, LimitReached, Forbidden."""
    owner = _owner(uow, personal=data.personal)
    await _room(uow, owner)
    values = await _checked(uow, data.model_dump(exclude={"personal"}))
    row_id, conn = new_id(), await uow.driver()
    try:
        await conn.execute(_CREATE, row_id, uow.tenant_id, owner, *values, uow.principal.user_id)
    except UniqueViolationError:
        raise Conflict("shortcut_exists") from None
    return await _saved(uow, "create", row_id)


async def update(uow: TenantUnitOfWork, quick_reply_id: UUID, data: QuickReplyUpdate) -> QuickReplyView:
    """Change what is given. Raises NotFound, and as `create`."""
    row = await _held(uow, quick_reply_id)
    before = row["user_id"]
    given = {key: getattr(data, key) for key in data.model_fields_set if key == "file_id" or getattr(data, key) is not None}
    owner = before if "personal" not in given else _owner(uow, personal=bool(given["personal"]))
    if owner != before:
        await _room(uow, owner)
    values = await _checked(uow, {**dict(row), **given})
    conn = await uow.driver()
    try:
        await conn.execute(_UPDATE, uow.tenant_id, quick_reply_id, owner, *values)
    except UniqueViolationError:
        raise Conflict("shortcut_exists") from None
    return await _saved(uow, "update", quick_reply_id, fields=sorted(given))


async def remove(uow: TenantUnitOfWork, quick_reply_id: UUID) -> None:
    """Delete one for good; what was sent with it stays. Raises NotFound, Forbidden."""
    row = await _held(uow, quick_reply_id)
    conn = await uow.driver()
    await conn.execute("DELETE FROM quick_replies WHERE tenant_id = $1 AND id = $2", uow.tenant_id, quick_reply_id)
    audit.record(uow, "quick_reply.delete", "quick_reply", quick_reply_id, shortcut=row["shortcut"])
    uow.publish("quick_reply", id=quick_reply_id)


def _owner(uow: TenantUnitOfWork, *, personal: bool) -> UUID | None:
    """Whose it becomes. Raises Forbidden when the role may not write that, or a program wants one of its own."""
    if not personal:
        uow.require(Verb.RULES_WRITE)
        return None
    uow.require(Verb.MESSAGES_SEND)
    if uow.principal.user_id is None:
        raise Forbidden(verb=Verb.MESSAGES_SEND.value)
    return uow.principal.user_id


async def _held(uow: TenantUnitOfWork, quick_reply_id: UUID) -> Any:
    uow.require(Verb.MESSAGES_READ)
    conn = await uow.driver()
    row = await conn.fetchrow(_FIND, uow.tenant_id, quick_reply_id, uow.principal.user_id)
    if row is None:
        raise NotFound
    _owner(uow, personal=row["user_id"] is not None)
    return row


async def _room(uow: TenantUnitOfWork, owner: UUID | None) -> None:
    conn, limit = await uow.driver(), MAX_SHARED if owner is None else MAX_OWN
    if await conn.fetchval(_COUNT, uow.tenant_id, owner) >= limit:
        raise LimitReached("quick_reply_limit", limit=limit)


async def _checked(uow: TenantUnitOfWork, data: Mapping[str, Any]) -> tuple[Any, ...]:
    """Shortcut, title, category, body and file as they are kept. Raises Invalid by field."""
    plain = {key: str(data[key]).replace("\x00", "").strip() for key in ("shortcut", *LONGEST)}
    plain["shortcut"] = plain["shortcut"].removeprefix("/").lower()
    found = [FieldError(key, "value_too_long", {"limit": most}) for key, most in LONGEST.items() if len(plain[key]) > most]
    if not _SHORTCUT.fullmatch(plain["shortcut"]):
        found.append(FieldError("shortcut", "shortcut_invalid"))
    if not plain["body"] and data["file_id"] is None:
        found.append(FieldError("body", "message_missing"))
    if (refused := await checks.media_problem(uow, data["file_id"])) is not None:
        found.append(refused)
    if found:
        raise Invalid(*found)
    return plain["shortcut"], plain["title"], plain["category"], plain["body"], data["file_id"]


async def _saved(uow: TenantUnitOfWork, verb: str, row_id: UUID, **detail: Any) -> QuickReplyView:
    view = await reading.get(uow, row_id)
    audit.record(uow, f"quick_reply.{verb}", "quick_reply", row_id, shortcut=view.shortcut, personal=view.personal, **detail)
    uow.publish("quick_reply", id=row_id)
    return view
