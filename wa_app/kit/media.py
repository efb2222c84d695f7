"""What WhatsApp takes of files: the one place for kinds, sizes and types.

Sizes are those of WhatsApp's apps; https://developers.facebook.com/docs/whatsapp/cloud-api/reference/media has the
Cloud API's, which are lower for pictures.
"""

from dataclasses import dataclass
from typing import Literal

MB = 1024 * 1024
Kind = Literal["image", "video", "audio", "document"]
KINDS: tuple[Kind, ...] = ("image", "video", "audio", "document")

LIMITS: dict[Kind, int] = {"image": 16 * MB, "video": 64 * MB, "audio": 16 * MB, "document": 100 * MB}
"""Most bytes of each kind."""
TYPES: dict[str, Kind] = {
    "image/jpeg": "image", "image/png": "image", "image/webp": "image",
    "video/mp4": "video", "video/3gpp": "video", "video/quicktime": "video",
    "audio/mpeg": "audio", "audio/ogg": "audio", "audio/aac": "audio", "audio/mp4": "audio", "audio/x-m4a": "audio",
    "audio/amr": "audio",
}  # fmt: skip
"""Types of content that leave as something else than a document."""
REFUSED = frozenset({"application/x-dosexec", "application/x-executable", "application/x-msdownload", "application/x-elf"})
"""Programs, which WhatsApp does not deliver."""


@dataclass(frozen=True, slots=True)
class Refused:
    """Why WhatsApp would not take a file: a code of our errors and what its text names."""

    code: str
    args: dict[str, str | int]


def kind_of(mime: str) -> Kind:
    """How a file of this type leaves.

    >>> kind_of("audio/ogg; codecs=opus"), kind_of("text/csv")
    ('audio', 'document')
    """
    return TYPES.get(mime.split(";")[0].strip().lower(), "document")


def refused(mime: str, size: int) -> Refused | None:
    """Whether WhatsApp would take a file of this type and size (bytes)."""
    if mime.split(";")[0] in REFUSED:
        return Refused("media_type_refused", {"mime": mime})
    kind = kind_of(mime)
    if size > LIMITS[kind]:
        return Refused(f"media_{kind}_too_large", {"limit_mb": LIMITS[kind] // MB})
    return None
