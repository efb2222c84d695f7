"""Phone numbers as people write them, read to E.164 (`+6281234567890`) by Google's rules.

An explicit `+` or `00` wins; bare digits belong to the region given. Spaces, dashes, dots,
brackets, digits of other scripts, a leading apostrophe (spreadsheets), `wa.me/…`, `tel:`
and WhatsApp chat ids are understood. What cannot be a number on WhatsApp is refused with a
stable code, which is the key `error.<code>` of the language catalogues.

Most rows of an import are Indonesian mobile numbers. Those take a short way by one pattern;
a test holds that pattern against the metadata of `phonenumbers`.
"""

import re
import unicodedata
from decimal import Decimal
from functools import cache
from urllib.parse import parse_qs, unquote, urlsplit

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberType, ValidationResult

DEFAULT_REGION = "ID"
INDONESIAN_MOBILE = r"8[1-35-9]\d{7,10}"
"""National number of an Indonesian mobile, as in the metadata of `phonenumbers`."""

CODES = (
    "phone_missing",
    "phone_scientific",
    "phone_not_whole",
    "phone_has_letters",
    "phone_several",
    "phone_too_short",
    "phone_too_long",
    "phone_no_area_code",
    "phone_bad_country",
    "phone_needs_plus",
    "phone_not_personal",
    "phone_invalid",
)
"""Every reason for a refusal."""

_FAST_HOME = re.compile(rf"(?:\+?62|0)?({INDONESIAN_MOBILE})", re.ASCII)
_FAST_ABROAD = re.compile(rf"\+62({INDONESIAN_MOBILE})", re.ASCII)
_FAST_DROP = str.maketrans("", "", " -\u00a0")

_SCIENTIFIC = re.compile(r"[+\-]?\d+(?:[.,]\d+)?[eE][+\-]?\d+")
_DECIMAL_TAIL = re.compile(r"(\+?\d{7,})[.,]0{1,2}")
_CHAT_ID = re.compile(r"\+?(\d{5,})(?::\d+)?@(?:c\.us|s\.whatsapp\.net)", re.IGNORECASE)
_LINK = re.compile(
    r"(?:https?:)?(?://)?(?:www\.)?(?:wa\.me|api\.whatsapp\.com|web\.whatsapp\.com|whatsapp:)", re.IGNORECASE
)
_SEVERAL = re.compile(r"[/,;&|\n]+|\s+(?:atau|dan|or|and)\s+")
_JUNK = re.compile(r"[^\d+]")
_TRUNK_ZERO = re.compile(r"\(\s*0\s*\)")
_QUOTES = "'\"`´‘’‚‛“”′＇"
_OTHER_PLUS = str.maketrans({"＋": "+", "﹢": "+", "⁺": "+"})

_PERSONAL = frozenset(
    {
        PhoneNumberType.MOBILE,
        PhoneNumberType.FIXED_LINE,
        PhoneNumberType.FIXED_LINE_OR_MOBILE,
        PhoneNumberType.VOIP,
        PhoneNumberType.PERSONAL_NUMBER,
    }
)
_IMPOSSIBLE = {
    ValidationResult.TOO_SHORT: "phone_too_short",
    ValidationResult.TOO_LONG: "phone_too_long",
    ValidationResult.INVALID_COUNTRY_CODE: "phone_bad_country",
    ValidationResult.IS_POSSIBLE_LOCAL_ONLY: "phone_no_area_code",
    ValidationResult.INVALID_LENGTH: "phone_invalid",
}


class PhoneRefused(ValueError):
    """This is no number that WhatsApp could know; `code` is one of `CODES`."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def normalize(value: str | int | float | Decimal, region: str = DEFAULT_REGION) -> str:
    """The E.164 form of what somebody typed or a numeric cell holds.

    Raises PhoneRefused, and nothing else on any value.

    >>> normalize("0812-0000-3312"), normalize("https://wa.me/6281200003312")
    ('+6281200003312', '+6281200003312')
    """
    phone, code = check(value, region)
    if code is not None:
        raise PhoneRefused(code)
    return phone


def check(value: str | int | float | Decimal, region: str = DEFAULT_REGION) -> tuple[str, str | None]:
    """As `normalize`, but answers `(phone, None)` or `("", code)`: for millions of rows."""
    if not isinstance(value, str):
        written = _written_number(value)
        if written is None:
            return "", "phone_not_whole"
        value = written
    if fast := (_FAST_HOME if region == "ID" else _FAST_ABROAD).fullmatch(value.translate(_FAST_DROP)):
        return "+62" + fast[1], None
    return _check_text(value, region)


def is_region(code: str) -> bool:
    """Whether numbers of this two-letter region are known."""
    return code in phonenumbers.SUPPORTED_REGIONS


def region_of(phone: str) -> str | None:
    """Two-letter region of an E.164 number; None for world-wide ones."""
    number = _parsed(phone)
    region = phonenumbers.region_code_for_number(number) if number else None
    return region if region and is_region(region) else None


def display(phone: str) -> str:
    """An E.164 number as people read it: `+62 812-0000-3312`. Other text comes back as it is."""
    number = _parsed(phone)
    if number is None:
        return phone
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL)


def mask(phone: str) -> str:
    """A number for logs and lists of opted-out people: `+6281…312`, never enough to call."""
    return f"{phone[:5]}…{phone[-3:]}" if len(phone) >= 11 else "…" + phone[-2:]


def _written_number(value: int | float | Decimal) -> str | None:
    """All digits of a numeric cell, None when it is no whole positive number."""
    if isinstance(value, bool):
        return None
    number = Decimal(value) if isinstance(value, int) else Decimal(str(value))
    if not number.is_finite() or number < 0 or number != number.to_integral_value() or number.adjusted() > 30:
        return None
    return format(number.to_integral_value(), "f")


def _check_text(value: str, region: str) -> tuple[str, str | None]:
    text = _plain(value)
    if not text:
        return "", "phone_missing"
    if _SCIENTIFIC.fullmatch(text):
        return "", "phone_scientific"
    text = _unwrapped(text)
    if any(c.isalpha() for c in text):
        several = len([part for part in _SEVERAL.split(text) if _digit_count(part) >= 7]) > 1
        return "", "phone_several" if several else "phone_has_letters"
    if len([part for part in _SEVERAL.split(text) if _digit_count(part) >= 7]) > 1 or text.rfind("+") > 2:
        return "", "phone_several"
    if tail := _DECIMAL_TAIL.fullmatch(text):
        text = tail[1]
    return _check_digits(_JUNK.sub("", _TRUNK_ZERO.sub("", text)), region)


def _plain(value: str) -> str:
    """ASCII digits and signs, without invisible characters and the quotes around."""
    if not value.isascii():
        value = "".join(_ascii_digit(c) for c in value if unicodedata.category(c) != "Cf").translate(_OTHER_PLUS)
        value = re.sub(r"\s", " ", value)
    return value.replace("\x00", "").strip().strip(_QUOTES).strip()


def _ascii_digit(char: str) -> str:
    digit = unicodedata.decimal(char, None)
    return char if digit is None else str(digit)


def _unwrapped(text: str) -> str:
    """The number inside `tel:`, a WhatsApp link or a chat id; links are always international."""
    if chat := _CHAT_ID.fullmatch(text):
        return "+" + chat[1]
    if text[:4].lower() == "tel:":
        return unquote(text[4:]).split(";", 1)[0]
    if not _LINK.match(text):
        return text
    try:
        parts = urlsplit(text if "://" in text else "https://" + text.lstrip("/"))
    except ValueError:
        return text
    asked = parse_qs(parts.query).get("phone", [""])[0] or parts.path.strip("/").split("/")[0]
    digits = unquote(asked).strip()
    return digits if not digits[:1].isdigit() or digits.startswith("0") else "+" + digits


def _digit_count(text: str) -> int:
    return sum(c.isdigit() for c in text)


def _check_digits(text: str, region: str) -> tuple[str, str | None]:
    if text.startswith("00") and not text.startswith("000"):
        text = "+" + text[2:]
    international, digits = text.startswith("+"), text.replace("+", "")
    if not digits:
        return "", "phone_missing"
    if len(digits) > 20:
        return "", "phone_too_long"
    fast = _FAST_HOME if region == "ID" else _FAST_ABROAD
    if hit := fast.fullmatch("+" + digits if international else digits):
        return "+62" + hit[1], None
    if international:
        return _judge(_parsed("+" + digits))
    return _check_bare(digits, region)


def _check_bare(digits: str, region: str) -> tuple[str, str | None]:
    """Digits without a sign: the region's own mobile, else with its country code, else its own."""
    home = _parsed(digits, region, national=True)
    if home and _is_mobile(home):
        return _judge(home)
    country = str(phonenumbers.country_code_for_region(region))
    if digits.startswith(country):
        abroad = _parsed("+" + digits)
        if abroad and phonenumbers.is_valid_number(abroad):
            return _judge(abroad)
        if not (home and phonenumbers.is_valid_number(home)):
            return _judge(abroad)
    phone, code = _judge(home)
    if code is not None and _is_foreign_mobile(digits):
        return "", "phone_needs_plus"
    return phone, code


def _is_foreign_mobile(digits: str) -> bool:
    number = None if digits.startswith("0") or len(digits) < 10 else _parsed("+" + digits)
    return number is not None and _is_mobile(number)


def _is_mobile(number: PhoneNumber) -> bool:
    kind = phonenumbers.number_type(number)
    return kind in (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE)


def _judge(number: PhoneNumber | None) -> tuple[str, str | None]:
    """E.164 of a number that exists by the rules of its country, else why not."""
    if number is None:
        return "", "phone_too_short"
    if number.country_code == 0:
        return "", "phone_bad_country"
    if not phonenumbers.is_valid_number(number):
        return "", _IMPOSSIBLE.get(_length_reason(number), "phone_invalid")
    if phonenumbers.number_type(number) not in _PERSONAL:
        return "", "phone_not_personal"
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164), None


def _length_reason(number: PhoneNumber) -> int:
    """Too short or too long, measured by the mobile plan when the number begins like a mobile."""
    region = phonenumbers.region_code_for_country_code(number.country_code or 0)
    example = phonenumbers.example_number_for_type(region, PhoneNumberType.MOBILE)
    if example and str(example.national_number)[0] == str(number.national_number)[0]:
        return phonenumbers.is_possible_number_for_type_with_reason(number, PhoneNumberType.MOBILE)
    return phonenumbers.is_possible_number_with_reason(number)


def _parsed(text: str, region: str | None = None, *, national: bool = False) -> PhoneNumber | None:
    """What the library reads; None when too little is there. An unknown country has code 0."""
    try:
        number = phonenumbers.parse(text, region)
    except NumberParseException as error:
        if error.error_type == NumberParseException.INVALID_COUNTRY_CODE:
            return PhoneNumber(country_code=0)
        if error.error_type == NumberParseException.TOO_LONG:
            return PhoneNumber(country_code=_any_country(region), national_number=10**17)
        return None
    if national and region:
        return _as_national(number, text, region)
    return number


def _as_national(number: PhoneNumber, text: str, region: str) -> PhoneNumber:
    """Undo the library's guess that bare digits begin with the country code."""
    country = phonenumbers.country_code_for_region(region)
    if not text.startswith(str(country)) or str(number.national_number) != text[len(str(country)) :]:
        return number
    return PhoneNumber(country_code=country, national_number=int(text))


@cache
def _any_country(region: str | None) -> int:
    return int(phonenumbers.country_code_for_region(region or DEFAULT_REGION)) or 62
