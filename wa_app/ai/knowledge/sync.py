"""Keeping the vectors of Chroma the same as the passages of the database, which are the truth.

A passage without `collection` waits for its vector to be put there; one with `gone_at` waits for it to be
taken out. Whatever stops a run (a kill, Chroma away, another model), the next one goes on from the rows. One
run a tenant at a time, by the lease of its index row.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic
from typing import Any, Final
from uuid import UUID

import structlog
from sqlalchemy import text

from wa_app import leases
from wa_app.ai.knowledge import embedding, vectors
from wa_app.db import TenantUnitOfWork, unit_of_work
from wa_app.errors import AppError
from wa_app.kit import turns
from wa_app.kit.clock import utc_now
from wa_app.kit.ids import id_floor
from wa_app.models.knowledge import KnowledgeIndex
from wa_app.schemas.principal import Principal

log = structlog.get_logger(__name__)

BATCH: Final = 500
SLICE_S: Final = 5.0
YOUNG: Final = timedelta(hours=1)
"""A vector without a passage is an orphan only once it is older: its passage may be about to be written."""

_FIND = text("SELECT id, model, collection, chunks FROM knowledge_indexes WHERE tenant_id = :t")
_SETTLE = text(
    "UPDATE knowledge_indexes SET model = :model, collection = :collection WHERE tenant_id = :t AND lease_epoch = :e"
)
_LEAVE = text(
    "INSERT INTO knowledge_removals (tenant_id, collection) VALUES (:t, :collection) ON CONFLICT DO NOTHING"
)
_RETURN = text("DELETE FROM knowledge_removals WHERE tenant_id = :t AND collection = :collection")
_BARE_ALL = text("UPDATE knowledge_chunks SET collection = NULL WHERE tenant_id = :t AND collection IS NOT NULL")
_BARE = text(
    "SELECT id, document_id, number, heading, text, model, vector FROM knowledge_chunks "
    "WHERE tenant_id = :t AND collection IS NULL AND gone_at IS NULL ORDER BY number LIMIT :n"
)
_KEEP = text(
    "UPDATE knowledge_chunks c SET model = :model, vector = v.vector "
    "FROM unnest(CAST(:ids AS uuid[]), CAST(:vectors AS bytea[])) AS v(id, vector) WHERE c.tenant_id = :t AND c.id = v.id"
)
_PLACED = text("UPDATE knowledge_chunks SET collection = :collection WHERE tenant_id = :t AND id = ANY(:ids)")
_GONE = text(
    "SELECT id, collection FROM knowledge_chunks WHERE tenant_id = :t AND gone_at IS NOT NULL "
    "AND collection IS NOT NULL LIMIT :n"
)
_OUT = text("UPDATE knowledge_chunks SET collection = NULL WHERE tenant_id = :t AND id = ANY(:ids)")
_REMOVALS = text("SELECT id, collection FROM knowledge_removals WHERE tenant_id = :t")
_REMOVED = text("DELETE FROM knowledge_removals WHERE tenant_id = :t AND id = :id")
_PROGRESS = text(
    "UPDATE knowledge_documents d SET done = p.done, total = p.total, "
    "status = CASE WHEN p.done = p.total THEN 'ready' ELSE d.status END, "
    "indexed_at = CASE WHEN p.done = p.total THEN now() ELSE d.indexed_at END "
    "FROM (SELECT c.document_id, count(*) AS total, count(c.collection) AS done FROM knowledge_chunks c "
    "JOIN knowledge_documents o ON o.tenant_id = c.tenant_id AND o.id = c.document_id AND o.status = 'embedding' "
    "AND o.deleted_at IS NULL WHERE c.tenant_id = :t AND c.gone_at IS NULL GROUP BY 1) p "
    "WHERE d.tenant_id = :t AND d.id = p.document_id AND d.status = 'embedding' "
    "RETURNING d.id, d.status, d.done, d.total"
)
_END = text(
    "UPDATE knowledge_indexes SET due_at = CASE WHEN :again THEN now() ELSE NULL END, attempts = 0, error_code = NULL "
    "WHERE tenant_id = :t AND lease_epoch = :e"
)
_LATER = text(
    "UPDATE knowledge_indexes SET attempts = attempts + 1, error_code = :code, "
    "due_at = now() + make_interval(secs => least(300, 5 * power(2, least(attempts, 6)))) "
    "WHERE tenant_id = :t AND lease_epoch = :e"
)
_SWEPT = text("UPDATE knowledge_indexes SET swept_at = now() WHERE tenant_id = :t AND lease_epoch = :e")
_KNOWN = text("SELECT id FROM knowledge_chunks WHERE tenant_id = :t AND id = ANY(:ids)")


class _Lost(Exception):
    """Somebody else holds the lease by now."""


@dataclass
class _Run:
    principal: Principal
    row_id: UUID
    epoch: int
    model: str
    collection: str

    @property
    def tenant_id(self) -> UUID:
        return self.principal.tenant_id


async def sync(principal: Principal) -> None:
    """Bring a tenant's vectors up to date. Does nothing when somebody else is at it."""
    run = await _begin(principal)
    if run is None:
        return
    try:
        again = await _work(run)
    except _Lost:
        return
    except AppError as error:
        log.info("knowledge.sync_later", code=error.code)
        await _end(run, _LATER, code=error.code)
        return
    await _end(run, _END, again=again)


async def _end(run: _Run, statement: Any, **values: Any) -> None:
    async with unit_of_work(run.principal) as uow:
        await uow.session.execute(statement, {"t": run.tenant_id, "e": run.epoch, **values})
        await leases.release(uow, KnowledgeIndex, run.tenant_id, run.row_id, run.epoch)
        if values.get("again"):
            uow.enqueue("knowledge.sync", tenant_id=run.tenant_id)


async def _begin(principal: Principal) -> _Run | None:
    async with unit_of_work(principal) as uow:
        row = (await uow.session.execute(_FIND, {"t": principal.tenant_id})).one_or_none()
        if row is None:
            return None
        epoch = await leases.take(uow, KnowledgeIndex, principal.tenant_id, row.id, leases.new_owner())
        if epoch is None:
            return None
        run = _Run(principal, row.id, epoch, row.model, row.collection)
        await _settle(uow, run, row.chunks)
    return run


async def _settle(uow: TenantUnitOfWork, run: _Run, chunks: int) -> None:
    """Choose model and collection. A change leaves every passage waiting for its vector in the new place."""
    model = run.model or embedding.BUILT_IN
    own = chunks >= vectors.OWN_FROM or (vectors.is_own(run.collection, run.tenant_id) and chunks >= vectors.OWN_FROM // 2)
    collection = (vectors.own_name if own else vectors.shared_name)(model, run.tenant_id)
    if (model, collection) == (run.model, run.collection):
        return
    values = {"t": run.tenant_id, "e": run.epoch, "model": model, "collection": collection}
    await uow.session.execute(_SETTLE, values)
    if run.collection and run.collection != collection:
        await uow.session.execute(_LEAVE, {"t": run.tenant_id, "collection": run.collection})
        await uow.session.execute(_RETURN, {"t": run.tenant_id, "collection": collection})
        await uow.session.execute(_BARE_ALL, {"t": run.tenant_id})
    run.model, run.collection = model, collection


async def _work(run: _Run) -> bool:
    """Put, take out, tell. True when it gave way to others before all was done."""
    started = monotonic()
    while True:
        put = await _put_some(run)
        out = await _take_some_out(run)
        await _tell(run)
        if not put and not out:
            break
        if monotonic() - started > SLICE_S and turns.others_wait():
            return True
    await _leave_old(run)
    return False


async def _held(uow: TenantUnitOfWork, run: _Run) -> None:
    if not await leases.renew(uow, KnowledgeIndex, run.tenant_id, run.row_id, run.epoch):
        raise _Lost


async def _put_some(run: _Run) -> int:
    async with unit_of_work(run.principal) as uow:
        await _held(uow, run)
        rows = (await uow.session.execute(_BARE, {"t": run.tenant_id, "n": BATCH})).all()
    if not rows:
        return 0
    bare = [row for row in rows if row.vector is None or row.model != run.model]
    made = await _embed(run, bare)
    found = embedding.unpack([made.get(row.id) or row.vector for row in rows])
    places = [(row.id, row.document_id, row.number) for row in rows]
    await vectors.put(run.collection, run.tenant_id, places, found)
    async with unit_of_work(run.principal) as uow:
        await _held(uow, run)
        # Also one that went meanwhile: as long as it says where its vector is, the vector will be taken out.
        values = {"t": run.tenant_id, "collection": run.collection, "ids": [row.id for row in rows]}
        await uow.session.execute(_PLACED, values)
    return len(rows)


async def _embed(run: _Run, rows: Sequence[Any]) -> dict[UUID, bytes]:
    """Vectors for these passages, written down before Chroma is asked: they are the dear part."""
    if not rows:
        return {}
    texts = [f"{row.heading}\n{row.text}" if row.heading else row.text for row in rows]
    found = await embedding.embed(run.tenant_id, run.model, texts)
    made = {row.id: embedding.pack(vector) for row, vector in zip(rows, found, strict=True)}
    async with unit_of_work(run.principal) as uow:
        await _held(uow, run)
        await uow.session.execute(
            _KEEP, {"t": run.tenant_id, "model": run.model, "ids": list(made), "vectors": list(made.values())}
        )
    return made


async def _take_some_out(run: _Run) -> int:
    async with unit_of_work(run.principal) as uow:
        rows = (await uow.session.execute(_GONE, {"t": run.tenant_id, "n": BATCH})).all()
    by_place: dict[str, list[UUID]] = {}
    for row in rows:
        by_place.setdefault(row.collection, []).append(row.id)
    for collection, ids in by_place.items():
        await vectors.remove(collection, ids)
        async with unit_of_work(run.principal) as uow:
            await _held(uow, run)
            await uow.session.execute(_OUT, {"t": run.tenant_id, "ids": ids})
    return len(rows)


async def _leave_old(run: _Run) -> None:
    async with unit_of_work(run.principal) as uow:
        rows = (await uow.session.execute(_REMOVALS, {"t": run.tenant_id})).all()
    for row in rows:
        if row.collection != run.collection:
            await vectors.leave(row.collection, run.tenant_id)
        async with unit_of_work(run.principal) as uow:
            await _held(uow, run)
            await uow.session.execute(_REMOVED, {"t": run.tenant_id, "id": row.id})


async def _tell(run: _Run) -> None:
    """Progress of the documents that wait for their vectors; those that have all are ready."""
    async with unit_of_work(run.principal) as uow:
        for row in await uow.session.execute(_PROGRESS, {"t": run.tenant_id}):
            uow.publish("knowledge", id=row.id, status=row.status, done=row.done, total=row.total)


async def sweep_orphans(principal: Principal) -> int:
    """Take out vectors that no passage knows. Returns how many. Raises Unavailable when Chroma is away."""
    run = await _begin(principal)
    if run is None:
        return 0
    lost, offset = 0, 0
    floor = id_floor(utc_now() - YOUNG)
    while True:
        there = await vectors.ids(run.collection, run.tenant_id, offset=offset)
        if not there:
            break
        async with unit_of_work(principal) as uow:
            await _held(uow, run)
            known = set((await uow.session.execute(_KNOWN, {"t": run.tenant_id, "ids": there})).scalars())
        orphans = [one for one in there if one not in known and one < floor]
        if orphans:
            await vectors.remove(run.collection, orphans)
        lost, offset = lost + len(orphans), offset + len(there) - len(orphans)
    await _end(run, _SWEPT)
    return lost


__all__ = ["sweep_orphans", "sync"]
