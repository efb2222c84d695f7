"""What happens to stored messages: reactions, edits, deletions and votes are kept with the message itself."""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

import orjson

from wa_app.channels.port import ChangeKind, MessageChanged
from wa_app.db import TenantUnitOfWork
from wa_app.inbound.conversations import plain

MOST: Final = 200
"""People whose reactions or votes one message keeps."""

# Ours have the id of their row in the ledger.
_FIND = """
SELECT id FROM messages WHERE tenant_id = $1 AND device_id = $2 AND provider_message_id = $3
UNION ALL
SELECT m.id FROM outbound_messages o JOIN messages m ON m.tenant_id = o.tenant_id AND m.outbound_id = o.id
WHERE o.tenant_id = $1 AND o.device_id = $2 AND o.provider_message_id = $3 LIMIT 1
"""
_LOCK = "SELECT conversation_id, direction, text, extra FROM messages WHERE tenant_id = $1 AND id = $2 FOR UPDATE"
# What a broadcast sent is no line of its own.
_BROADCAST = """
SELECT id, contact_id, reactions FROM outbound_messages
WHERE tenant_id = $1 AND device_id = $2 AND provider_message_id = $3 AND campaign_id IS NOT NULL LIMIT 1 FOR UPDATE
"""
_REACTED = "UPDATE outbound_messages SET reactions = $3 WHERE tenant_id = $1 AND id = $2"
_TALK = "SELECT id FROM conversations WHERE tenant_id = $1 AND contact_id = $2 AND device_id = $3"
_KEEP = "UPDATE messages SET text = $3, extra = $4 WHERE tenant_id = $1 AND id = $2"


async def apply(uow: TenantUnitOfWork, device_id: UUID, event: MessageChanged, at: str) -> bool:
    """Keep what happened; False when the message is not there (yet)."""
    conn = await uow.driver()
    line: UUID | None = await conn.fetchval(_FIND, uow.tenant_id, device_id, event.message_id)
    if line is None:
        return event.change is ChangeKind.REACTION and await _of_broadcast(uow, device_id, event)
    row = await conn.fetchrow(_LOCK, uow.tenant_id, line)
    extra, text = dict(row["extra"] or {}), str(row["text"])
    if event.change in (ChangeKind.EDIT, ChangeKind.DELETION):
        # Only who wrote a message can change it or take it back.
        if event.from_me != (row["direction"] == "OUTBOUND"):
            return True
        text = _rewritten(event, extra, text, at)
    else:
        _chosen(event, extra)
    await conn.execute(_KEEP, uow.tenant_id, line, text, plain(orjson.dumps(extra).decode().replace("\\u0000", "")))
    uow.publish("message", id=line, conversation_id=row["conversation_id"], changed=event.change.value)
    return True


async def _of_broadcast(uow: TenantUnitOfWork, device_id: UUID, event: MessageChanged) -> bool:
    """A reaction to what a broadcast sent stands at its line in the conversation, where there is one."""
    conn = await uow.driver()
    row = await conn.fetchrow(_BROADCAST, uow.tenant_id, device_id, event.message_id)
    if row is None:
        return False
    reactions = _with(row["reactions"], event.by, plain(event.text)[:16])
    await conn.execute(_REACTED, uow.tenant_id, row["id"], orjson.dumps(reactions).decode() if reactions else None)
    talk = await conn.fetchval(_TALK, uow.tenant_id, row["contact_id"], device_id)
    if talk is not None:
        uow.publish("message", id=row["id"], conversation_id=talk, changed=event.change.value)
    return True


def _rewritten(event: MessageChanged, extra: dict[str, Any], text: str, at: str) -> str:
    """The text from now on; what it was at first stays with the message."""
    if event.change is ChangeKind.DELETION:
        extra.setdefault("revoked_at", at)
        return text
    # Edits may come out of order: an older one changes nothing.
    if str(extra.get("edited_at", "")) > at or event.text == text:
        return text
    extra.setdefault("before", text)
    extra["edited_at"] = at
    return plain(event.text)


def _chosen(event: MessageChanged, extra: dict[str, Any]) -> None:
    if event.change is ChangeKind.REACTION:
        extra["reactions"] = _with(extra.get("reactions"), event.by, plain(event.text)[:16])
        return
    poll = dict(extra.get("poll") or {})
    poll["votes"] = _with(poll.get("votes"), event.by, [plain(one)[:200] for one in event.options])
    extra["poll"] = poll


def _with(kept: Any, who: str, what: Any) -> dict[str, Any]:
    """What each has chosen, one thing for each; nothing takes it back."""
    found = dict(kept) if isinstance(kept, Mapping) else {}
    if what and (who in found or len(found) < MOST):
        found[who] = what
    elif not what:
        found.pop(who, None)
    return found
