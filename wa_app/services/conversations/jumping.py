"""A place within a long talk: around a message that was found, from a day on, and on from there."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from wa_app.db import TenantUnitOfWork
from wa_app.errors import NotFound
from wa_app.kit.ids import NIL
from wa_app.schemas.conversations import ChatMessage
from wa_app.services.conversations import chats, lines

BEFORE: Final = 20
"""Lines shown above the place."""

_PLACE = """
SELECT timestamp AS at, id FROM messages WHERE tenant_id = $1 AND id = $4 AND conversation_id = $5
UNION ALL
SELECT sent_at, id FROM outbound_messages
WHERE tenant_id = $1 AND id = $4 AND contact_id = $2 AND device_id = $3 AND campaign_id IS NOT NULL AND sent_at IS NOT NULL
UNION ALL
SELECT created_at, id FROM conversation_notes WHERE tenant_id = $1 AND id = $4 AND conversation_id = $5 AND $6
"""


@dataclass(frozen=True, slots=True)
class Window:
    """Lines, oldest first. `older` and `newer` are cursors to go on by, None at the ends of the talk."""

    items: list[ChatMessage]
    older: str | None
    newer: str | None


async def around(uow: TenantUnitOfWork, conversation_id: UUID, message_id: UUID, *, limit: int = 40) -> Window:
    """The lines around a message. Raises NotFound for a conversation, or for a message that is not in it."""
    uow.require("messages.read")
    chat = await chats.chat_of(uow, conversation_id)
    conn, sees = await uow.driver(), _sees_notes(uow)
    row = await conn.fetchrow(_PLACE, uow.tenant_id, chat.contact_id, chat.device_id, message_id, conversation_id, sees)
    if row is None or row["at"] is None:
        raise NotFound
    # Right before the line itself.
    return await _window(uow, chat, (row["at"], UUID(int=max(0, row["id"].int - 1))), limit)


async def day(uow: TenantUnitOfWork, conversation_id: UUID, at: datetime, *, limit: int = 40) -> Window:
    """The lines from a time on, and a few before it. Raises NotFound."""
    uow.require("messages.read")
    return await _window(uow, await chats.chat_of(uow, conversation_id), (at, NIL), limit)


async def newer(uow: TenantUnitOfWork, conversation_id: UUID, cursor: str, *, limit: int = 40) -> Window:
    """The lines behind a cursor. Raises NotFound, Invalid."""
    uow.require("messages.read")
    chat = await chats.chat_of(uow, conversation_id)
    at, line = chats.read_cursor(cursor)
    if at is None or line is None:
        raise NotFound
    rows = await lines.fetch_after(await uow.driver(), chat, limit + 1, (at, line), notes=_sees_notes(uow))
    return Window([lines.view(row) for row in rows[:limit]], None, _cursor(rows, limit))


async def _window(uow: TenantUnitOfWork, chat: lines.Chat, place: tuple[datetime, UUID], limit: int) -> Window:
    conn, sees = await uow.driver(), _sees_notes(uow)
    after = await lines.fetch_after(conn, chat, limit + 1, place, notes=sees)
    # The place itself is on neither side: it stands right before the first line behind it.
    before = await lines.fetch(conn, chat, BEFORE + 1, (place[0], UUID(int=place[1].int + 1)), notes=sees)
    rows = [*reversed(before[:BEFORE]), *after[:limit]]
    return Window([lines.view(row) for row in rows], _cursor(before, BEFORE), _cursor(after, limit))


def _cursor(rows: list[Mapping[str, Any]], limit: int) -> str | None:
    return chats.write_cursor(rows[limit - 1]["at"], rows[limit - 1]["id"]) if len(rows) > limit else None


def _sees_notes(uow: TenantUnitOfWork) -> bool:
    return uow.principal.kind != "api_key"
