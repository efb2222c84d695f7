"""Deleting conversations: what was said, notes, tags, drafts, cases and turns go for good; the ledger keeps its rows.

What a person wrote for later and no lane has in its hands is taken back first. A customer who writes again begins a new talk.
"""

from typing import Final
from uuid import UUID

from sqlalchemy import text

from wa_app.db import TenantUnitOfWork, system_unit_of_work, unit_of_work
from wa_app.errors import NotFound
from wa_app.kit.clock import utc_now
from wa_app.models.merges import ChatJobKind
from wa_app.models.reports import JobStatus
from wa_app.schemas.chat_jobs import ChatJobView, ChatsDelete, Matching
from wa_app.schemas.conversations import ChatFilters
from wa_app.schemas.principal import Principal
from wa_app.sending import chats as ledger_chats
from wa_app.services import audit
from wa_app.services.chat_jobs import choosing, rows
from wa_app.services.conversations import turns

WHY: Final = "conversation_deleted"
_PLANNED = """
SELECT o.id FROM messages m JOIN outbound_messages o ON o.tenant_id = $1 AND o.id = m.outbound_id
WHERE m.tenant_id = $1 AND m.conversation_id = $2 AND o.state = 'planned'
"""
_KNOWN = "SELECT count(*) FROM conversations WHERE tenant_id = $1 AND id = ANY($2::uuid[])"
# What customers sent goes with it, unless somebody is sending the same file on.
_FILES = """
UPDATE files f SET deleted_at = now() WHERE f.tenant_id = :t AND f.deleted_at IS NULL AND f.id IN (
  SELECT x.file_id FROM message_media x JOIN messages m ON m.tenant_id = :t AND m.id = x.message_id
  WHERE x.tenant_id = :t AND m.conversation_id = :id AND x.file_id IS NOT NULL)
AND NOT EXISTS (SELECT 1 FROM outbound_messages o WHERE o.tenant_id = :t AND o.file_id = f.id AND o.state IN ('planned', 'sending', 'held'))
"""
_OF_LINES = "DELETE FROM message_media WHERE tenant_id = :t AND message_id IN (SELECT id FROM messages WHERE tenant_id = :t AND conversation_id = :id)"
_IN_TURN: Final = (
    "note_mentions", "conversation_notes", "conversation_tags", "conversation_drafts", "conversation_cases", "insights", "answer_turns",
    "group_rosters", "messages",
)  # fmt: skip


async def delete(principal: Principal, conversation_id: UUID) -> None:
    """Delete one conversation for good. Raises NotFound."""
    async with unit_of_work(principal) as uow:
        uow.require("contacts.delete")
        if not await turns.lock(uow, conversation_id):
            raise NotFound
        await turns.cancel(uow, conversation_id, WHY)
        conn = await uow.driver()
        for row in await conn.fetch(_PLANNED, uow.tenant_id, conversation_id):
            await ledger_chats.take_back(conn, uow.tenant_id, row["id"], WHY)
        audit.record(uow, "conversation.delete", "conversation", conversation_id)
    await _erase(principal.tenant_id, conversation_id)


async def _erase(tenant_id: UUID, conversation_id: UUID) -> None:
    """Every row of it. Insights are append-only for tenants, so the system does it, in this tenant and conversation alone."""
    of = {"t": tenant_id, "id": conversation_id}
    async with system_unit_of_work() as every:
        held = text("SELECT 1 FROM conversations WHERE tenant_id = :t AND id = :id FOR UPDATE")
        if (await every.session.execute(held, of)).first() is None:
            return
        for query in (_FILES, _OF_LINES):
            await every.session.execute(text(query), of)
        for table in _IN_TURN:
            await every.session.execute(text(f"DELETE FROM {table} WHERE tenant_id = :t AND conversation_id = :id"), of)  # noqa: S608
        await every.session.execute(text("DELETE FROM conversations WHERE tenant_id = :t AND id = :id"), of)
        every.publish_for(tenant_id, "conversation", id=conversation_id, deleted=True)


async def request_delete(uow: TenantUnitOfWork, data: ChatsDelete) -> ChatJobView:
    """Have many deleted by a worker. Raises NotFound when one of the ids is not ours.

    By filters, what matched when the person was asked: a conversation that has something newer stays.
    """
    uow.require("messages.read")
    uow.require("contacts.delete")
    if data.chat_ids is not None:
        wanted, conn = sorted(set(data.chat_ids)), await uow.driver()
        if await conn.fetchval(_KNOWN, uow.tenant_id, wanted) != len(wanted):
            raise NotFound
        options = {"ids": [str(one) for one in wanted]}
    else:
        options = choosing.options_of(data.filters or ChatFilters(), uow.principal.user_id, min(data.until or utc_now(), utc_now()))
    audit.record(uow, "conversation.bulk_delete", "conversation", n=await choosing.count(uow, options), filters=options.get("filters"))
    return await rows.add(uow, ChatJobKind.DELETE, options)


async def matching(uow: TenantUnitOfWork, filters: ChatFilters) -> Matching:
    """What `request_delete` by these filters would be about, for the question before it."""
    uow.require("messages.read")
    uow.require("contacts.delete")
    until = utc_now()
    return Matching(n=await choosing.count(uow, choosing.options_of(filters, uow.principal.user_id, until)), until=until)


async def erase_all(mine: rows.Run) -> None:
    """Delete what the job covers; what is gone already counts as done."""
    async with unit_of_work(mine.principal) as uow:
        there = await choosing.count(uow, mine.job.options)
    # The first run knows how many there were; one that goes on after a crash has only the rest before it.
    total = mine.job.total if mine.job.total is not None else len(mine.job.options.get("ids", ())) or there
    done, after = max(mine.job.processed, total - there), None
    await mine.step(processed=done, total=total)
    who = Principal(mine.principal.tenant_id, mine.job.created_by, mine.principal.verbs, "system")
    while True:
        async with unit_of_work(mine.principal) as uow:
            ids = await choosing.piece(uow, mine.job.options, after)
        if not ids:
            break
        for one in ids:
            try:
                await delete(who, one)
            except NotFound:
                continue
            finally:
                after, done = one, done + 1
        await mine.step(processed=min(done, total), total=total)
    await mine.step(status=JobStatus.DONE, processed=min(done, total), total=total)
