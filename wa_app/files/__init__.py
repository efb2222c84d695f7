"""The file port and what stands behind it."""

from functools import lru_cache

from wa_app.config import get_settings
from wa_app.files.local import LocalFileStore
from wa_app.files.port import FileStore


@lru_cache
def file_store() -> FileStore:
    """The store of this process."""
    if get_settings().s3_url:
        raise RuntimeError("S3_URL is set, but this release keeps files in a folder only. Unset it and share SAPA_DATA/files.")
    return LocalFileStore(get_settings().data / "files")
