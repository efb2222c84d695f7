"""Pictures: a small one to look at, and the JPEG that leaves in the place of another type.

Whatever comes from outside is opened with suspicion: only the decoders we name, nothing with more
pixels than a camera makes, and nothing of its metadata goes on (place, owner, device).
"""

import asyncio
import io
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from PIL import Image, ImageOps

MAX_PIXELS: Final = 50_000_000
"""More is refused before anything is decoded: 50 megapixels take 150 MB in memory."""
THUMB: Final = 360
"""Longest side of the small picture, in pixels."""
LONGEST: Final = 4096
"""Longest side of a converted picture; WhatsApp makes it smaller anyway."""
QUALITY: Final = 88
_FORMATS: Final = ("JPEG", "PNG", "WEBP", "GIF")
_BROKEN: Final = (OSError, ValueError, SyntaxError, EOFError, KeyError, IndexError, struct.error)
"""What Pillow's decoders raise on damaged input (its documentation names no common base)."""
TYPES: Final = frozenset({"image/jpeg", "image/png", "image/webp", "image/gif"})
_AT_ONCE = 2
_gates: dict[int, asyncio.Semaphore] = {}


class BrokenPicture(Exception):
    """It cannot be decoded."""


class TooManyPixels(Exception):
    """It would take too much memory to decode."""


@dataclass(frozen=True, slots=True)
class Picture:
    """What was made of a picture. `jpeg` is None where the original may leave as it is."""

    width: int
    height: int
    thumb: bytes
    jpeg: bytes | None


async def prepare(path: Path, mime: str) -> Picture:
    """Decode in a thread, few at a time. Raises BrokenPicture, TooManyPixels."""
    loop = id(asyncio.get_running_loop())
    if loop not in _gates:
        _gates.clear()
        _gates[loop] = asyncio.Semaphore(_AT_ONCE)
    async with _gates[loop]:
        return await asyncio.to_thread(make, path, mime)


def make(path: Path, mime: str) -> Picture:
    """The same, here and now: it takes as long as decoding takes."""
    try:
        with Image.open(path, formats=_FORMATS) as image:
            width, height = image.size
            if width * height > MAX_PIXELS:
                raise TooManyPixels
            jpeg = _jpeg(image) if mime in ("image/png", "image/webp") else None
            image.draft("RGB", (THUMB * 2, THUMB * 2))
            return Picture(width, height, _thumb(image), jpeg)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise TooManyPixels from None
    except _BROKEN as error:
        raise BrokenPicture(type(error).__name__) from error


def _upright(image: Image.Image, longest: int) -> Image.Image:
    turned = ImageOps.exif_transpose(image)
    turned.thumbnail((longest, longest))
    return turned


def _thumb(image: Image.Image) -> bytes:
    small = _upright(image, THUMB)
    plain = small.convert("RGBA" if _is_see_through(small) else "RGB")
    out = io.BytesIO()
    plain.save(out, "WEBP", quality=78, exif=b"", icc_profile=None)
    return out.getvalue()


def _jpeg(image: Image.Image) -> bytes:
    full = _upright(image, LONGEST)
    if _is_see_through(full):
        seen = full.convert("RGBA")
        white = Image.new("RGB", seen.size, "white")
        white.paste(seen, mask=seen.getchannel("A"))
        full = white
    out = io.BytesIO()
    full.convert("RGB").save(out, "JPEG", quality=QUALITY)
    return out.getvalue()


def _is_see_through(image: Image.Image) -> bool:
    return image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info
