"""Waking work that is due, and letting go of what is over; all tenants, for the sweeps."""

from typing import Final

import structlog
from sqlalchemy import text

from wa_app.ai.knowledge import sync
from wa_app.db import SystemUnitOfWork, system_unit_of_work
from wa_app.errors import Unavailable
from wa_app.schemas.principal import Principal

log = structlog.get_logger(__name__)

BATCH: Final = 200
_DUE = text(
    "SELECT DISTINCT tenant_id FROM knowledge_documents WHERE due_at < now() - interval '3 seconds' "
    "AND deleted_at IS NULL AND (lease_until IS NULL OR lease_until < now()) LIMIT :n"
)
_VECTORS_DUE = text(
    "SELECT tenant_id FROM knowledge_indexes WHERE due_at < now() - interval '3 seconds' "
    "AND (lease_until IS NULL OR lease_until < now()) LIMIT :n"
)
_GONE = text(
    "DELETE FROM knowledge_chunks WHERE id IN (SELECT id FROM knowledge_chunks WHERE gone_at < now() - interval '1 minute' "
    "AND collection IS NULL LIMIT 5000)"
)
_OVER = text(
    "SELECT id FROM knowledge_documents WHERE deleted_at < now() - interval '1 hour' AND NOT EXISTS "
    "(SELECT 1 FROM knowledge_chunks c WHERE c.tenant_id = knowledge_documents.tenant_id "
    "AND c.document_id = knowledge_documents.id) LIMIT :n"
)
_PAGES = text("DELETE FROM knowledge_pages WHERE document_id = ANY(:ids)")
_DOCUMENTS = text("DELETE FROM knowledge_documents WHERE id = ANY(:ids) RETURNING tenant_id, file_id")
_FILES = text(
    "UPDATE files f SET deleted_at = now() WHERE id = ANY(:ids) AND deleted_at IS NULL "
    "AND NOT EXISTS (SELECT 1 FROM knowledge_documents d WHERE d.tenant_id = f.tenant_id AND d.file_id = f.id) "
    "AND NOT EXISTS (SELECT 1 FROM campaigns c WHERE c.tenant_id = f.tenant_id AND c.file_id = f.id)"
)
_SPELLINGS = text(
    "DELETE FROM knowledge_spellings s WHERE s.tenant_id = ANY(:tenants) AND NOT EXISTS "
    "(SELECT 1 FROM knowledge_postings p WHERE p.tenant_id = s.tenant_id AND p.term = s.term)"
)
_UNSWEPT = text(
    "SELECT tenant_id FROM knowledge_indexes WHERE collection <> '' AND due_at IS NULL "
    "AND (swept_at IS NULL OR swept_at < now() - interval '1 day') ORDER BY swept_at NULLS FIRST LIMIT 20"
)


async def wake(uow: SystemUnitOfWork) -> int:
    """Send tenants with due documents or vectors to the workers."""
    documents = (await uow.session.execute(_DUE, {"n": BATCH})).scalars().all()
    indexes = (await uow.session.execute(_VECTORS_DUE, {"n": BATCH})).scalars().all()
    for tenant_id in documents:
        uow.enqueue("knowledge.index", tenant_id=tenant_id)
    for tenant_id in indexes:
        uow.enqueue("knowledge.sync", tenant_id=tenant_id)
    return len(documents) + len(indexes)


async def tidy(uow: SystemUnitOfWork) -> None:
    """Passages that were replaced, documents deleted an hour ago with their files and words."""
    await uow.session.execute(_GONE)
    ids = list((await uow.session.execute(_OVER, {"n": BATCH})).scalars())
    if not ids:
        return
    await uow.session.execute(_PAGES, {"ids": ids})
    gone = (await uow.session.execute(_DOCUMENTS, {"ids": ids})).all()
    await uow.session.execute(_FILES, {"ids": [row.file_id for row in gone if row.file_id]})
    await uow.session.execute(_SPELLINGS, {"tenants": list({row.tenant_id for row in gone})})


async def sweep_orphans() -> int:
    """Compare collections with passages, a few tenants each time, every tenant once a day."""
    async with system_unit_of_work() as uow:
        tenants = (await uow.session.execute(_UNSWEPT)).scalars().all()
    lost = 0
    for tenant_id in tenants:
        try:
            lost += await sync.sweep_orphans(Principal.system(tenant_id))
        except Unavailable:
            break
    if lost:
        log.warning("knowledge.orphans", vectors=lost)
    return lost
