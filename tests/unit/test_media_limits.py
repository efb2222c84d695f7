"""Kinds and limits of WhatsApp; pictures are opened with suspicion; requests to S3 are signed as AWS says."""

import io
import struct
import zlib
from datetime import UTC, datetime
from pathlib import Path

import pytest
from PIL import Image

from wa_app.files import pictures
from wa_app.files.s3 import S3FileStore
from wa_app.files.s3.signing import Keys, signed
from wa_app.kit import media

MB = media.MB


@pytest.mark.parametrize(
    ("mime", "size", "code"),
    [
        ("image/jpeg", 16 * MB, None), ("image/jpeg", 16 * MB + 1, "media_image_too_large"),
        ("image/png; x=y", 17 * MB, "media_image_too_large"), ("video/mp4", 64 * MB, None),
        ("video/mp4", 64 * MB + 1, "media_video_too_large"), ("audio/ogg", 16 * MB + 1, "media_audio_too_large"),
        ("application/pdf", 100 * MB, None), ("application/pdf", 100 * MB + 1, "media_document_too_large"),
        ("application/x-msdownload", 1, "media_type_refused"), ("application/x-elf", 1, "media_type_refused"),
    ],
)  # fmt: skip
def test_limits_by_kind(mime: str, size: int, code: str | None) -> None:
    why = media.refused(mime, size)
    assert (why.code if why else None) == code


def saved(image: Image.Image, path: Path, kind: str, **more: object) -> Path:
    image.save(path, kind, **more)
    return path


def test_a_photo_gets_a_small_upright_picture_without_its_metadata(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    exif[0x010F] = "SecretCamera"
    path = saved(Image.new("RGB", (1200, 800), "red"), tmp_path / "a.jpg", "JPEG", exif=exif)
    made = pictures.make(path, "image/jpeg")
    assert (made.width, made.height) == (1200, 800)
    assert made.jpeg is None, "a JPEG leaves as it is"
    small = Image.open(io.BytesIO(made.thumb))
    assert small.format == "WEBP"
    assert small.size == (240, 360)
    assert b"SecretCamera" not in made.thumb


@pytest.mark.parametrize(("kind", "mime"), [("PNG", "image/png"), ("WEBP", "image/webp")])
def test_see_through_pictures_leave_as_jpeg_on_white(tmp_path: Path, kind: str, mime: str) -> None:
    path = saved(Image.new("RGBA", (40, 30), (255, 0, 0, 0)), tmp_path / "a", kind)
    made = pictures.make(path, mime)
    assert made.jpeg is not None
    out = Image.open(io.BytesIO(made.jpeg))
    assert (out.format, out.mode, out.size) == ("JPEG", "RGB", (40, 30))
    assert min(out.getpixel((5, 5))) > 250


def test_grey_and_palette_pictures_are_taken(tmp_path: Path) -> None:
    for mode in ("L", "P", "1", "LA", "I;16"):
        path = saved(Image.new(mode, (20, 20)), tmp_path / f"{mode[0]}.png", "PNG")
        assert pictures.make(path, "image/png").jpeg


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few hundred bytes that claims to be huge."""
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")


@pytest.mark.parametrize("side", [8_000, 12_000, 60_000])
def test_a_bomb_is_refused_before_it_is_decoded(tmp_path: Path, side: int, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(bomb(side, side))
    monkeypatch.setattr(Image.Image, "load", lambda *_: pytest.fail("it was decoded"))
    with pytest.raises(pictures.TooManyPixels):
        pictures.make(path, "image/png")


@pytest.mark.parametrize("body", [b"", b"\x89PNG\r\n\x1a\n" + b"\0" * 500, b"\xff\xd8\xff\xe0broken", b"GIF89a", bomb(50, 50)])
def test_damaged_pictures_are_refused(tmp_path: Path, body: bytes) -> None:
    path = tmp_path / "bad"
    path.write_bytes(body)
    with pytest.raises(pictures.BrokenPicture):
        pictures.make(path, "image/png")


def test_every_cut_of_a_picture_is_refused_or_taken_but_never_escapes(tmp_path: Path) -> None:
    for kind in ("PNG", "JPEG", "WEBP", "GIF"):
        whole = saved(Image.effect_noise((64, 64), 50).convert("RGB"), tmp_path / "whole", kind).read_bytes()
        for cut in range(0, len(whole), max(1, len(whole) // 60)):
            path = tmp_path / "cut"
            path.write_bytes(whole[:cut])
            try:
                pictures.make(path, "image/png")
            except pictures.BrokenPicture:
                continue


def test_only_named_decoders_open_a_file(tmp_path: Path) -> None:
    path = saved(Image.new("RGB", (20, 20)), tmp_path / "a.png", "TIFF")
    with pytest.raises(pictures.BrokenPicture):
        pictures.make(path, "image/png")


AWS = Keys("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "us-east-1")
AT = datetime(2013, 5, 24, tzinfo=UTC)
HOST = "examplebucket.s3.amazonaws.com"


def test_signs_the_get_of_amazons_own_example() -> None:
    made = signed(AWS, "GET", "/test.txt", {"host": HOST, "range": "bytes=0-9"}, AT)
    assert made["authorization"].endswith("Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41")
    assert "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date" in made["authorization"]


def test_signs_the_put_of_amazons_own_example() -> None:
    headers = {"host": HOST, "date": "Fri, 24 May 2013 00:00:00 GMT", "x-amz-storage-class": "REDUCED_REDUNDANCY"}
    sha = "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"
    made = signed(AWS, "PUT", "/test$file.text", headers, AT, payload_sha256=sha)
    assert made["authorization"].endswith("Signature=98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd")


def test_signs_a_query_of_amazons_own_example() -> None:
    made = signed(AWS, "GET", "/", {"host": HOST}, AT, query={"max-keys": "2", "prefix": "J"})
    assert made["authorization"].endswith("Signature=34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7")


@pytest.mark.parametrize("url", ["https://s3.test/bucket", "https://a:b@s3.test/", "ftp://a:b@s3.test/b", "s3.test/bucket"])
def test_a_wrong_address_of_a_store_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="S3_URL"):
        S3FileStore.at(url)


def test_reads_the_address_of_a_store() -> None:
    store = S3FileStore.at("https://KEY:s%2Fcret@s3.test:9000/files/sapa?region=ap-southeast-3")
    assert (store.origin, store.bucket, store.prefix) == ("https://s3.test:9000", "files", "sapa/")
    assert store.keys == Keys("KEY", "s/cret", "ap-southeast-3")
