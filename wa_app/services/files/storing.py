"""Taking a file in: limits, type by content, each content kept once per tenant, pictures made ready.

Order of things, so that a process may die anywhere: a row that owns a key is committed before the first
byte is written under it; what never gets its hash is found and removed by `retention`.
"""

from collections.abc import AsyncIterable, AsyncIterator
from contextlib import suppress
from typing import Any, Literal
from uuid import UUID

import structlog
from sqlalchemy import delete, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import col

from wa_app.config import get_settings
from wa_app.db import TenantUnitOfWork, unit_of_work
from wa_app.errors import AppError, FieldError, Invalid
from wa_app.files import file_store, pictures
from wa_app.files.port import FileStore, StorageFull, Stored, one_chunk
from wa_app.kit import media
from wa_app.kit.filetypes import safe_name, sniff
from wa_app.kit.ids import new_id
from wa_app.models.files import File, FileBlob, PictureProblem
from wa_app.schemas.files import FileView
from wa_app.schemas.principal import Principal, Verb
from wa_app.services import entitlements
from wa_app.services.files.library import view

log = structlog.get_logger(__name__)

MEGABYTE = 1024 * 1024
HEAD = 8192
"""Bytes from which the type of a file is told."""
Use = Literal["any", "message"]
"""What a file is for: `message` holds it to what WhatsApp takes."""


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


async def _limited(chunks: AsyncIterable[bytes], name: str, use: Use) -> AsyncIterator[bytes]:
    """The chunks, up to the limit: of all files, or of the kind that the first bytes show."""
    taken, head, mime = 0, b"", ""
    async for chunk in chunks:
        taken += len(chunk)
        refuse_large(taken)
        if use == "message" and not mime:
            head = (head + chunk)[:HEAD]
            mime = sniff(head, name) if len(head) == HEAD else ""
        if mime:
            _refuse_for_whatsapp(mime, taken)
        yield chunk


def _refuse_for_whatsapp(mime: str, size: int) -> None:
    if (why := media.refused(mime, size)) is not None:
        raise Invalid(FieldError("file", why.code, why.args), code=why.code, **why.args)


async def store(
    principal: Principal, name: str, chunks: AsyncIterable[bytes], *, into: FileStore | None = None, use: Use = "any",
    limited: bool = True,
) -> FileView:
    """Keep a file and its row. Opens its own units of work, so none is held while bytes come in.

    `limited`: refuse more than an upload may hold; what we write ourselves may be larger.

    The same bytes a second time cost no room: the new row points at what is there.
    Raises Forbidden, TooLarge, StorageIsFull, `Invalid("file_empty")`, with `use="message"` Invalid by what
    WhatsApp takes, or `LimitReached("storage_mb_limit_reached")`; after any of them no bytes are left behind.
    """
    keeper = into or file_store()
    plain = safe_name(name)
    blob = await _open_blob(principal)
    used = False
    try:
        try:
            stored = await keeper.put(blob.storage_key, _limited(chunks, plain, use) if limited else chunks)
        except StorageFull:
            log.error("files.storage_full", tenant_id=str(principal.tenant_id))
            raise StorageIsFull from None
        if not stored.size:
            raise Invalid(FieldError("file", "file_empty"))
        mime = sniff(stored.head, plain)
        if use == "message":
            _refuse_for_whatsapp(mime, stored.size)
        facts = await _facts(principal, keeper, blob, stored, mime)
        row = File(
            tenant_id=principal.tenant_id, name=plain, mime=mime, size=stored.size, sha256=stored.sha256,
            storage_key="", created_by=principal.user_id,
        )  # fmt: skip
        kept = await _refer(principal, row, blob, stored, facts)
        used = kept.id == blob.id
    finally:
        if not used:
            await forget(keeper, blob)
            async with unit_of_work(principal) as uow:
                await uow.session.execute(delete(FileBlob).where(col(FileBlob.id) == blob.id))
    return view(row, kept)


async def _open_blob(principal: Principal) -> FileBlob:
    blob_id = new_id()
    blob = FileBlob(id=blob_id, tenant_id=principal.tenant_id, storage_key=f"{principal.tenant_id}/{blob_id}")
    async with unit_of_work(principal) as uow:
        uow.require(Verb.FILES_WRITE)
        uow.session.add(blob)
    return blob


async def forget(keeper: FileStore, blob: FileBlob) -> None:
    """Remove the bytes of a blob and all that was made of them."""
    key = blob.storage_key
    for one in (key, thumb_key(key), jpeg_key(key)):
        await keeper.delete(one)


def thumb_key(key: str) -> str:
    """Where the small picture of a blob lives."""
    return f"{key}.thumb.webp"


def jpeg_key(key: str) -> str:
    """Where the JPEG of a blob lives that leaves in its place."""
    return f"{key}.send.jpg"


async def _facts(
    principal: Principal, keeper: FileStore, blob: FileBlob, stored: Stored, mime: str
) -> dict[str, Any]:
    """What is known of a picture, made once per content. Empty for other kinds, and for what is there already."""
    if mime not in pictures.TYPES:
        return {}
    async with unit_of_work(principal) as uow:
        if await _same(uow, stored.sha256) is not None:
            return {}
    key = blob.storage_key
    try:
        async with keeper.local(key) as path:
            made = await pictures.prepare(path, mime)
    except pictures.TooManyPixels:
        return {"problem": PictureProblem.TOO_MANY_PIXELS}
    except pictures.BrokenPicture as error:
        log.info("files.broken_picture", mime=mime, error=str(error))
        return {"problem": PictureProblem.BROKEN}
    facts: dict[str, Any] = {"width": made.width, "height": made.height}
    # Without room for the extras the file itself is still good.
    with suppress(StorageFull):
        await keeper.put(thumb_key(key), one_chunk(made.thumb))
        facts["thumb_key"] = thumb_key(key)
        if made.jpeg is not None:
            await keeper.put(jpeg_key(key), one_chunk(made.jpeg))
            facts["jpeg_key"] = jpeg_key(key)
    return facts


async def _same(uow: TenantUnitOfWork, sha256: str) -> FileBlob | None:
    """The blob with these bytes, held so that it cannot be purged before this transaction ends."""
    query = select(FileBlob).where(col(FileBlob.sha256) == sha256).with_for_update(read=True, key_share=True)
    found: FileBlob | None = (await uow.session.execute(query)).scalar_one_or_none()
    return found


async def _refer(principal: Principal, row: File, blob: FileBlob, stored: Stored, facts: dict[str, Any]) -> FileBlob:
    """Write the row, pointing at the blob of its content: ours, or the one that somebody made before us."""
    while True:
        async with unit_of_work(principal) as uow:
            kept = await _same(uow, stored.sha256)
            if kept is None:
                try:
                    async with uow.session.begin_nested():
                        await uow.session.execute(
                            update(FileBlob).where(col(FileBlob.id) == blob.id)
                            .values(sha256=stored.sha256, size=stored.size, **facts)
                        )  # fmt: skip
                except IntegrityError:
                    continue  # somebody else's upload of the same bytes has just committed
                await entitlements.require(uow, "storage_mb", megabytes(stored.size))
                query = select(FileBlob).where(col(FileBlob.id) == blob.id).execution_options(populate_existing=True)
                kept = (await uow.session.execute(query)).scalar_one()
            row.blob_id, row.storage_key = kept.id, kept.storage_key
            uow.session.add(row)
        return kept


def megabytes(size: int) -> int:
    """What a blob costs of the package's storage: begun megabytes."""
    return -(-size // MEGABYTE)


_FREE = text(
    "UPDATE usage_counters SET used = greatest(0, used - :n) "
    "WHERE tenant_id = :tenant AND key = 'storage_mb' AND period = 'total'"
)


async def give_back(uow: Any, tenant_id: UUID, size: int) -> None:
    """Return the room of a purged blob to the package."""
    await uow.session.execute(_FREE, {"tenant": tenant_id, "n": megabytes(size)})
