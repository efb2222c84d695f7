import csv
import io
import zipfile
from datetime import date, datetime
from pathlib import Path

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from wa_app.kit import tables
from wa_app.kit.tables import TableRefused, guess_columns, inspect, read_rows, safe_cell, unescape_cell

TEXT = 'nama;No HP / WA;Kota\r\nSiti;0812-0000-3312;Bandung\r\n\r\nCafé;\'+62812;"Kota\nBaru"\r\n'
ROWS = [(2, ["Siti", "0812-0000-3312", "Bandung"]), (4, ["Café", "+62812", "Kota\nBaru"])]


def write(folder: Path, content: bytes | str, name: str = "a.csv", encoding: str = "utf-8") -> Path:
    path = folder / name
    path.write_bytes(content.encode(encoding) if isinstance(content, str) else content)
    return path


def read(path: Path, **options: str | bool) -> list[tuple[int, list[str]]]:
    return list(read_rows(path, inspect(path, **options)))


def refused(path: Path, **options: str) -> TableRefused:
    with pytest.raises(TableRefused) as error:
        read(path, **options)
    assert error.value.code in tables.CODES
    return error.value


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
def test_finds_the_encoding(tmp_path: Path, encoding: str) -> None:
    assert read(write(tmp_path, TEXT, encoding=encoding)) == ROWS


@pytest.mark.parametrize("sign", [",", ";", "\t", "|"])
def test_finds_the_delimiter_despite_quoted_ones(tmp_path: Path, sign: str) -> None:
    buffer = io.StringIO()
    csv.writer(buffer, delimiter=sign).writerows([["nama", "hp", "x"]] + [["a,b;c", "0812", "1|2\t3"]] * 4)
    path = write(tmp_path, buffer.getvalue())
    assert inspect(path).delimiter == sign
    assert read(path)[0] == (2, ["a,b;c", "0812", "1|2\t3"])


def test_reads_the_separator_line_of_excel_and_drops_nul(tmp_path: Path) -> None:
    path = write(tmp_path, "sep=;\nnama;hp\nA\x00da;0812,1\n")
    assert read(path) == [(3, ["Ada", "0812,1"])]


@pytest.mark.parametrize(
    ("text", "has_header", "columns"),
    [
        ("Nama,HP\nA,081200003312\n", True, ("Nama", "HP")),
        ("Siti,081200003312\nBudi,081200003313\n", False, ("A", "B")),
        ("081200003312\n081200003313\n", False, ("A",)),
        ("Pemilik,Kontaknya\nSiti,081200003312\n", True, ("Pemilik", "Kontaknya")),
    ],
)
def test_finds_the_header(tmp_path: Path, text: str, has_header: bool, columns: tuple[str, ...]) -> None:
    info = inspect(write(tmp_path, text))
    assert (info.has_header, info.columns) == (has_header, columns)


def test_a_wrong_guess_can_be_corrected(tmp_path: Path) -> None:
    path = write(tmp_path, "a;b,c\nd;e,f\n")
    info = inspect(path, delimiter=";", has_header=False, encoding="cp1252")
    assert list(read_rows(path, info)) == [(1, ["a", "b,c"]), (2, ["d", "e,f"])]
    assert refused(path, encoding="rot13").code == "table_bad_encoding"


def _picture() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (20, 20)).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "table_empty"),
        (b"\n \n\n", "table_empty"),
        (b";;\n;;\n", "table_empty"),
        (b"nama,hp\n", "table_empty"),
        (_picture(), "table_is_picture"),
        (b"%PDF-1.7 x", "table_is_pdf"),
        (b"\x1f\x8b\x08", "table_is_archive"),
        (b"PK\x03\x04broken", "table_broken"),
        (b"<html><table><tr><td>0812", "table_is_page"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "table_old_xls"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"), "table_encrypted"),
        (bytes(range(1, 256)) * 20, "table_not_text"),
        (b"a,b\n" + b"," * 300 + b"x\n", "table_too_many_columns"),
        (b'nama,hp\n"Siti,0812\n' + b"Budi,0813\n" * 300, "table_quote_open"),
        (b'nama,hp\n"' + b"x" * 200_000 + b'",1\n', "table_cell_too_long"),
    ],
)
def test_says_why_it_is_no_table(tmp_path: Path, content: bytes, code: str) -> None:
    assert refused(write(tmp_path, content)).code == code


def test_refuses_what_is_too_big(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wa_app.kit.tables.reading.MAX_BYTES", 10)
    assert refused(write(tmp_path, "nama,hp\nSiti,1\n")).code == "table_too_big"
    monkeypatch.undo()
    path = write(tmp_path, "nama,hp\n" + "Siti,081200003312\n" * 5)
    with pytest.raises(TableRefused, match="table_too_many_rows"):
        list(read_rows(path, inspect(path), max_rows=4))


def workbook(path: Path) -> Path:
    book = openpyxl.Workbook()
    book.active.title = "Kosong"
    sheet = book.create_sheet("Data")
    sheet.append(["nama", "hp", "lahir", "saldo", "vip", "galat"])
    sheet.append(["Siti ", 6281200003312, date(1991, 3, 12), 1250000.5, True, "=1/0"])
    sheet.append([])
    when = datetime.fromisoformat("2026-01-02T09:41:00")
    sheet.append(["Budi", "6.28E+12", when, 0.1, False, None])
    hidden = book.create_sheet("Rahasia")
    hidden.sheet_state = "hidden"
    book.save(path)
    return path


def test_reads_xlsx_exactly(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx")
    info = inspect(path)
    assert (info.sheets, info.sheet, info.columns[:2]) == (("Kosong", "Data"), "Data", ("nama", "hp"))
    assert read(path) == [
        (2, ["Siti", "6281200003312", "1991-03-12", "1250000.5", "TRUE"]),
        (4, ["Budi", "6.28E+12", "2026-01-02 09:41", "0.1", "FALSE"]),
    ]
    assert refused(path, sheet="Lain").code == "table_no_sheet"
    assert refused(path, sheet="Kosong").code == "table_empty"


def raw_xlsx(path: Path, sheet: str, strings: str = "") -> Path:
    """An XLSX written by hand, as hostile or odd programs do."""
    head = '<?xml version="1.0"?>'
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(
            "xl/workbook.xml", f'{head}<workbook xmlns:r="r"><sheets><sheet name="S" r:id="a"/></sheets></workbook>'
        )
        relation = '<Relationship Id="a" Target="/xl/worksheets/sheet1.xml"/>'
        file.writestr("xl/_rels/workbook.xml.rels", f"{head}<Relationships>{relation}</Relationships>")
        file.writestr("xl/worksheets/sheet1.xml", sheet)
        if strings:
            file.writestr("xl/sharedStrings.xml", strings)
    return path


def test_reads_numbers_that_excel_wrote_with_an_exponent_and_rich_text(tmp_path: Path) -> None:
    sheet = (
        '<worksheet><sheetData><row r="3"><c r="A3" t="inlineStr"><is><t>nama</t></is></c>'
        '<c r="C3" t="inlineStr"><is><t>hp</t></is></c></row><row r="7"><c r="A7" t="s"><v>0</v></c>'
        '<c r="C7"><v>6.281200003312E12</v></c></row></sheetData></worksheet>'
    )
    strings = "<sst><si><r><t>Si</t></r><r><t>ti</t></r><rPh><t>x</t></rPh></si></sst>"
    assert read(raw_xlsx(tmp_path / "a.xlsx", sheet, strings)) == [(7, ["Siti", "", "6281200003312"])]


def test_refuses_hostile_xlsx(tmp_path: Path) -> None:
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaa">]><worksheet><sheetData><row><c><v>&a;</v></c></row></sheetData></worksheet>'
    assert refused(raw_xlsx(tmp_path / "a.xlsx", bomb)).code == "table_unsafe"
    far = '<worksheet><sheetData><row r="1"><c r="XFD1"><v>1</v></c></row></sheetData></worksheet>'
    assert refused(raw_xlsx(tmp_path / "b.xlsx", far)).code == "table_too_many_columns"
    assert refused(raw_xlsx(tmp_path / "c.xlsx", "<worksheet><sheetData><row>")).code == "table_broken"
    packed = raw_xlsx(tmp_path / "d.xlsx", "<worksheet/>", "<sst>" + "<si><t>" + "a" * 300_000_000)
    assert refused(packed).code in ("table_unsafe", "table_empty")
    with zipfile.ZipFile(tmp_path / "e.xlsx", "w") as file:
        file.writestr("[Content_Types].xml", "")
    assert refused(tmp_path / "e.xlsx").code == "table_not_spreadsheet"


def test_guesses_columns_by_name_and_by_content(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "nama_lengkap,No HP / WA,Kota,Terakhir belanja,Total belanja,kategori,kosong\n"
        "Siti Rahmawati,0812-0000-3312,Bandung,14/10/2026,Rp 1.250.000,reseller; kopi,\n"
        "Bambang,62813 0000 418,Sleman,02/11/2026,Rp 385.000,batik,\n",
    )
    info = inspect(path)
    guesses = guess_columns(info.columns, [cells for _, cells in info.sample], "ID")
    assert [(g.target, g.key, g.type) for g in guesses] == [
        ("name", "", "text"),
        ("phone", "", "text"),
        ("city", "", "text"),
        ("attribute", "terakhir_belanja", "date_dmy"),
        ("attribute", "total_belanja", "number"),
        ("tags", "", "text"),
        ("ignore", "", "text"),
    ]
    rows = [["Siti", "081200003312", "a@b.co"], ["Budi", "081200003313", "c@d.id"]]
    assert [g.target for g in guess_columns(["A", "B", "C"], rows, "ID")] == ["name", "phone", "email"]
    two = guess_columns(["Telepon", "WA"], [["021", "081200003312"], ["022", "081200003313"]], "ID")
    assert [g.target for g in two] == ["attribute", "phone"]


@pytest.mark.parametrize(
    "value", ["=1+1", "+62812", "-1", "@a", "\t=1", "\r1", "＝1", " =1", "\u200b=1", "'=1", "''+1"]
)
def test_disarms_formulas_and_takes_them_back(value: str) -> None:
    assert safe_cell(value) == "'" + value
    assert unescape_cell(safe_cell(value)) == value


@given(st.text(alphabet="'=+-@\t\r \n＝aé,;\"", max_size=12))
def test_a_cell_comes_back_as_it_was(value: str) -> None:
    assert unescape_cell(safe_cell(value)) == value
    assert not safe_cell(value).lstrip(" \n").startswith(("=", "+", "-", "@", "\t", "\r", "＝"))


WORDS = st.text(st.characters(exclude_categories=["Cc"]) | st.sampled_from("\n\t\r\x00"), max_size=8)


@given(st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=6))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_an_export_is_imported_again(tmp_path: Path, pairs: list[tuple[str, str]]) -> None:
    path = write(tmp_path, b"".join(tables.csv_chunks(["nama", "hp", "k"], [(*p, "x") for p in pairs])))
    info = inspect(path, delimiter=",", encoding="utf-8-sig")
    cells = [cells for _, cells in read_rows(path, info)]
    clean = [[_clean(a), _clean(b), "x"] for a, b in pairs]
    assert [[c.replace("\r\n", "\n").replace("\r", "\n") for c in row] for row in cells] == clean


def _clean(text: str) -> str:
    text = text.encode("utf-8", "replace").decode().replace("\x00", "")
    return unescape_cell(safe_cell(text).strip()).replace("\r\n", "\n").replace("\r", "\n")


@given(st.binary(max_size=400))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_bytes_are_a_table_or_refused_in_words(tmp_path: Path, content: bytes) -> None:
    for start in (b"", b"PK\x03\x04", b"nama,hp\n"):
        path = write(tmp_path, start + content)
        try:
            read(path)
        except TableRefused as error:
            assert error.code in tables.CODES  # noqa: PT017 - either outcome is right
