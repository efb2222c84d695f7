"""Pictures and documents in the tester's chat: read by the same workers as those of customers, then forgotten."""

from typing import Final
from uuid import UUID

from wa_app.db import unit_of_work
from wa_app.errors import Invalid, Unavailable
from wa_app.files import file_store
from wa_app.schemas.principal import Principal
from wa_app.services import files, scans

WAIT_S: Final = 60.0
MAX_TEXT: Final = 20_000


async def read(principal: Principal, file_id: UUID) -> str:
    """What stands in an uploaded file; the upload itself is put away.

    Raises NotFound, Forbidden, `Unavailable("reading_takes_long")`, `Invalid("file_without_text")`, and what reading raises.
    """
    async with unit_of_work(principal) as uow:
        uow.require("agent.read")
        file = await files.get(uow, file_id)
        await files.delete(uow, file_id)
    scan_id = await scans.request(principal, file.name, file_store().read(file.storage_key))
    view = await scans.wait(principal, scan_id, WAIT_S)
    if view.status != "done":
        raise Unavailable("reading_takes_long")
    if not view.text.strip():
        raise Invalid(code="file_without_text")
    return view.text[:MAX_TEXT]
