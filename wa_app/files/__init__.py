"""The file port and what stands behind it."""

from functools import lru_cache
from pathlib import Path

from wa_app.config import get_settings
from wa_app.files.local import LocalFileStore
from wa_app.files.port import FileStore
from wa_app.files.s3 import S3FileStore


@lru_cache
def _store(s3_url: str, folder: str) -> FileStore:
    return S3FileStore.at(s3_url) if s3_url else LocalFileStore(Path(folder))


def file_store() -> FileStore:
    """The store of this process: a bucket when `S3_URL` names one, else a folder."""
    settings = get_settings()
    return _store(settings.s3_url, str(settings.data / "files"))
