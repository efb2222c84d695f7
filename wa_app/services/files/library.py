"""What a tenant has stored: looked up, browsed, used by whom, deleted when nothing needs it."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, case, func, not_, or_, select, text, union, update
from sqlmodel import SQLModel, col

from wa_app.db import TenantUnitOfWork
from wa_app.errors import Conflict, NotFound
from wa_app.files import links
from wa_app.files.links import Part
from wa_app.kit.media import TYPES, Kind, kind_of
from wa_app.models.files import File, FileBlob
from wa_app.schemas.files import FileView, MediaView
from wa_app.schemas.principal import Verb

__all__ = ["Kind", "Served", "count", "delete", "get", "list_", "served", "show", "uses", "view"]

NOT_MEDIA = ("text/csv", "text/tab-separated-values")
"""Lists of contacts: uploads of the import, not for the library."""
_JOBS = ("import_jobs", "campaign_jobs", "chat_jobs")
"""Work that reads or writes a file: such files are not for the library, and needed while it is open."""
_RECEIVED = "message_media"
"""What customers sent: theirs, not for the library."""


async def get(uow: TenantUnitOfWork, file_id: UUID) -> File:
    """A file that is there. Raises NotFound."""
    found = select(File).where(col(File.id) == file_id, col(File.deleted_at).is_(None))
    row: File | None = (await uow.session.execute(found)).scalar_one_or_none()
    if row is None:
        raise NotFound
    return row


async def blob_of(uow: TenantUnitOfWork, row: File) -> FileBlob | None:
    """The bytes behind a file, None when they are gone."""
    found: FileBlob | None = await uow.session.get(FileBlob, row.blob_id) if row.blob_id else None
    return found


async def show(uow: TenantUnitOfWork, file_id: UUID) -> FileView:
    """What a person or program may know of a file, with a fresh link. Raises NotFound, Forbidden."""
    uow.require(Verb.FILES_READ)
    row = await get(uow, file_id)
    return view(row, await blob_of(uow, row))


@dataclass(frozen=True, slots=True)
class Served:
    """Bytes to give out: under which key, as what. `size` is None where only the store knows it."""

    key: str
    mime: str
    name: str
    size: int | None


async def served(uow: TenantUnitOfWork, file_id: UUID, part: Part) -> Served:
    """Where a part of a file is. Raises NotFound, also for a part that was never made."""
    row = await get(uow, file_id)
    if part == "original":
        return Served(row.storage_key, row.mime, row.name, row.size)
    blob = await blob_of(uow, row)
    if part == "thumb":
        if blob is None or blob.thumb_key is None:
            raise NotFound
        return Served(blob.thumb_key, "image/webp", f"{row.id}.webp", None)
    if blob is not None and blob.jpeg_key is not None:
        return Served(blob.jpeg_key, "image/jpeg", f"{row.id}.jpg", None)
    return Served(row.storage_key, row.mime, row.name, row.size)


async def list_(
    uow: TenantUnitOfWork, *, q: str = "", kind: Kind | None = None, after: UUID | None = None, limit: int = 50
) -> tuple[list[MediaView], UUID | None]:
    """Files that may leave with a message, the newest first, and where the next page begins. Raises Forbidden."""
    uow.require(Verb.FILES_READ)
    query = (
        select(File, FileBlob).outerjoin(FileBlob, col(FileBlob.id) == col(File.blob_id))
        .where(*_shown(q, kind)).order_by(col(File.id).desc()).limit(limit + 1)
    )  # fmt: skip
    if after is not None:
        query = query.where(col(File.id) < after)
    rows = (await uow.session.execute(query)).all()
    ids = [file.id for file, _ in rows[:limit]]
    used, elsewhere = await _used(uow, ids), await _elsewhere(uow, ids)
    items = [
        MediaView(**view(file, blob).model_dump(), used_by=used.get(file.id, 0), used_elsewhere=file.id in elsewhere)
        for file, blob in rows[:limit]
    ]
    return items, rows[limit - 1][0].id if len(rows) > limit else None


async def count(uow: TenantUnitOfWork, *, q: str = "", kind: Kind | None = None) -> tuple[int, int]:
    """How many files the library holds, and how many bytes they take, each content once. Raises Forbidden."""
    uow.require(Verb.FILES_READ)
    found = select(col(File.id), col(File.sha256), col(File.size)).where(*_shown(q, kind)).subquery()
    once = select(func.max(found.c.size).label("size")).group_by(found.c.sha256).subquery()
    query = select(select(func.count()).select_from(found).scalar_subquery(), func.coalesce(func.sum(once.c.size), 0))
    n, size = (await uow.session.execute(query.select_from(once))).one()
    return int(n), int(size)


def _shown(q: str, kind: Kind | None) -> list[ColumnElement[bool]]:
    where: list[ColumnElement[bool]] = [col(File.deleted_at).is_(None), col(File.mime).not_in(NOT_MEDIA)]
    for jobs in (SQLModel.metadata.tables[name] for name in (*_JOBS, _RECEIVED)):
        where.append(not_(
            select(jobs.c.id).where(jobs.c.tenant_id == File.tenant_id, jobs.c.file_id == File.id).exists()
        ))  # fmt: skip
    if q.strip():
        where.append(col(File.name).icontains(q.strip()[:100], autoescape=True))
    if kind == "document":
        where.append(col(File.mime).not_in(list(TYPES)))
    elif kind is not None:
        where.append(col(File.mime).in_([mime for mime, one in TYPES.items() if one == kind]))
    return where


@lru_cache
def _users() -> tuple[tuple[str, Any], ...]:
    """Tables that point at files, each with the condition under which a row of it still needs its file.

    Whatever has a foreign key to `files` counts, so a part that comes later need not be named here.
    """
    found = []
    for table in SQLModel.metadata.sorted_tables:
        for key in table.foreign_key_constraints:
            if key.referred_table.name == "files" and "file_id" in key.column_keys:
                found.append((table.name, _needed(table)))
    return tuple(found)


def _needed(table: Any) -> Any:
    if table.name in _JOBS:
        return table.c.status.in_(("queued", "running"))
    alive = table.c.deleted_at.is_(None) if "deleted_at" in table.c else text("true")
    campaigns = SQLModel.metadata.tables["campaigns"]
    unfinished = campaigns.c.status.not_in(("COMPLETED", "CANCELLED")) & campaigns.c.deleted_at.is_(None)
    if table.name == "campaigns":
        return unfinished
    if "campaign_id" in table.c:
        own = select(campaigns.c.id).where(
            campaigns.c.tenant_id == table.c.tenant_id, campaigns.c.id == table.c.campaign_id, unfinished
        )  # fmt: skip
        return alive & own.exists()
    return alive


def needing(file_id: Any, tenant_id: Any) -> list[ColumnElement[bool]]:
    """Conditions, any of which means that something still needs a file."""
    tables = SQLModel.metadata.tables
    return [
        select(tables[name].c.file_id).where(
            tables[name].c.tenant_id == tenant_id, tables[name].c.file_id == file_id, needed
        ).exists()
        for name, needed in _users()
    ]  # fmt: skip


def _carriers(ids: Sequence[UUID]) -> Any:
    """Campaigns, finished ones too, that carry one of these files in any of their texts: `(file_id, id)`, each once."""
    campaigns, variants = SQLModel.metadata.tables["campaigns"], SQLModel.metadata.tables["campaign_variants"]
    own = select(campaigns.c.file_id, campaigns.c.id).where(campaigns.c.file_id.in_(ids))
    others = select(variants.c.file_id, variants.c.campaign_id).where(variants.c.file_id.in_(ids))
    return union(own, others).subquery()


async def _used(uow: TenantUnitOfWork, ids: Sequence[UUID]) -> dict[UUID, int]:
    """How many campaigns carry each file."""
    if not ids:
        return {}
    campaigns, found = SQLModel.metadata.tables["campaigns"], _carriers(ids)
    query = (
        select(found.c.file_id, func.count()).join(campaigns, campaigns.c.id == found.c.id)
        .where(campaigns.c.deleted_at.is_(None)).group_by(found.c.file_id)
    )  # fmt: skip
    return {row[0]: row[1] for row in await uow.session.execute(query)}


async def _elsewhere(uow: TenantUnitOfWork, ids: Sequence[UUID]) -> set[UUID]:
    """Those of these files that something other than a campaign needs: a template, a rule, the knowledge, a draft."""
    tables = SQLModel.metadata.tables
    asked = [
        select(tables[name].c.file_id).where(tables[name].c.file_id.in_(ids), needed)
        for name, needed in _users() if name not in ("campaigns", "campaign_variants")
    ]  # fmt: skip
    return set((await uow.session.execute(union(*asked))).scalars()) if ids else set()


async def uses(uow: TenantUnitOfWork, file_id: UUID, *, limit: int = 5) -> list[tuple[UUID, str]]:
    """Campaigns that carry a file, unfinished ones first: id and name. Raises NotFound, Forbidden."""
    uow.require(Verb.FILES_READ)
    await get(uow, file_id)
    campaigns, found = SQLModel.metadata.tables["campaigns"], _carriers([file_id])
    is_over = case((campaigns.c.status.in_(("COMPLETED", "CANCELLED")), 1), else_=0)
    query = (
        select(campaigns.c.id, campaigns.c.name).join(found, found.c.id == campaigns.c.id)
        .where(campaigns.c.deleted_at.is_(None))
        .order_by(is_over, campaigns.c.id.desc()).limit(limit)
    )  # fmt: skip
    return [(row.id, row.name) for row in await uow.session.execute(query)]


_WAITING = text(
    "SELECT EXISTS (SELECT 1 FROM outbound_messages WHERE tenant_id = :t AND file_id = :f "
    "AND state = 'planned' AND campaign_id IS NULL)"
)


async def delete(uow: TenantUnitOfWork, file_id: UUID) -> None:
    """Take a file away; its bytes go a day later, unless another upload has the same.

    Raises NotFound, Forbidden, and `Conflict("file_in_use")` while a campaign, a message or an import that is
    not finished needs it.
    """
    uow.require(Verb.FILES_WRITE)
    row = await get(uow, file_id)
    needed = (await uow.session.execute(select(or_(*needing(row.id, row.tenant_id))))).scalar_one()
    waiting = (await uow.session.execute(_WAITING, {"t": uow.tenant_id, "f": file_id})).scalar_one()
    if needed or waiting:
        raise Conflict("file_in_use", name=row.name)
    await uow.session.execute(update(File).where(col(File.id) == file_id).values(deleted_at=func.now()))


def view(row: File, blob: FileBlob | None = None) -> FileView:
    """A row as it is shown, with links that work for an hour."""
    expires = int(time.time()) + links.LINK_S
    return FileView(
        id=row.id, name=row.name, mime=row.mime, size=row.size, sha256=row.sha256, created_at=row.created_at,
        url=links.link(row.tenant_id, row.id, expires), expires_at=datetime.fromtimestamp(expires, UTC),
        kind=kind_of(row.mime), width=blob.width if blob else None, height=blob.height if blob else None,
        thumb_url=links.thumb_link(row.tenant_id, row.id) if blob and blob.thumb_key else None,
        problem=blob.problem if blob else None,
    )  # fmt: skip

