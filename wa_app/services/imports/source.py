"""A stored file as a path on this machine."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from wa_app.config import get_settings
from wa_app.models.files import File


@asynccontextmanager
async def local_copy(file: File) -> AsyncIterator[Path]:
    """The file's bytes for as long as the block lasts."""
    yield get_settings().data / "files" / file.storage_key
