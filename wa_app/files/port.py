"""What the product needs of a place that keeps files. Keys are ours; names and types live in the database."""

from collections.abc import AsyncIterable, AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

CHUNK = 256 * 1024
"""Bytes that are read or written at a time."""


class StorageFull(Exception):
    """There is no room for the file; nothing of it was kept."""


class FileGone(Exception):
    """The key is not there (any more)."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What was written: its size in bytes, its SHA-256 in hex, and how it begins."""

    size: int
    sha256: str
    head: bytes


class FileStore(Protocol):
    """Where bytes live."""

    async def put(self, key: str, chunks: AsyncIterable[bytes]) -> Stored:
        """Write all chunks, or nothing: a failure in between leaves no trace. Raises StorageFull."""
        ...

    def read(self, key: str, start: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        """The bytes, piece by piece, from `start` on, at most `length`. Raises FileGone."""
        ...

    def local(self, key: str) -> AbstractAsyncContextManager[Path]:
        """A path on this machine, for libraries that want one; do not write to it. Raises FileGone."""
        ...

    async def delete(self, key: str) -> None:
        """Remove the file; fine when it is gone already."""
        ...


async def one_chunk(data: bytes) -> AsyncIterator[bytes]:
    """Bytes that are in memory already, for `put`."""
    yield data
