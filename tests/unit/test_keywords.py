"""What a message says, and whether a keyword is in it."""

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest

from wa_app.i18n import LANGUAGES, catalogue
from wa_app.kit.chat_words import plain, words
from wa_app.kit.keywords import Miss, Said, keyword, nearest
from wa_app.kit.patterns import CODES, MAX_PATTERN, Pattern, PatternRefused
from wa_app.kit.periods import BEGINNING, period_start
from wa_app.kit.weekly import Window, within


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Hargaaa brp, kak?", "harga berapa kak"),
        ("hrg", "harga"),
        ("GMN caranya", "bagaimana caranya"),
        ("h a r g a", "harga"),
        ("C.O.D", "cod"),
        ("ha\u200brga\ufeff", "harga"),
        ("ＨＡＲＧＡ", "harga"),
        ("𝐇𝐚𝐫𝐠𝐚", "harga"),
        ("Crème brûlée", "creme brule"),
        ("maaaf", "maf"),
        ("maaf", "maf"),
        ("XXL dan XL", "xxl dan xl"),
        ("AA12 A12", "aa12 a12"),
        ("massa masa", "massa masa"),
        ("tungggu tunggu tungu", "tungu tungu tungu"),
        ("TUNGGGGGU minggguan", "tungu minguan"),
        ("nggak ngga enggak", "tidak tidak tidak"),
        ("bigger jogging", "bigger jogging"),
        ("okkk", "ok"),
        ("Rp150.000,00", "rp 150000 00"),
        ("Rp 1.250.000", "rp 1250000"),
        ("1.5 liter", "1 5 liter"),
        ("Jum'at", "jumat"),
        ("terima kasih", "terimakasih"),
        ("makasiiih", "terimakasih"),
        ("di mana", "dimana"),
        ("٣ pcs", "3 pcs"),
        ("👍🏽❤️", "👍 ❤"),
        ("我要", "我 要"),
        ("a\x00b\ud800c", "abc"),
        ("", ""),
        ("?!...", ""),
    ],
)
def test_folds_what_people_type(text: str, said: str) -> None:
    assert plain(text) == said


def test_looks_at_the_beginning_of_a_huge_message() -> None:
    assert len(words("a1 " * 100_000)) == 21_846
    assert len(plain("ﷺ" * 70_000)) <= 4 * 65_536


def said_by(text: str, kind: str, message: str) -> bool:
    made = keyword(text, kind)
    assert made is not None
    return made.said_by(Said.of(message))


@pytest.mark.parametrize(
    ("text", "kind", "message", "fires"),
    [
        ("ok", "CONTAINS", "tokopedia", False),
        ("ok", "CONTAINS", "okeee kak", False),
        ("ok", "CONTAINS", "ya OKKK kak", True),
        ("harga", "CONTAINS", "hrg brp", True),
        ("harga", "CONTAINS", "harganya brp?", True),
        ("ha", "CONTAINS", "hanya satu", False),
        ("harga kopi", "CONTAINS", "berapa HARGA kopinya", True),
        ("harga kopi", "CONTAINS", "harga teh dan kopi", False),
        ("kopi", "CONTAINS", "kopi📦siap", True),
        ("iphone", "CONTAINS", "ada iphone15?", True),
        ("15", "CONTAINS", "ada iphone15?", False),
        ("kg", "CONTAINS", "2kg ya", True),
        ("50", "CONTAINS", "150", False),
        ("退订", "CONTAINS", "我要退订", True),
        ("👍", "CONTAINS", "sip 👍🏽", True),
        ("halo", "EXACT", "HALOOO!! 👋", True),
        ("halo", "EXACT", "halo kak", False),
        ("👍", "EXACT", "👍", True),
        ("👍", "EXACT", "sip 👍", False),
        ("INV", "STARTS_WITH", "inv2024-11 sudah dibayar", True),
        ("ok", "STARTS_WITH", "okta", False),
        ("tunggu", "CONTAINS", "tungggu bentar kak", True),
        ("massa", "CONTAINS", "masa sih", False),
        ("cek pesanan", "STARTS_WITH", "Cek pesananku", False),
        ("cek pesanan", "STARTS_WITH", "cek pesanan 12", True),
        ("cek", "STARTS_WITH", "tolong cek", False),
        (r"inv-\d{4}", "REGEX", "pesanan INV-2024", True),
        (r"^halo$", "REGEX", "halo semua", False),
        (r"rp ?[\d.]+", "REGEX", "transfer Ｒｐ 150.000", True),
        (r"kopi|teh", "REGEX", "ko\u200bpi", True),
    ],
)
def test_fires_at_the_borders_of_words(text: str, kind: str, message: str, fires: bool) -> None:
    assert said_by(text, kind, message) is fires


@pytest.mark.parametrize(
    ("kind", "listed", "message", "expected"),
    [
        ("CONTAINS", ["ok"], "tokopedia", ("ok", Miss.INSIDE)),
        ("CONTAINS", ["promo", "harga kopi"], "harga teh kopi", ("harga kopi", Miss.APART)),
        ("EXACT", ["halo"], "halo kak", ("halo", Miss.NOT_ALONE)),
        ("STARTS_WITH", ["cek"], "tolong cek", ("cek", Miss.NOT_FIRST)),
        ("CONTAINS", ["promo"], "halo", ("", Miss.ABSENT)),
        ("REGEX", ["promo"], "halo", ("", Miss.PATTERN)),
    ],
)
def test_tells_how_near_it_came(kind: str, listed: list[str], message: str, expected: tuple[str, Miss]) -> None:
    made = [one for one in (keyword(text, kind) for text in listed) if one is not None]
    assert nearest(made, Said.of(message)) == expected


def test_a_keyword_without_words_is_none() -> None:
    assert keyword("?!", "CONTAINS") is None


@pytest.mark.parametrize(
    ("source", "code", "part"),
    [
        ("(?=a)", "regex_look_around", "(?="),
        ("(?<!a)b", "regex_look_around", "(?<!"),
        (r"(a)\1", "regex_backreference", r"\1"),
        (r"a\Z", "regex_end_anchor", r"\Z"),
        (r"\y", "regex_escape_unknown", r"\y"),
        ("(?>a)", "regex_group_unknown", "(?>"),
        ("[a", "regex_bracket_open", "[a"),
        ("(a", "regex_paren_open", "(a"),
        ("a)", "regex_paren_extra", "a)"),
        ("*a", "regex_repeats_nothing", "*"),
        ("a++", "regex_repeats_twice", "++"),
        ("a{1001}", "regex_repeats_too_often", "{1001}"),
        ("[b-a]", "regex_class_unknown", "b-a"),
        ("a\\", "regex_backslash_last", ""),
        ("a*", "regex_matches_nothing", "a*"),
        (r"(\pL{33}){30}", "regex_too_large", ""),
        ("a" * (MAX_PATTERN + 1), "regex_too_long", ""),
        ("\ud800", "regex_invalid", ""),
    ],
)
def test_refuses_what_it_cannot_compute(source: str, code: str, part: str) -> None:
    with pytest.raises(PatternRefused) as refused:
        Pattern(source)
    assert (refused.value.code, refused.value.part if part else "") == (code, part)
    assert code in CODES


@pytest.mark.parametrize(
    ("windows", "moment", "holds"),
    [
        ((Window((4,), time(22), time(6)),), "2026-11-27T23:00", True),
        ((Window((4,), time(22), time(6)),), "2026-11-28T05:59", True),
        ((Window((4,), time(22), time(6)),), "2026-11-28T06:00", False),
        ((Window((4,), time(22), time(6)),), "2026-11-28T23:00", False),
        ((Window((4,), time(22), time(6)),), "2026-11-27T05:00", False),
        ((Window((5,)),), "2026-11-28T23:59", True),
        ((Window((5,)),), "2026-11-29T00:00", False),
        ((Window((0,)), Window((5,), time(8), time(17))), "2026-11-28T16:59", True),
        ((Window((0,)), Window((5,), time(8), time(17))), "2026-11-28T17:00", False),
        ((), "2026-11-28T17:00", True),
    ],
)
def test_reads_hours_of_the_week(windows: tuple[Window, ...], moment: str, holds: bool) -> None:
    assert within(windows, datetime.fromisoformat(moment)) is holds


def test_knows_when_a_period_began() -> None:
    jakarta, at = ZoneInfo("Asia/Jakarta"), datetime(2026, 11, 28, 18, 30, tzinfo=UTC)
    begun = [period_start(one, at, jakarta) for one in ("hour", "day", "week", "month", "ever")]
    assert begun == [
        datetime(2026, 11, 28, 18, tzinfo=UTC), datetime(2026, 11, 28, 17, tzinfo=UTC), datetime(2026, 11, 22, 17, tzinfo=UTC),
        datetime(2026, 10, 31, 17, tzinfo=UTC), BEGINNING,
    ]  # fmt: skip


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_refusal_has_words(language: str) -> None:
    assert {code for code in CODES if f"error.{code}" not in catalogue(language)} == set()
