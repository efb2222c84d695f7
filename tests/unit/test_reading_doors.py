"""What is believed of a file before it is opened: its type, its address, whether it is for reading at all."""

import pytest

from wa_app.ai.parsing import pictures
from wa_app.ai.parsing.shapes import READ_AREA, Refused
from wa_app.ai.parsing.texts import decoded, sections
from wa_app.channels.waha.bodies import file_path
from wa_app.inbound.media import skipped
from wa_app.inbound.readings import MAX_LINES, MAX_TEXT, as_reading
from wa_app.kit.filetypes import sniff
from wa_app.schemas.reading import DocumentText, Method, PageText, TextLine


@pytest.mark.parametrize(("head", "mime"), [
    (bytes(4) + b"ftypheic", "image/heic"), (bytes(4) + b"ftypmif1", "image/heic"), (bytes(4) + b"ftypisom", "video/mp4"),
    (bytes(4) + b"ftypavif", "image/avif"), (bytes(4) + b"ftypM4A ", "audio/mp4"),
])  # fmt: skip
def test_pictures_of_a_phone_are_no_videos(head: bytes, mime: str) -> None:
    assert sniff(head + bytes(50), "IMG_1") == mime


@pytest.mark.parametrize(("url", "path"), [
    ("http://localhost:3000/api/files/toko/3EB0.jpeg", "/api/files/toko/3EB0.jpeg"),
    ("https://waha.example/prefix/api/files/a%20b.pdf?x-api-key=1", "/api/files/a%20b.pdf"),
    ("http://169.254.169.254/latest/meta-data", None), ("https://bucket.s3.example/key?X-Amz-Signature=1", None),
    ("http://x/api/files/../sessions", None), ("http://x/api/files/%2e%2e/sessions", None),
    ("http://x/api/files/a%2f..%2f..%2fsessions", None), ("http://x/api/files/", None),
    ("http://x/api/files/a%0d%0ab", None), ("http://[broken/api/files/a", None), ("", None),
])  # fmt: skip
def test_only_the_path_of_a_file_is_believed(url: str, path: str | None) -> None:
    assert file_path(url) == path


@pytest.mark.parametrize(("mime", "told", "why"), [
    ("image/jpeg", "image/jpeg", None), ("image/webp", "image/webp", "sticker"), ("image/jpeg", "image/webp", "sticker"),
    ("audio/ogg", "audio/ogg", "audio"), ("video/mp4", "", "video"), ("application/zip", "", "unsupported"),
    ("application/octet-stream", "text/plain", None), ("application/octet-stream", "", "unsupported"),
])  # fmt: skip
def test_what_is_kept_unread(mime: str, told: str, why: str | None) -> None:
    assert skipped(mime, told) == why


def test_a_message_carries_no_whole_book() -> None:
    line = TextLine("satu", 0.9, ((0, 0), (1, 0), (1, 1), (0, 1)))
    pages = tuple(PageText(n, "a" * 5000, Method.OCR, (line,) * 100) for n in range(1, 11))
    found = as_reading(DocumentText(pages, 1.5))
    assert (len(found["text"]), len(found["lines"]), found["is_cut"]) == (MAX_TEXT, MAX_LINES, True)
    assert (found["pages"], found["method"], found["ms"]) == (10, "ocr", 1500)
    assert found["lines"][0]["box"] == [[0, 0], [1, 0], [1, 1], [0, 1]]


@pytest.mark.parametrize(("size", "passes"), [((1654, 2339), True), ((4000, 3000), False), ((1080, 9000), True)])
def test_pages_and_strips_keep_their_size(size: tuple[int, int], passes: bool) -> None:
    by = pictures.factor(*size)
    assert (by == 1.0) is passes
    assert size[0] * size[1] * by * by <= max(READ_AREA * 1.001, size[0] * size[1] * passes)


@pytest.mark.parametrize("size", [(40_000, 1), (1, 40_000), (10_000, 9_000)])
def test_too_many_pixels_are_refused_before_they_are_decoded(size: tuple[int, int]) -> None:
    with pytest.raises(Refused, match="picture_too_large"):
        pictures.refuse_large(*size)


def test_text_without_a_mark_is_told_by_its_zeros() -> None:
    assert decoded("Harga kopi naik".encode("utf-16-be")) == "Harga kopi naik"
    with pytest.raises(Refused):
        decoded(bytes(range(1, 9)) * 100)


def test_sections_name_the_headings_above_them() -> None:
    assert list(sections("awal\n# A\n## B\nisi\n# C\n")) == [("", "awal"), ("A › B", "isi")]
