"""Files in a folder of this machine: `SAPA_DATA/files`."""

import asyncio
import errno
import hashlib
import os
from collections.abc import AsyncIterable, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import BinaryIO

from wa_app.files.port import CHUNK, FileGone, StorageFull, Stored
from wa_app.kit.ids import new_id

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""No room on the disk, in the quota, or under the process's own limit."""
_HEAD = 8192


class LocalFileStore:
    """Writes to a hidden name, syncs, then renames: a name that exists is a whole file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, key: str) -> Path:
        """Where a key lives. Raises ValueError for a key that would leave the folder."""
        path = (self.folder / key).resolve()
        if not path.is_relative_to(self.folder.resolve()):
            raise ValueError("a key must stay inside the folder")
        return path

    async def put(self, key: str, chunks: AsyncIterable[bytes]) -> Stored:
        target = self.path(key)
        partial = target.with_name(f".{new_id()}.part")
        try:
            handle = await asyncio.to_thread(_create, partial)
            try:
                stored = await _fill(handle, chunks)
                await asyncio.to_thread(_finish, handle, partial, target)
            finally:
                handle.close()
        except OSError as error:
            if error.errno in _FULL:
                raise StorageFull from error
            raise
        finally:
            partial.unlink(missing_ok=True)
        return stored

    async def read(self, key: str, start: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        try:
            handle = await asyncio.to_thread(self.path(key).open, "rb")
        except FileNotFoundError:
            raise FileGone(key) from None
        left = length
        with handle:
            handle.seek(start)
            while chunk := await asyncio.to_thread(handle.read, CHUNK if left is None else min(CHUNK, left)):
                yield chunk
                left = None if left is None else left - len(chunk)

    @asynccontextmanager
    async def local(self, key: str) -> AsyncIterator[Path]:
        path = self.path(key)
        if not await asyncio.to_thread(path.exists):
            raise FileGone(key)
        yield path

    async def delete(self, key: str) -> None:
        await asyncio.to_thread(self.path(key).unlink, missing_ok=True)


def _create(path: Path) -> BinaryIO:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.open("xb")


async def _fill(handle: BinaryIO, chunks: AsyncIterable[bytes]) -> Stored:
    seen, size, head = hashlib.sha256(), 0, b""

    def write(chunk: bytes) -> None:
        seen.update(chunk)
        handle.write(chunk)

    async for chunk in chunks:
        await asyncio.to_thread(write, chunk)
        size += len(chunk)
        if len(head) < _HEAD:
            head = (head + chunk)[:_HEAD]
    return Stored(size, seen.hexdigest(), head)


def _finish(handle: BinaryIO, partial: Path, target: Path) -> None:
    handle.flush()
    os.fsync(handle.fileno())
    partial.replace(target)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
