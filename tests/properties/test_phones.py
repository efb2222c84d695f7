"""Phone numbers in any writing."""

from decimal import Decimal

import phonenumbers
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from wa_app.kit import phones
from wa_app.kit.phones import PhoneRefused, check, normalize

FORMATS = [getattr(phonenumbers.PhoneNumberFormat, name) for name in ("E164", "INTERNATIONAL", "NATIONAL", "RFC3966")]


@given(st.from_regex(rf"(?:\+?62|0)?{phones.INDONESIAN_MOBILE}", fullmatch=True, alphabet="+0123456789"))
def test_fast_way_agrees_with_the_library(written: str) -> None:
    home = "+62" + written.removeprefix("+").removeprefix("62").removeprefix("0")
    number = phonenumbers.parse(home if written.startswith(("+", "62")) else written, "ID")
    assert phonenumbers.is_valid_number(number)
    assert check(written) == (phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164), None)


@given(st.text("0123456789+-. ()", max_size=18))
@settings(max_examples=400)
def test_with_and_without_the_fast_way_the_answer_is_the_same(written: str) -> None:
    assert check(written) == phones._check_text(written, "ID")


@given(st.text(max_size=60) | st.integers() | st.floats() | st.decimals(), st.sampled_from(["ID", "US", "MY", "IN"]))
@example("https://[wa.me/1", "ID")
@example("wa.me/[", "ID")
@example("tel:%ff", "ID")
@example(Decimal("1E+999999"), "ID")
@example(Decimal("sNaN"), "ID")
@example(10**400, "ID")
def test_raises_nothing_but_its_own_error(value: str | float | Decimal, region: str) -> None:
    phone, code = check(value, region)
    if code is not None:
        assert code in phones.CODES
        with pytest.raises(PhoneRefused):
            normalize(value, region)
    else:
        assert normalize(phone, "US") == phone == normalize(phone, "ID")


@given(
    st.sampled_from(["ID", "MY", "SG", "US", "GB", "DE", "IN", "SA"]), st.integers(0, 10**6), st.sampled_from(FORMATS)
)
def test_formatted_numbers_come_back(region: str, offset: int, form: int) -> None:
    example_number = phonenumbers.example_number_for_type(region, phonenumbers.PhoneNumberType.MOBILE)
    number = phonenumbers.PhoneNumber(
        country_code=example_number.country_code, national_number=example_number.national_number + offset
    )
    assume(phonenumbers.is_valid_number(number) and phonenumbers.region_code_for_number(number) == region)
    expected = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    assert normalize(phonenumbers.format_number(number, form), region) == expected
    assert normalize(phones.display(expected), "ID") == expected
