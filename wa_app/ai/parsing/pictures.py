"""Pictures: made upright by what the camera noted, laid on white, brought to a size that can be read."""

import math
import struct
from typing import Any, Final

from wa_app.ai.parsing.shapes import MAX_PIXELS, MAX_SIDE, MAX_STRIP, READ_AREA, Job, Output, Refused

_FORMATS: Final = {
    "image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP", "image/gif": "GIF", "image/heic": "HEIF",
}  # fmt: skip
_BROKEN: Final = (OSError, ValueError, SyntaxError, EOFError, KeyError, IndexError, RuntimeError, struct.error)
"""What decoders raise on damaged input (Pillow's documentation names no common base)."""
_STRIP: Final = 2.5
"""Length over width from which a picture is a strip."""


def parse(job: Job, out: Output) -> None:
    """One picture to be seen; of a GIF its first frame."""
    from PIL import Image, ImageOps

    if job.mime == "image/heic":
        import pi_heif

        pi_heif.register_heif_opener()
    Image.MAX_IMAGE_PIXELS = MAX_PIXELS
    try:
        with Image.open(job.path, formats=[_FORMATS[job.mime]]) as image:
            refuse_large(*image.size)
            upright = ImageOps.exif_transpose(image)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise Refused("picture_too_large", limit=MAX_PIXELS // 1_000_000) from None
    except _BROKEN as error:
        raise Refused("file_broken") from error
    width = upright.width
    out.pixels(0, 1, readable(_on_white(upright)), width)


def refuse_large(width: int, height: int) -> None:
    """Raise Refused for more pixels than we decode."""
    if width * height > MAX_PIXELS or max(width, height) > MAX_SIDE:
        raise Refused("picture_too_large", limit=MAX_PIXELS // 1_000_000)


def factor(width: float, height: float) -> float:
    """By how much a picture is made smaller before it is read; 1 leaves it as it is."""
    is_strip = max(width, height) > _STRIP * max(1, min(width, height))
    return min(1.0, math.sqrt((MAX_STRIP if is_strip else READ_AREA) / max(1.0, width * height)))


def readable(image: Any) -> Any:
    """The picture at the size in which it is read."""
    by = factor(*image.size)
    if by == 1.0:
        return image
    from PIL import Image

    # Area averages keep thin strokes, and cost a third of a Lanczos filter.
    size = (max(1, round(image.width * by)), max(1, round(image.height * by)))
    return image.resize(size, Image.Resampling.BOX, reducing_gap=3.0)


def _on_white(image: Any) -> Any:
    if image.mode not in ("RGBA", "LA", "PA") and "transparency" not in image.info:
        return image.convert("RGB")
    from PIL import Image

    seen = image.convert("RGBA")
    white = Image.new("RGB", seen.size, "white")
    white.paste(seen, mask=seen.getchannel("A"))
    return white
