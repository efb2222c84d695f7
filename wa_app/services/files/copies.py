"""A stored file as a path on this machine."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from wa_app.errors import NotFound
from wa_app.files import file_store
from wa_app.files.port import FileGone
from wa_app.models.files import File


@asynccontextmanager
async def local_copy(file: File) -> AsyncIterator[Path]:
    """The file's bytes for as long as the block lasts. Raises NotFound("import_file_gone")."""
    try:
        async with file_store().local(file.storage_key) as path:
            yield path
    except FileGone:
        raise NotFound("import_file_gone") from None
