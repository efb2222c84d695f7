"""Files of a tenant: taken in piece by piece, described by a row, given out by links that expire."""

import hashlib
import hmac
import time
from collections.abc import AsyncIterable, AsyncIterator
from datetime import UTC, datetime
from urllib.parse import urlencode
from uuid import UUID

import structlog
from sqlalchemy import func, select, update

from wa_app.config import get_settings
from wa_app.db import TenantUnitOfWork, unit_of_work
from wa_app.errors import AppError, FieldError, Invalid, NotFound
from wa_app.files import file_store
from wa_app.files.port import FileStore, StorageFull
from wa_app.kit.filetypes import safe_name, sniff
from wa_app.kit.ids import new_id
from wa_app.models.files import File
from wa_app.schemas.files import FileView
from wa_app.schemas.principal import Principal, Verb
from wa_app.services import entitlements

log = structlog.get_logger(__name__)

LINK_S = 3600
"""How long a link works, in seconds, when nobody says otherwise."""
MEGABYTE = 1024 * 1024


class TooLarge(AppError):
    """More than one file may hold."""

    status = 413

    def __init__(self, limit_mb: int) -> None:
        super().__init__("file_too_large", limit_mb=limit_mb)


class StorageIsFull(AppError):
    """The disk has no room. Nothing of the file was kept."""

    status = 507

    def __init__(self) -> None:
        super().__init__("storage_full")


def max_bytes() -> int:
    """Size of the largest file that is taken."""
    return get_settings().max_upload_mb * MEGABYTE


def refuse_large(size: int | None) -> None:
    """Raise TooLarge when an announced size is over the limit."""
    if size is not None and size > max_bytes():
        raise TooLarge(get_settings().max_upload_mb)


async def _limited(chunks: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    taken = 0
    async for chunk in chunks:
        taken += len(chunk)
        refuse_large(taken)
        yield chunk


async def store(
    principal: Principal, name: str, chunks: AsyncIterable[bytes], *, into: FileStore | None = None, limited: bool = True
) -> FileView:
    """Keep a file and its row. Opens its own unit of work, so none is held while bytes come in.

    `limited`: refuse more than an upload may hold; what we write ourselves may be larger.

    Raises Forbidden, TooLarge, StorageIsFull, `Invalid("file_empty")` or
    `LimitReached("storage_mb_limit_reached")`; after any of them no bytes are left behind.
    """
    keeper = into or file_store()
    async with unit_of_work(principal) as uow:
        uow.require(Verb.FILES_WRITE)
    file_id = new_id()
    key = f"{principal.tenant_id}/{file_id}"
    try:
        stored = await keeper.put(key, _limited(chunks) if limited else chunks)
    except StorageFull:
        log.error("files.storage_full", tenant_id=str(principal.tenant_id))
        raise StorageIsFull from None
    kept = False
    try:
        if not stored.size:
            raise Invalid(FieldError("file", "file_empty"))
        plain = safe_name(name)
        row = File(
            id=file_id, tenant_id=principal.tenant_id, name=plain, mime=sniff(stored.head, plain), size=stored.size,
            sha256=stored.sha256, storage_key=key, created_by=principal.user_id,
        )  # fmt: skip
        async with unit_of_work(principal) as uow:
            await entitlements.require(uow, "storage_mb", -(-stored.size // MEGABYTE))
            uow.session.add(row)
        kept = True
    finally:
        if not kept:
            await keeper.delete(key)
    return view(row)


async def get(uow: TenantUnitOfWork, file_id: UUID) -> File:
    """A file that is there. Raises NotFound."""
    found = select(File).where(File.id == file_id, File.deleted_at.is_(None))  # type: ignore[arg-type,union-attr]
    row = (await uow.session.execute(found)).scalar_one_or_none()
    if row is None:
        raise NotFound
    return row


async def show(uow: TenantUnitOfWork, file_id: UUID) -> FileView:
    """What a person or program may know of a file, with a fresh link. Raises NotFound, Forbidden."""
    uow.require(Verb.FILES_READ)
    return view(await get(uow, file_id))


async def delete(uow: TenantUnitOfWork, file_id: UUID) -> None:
    """Take a file away; its bytes go when the purge comes round. Raises NotFound, Forbidden."""
    uow.require(Verb.FILES_WRITE)
    await get(uow, file_id)
    await uow.session.execute(
        update(File).where(File.id == file_id).values(deleted_at=func.now())  # type: ignore[arg-type]
    )


def view(row: File) -> FileView:
    """A row as it is shown, with a link that works for an hour."""
    expires = int(time.time()) + LINK_S
    return FileView(
        id=row.id, name=row.name, mime=row.mime, size=row.size, sha256=row.sha256, created_at=row.created_at,
        url=link(row.tenant_id, row.id, expires), expires_at=datetime.fromtimestamp(expires, UTC),
    )


def link(tenant_id: UUID, file_id: UUID, expires: int) -> str:
    """An address that gives the file to anybody until `expires` (seconds since 1970)."""
    query = urlencode({"tenant": tenant_id, "expires": expires, "signature": _sign(tenant_id, file_id, expires)})
    return f"{get_settings().base_url}/api/v1/files/{file_id}/content?{query}"


def check_link(tenant_id: UUID, file_id: UUID, expires: int, signature: str) -> None:
    """Raise NotFound unless the link is ours and still good."""
    good = hmac.compare_digest(_sign(tenant_id, file_id, expires).encode(), signature.encode())
    if not good or expires < time.time():
        raise NotFound("link_expired")


def _sign(tenant_id: UUID, file_id: UUID, expires: int) -> str:
    key = b"sapa:file-link:" + get_settings().secret_key.encode()
    return hmac.new(key, f"{tenant_id}/{file_id}/{expires}".encode(), hashlib.sha256).hexdigest()
