"""What is kept for how long: uploads nobody uses, files that were deleted, bytes that no row points at."""

import structlog
from sqlalchemy import and_, func, not_, or_, select, text, update
from sqlmodel import col

from wa_app.config import get_settings
from wa_app.db import system_unit_of_work
from wa_app.files import file_store
from wa_app.files.port import FileStore
from wa_app.models.files import File, FileBlob
from wa_app.services.files.library import NOT_MEDIA, needing
from wa_app.services.files.storing import forget, give_back

log = structlog.get_logger(__name__)

BATCH = 500
LIST_DAYS = 7
"""Days after which a list of contacts is deleted: once imported nobody needs it, and it is full of people."""

_RELEASE = text(
    "UPDATE files SET blob_id = NULL WHERE id IN (SELECT id FROM files WHERE deleted_at < now() - interval '1 day' "
    "AND blob_id IS NOT NULL LIMIT :n FOR UPDATE SKIP LOCKED) RETURNING id"
)
# In two steps: the second sees what committed while the first waited for its locks, and whoever comes later waits.
_LONELY = text(
    "SELECT id FROM file_blobs b WHERE sha256 IS NOT NULL AND created_at < now() - interval '1 hour' "
    "AND NOT EXISTS (SELECT 1 FROM files f WHERE f.tenant_id = b.tenant_id AND f.blob_id = b.id) "
    "LIMIT :n FOR UPDATE SKIP LOCKED"
)
_GIVE_UP = text(
    "UPDATE file_blobs b SET sha256 = NULL WHERE id = ANY(:ids) "
    "AND NOT EXISTS (SELECT 1 FROM files f WHERE f.tenant_id = b.tenant_id AND f.blob_id = b.id) "
    "RETURNING tenant_id, size"
)


async def tidy(into: FileStore | None = None) -> None:
    """One round over all tenants; each step is safe to repeat and to be killed in."""
    keeper = into or file_store()
    await _delete_unused()
    while await _release() == BATCH:
        pass
    while await _give_up() == BATCH:
        pass
    await _remove_bytes(keeper)


async def _delete_unused() -> None:
    """Uploads that nothing needs, after `SAPA_UNUSED_FILES_DAYS`; lists of contacts after a week."""
    days = get_settings().unused_files_days
    list_is_old = and_(
        col(File.mime).in_(NOT_MEDIA), col(File.created_at) < func.now() - func.make_interval(0, 0, 0, LIST_DAYS)
    )
    is_old = or_(list_is_old, col(File.created_at) < func.now() - func.make_interval(0, 0, 0, days))
    unused = (
        select(col(File.id)).where(col(File.deleted_at).is_(None), is_old)
        .where(not_(or_(*needing(File.id, File.tenant_id)))).limit(BATCH)
    )  # fmt: skip
    async with system_unit_of_work() as uow:
        gone = (await uow.session.execute(
            update(File).where(col(File.id).in_(unused)).values(deleted_at=func.now()).returning(col(File.id))
            .execution_options(synchronize_session=False)
        )).all()  # fmt: skip
    if gone:
        log.info("files.unused_deleted", n=len(gone))


async def _release() -> int:
    async with system_unit_of_work() as uow:
        return len((await uow.session.execute(_RELEASE, {"n": BATCH})).all())


async def _give_up() -> int:
    """Take its hash from every blob without a file: from now on nobody can refer to it."""
    async with system_unit_of_work() as uow:
        ids = list((await uow.session.execute(_LONELY, {"n": BATCH})).scalars())
        for row in (await uow.session.execute(_GIVE_UP, {"ids": ids})).all():
            await give_back(uow, row.tenant_id, row.size)
    return len(ids)


async def _remove_bytes(keeper: FileStore) -> None:
    """Bytes without a hash for a day: given up, or left by an upload that died. The row goes last."""
    day = col(FileBlob.created_at) < func.now() - func.make_interval(0, 0, 0, 1)
    query = select(FileBlob).where(col(FileBlob.sha256).is_(None), day).limit(BATCH)
    async with system_unit_of_work() as uow:
        blobs = (await uow.session.execute(query)).scalars().all()
    for blob in blobs:
        await forget(keeper, blob)
        async with system_unit_of_work() as uow:
            await uow.session.execute(text("DELETE FROM file_blobs WHERE id = :id AND sha256 IS NULL"), {"id": blob.id})
