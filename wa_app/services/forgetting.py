"""Who was deleted is forgotten after 30 days: what was said with them, what they sent, notes about them, then the contact itself."""

from typing import Final
from uuid import UUID

import structlog
from sqlalchemy import text

from wa_app.db import system_unit_of_work
from wa_app.errors import NotFound
from wa_app.schemas.principal import Principal
from wa_app.services import chat_jobs, contacts
from wa_app.services.contacts.purging import DUE

log = structlog.get_logger(__name__)

MOST: Final = 500
"""Talks of one sweep; the next goes on."""
_TALKS = text(f"""
    SELECT v.tenant_id, v.id FROM contacts c JOIN conversations v ON v.tenant_id = c.tenant_id AND v.contact_id = c.id
    WHERE {DUE} ORDER BY c.deleted_at, v.id LIMIT :most
""")  # noqa: S608 - a condition of our own


async def sweep() -> int:
    """Forget everybody who is due, in all tenants: talks one by one, people in one go. Returns how many people went."""
    async with system_unit_of_work() as uow:
        talks = (await uow.session.execute(_TALKS, {"days": contacts.UNDO_DAYS, "most": MOST})).all()
    for row in talks:
        await _end(row.tenant_id, row.id)
    async with system_unit_of_work() as uow:
        gone = await contacts.purge(uow)
    if gone:
        log.info("contacts.forgotten", people=gone, talks=len(talks))
    return gone


async def _end(tenant_id: UUID, conversation_id: UUID) -> None:
    try:
        await chat_jobs.delete(Principal.system(tenant_id), conversation_id)
    except NotFound:
        return
