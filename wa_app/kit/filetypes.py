"""What a file is, by its content; its name is only a hint among kinds that look alike inside."""

import re
import unicodedata
from pathlib import PurePosixPath

OCTETS = "application/octet-stream"
_HEIC = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
_SIGNATURES: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\x89PNG\r\n\x1a\n", "image/png"), (0, b"\xff\xd8\xff", "image/jpeg"), (0, b"GIF8", "image/gif"),
    (8, b"WEBP", "image/webp"), (0, b"%PDF-", "application/pdf"), (0, b"OggS", "audio/ogg"),
    (0, b"ID3", "audio/mpeg"), (0, b"\xff\xfb", "audio/mpeg"), (0, b"\xff\xf3", "audio/mpeg"),
    (8, b"WAVE", "audio/wav"), (4, b"ftypM4A", "audio/mp4"), (4, b"ftyp3g", "video/3gpp"),
    (4, b"ftypqt", "video/quicktime"), *((4, b"ftyp" + brand, "image/heic") for brand in _HEIC),
    (4, b"ftypavif", "image/avif"), (4, b"ftyp", "video/mp4"), (0, b"\x1aE\xdf\xa3", "video/webm"),
    (0, b"\x1f\x8b", "application/gzip"), (0, b"7z\xbc\xaf'\x1c", "application/x-7z-compressed"),
    (0, b"Rar!", "application/vnd.rar"), (0, b"MZ", "application/x-msdownload"), (0, b"\x7fELF", "application/x-elf"),
    (0, b"BM", "image/bmp"), (0, b"II*\x00", "image/tiff"), (0, b"MM\x00*", "image/tiff"),
)  # fmt: skip
_OFFICE = {
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
}
_OFFICE_FOLDERS = ((b"xl/", ".xlsx"), (b"word/", ".docx"), (b"ppt/", ".pptx"))
_OLE = {".xls": "application/vnd.ms-excel", ".doc": "application/msword", ".ppt": "application/vnd.ms-powerpoint"}
_TEXTS = {
    ".csv": "text/csv", ".tsv": "text/tab-separated-values", ".md": "text/markdown", ".json": "application/json",
    ".vcf": "text/vcard", ".ics": "text/calendar",
}  # fmt: skip
_MARKUP = re.compile(rb"\s*(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body|script|iframe)[\s>]", re.I | re.S)
_SVG = re.compile(rb"<svg[\s>]", re.I)
_CONTROL = bytes(set(range(32)) - {9, 10, 12, 13, 27})
_BAD_IN_NAMES = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*\u200e\u200f\u202a-\u202e\u2066-\u2069]')
MAX_NAME_BYTES = 200


def sniff(head: bytes, name: str) -> str:
    """The type of a file that begins like this.

    >>> sniff(b"\\x89PNG\\r\\n\\x1a\\n....", "contacts.csv")
    'image/png'
    """
    ending = PurePosixPath(name.lower()).suffix
    if head.startswith(b"PK\x03\x04"):
        return _zipped(head, ending)
    if head.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        return _OLE.get(ending, "application/x-ole-storage")
    for offset, magic, mime in _SIGNATURES:
        if head.startswith(magic, offset) and (magic != b"BM" or b"\x00" in head[:26]):
            return mime
    return _text(head, ending) or _by_library(head, name)


def _zipped(head: bytes, ending: str) -> str:
    for folder, kind in _OFFICE_FOLDERS:
        if folder in head:
            return _OFFICE[kind]
    return _OFFICE[ending] if ending in _OFFICE and b"[Content_Types].xml" in head else "application/zip"


def _text(head: bytes, ending: str) -> str | None:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return _TEXTS.get(ending, "text/plain")
    if head.translate(None, _CONTROL) != head:
        return None
    if _MARKUP.match(head.removeprefix(b"\xef\xbb\xbf")):
        return "text/html"
    if _SVG.search(head[:2048]):
        return "image/svg+xml"
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<?xml"):
        return "application/xml"
    return _TEXTS.get(ending, "text/plain")


def _by_library(head: bytes, name: str) -> str:
    import puremagic

    try:
        return str(puremagic.from_string(head, mime=True)) or OCTETS
    except puremagic.PureError:
        return OCTETS


def safe_name(name: str) -> str:
    """A file name that is harmless on every system and in a header; never empty.

    >>> safe_name("../../etc/pass\\u202ewd")
    'passwd'
    """
    plain = unicodedata.normalize("NFC", name).replace("\\", "/").rsplit("/", 1)[-1]
    plain = _BAD_IN_NAMES.sub("", plain.encode("utf-8", "ignore").decode()).strip(" .")
    stem, dot, ending = plain.rpartition(".")
    if not dot or len(ending) > 10:
        stem, dot, ending = plain, "", ""
    room = MAX_NAME_BYTES - len(f"{dot}{ending}".encode())
    return f"{stem.encode()[:room].decode('utf-8', 'ignore')}{dot}{ending}".strip(" .") or "file"
