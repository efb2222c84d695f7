from decimal import Decimal

import phonenumbers
import pytest

from wa_app.kit import phones
from wa_app.kit.phones import PhoneRefused, normalize

ONE = "+6281200003312"


@pytest.mark.parametrize(
    "written",
    [
        "081200003312",
        "81200003312",
        "6281200003312",
        "+6281200003312",
        "006281200003312",
        "+62 (0)812-0000-3312",
        "+62 (0) 812 0000 3312",
        "+62 0812 0000 3312",
        "620812-0000-3312",
        "0812.0000.3312",
        "(0812) 0000-3312",
        "0812 0000 3312",
        "0812\u00a00000\u202f3312",
        "0812–0000—3312",
        "０８１２００００３３１２",
        "٠٨١٢٠٠٠٠٣٣١٢",
        "＋６２ 812 0000 3312",
        "'081200003312",
        "’081200003312",
        '"081200003312"',
        "\u202a+62 812-0000-3312\u202c",
        "\ufeff081200003312",
        " 0812 / 0000 / 3312 ",
        "wa.me/6281200003312",
        "https://wa.me/+6281200003312?text=halo",
        "http://www.wa.me/081200003312",
        "https://api.whatsapp.com/send?phone=6281200003312&text=a",
        "https://api.whatsapp.com/send/?phone=%2B6281200003312",
        "whatsapp://send?phone=6281200003312",
        "tel:+62-812-0000-3312",
        "tel:081200003312;phone-context=+62",
        "6281200003312@c.us",
        "6281200003312:7@s.whatsapp.net",
        "6281200003312.0",
        "81200003312,00",
        "6,281,200,003,312",
        81200003312,
        6281200003312,
        6281200003312.0,
        Decimal("6281200003312"),
        Decimal("6.281200003312E+12"),
    ],
)
def test_reads_one_number_however_it_is_written(written: str | float | Decimal) -> None:
    assert normalize(written, "ID") == ONE


@pytest.mark.parametrize(
    ("written", "region", "phone"),
    [
        ("(021) 3456789", "ID", "+62213456789"),
        ("62 21 3456 7890", "ID", "+622134567890"),
        ("012-345 6789", "MY", "+60123456789"),
        ("+60 12-345 6789", "ID", "+60123456789"),
        ("081200003312", "ID", ONE),
        ("+6281200003312", "US", ONE),
        ("(650) 253-0000", "US", "+16502530000"),
        ("1 650 253 0000", "US", "+16502530000"),
        ("9198765432", "IN", "+919198765432"),
        ("919198765432", "IN", "+919198765432"),
        ("06 12345678", "NL", "+31612345678"),
    ],
)
def test_bare_digits_take_the_region_and_a_plus_wins(written: str, region: str, phone: str) -> None:
    assert normalize(written, region) == phone


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("", "phone_missing"),
        (" \u00a0' ", "phone_missing"),
        ("-", "phone_missing"),
        ("6.28E+12", "phone_scientific"),
        ("6,28e12", "phone_scientific"),
        ("6.28120000331E+12", "phone_scientific"),
        (6281200003312.5, "phone_not_whole"),
        (float("nan"), "phone_not_whole"),
        (-81200003312, "phone_not_whole"),
        (True, "phone_not_whole"),
        ("Budi", "phone_has_letters"),
        ("0812 ext 3", "phone_has_letters"),
        ("O81200003312", "phone_has_letters"),
        ("081200003312 / 081200003313", "phone_several"),
        ("081200003312, 081200003313", "phone_several"),
        ("081200003312 atau 081200003313", "phone_several"),
        ("+6281200003312 +6281200003313", "phone_several"),
        ("0812-00", "phone_too_short"),
        ("1", "phone_too_short"),
        ("+62", "phone_too_short"),
        ("0812000033120000", "phone_too_long"),
        ("+62812000033123456789012345", "phone_too_long"),
        ("+999 812 0000 3312", "phone_bad_country"),
        ("60123456789", "phone_needs_plus"),
        ("8091234567", "phone_not_personal"),
        ("0800123456", "phone_not_personal"),
        ("080000000000", "phone_invalid"),
        ("+1 555 555 5555", "phone_invalid"),
    ],
)
def test_refuses_with_the_reason(written: str | float, code: str) -> None:
    with pytest.raises(PhoneRefused) as refused:
        normalize(written, "ID")
    assert refused.value.code == code
    assert code in phones.CODES


def test_fast_way_is_the_pattern_of_the_metadata() -> None:
    meta = phonenumbers.PhoneMetadata.metadata_for_region("ID")
    assert meta.mobile.national_number_pattern == phones.INDONESIAN_MOBILE
    assert meta.mobile.possible_length == (9, 10, 11, 12)


def test_shows_and_masks() -> None:
    assert phones.display(ONE) == "+62 812-0000-3312"
    assert phones.mask(ONE) == "+6281…312"
    assert phones.mask("+6281") == "…81"
    assert phones.display("x") == "x"
    assert (phones.region_of(ONE), phones.region_of("x")) == ("ID", None)
    assert phones.is_region("ID")
    assert not phones.is_region("XX")
