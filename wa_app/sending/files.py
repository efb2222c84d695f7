"""Files that leave with a message."""

from uuid import UUID

from wa_app.channels.port import OutgoingFile
from wa_app.sending.delivery import LoadFile


def loader(tenant_id: UUID) -> LoadFile:
    """A function that reads one of the tenant's files, None when it is gone."""

    async def load(file_id: UUID) -> OutgoingFile | None:
        return None

    return load
