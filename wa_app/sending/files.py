"""Files that leave with a message, read through the file port."""

from uuid import UUID

from sqlalchemy import text

from wa_app.channels.port import OutgoingFile
from wa_app.db import unit_of_work
from wa_app.files import file_store
from wa_app.files.port import FileGone
from wa_app.schemas.principal import Principal
from wa_app.sending.delivery import LoadFile

_FIND = text(
    "SELECT name, mime, storage_key FROM files WHERE tenant_id = :tenant AND id = :id AND deleted_at IS NULL"
)


def loader(tenant_id: UUID) -> LoadFile:
    """A function that reads one of the tenant's files, None when it is gone.

    The last file is kept: a broadcast sends the same one every time.
    """
    kept: dict[UUID, OutgoingFile] = {}

    async def load(file_id: UUID) -> OutgoingFile | None:
        if file_id not in kept:
            file = await _read(tenant_id, file_id)
            if file is None:
                return None
            kept.clear()
            kept[file_id] = file
        return kept[file_id]

    return load


async def _read(tenant_id: UUID, file_id: UUID) -> OutgoingFile | None:
    async with unit_of_work(Principal.system(tenant_id)) as uow:
        row = (await uow.session.execute(_FIND, {"tenant": tenant_id, "id": file_id})).one_or_none()
    if row is None:
        return None
    try:
        data = b"".join([chunk async for chunk in file_store().read(row.storage_key)])
    except FileGone:
        return None
    return OutgoingFile(mime=row.mime, filename=row.name, data=data)
