"""From spots of text to lines: rows, columns, leaning and turned pages."""

import math
from collections.abc import Iterator

import pytest

from wa_app.ai.ocr.layout import laid_out
from wa_app.ai.ocr.shapes import Box, Pixels, Spot
from wa_app.ai.ocr.tiles import without_doubles
from wa_app.ai.ocr.turning import back, better_turns

PAGE = Pixels(1000, 1400, b"")


def spot(text: str, left: float, top: float, *, height: float = 30, confidence: float = 0.98) -> Spot:
    """Text of half as wide letters as they are high."""
    right, bottom = left + len(text) * height / 2, top + height
    return Spot(text, confidence, ((left, top), (right, top), (right, bottom), (left, bottom)))


def leaning(one: Spot, degrees: float) -> Spot:
    angle = math.radians(degrees)
    turned = [(x * math.cos(angle) - y * math.sin(angle), x * math.sin(angle) + y * math.cos(angle)) for x, y in one.box]
    return Spot(one.text, one.confidence, (turned[0], turned[1], turned[2], turned[3]))


RECEIPT = [
    spot("Rp 1.250.000", 700, 204), spot("Jumlah Transfer", 60, 200), spot("Total", 60, 300), spot("Rp 1.252.500", 700, 297),
    spot("Transfer Berhasil", 300, 40, height=60),
]  # fmt: skip


@pytest.mark.parametrize("degrees", [-6, -2, 0, 3, 6])
def test_an_amount_stands_on_the_line_of_its_label(degrees: float) -> None:
    seen = laid_out([leaning(one, degrees) for one in RECEIPT], 0, PAGE)
    assert [line.text for line in seen.lines] == ["Transfer Berhasil", "Jumlah Transfer Rp 1.250.000", "Total Rp 1.252.500"]


def columns() -> Iterator[Spot]:
    yield spot("Syarat dan ketentuan toko kami", 200, 40)
    for line in range(6):
        yield spot(f"kiri baris nomor {line} panjang", 40, 200 + 50 * line, height=26)
        yield spot(f"kanan baris nomor {line} panjang", 560, 203 + 50 * line, height=26)
    yield spot("Terima kasih sudah berbelanja", 200, 700)


def test_columns_of_prose_are_read_one_after_the_other() -> None:
    texts = [line.text for line in laid_out(list(columns()), 0, PAGE).lines]
    assert texts[0] == "Syarat dan ketentuan toko kami"
    assert texts[1:7] == [f"kiri baris nomor {line} panjang" for line in range(6)]
    assert texts[7:13] == [f"kanan baris nomor {line} panjang" for line in range(6)]
    assert texts[13] == "Terima kasih sudah berbelanja"


def test_an_empty_line_parts_paragraphs() -> None:
    near = [spot("satu", 40, 100), spot("dua", 40, 140), spot("tiga", 40, 300)]
    assert laid_out(near, 0, PAGE).text == "satu\ndua\n\ntiga"


def test_nothing_is_nothing() -> None:
    seen = laid_out([], 0, PAGE)
    assert (seen.text, seen.lines) == ("", ())


def test_confidence_is_weighed_by_length_and_boxes_go_back_to_the_original() -> None:
    pixels = Pixels(500, 700, b"", scale=0.5)
    seen = laid_out([spot("aaaaaaaaa", 10, 20, confidence=1.0), spot("b", 300, 20, confidence=0.5)], 0, pixels)
    assert seen.lines[0].confidence == pytest.approx(0.95)
    assert seen.lines[0].box[0] == (20.0, 40.0)


@pytest.mark.parametrize("turn", [1, 2, 3])
def test_a_corner_finds_back_through_a_turn(turn: int) -> None:
    numpy = pytest.importorskip("numpy")
    picture = numpy.zeros((5, 8))
    picture[1, 6] = 1
    y, x = (int(one[0]) for one in numpy.nonzero(numpy.rot90(picture, turn)))
    # Pixels are squares: the middle of one goes to the middle of another.
    assert back((x + 0.5, y + 0.5), turn, 8, 5) == (6.5, 1.5)


def test_turns_are_tried_where_they_may_help() -> None:
    upright = [spot("Transfer Berhasil", 10, 10)]
    on_its_head = [spot("ewqa Bzxn", 10, 10, confidence=0.6)]
    lying: Box = ((10, 10), (10, 300), (40, 300), (40, 10))
    assert better_turns(upright) == ()
    assert better_turns(on_its_head) == (2,)
    assert better_turns([Spot("Transfer Berhasil", 0.9, lying)]) == (1, 3)
    assert better_turns([]) == ()


def test_a_line_seen_in_two_pieces_counts_once() -> None:
    before = [spot("baris di tepi", 40, 1500)]
    piece = [spot("baris di tepi", 40, 20), spot("baris baru", 40, 90)]
    assert [one.text for one in without_doubles(before, piece, 0, 1480)] == ["baris baru"]
