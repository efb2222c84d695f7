"""Files of every kind become text; hostile ones end with a clear word and never with the worker."""

import io
import os
import zipfile
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import docx
import openpyxl
import pytest
from PIL import Image
from reportlab.pdfgen.canvas import Canvas

from tests.fixtures import scans
from wa_app.ai import reading
from wa_app.ai.parsing.shapes import Limits, Refused
from wa_app.ai.reading.children import parsing
from wa_app.config import ROOT, Settings
from wa_app.errors import Invalid
from wa_app.schemas.reading import DocumentText, Method, ReadStage

pytestmark = pytest.mark.usefixtures("settings")


async def read(folder: Path, name: str, data: bytes, mime: str = "") -> DocumentText:
    path = folder / "upload"
    path.write_bytes(data)
    return await reading.read(path, name, mime)


async def refusal(folder: Path, name: str, data: bytes) -> str:
    with pytest.raises(Invalid) as refused:
        await read(folder, name, data)
    return refused.value.code


def pdf(*pages: str, password: str | None = None) -> bytes:
    from reportlab.lib.pdfencrypt import StandardEncryption

    out = io.BytesIO()
    canvas = Canvas(out, encrypt=StandardEncryption(password) if password else None)
    for words in pages:
        for line, text in enumerate(words.split("\n")):
            canvas.drawString(72, 760 - 18 * line, text)
        canvas.showPage()
    canvas.save()
    return out.getvalue()


def saved(document: object) -> bytes:
    out = io.BytesIO()
    document.save(out)  # type: ignore[attr-defined]
    return out.getvalue()


def picture(kind: str, size: tuple[int, int] = (40, 30), **more: object) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, "white").save(out, kind, **more)
    return out.getvalue()


@pytest.mark.parametrize(("encoding", "text"), [
    ("utf-8", "Harga kopi Rp 18.000 – naik 5 % ☕"), ("utf-8-sig", "Kopi – ☕"), ("utf-16", "Kopi – ☕"),
    ("utf-16-le", "Kopi susu gula aren dan teh"), ("cp1252", "Café «Senja» – 5 €"),
])  # fmt: skip
async def test_plain_text_in_any_encoding(tmp_path: Path, encoding: str, text: str) -> None:
    document = await read(tmp_path, "catatan.txt", text.encode(encoding))
    assert document.pages[0].text == text
    assert document.pages[0].method is Method.TEXT


async def test_a_heic_picture_is_read(tmp_path: Path) -> None:
    """A HEIC file as encoders write it; no phone took it."""
    document = await read(tmp_path, "IMG_0001.HEIC", (ROOT / "tests/data/harga.heic").read_bytes(), "image/heic")
    (page,) = document.pages
    assert page.method is Method.OCR
    plain = page.text.upper().replace(" ", "")
    assert "KOPIGAYO" in plain
    assert "85.000" in plain


async def test_markdown_keeps_what_stands_under_which_heading(tmp_path: Path) -> None:
    source = "# Menu\nSemua halal.\n## Minuman\nKopi 18.000\n```\n# bukan judul\n```\n# Jam buka\n08-22\n"
    document = await read(tmp_path, "menu.md", source.encode())
    assert [(page.heading, page.text) for page in document.pages] == [
        ("Menu", "Semua halal."), ("Menu › Minuman", "Kopi 18.000\n```\n# bukan judul\n```"), ("Jam buka", "08-22"),
    ]  # fmt: skip


async def test_tables_name_their_columns_in_every_row(tmp_path: Path) -> None:
    csv = await read(tmp_path, "harga.csv", "Barang;Harga\nKopi;18.000\nTeh;8.000\n".encode("cp1252"))
    assert csv.pages[0].text == "Barang: Kopi | Harga: 18.000\nBarang: Teh | Harga: 8.000"
    book = openpyxl.Workbook()
    book.active.title = "Harga"
    for row in (("Barang", "Harga"), ("Kopi", 18000), ("Teh", 8000)):
        book.active.append(row)
    second = book.create_sheet("Cabang")
    for row in (("Kota", "Alamat"), ("Bandung", "Jl. Melati 12"), ("Bogor", "Jl. Anggrek 3")):
        second.append(row)
    document = await read(tmp_path, "apa saja", saved(book))
    assert [page.heading for page in document.pages] == ["Harga", "Cabang"]
    assert "Barang: Kopi | Harga: 18000" in document.pages[0].text
    assert "Kota: Bogor | Alamat: Jl. Anggrek 3" in document.pages[1].text


async def test_a_word_document_keeps_headings_lists_and_tables(tmp_path: Path) -> None:
    document = docx.Document()
    document.add_heading("Cara pesan", 1)
    document.add_paragraph("Kirim pesan ke nomor ini.")
    document.add_paragraph("Sebutkan alamat", style="List Bullet")
    document.add_heading("Ongkos", 2)
    table = document.add_table(rows=3, cols=2)
    for row, cells in enumerate((("Kota", "Ongkos"), ("Bandung", "10.000"), ("Bogor", "25.000"))):
        for column, text in enumerate(cells):
            table.cell(row, column).text = text
    read_ = await read(tmp_path, "panduan.docx", saved(document))
    assert [(page.heading, page.text) for page in read_.pages] == [
        ("Cara pesan", "Kirim pesan ke nomor ini.\n- Sebutkan alamat"),
        ("Cara pesan › Ongkos", "Kota: Bandung | Ongkos: 10.000\nKota: Bogor | Ongkos: 25.000"),
    ]


async def test_a_pdf_with_text_is_not_drawn(tmp_path: Path) -> None:
    words = "Syarat dan ketentuan berlaku untuk semua pesanan.\nPesanan dibatalkan sebelum dikirim tidak dikenai biaya."
    document = await read(tmp_path, "syarat.pdf", pdf(words, "Halaman kedua berisi alamat toko kami di Jalan Melati."))
    assert [page.page for page in document.pages] == [1, 2]
    assert {page.method for page in document.pages} == {Method.TEXT}
    assert document.pages[0].text == words


async def test_content_counts_and_not_the_name(tmp_path: Path) -> None:
    document = await read(tmp_path, "foto.jpg", pdf("Ini sebenarnya sebuah dokumen, bukan gambar, dan terbaca."), "image/jpeg")
    assert "sebenarnya" in document.pages[0].text


def unpacking_to(size: int) -> bytes:
    """A DOCX whose text unpacks to `size` bytes of the same letter."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        with archive.open("word/document.xml", "w", force_zip64=True) as part:
            block = b"a" * 2**20
            for _ in range(size // 2**20):
                part.write(block)
    return out.getvalue()


def many_pages(count: int) -> bytes:
    out = io.BytesIO()
    canvas = Canvas(out)
    for _ in range(count):
        canvas.showPage()
    canvas.save()
    return out.getvalue()


def entity_bomb() -> bytes:
    """A DOCX whose XML doubles an entity thirty times."""
    names = [f"e{n}" for n in range(30)]
    doubled = "".join(f'<!ENTITY {b} "&{a};&{a};">' for a, b in pairwise(names))
    body = f'<!DOCTYPE d [<!ENTITY e0 "ha">{doubled}]><w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body><w:p><w:r><w:t>&e29;</w:t></w:r></w:p></w:body></w:document>'
    plain = saved(docx.Document())
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(plain)) as source, zipfile.ZipFile(out, "w") as archive:
        for name in source.namelist():
            archive.writestr(name, body if name == "word/document.xml" else source.read(name))
    return out.getvalue()


def png_of(width: int, height: int) -> bytes:
    """A PNG that says it is this large, and has almost nothing in it."""
    import struct
    import zlib

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")


HOSTILE: dict[str, tuple[str, Callable[[], bytes], str]] = {
    "a 1-GB zip of a docx": ("a.docx", lambda: unpacking_to(2**30), "file_too_complex"),
    "entities that double": ("a.docx", entity_bomb, "file_broken"),
    "a pdf with 5,000 pages": ("a.pdf", lambda: many_pages(5000), "file_too_many_pages"),
    "a picture of 40,000 pixels a side": ("a.png", lambda: png_of(40_000, 40_000), "picture_too_large"),
    "a picture of 40,000 pixels in a row": ("a.png", lambda: png_of(40_000, 1), "picture_too_large"),
    "a picture cut off": ("a.jpg", lambda: picture("JPEG", (900, 900))[:400], "file_broken"),
    "a heic cut off": ("a.heic", lambda: bytes(3) + b"\x18ftypheic" + bytes(300), "file_broken"),
    "a pdf cut off": ("a.pdf", lambda: pdf("halo")[:60], "file_broken"),
    "a pdf with a password": ("a.pdf", lambda: pdf("rahasia", password="kata-sandi"), "file_encrypted"),
    "a docx cut off": ("a.docx", lambda: saved(docx.Document())[:900], "file_broken"),
    "an empty file": ("a.txt", lambda: b"", "file_empty"),
    "nothing but NUL": ("a.txt", lambda: bytes(5000), "file_no_text"),
    "a program": ("a.txt", lambda: b"\x7fELF" + os.urandom(200), "file_unsupported"),
    "noise called text": ("a.txt", lambda: bytes(range(32)) * 90, "file_unsupported"),
    "an old Word file": ("a.doc", lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "file_old_office"),
    "a new one with a password": (
        "a.docx", lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600) + "EncryptedPackage".encode("utf-16-le"),
        "file_encrypted",
    ),
    "a video": ("a.mp4", lambda: bytes(4) + b"ftypisom" + bytes(90), "file_unsupported"),
}  # fmt: skip


@pytest.mark.parametrize("what", HOSTILE)
async def test_hostile_files_have_a_clear_outcome(tmp_path: Path, what: str) -> None:
    name, made, code = HOSTILE[what]
    assert await refusal(tmp_path, name, made()) == code


async def drained(path: Path, limits: Limits) -> None:
    async with parsing(path, "image/png", limits) as frames:
        async for _ in frames:
            pass


async def test_a_child_dies_at_its_limits_and_the_worker_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    path.write_bytes(picture("PNG", (5000, 5000)))
    for limits in (Limits(memory=120 * 2**20), Limits(cpu_s=0)):
        with pytest.raises(Refused) as refused:
            await drained(path, limits)
        assert refused.value.code in ("file_too_complex", "file_broken")
    assert (await read(tmp_path, "a.txt", b"masih hidup")).pages[0].text == "masih hidup"


async def test_too_long_is_given_up(tmp_path: Path) -> None:
    path = tmp_path / "upload"
    path.write_bytes(b"halo")
    with pytest.raises(Invalid) as refused:
        await reading.read(path, "a.txt", "text/plain", max_s=0.001)
    assert refused.value.code == "file_read_timeout"
    # The child that was given up while it started is ended by the time another one has answered.
    assert (await read(tmp_path, "a.txt", b"halo")).pages[0].text == "halo"


def test_the_child_knows_no_secret(tmp_path: Path, settings: Settings) -> None:
    from wa_app.ai.reading import children

    started = children._start(tmp_path / "none", "text/plain", Limits())
    try:
        environment = Path(f"/proc/{started.pid}/environ").read_bytes()
    finally:
        started.kill()
        children._end(started)
    assert settings.secret_key.encode() not in environment
    assert b"DATABASE" not in environment


async def test_a_scanned_price_list_is_read_page_by_page(tmp_path: Path) -> None:
    path = tmp_path / "harga.pdf"
    path.write_bytes(scans.price_list_pdf())
    told: list[tuple[ReadStage, int, int]] = []
    document = await reading.read(path, "harga.pdf", "application/pdf", tell=lambda *one: told.append(one))
    page = document.pages[0]
    assert (page.method, told) == (Method.OCR, [(ReadStage.OCR, 1, 1)])
    for name, amount in scans.PRICES:
        assert f"{name} {scans.rupiah(amount)}" in page.text, "an amount stands on the line of its label"
    assert min(line.confidence for line in page.lines) > 0.8
    ys = [line.box[0][1] for line in page.lines]
    assert ys == sorted(ys)
    assert all(0 <= x <= 1654 and 0 <= y <= 2339 for line in page.lines for x, y in line.box)


@pytest.mark.parametrize("angle", [90, 180, 270])
async def test_a_turned_photo_is_read_and_its_boxes_lie_in_it(tmp_path: Path, angle: int) -> None:
    slip = scans.receipt(480_000).crop((0, 560, 820, 860))
    turned = slip.rotate(angle, expand=True)
    document = await read(tmp_path, "a.jpg", scans.as_jpeg(turned))
    line = next(one for one in document.pages[0].lines if "Jumlah Transfer" in one.text)
    assert line.text == "Jumlah Transfer Rp 480.000"
    (x0, y0), (x1, y1) = line.box[0], line.box[1]
    away = {90: (0, -1), 180: (-1, 0), 270: (0, 1)}[angle]
    assert (abs(x1 - x0) > 400, abs(y1 - y0) > 400) == (away[0] != 0, away[1] != 0)
    assert (x1 - x0) * away[0] + (y1 - y0) * away[1] > 400, "the first two corners run along the text"


async def test_what_a_camera_noted_about_its_turn_is_heeded(tmp_path: Path) -> None:
    slip = scans.receipt(480_000).crop((0, 560, 820, 860)).rotate(90, expand=True)
    noted = Image.Exif()
    noted[0x0112] = 6
    out = io.BytesIO()
    slip.save(out, "JPEG", exif=noted)
    document = await read(tmp_path, "a.jpg", out.getvalue())
    line = next(one for one in document.pages[0].lines if "Jumlah Transfer" in one.text)
    assert line.box[1][0] - line.box[0][0] > 400


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "GIF"])
async def test_pictures_of_each_kind(tmp_path: Path, kind: str) -> None:
    out = io.BytesIO()
    scans.receipt(65_000).crop((0, 600, 820, 720)).save(out, kind)
    document = await read(tmp_path, f"a.{kind.lower()}", out.getvalue())
    assert "65.000" in document.pages[0].text
