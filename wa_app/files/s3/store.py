"""The file port over S3: path-style addresses, one PUT per file, bytes checked by the server."""

import asyncio
import errno
import hashlib
import tempfile
from collections.abc import AsyncIterable, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO, Final, Self
from urllib.parse import parse_qs, unquote, urlsplit

import httpx

from wa_app.errors import Unavailable
from wa_app.files.port import CHUNK, FileGone, StorageFull, Stored
from wa_app.files.s3.signing import EMPTY, Keys, escaped, signed
from wa_app.kit.clock import utc_now

_HEAD: Final = 8192
_TIMEOUT: Final = httpx.Timeout(60.0, connect=5.0)
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
_TRIES: Final = 3
_AGAIN: Final = frozenset({500, 502, 503, 504})


class S3FileStore:
    """One bucket, or a folder in it.

    S3 wants the size before the bytes, so an upload is spooled to a temporary file first; its SHA-256 goes along
    and the server refuses bytes that do not fit it.
    """

    def __init__(self, origin: str, bucket: str, prefix: str, keys: Keys) -> None:
        self.origin, self.bucket, self.prefix, self.keys = origin, bucket, prefix, keys
        self._clients: dict[int, httpx.AsyncClient] = {}

    @classmethod
    def at(cls, url: str) -> Self:
        """From `https://ACCESS_KEY:SECRET@host/bucket[/folder][?region=…]`; the keys percent-encoded.

        Raises ValueError for anything else.
        """
        parts = urlsplit(url)
        bucket, _, prefix = parts.path.strip("/").partition("/")
        if parts.scheme not in ("http", "https") or not (parts.hostname and parts.username and parts.password and bucket):
            raise ValueError("S3_URL must be like https://ACCESS_KEY:SECRET@host/bucket?region=ap-southeast-3")
        region = parse_qs(parts.query).get("region", ["us-east-1"])[0]
        host = parts.hostname if parts.port is None else f"{parts.hostname}:{parts.port}"
        keys = Keys(unquote(parts.username), unquote(parts.password), region)
        return cls(f"{parts.scheme}://{host}", bucket, f"{prefix}/" if prefix else "", keys)

    async def put(self, key: str, chunks: AsyncIterable[bytes]) -> Stored:
        try:
            with tempfile.TemporaryFile() as spool:
                stored = await _fill(spool, chunks)
                await self._upload(key, spool, stored)
        except OSError as error:
            if error.errno in _FULL:
                raise StorageFull from error
            raise
        return stored

    async def _upload(self, key: str, spool: IO[bytes], stored: Stored) -> None:
        headers = {"content-length": str(stored.size)}
        answer = await self._ask("PUT", key, headers, stored.sha256, spool)
        if answer.status_code == 507 or b"<Code>QuotaExceeded</Code>" in answer.content:
            raise StorageFull
        _refuse(answer)

    async def read(self, key: str, start: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        if length == 0:
            return
        wanted = f"bytes={start}-{'' if length is None else start + length - 1}"
        headers = {"range": wanted} if start or length is not None else {}
        async with self._client().stream("GET", self._url(key), headers=self._signed("GET", key, headers)) as answer:
            if answer.status_code == 404:
                raise FileGone(key)
            if answer.status_code not in (200, 206):
                await answer.aread()
                _refuse(answer)
            async for chunk in answer.aiter_bytes(CHUNK):
                yield chunk

    @asynccontextmanager
    async def local(self, key: str) -> AsyncIterator[Path]:
        with tempfile.NamedTemporaryFile() as copy:
            async for chunk in self.read(key):
                await asyncio.to_thread(copy.write, chunk)
            await asyncio.to_thread(copy.flush)
            yield Path(copy.name)

    async def delete(self, key: str) -> None:
        answer = await self._ask("DELETE", key, {}, EMPTY, None)
        if answer.status_code != 404:
            _refuse(answer)

    async def _ask(
        self, method: str, key: str, headers: Mapping[str, str], sha256: str, spool: IO[bytes] | None
    ) -> httpx.Response:
        """One request; the server's own trouble and a lost connection are tried again, since each is idempotent."""
        for last in (*[False] * (_TRIES - 1), True):
            dressed = self._signed(method, key, headers, sha256)
            try:
                body = _chunks(spool) if spool is not None else None
                answer = await self._client().request(method, self._url(key), headers=dressed, content=body)
            except httpx.TransportError as error:
                if last:
                    raise Unavailable("file_store_unreachable") from error
                continue
            if answer.status_code not in _AGAIN or last:
                return answer
        raise AssertionError

    def _path(self, key: str) -> str:
        if ".." in key.split("/"):
            raise ValueError("a key must stay inside the folder")
        return f"/{self.bucket}/{self.prefix}{key}"

    def _url(self, key: str) -> str:
        return self.origin + escaped(self._path(key))

    def _signed(self, method: str, key: str, headers: Mapping[str, str], sha256: str = EMPTY) -> dict[str, str]:
        host = self.origin.partition("://")[2]
        return signed(self.keys, method, self._path(key), {**headers, "host": host}, utc_now(), payload_sha256=sha256)

    def _client(self) -> httpx.AsyncClient:
        """The client of this event loop: connections do not move between loops."""
        loop = id(asyncio.get_running_loop())
        if loop not in self._clients:
            self._clients.clear()
            self._clients[loop] = httpx.AsyncClient(timeout=_TIMEOUT)
        return self._clients[loop]

    async def aclose(self) -> None:
        """Close the connections of this process."""
        for client in self._clients.values():
            await client.aclose()
        self._clients.clear()


def _refuse(answer: httpx.Response) -> None:
    """Raise Unavailable unless the answer is good. Its body may name the bucket: it goes nowhere."""
    if answer.is_error:
        raise Unavailable("file_store_refused", status=answer.status_code)


async def _fill(spool: IO[bytes], chunks: AsyncIterable[bytes]) -> Stored:
    seen, size, head = hashlib.sha256(), 0, b""

    def write(chunk: bytes) -> None:
        seen.update(chunk)
        spool.write(chunk)

    async for chunk in chunks:
        await asyncio.to_thread(write, chunk)
        size += len(chunk)
        if len(head) < _HEAD:
            head = (head + chunk)[:_HEAD]
    return Stored(size, seen.hexdigest(), head)


async def _chunks(spool: IO[bytes]) -> AsyncIterator[bytes]:
    spool.seek(0)
    while chunk := await asyncio.to_thread(spool.read, CHUNK):
        yield chunk
