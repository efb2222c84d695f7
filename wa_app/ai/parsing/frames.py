"""The wire between child and parent: a header in JSON, then bytes. Both lengths come first."""

import json
import struct
from dataclasses import dataclass
from typing import IO, Any, BinaryIO, Final

from wa_app.ai.parsing.shapes import MAX_TEXT, Refused

_LENGTHS: Final = struct.Struct(">II")
MAX_HEADER: Final = 4 * MAX_TEXT + 65_536
MAX_PAYLOAD: Final = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Frame:
    """One message of the child."""

    head: dict[str, Any]
    payload: bytes = b""


def write(out: BinaryIO, head: dict[str, Any], payload: bytes = b"") -> None:
    """Send one frame; waits while the parent is busy."""
    encoded = json.dumps(head, ensure_ascii=False).encode("utf-8", "replace")
    out.write(_LENGTHS.pack(len(encoded), len(payload)))
    out.write(encoded)
    out.write(payload)
    out.flush()


def read(source: IO[bytes]) -> Frame | None:
    """The next frame; None when the child has gone, or says what no child of ours says."""
    lengths = source.read(_LENGTHS.size)
    if len(lengths) < _LENGTHS.size:
        return None
    head_size, size = _LENGTHS.unpack(lengths)
    if head_size > MAX_HEADER or size > MAX_PAYLOAD:
        return None
    head, payload = source.read(head_size), source.read(size)
    if len(head) < head_size or len(payload) < size:
        return None
    try:
        found = json.loads(head)
    except ValueError:
        return None
    return Frame(found, payload) if isinstance(found, dict) else None


class Pipe:
    """The child's output as frames."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._letters = 0

    def text(self, page: int, total: int, text: str, heading: str = "") -> None:
        """Send text, up to what one document may hold in all."""
        plain = text.replace("\x00", "").strip()
        self._letters += len(plain)
        if self._letters > MAX_TEXT:
            raise Refused("file_too_much_text", limit=MAX_TEXT // 1_000_000)
        write(self._out, {"kind": "text", "page": page, "total": total, "text": plain, "heading": heading[:300]})

    def pixels(self, page: int, total: int, picture: Any, original_width: int) -> None:
        """Send a picture as rows of RGB."""
        rgb = picture if picture.mode == "RGB" else picture.convert("RGB")
        head = {
            "kind": "pixels", "page": page, "total": total, "width": rgb.width, "height": rgb.height,
            "scale": rgb.width / max(1, original_width),
        }  # fmt: skip
        write(self._out, head, rgb.tobytes())

    def refused(self, error: Refused) -> None:
        """Say why the file is not read."""
        write(self._out, {"kind": "refused", "code": error.code, "args": error.args_})

    def end(self) -> None:
        """Say that this was all."""
        write(self._out, {"kind": "end"})
