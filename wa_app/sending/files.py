"""Files that leave with a message: their bytes inside the call, or a link that WAHA fetches."""

from typing import Any, Final
from uuid import UUID

from sqlalchemy import text

from wa_app.channels.port import OutgoingFile
from wa_app.config import get_settings
from wa_app.db import unit_of_work
from wa_app.files import file_store
from wa_app.files.links import LINK_S, link
from wa_app.files.port import FileGone
from wa_app.schemas.principal import Principal
from wa_app.sending.delivery import LoadFile

LINK_FROM: Final = 2 * 1024 * 1024
"""With `auto`, bytes from which on a file goes by link: base64 makes it a third larger, in every single call."""
_FIND = text(
    "SELECT f.name, f.mime, f.size, f.storage_key, b.jpeg_key, extract(epoch FROM now())::bigint AS now FROM files f "
    "LEFT JOIN file_blobs b ON b.tenant_id = f.tenant_id AND b.id = f.blob_id "
    "WHERE f.tenant_id = :tenant AND f.id = :id AND f.deleted_at IS NULL"
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


def goes_by_link(size: int) -> bool:
    """Whether a file of this size is fetched by WAHA, by `SAPA_MEDIA_DELIVERY`.

    `auto` needs a `PUBLIC_URL`: without one nobody knows under which address WAHA reaches us.
    """
    settings = get_settings()
    if settings.media_delivery == "auto":
        return bool(settings.public_url) and size >= LINK_FROM
    return settings.media_delivery == "link"


async def _read(tenant_id: UUID, file_id: UUID) -> OutgoingFile | None:
    async with unit_of_work(Principal.system(tenant_id)) as uow:
        row = (await uow.session.execute(_FIND, {"tenant": tenant_id, "id": file_id})).one_or_none()
    if row is None:
        return None
    mime, name = ("image/jpeg", _as_jpeg(row.name)) if row.jpeg_key else (row.mime, row.name)
    if goes_by_link(row.size):
        url = link(tenant_id, file_id, row.now + LINK_S, "send")
        return OutgoingFile(mime=mime, filename=name, url=url)
    data = await _bytes(row)
    return None if data is None else OutgoingFile(mime=mime, filename=name, data=data)


async def _bytes(row: Any) -> bytes | None:
    try:
        return b"".join([chunk async for chunk in file_store().read(row.jpeg_key or row.storage_key)])
    except FileGone:
        return None


def _as_jpeg(name: str) -> str:
    return f"{name.rpartition('.')[0] or name}.jpg"
