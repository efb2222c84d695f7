"""Reading one file out of a request without ever holding it whole.

`multipart/form-data` with a part called `file`, or the raw body with the name in
`X-File-Name` (or `?name=`). Other parts are skipped.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, BinaryIO
from urllib.parse import unquote

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.datastructures import UploadFile
from starlette.requests import Request

from wa_app.errors import FieldError, Invalid
from wa_app.files.port import CHUNK

MAX_HEADER = 8192
MAX_PARTS = 20


@dataclass(frozen=True)
class Incoming:
    """A file on its way in."""

    name: str
    chunks: AsyncIterator[bytes]


async def incoming_file(request: Request) -> Incoming:
    """The file of this request. Raises Invalid when there is none."""
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    if kind == b"multipart/form-data":
        if getattr(request, "_form", None) is not None:  # read before, for an Idempotency-Key
            return _parsed(await request.form())
        if not (boundary := options.get(b"boundary")):
            raise Invalid(FieldError("file", "body_not_multipart"))
        return await _first_part(request, boundary)
    name = request.headers.get("x-file-name") or request.query_params.get("name") or "file"
    spooled = getattr(request.state, "body_file", None)
    return Incoming(unquote(name), _of_file(spooled) if spooled else request.stream())


def _parsed(form: Any) -> Incoming:
    value = form.get("file")
    if not isinstance(value, UploadFile):
        raise Invalid(FieldError("file", "value_missing"))

    async def chunks() -> AsyncIterator[bytes]:
        while chunk := await value.read(CHUNK):
            yield chunk

    return Incoming(value.filename or "file", chunks())


async def _of_file(spooled: BinaryIO) -> AsyncIterator[bytes]:
    with spooled:
        while chunk := spooled.read(CHUNK):
            yield chunk


class _Parts:
    """Collects what the parser finds: the headers of the wanted part and its bytes so far."""

    def __init__(self) -> None:
        self.name: str | None = None
        self.found = self.done = self.ended = False
        self.data = bytearray()
        self._field = self._value = b""
        self._disposition = b""
        self._count = 0

    def callbacks(self) -> dict[str, Any]:
        return {
            "on_part_begin": self._begin, "on_header_field": self._on_field, "on_header_value": self._on_value,
            "on_header_end": self._header, "on_headers_finished": self._headers, "on_part_data": self._data,
            "on_part_end": self._part, "on_end": self._end,
        }  # fmt: skip

    def _begin(self) -> None:
        self._disposition = self._field = self._value = b""
        self._count += 1
        if self._count > MAX_PARTS:
            raise Invalid(FieldError("file", "body_not_multipart"))

    def _on_field(self, data: bytes, start: int, end: int) -> None:
        self._field = self._bounded(self._field + data[start:end])

    def _on_value(self, data: bytes, start: int, end: int) -> None:
        self._value = self._bounded(self._value + data[start:end])

    def _bounded(self, value: bytes) -> bytes:
        if len(value) > MAX_HEADER:
            raise Invalid(FieldError("file", "body_not_multipart"))
        return value

    def _header(self) -> None:
        if self._field.lower() == b"content-disposition":
            self._disposition = self._value
        self._field = self._value = b""

    def _headers(self) -> None:
        _, options = parse_options_header(self._disposition)
        if not self.done and options.get(b"name") == b"file" and b"filename" in options:
            self.found = True
            self.name = options[b"filename"].decode("utf-8", "replace")

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self.found and not self.done:
            self.data += data[start:end]

    def _part(self) -> None:
        self.done = self.done or self.found

    def _end(self) -> None:
        self.ended = True

    def take(self) -> bytes:
        taken = bytes(self.data)
        self.data.clear()
        return taken


async def _first_part(request: Request, boundary: bytes) -> Incoming:
    parts = _Parts()
    parser = MultipartParser(boundary, parts.callbacks())  # type: ignore[arg-type]
    stream = request.stream()

    async def feed() -> bool:
        chunk = await anext(stream, None)
        if chunk is None:
            return False
        try:
            parser.write(chunk)
        except FormParserError:
            raise Invalid(FieldError("file", "body_not_multipart")) from None
        return True

    while not parts.found:
        if not await feed():
            raise Invalid(FieldError("file", "value_missing" if parts.ended else "body_not_multipart"))

    async def chunks() -> AsyncIterator[bytes]:
        yield parts.take()
        while await feed():
            if taken := parts.take():
                yield taken
        if not parts.ended:
            raise Invalid(FieldError("file", "body_not_multipart"))

    return Incoming(parts.name or "file", chunks())
