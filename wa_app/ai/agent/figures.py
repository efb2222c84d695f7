"""What in a text can be right or wrong to the letter: amounts, shares, times, numbers, addresses, promises.

Everything is brought to one form first, so that `Rp 25.000`, `25rb`, `25 ribu` and `dua puluh lima ribu` are the
same amount and `+62 812-3456-7890` is `081234567890`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Final

from wa_app.ai.agent.neutral import plain

_TLD: Final = (
    "com|co|id|net|org|io|me|ly|link|shop|store|app|xyz|info|biz|site|online|club|top|dev|gg|tk|ru|cn|us|uk|sg|my|au|example|test|click|win"
)
_LINK = re.compile(
    rf"(?:\b[\w\-]{{1,63}}\s{{0,3}}[\[({{]\s{{0,3}}(?:dot|titik|\.)\s{{0,3}}[\])}}]\s{{0,3}}\w+|\b[a-z][a-z0-9+.\-]{{1,9}}://\S+|\bwww\.\S+"
    rf"|(?<![\w.+\-])[\w.+\-]{{1,64}}@[\w\-]{{1,63}}(?:\.[\w\-]{{1,63}}){{1,8}}|\b(?:[a-z0-9\-]{{1,63}}\.){{1,8}}(?:{_TLD})\b(?:[/?#:]\S*)?)",
    re.IGNORECASE,
)
# What may repeat is bounded as names on the net are (RFC 1035 2.3.4, RFC 5321 4.5.3.1), so that 65,000 letters cost no more than they are long.
_UNIT: Final = {
    "rb": 1000, "ribu": 1000, "k": 1000, "thousand": 1000, "jt": 1_000_000, "juta": 1_000_000, "million": 1_000_000,
    "m": 1_000_000, "mio": 1_000_000, "ratus": 100, "miliar": 1_000_000_000, "milyar": 1_000_000_000,
}  # fmt: skip
_NUMBER: Final = r"\d+(?:[.,]\d+)*"
_AMOUNT = re.compile(
    rf"(?P<front>\b(?:rp|idr|usd|sgd|myr)\b\.?|[$€£])?\s{{0,3}}(?P<number>{_NUMBER})"
    rf"(?:\s{{0,3}}(?P<unit>ribu|rb|juta|jt|thousand|million|miliar|milyar|k|m)\b)?\s{{0,3}}(?P<tail>%|\b(?:persen|percent|rupiah|perak|dollars?|dolar)\b)?",
    re.IGNORECASE,
)
_TIME = re.compile(r"(?<![\d.,])([01]?\d|2[0-4])[.:]([0-5]\d)(?![\d.,]*\d)(?!\s*(?:%|kg|gr?|l|ml|jt|juta|rb|ribu|k)\b)", re.IGNORECASE)
_LONG = re.compile(r"(?<![\d.,])\+?\d(?:[\s.\-()]{0,2}\d){6,}(?![\d.,]*\d)")
_MONEY_BEFORE = re.compile(r"(?:\b(?:rp|idr|usd|sgd|myr)\b\.?|[$€£])\s*$", re.IGNORECASE)
_GROUPS = re.compile(r"^\d{1,3}(?:[.,]\d{3})+(?:[.,]\d{1,2})?$")
_LIST_MARK = re.compile(r"^\s*\d{1,2}[.)]\s", re.MULTILINE)
_WEIGHTY_AFTER = re.compile(
    r"^\s*(?:tahun|thn|bulan|bln|minggu|hari|jam|menit|kg|kilo\w*|gram|gr|g|liter|l|ml|cm|mm|meter|m|pcs|lusin|years?|months?|weeks?|days?|hours?"
    r"|minutes?|kilos?|grams?|am|pm|x)\b",
    re.IGNORECASE,
)
_WEIGHTY_BEFORE = re.compile(r"(?:jam|pukul|tanggal|tgl|stok|sisa|nomor|no\.?|at|on|stock|number)\s*$", re.IGNORECASE)
SMALL: Final = 10
_NEAR: Final = 24
"""Letters before or after a figure that can say what it counts."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One claim. `kind`: money, share, time, digits, number, small, link."""

    kind: str
    value: str
    start: int = 0


def links(text: str) -> list[str]:
    """Web and mail addresses, without scheme, `www.` and closing signs.

    >>> links("Lihat https://WWW.toko.id/katalog. atau cs@toko.id")
    ['toko.id/katalog', 'cs@toko.id']
    """
    return [_address(hit[0]) for hit in _LINK.finditer(plain(text))]


def _address(found: str) -> str:
    bare = re.sub(r"^[a-z][a-z0-9+.\-]*://", "", found.strip().lower()).removeprefix("www.")
    return bare.rstrip(".,;:!?)]}'\"›»*_/")


def figures(text: str, *, is_source: bool = False) -> list[Figure]:
    """All claims of a text in our one form. Of a source each reading counts: `100 25.000` may be one number or two."""
    clean = plain(text)
    found = [Figure("link", _address(hit[0]), hit.start()) for hit in _LINK.finditer(clean)]
    rest = _blank(_LIST_MARK, _blank(_LINK, clean))
    for hit in _TIME.finditer(rest):
        if not _MONEY_BEFORE.search(_before(rest, hit)):
            found.append(Figure("time", f"{int(hit[1])}:{hit[2]}", hit.start()))
            rest = rest if is_source else _without(rest, hit)
    for hit in _LONG.finditer(rest):
        if not _MONEY_BEFORE.search(_before(rest, hit)) and (digits := _digits(hit[0])) is not None:
            found.append(Figure("digits", digits, hit.start()))
            rest = rest if is_source else _without(rest, hit)
    return [*found, *_amounts(rest), *_spelled(rest)]


def _blank(pattern: re.Pattern[str], text: str) -> str:
    return pattern.sub(lambda hit: " " * len(hit[0]), text)


def _without(text: str, hit: re.Match[str]) -> str:
    return text[: hit.start()] + " " * len(hit[0]) + text[hit.end() :]


def _before(text: str, hit: re.Match[str]) -> str:
    return text[max(0, hit.start() - _NEAR) : hit.start()]


def _digits(run: str) -> str | None:
    """A telephone or account number; None for amounts such as `1.250.000` or `250 500 1000`."""
    groups = re.split(r"[\s\-]+", run.strip())
    if not run.startswith(("+", "0")) and any(_GROUPS.match(group) for group in groups):
        return None
    digits = re.sub(r"\D", "", run)
    if len(groups) > 1 and not run.startswith(("+", "0", "62")) and (len(digits) < 9 or min(map(len, groups)) < 3):
        return None
    return f"0{digits[2:]}" if digits.startswith("628") else digits


def _amounts(text: str) -> Iterator[Figure]:
    for hit in _AMOUNT.finditer(text):
        value = value_of(hit["number"])
        if value is None:
            continue
        unit, tail = (hit["unit"] or "").lower(), (hit["tail"] or "").lower()
        if unit == "m" and not hit["front"]:
            unit = ""  # metres
        value *= _UNIT.get(unit, 1)
        yield Figure(_kind(text, hit, value, unit, tail), _shown(value), hit.start())


def _kind(text: str, hit: re.Match[str], value: Decimal, unit: str, tail: str) -> str:
    if tail in ("%", "persen", "percent"):
        return "share"
    if hit["front"] or unit or tail or _GROUPS.match(hit["number"]):
        return "money"
    weighty = _WEIGHTY_AFTER.match(text[hit.end() : hit.end() + _NEAR]) or _WEIGHTY_BEFORE.search(_before(text, hit))
    return "small" if value <= SMALL and not weighty else "number"


def value_of(number: str) -> Decimal | None:
    """`25.000` and `25,000` are 25000; `1,5` and `1.5` are one and a half."""
    if _GROUPS.match(number):
        whole, cents = number, ""
        if re.search(r"[.,]\d{1,2}$", number):
            whole, cents = number[: re.search(r"[.,]\d{1,2}$", number).start()], number[-2:].lstrip(".,")  # type: ignore[union-attr]
        number = re.sub(r"[.,]", "", whole) + (f".{cents}" if cents else "")
    elif number.count(".") + number.count(",") > 1:
        number = re.sub(r"[.,]", "", number)
    try:
        return Decimal(number.replace(",", "."))
    except InvalidOperation:
        return None


def _shown(value: Decimal) -> str:
    return format(value.normalize(), "f")


_ONES: Final = {
    "nol": 0, "satu": 1, "dua": 2, "tiga": 3, "empat": 4, "lima": 5, "enam": 6, "tujuh": 7, "delapan": 8, "sembilan": 9, "sepuluh": 10,
    "sebelas": 11, "seratus": 100, "seribu": 1000, "sejuta": 1_000_000, "setengah": 0.5,
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10, "eleven": 11,
    "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16, "seventeen": 17, "eighteen": 18, "nineteen": 19,
    "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90,
}  # fmt: skip
_TIMES: Final = {"puluh": 10, "ratus": 100, "hundred": 100}
_GREAT: Final = {"ribu": 1000, "juta": 1_000_000, "thousand": 1000, "million": 1_000_000, "miliar": 1_000_000_000}
_SPELLED = re.compile(rf"\b(?:(?:{'|'.join((*_ONES, *_TIMES, *_GREAT, 'belas'))})\b[\s\-]*)+(?P<tail>persen|percent|rupiah|dollars?|dolar)?", re.IGNORECASE)


def _spelled(text: str) -> Iterator[Figure]:
    """Numbers in words; a single small one (`satu`, `two`) claims nothing by itself."""
    for hit in _SPELLED.finditer(text):
        parts = re.findall(r"[a-z]+", hit[0].lower())
        tail = (hit["tail"] or "").lower()
        value = spelled_value([part for part in parts if part != tail])
        if value is None:
            continue
        kind = "share" if tail in ("persen", "percent") else "money" if tail or value >= 1000 else "number"
        yield Figure("small" if kind == "number" and value <= SMALL else kind, _shown(value), hit.start())


def spelled_value(parts: list[str]) -> Decimal | None:
    """`["dua", "puluh", "lima", "ribu"]` is 25000. None when the words make no number (`ribu` alone).

    >>> spelled_value("dua puluh lima ribu".split()), spelled_value("two hundred".split())
    (Decimal('25000'), Decimal('200'))
    """
    total = group = last = Decimal(0)
    seen = False
    for part in parts:
        if part in _ONES:
            group, last, seen = group + Decimal(str(_ONES[part])), Decimal(str(_ONES[part])), True
        elif part == "belas" and seen:
            group += 10
        elif part in _TIMES and seen:
            group, last = group + last * (_TIMES[part] - 1), last * _TIMES[part]
        elif part in _GREAT and seen:
            total, group, last = total + group * _GREAT[part], Decimal(0), Decimal(0)
    return total + group if seen else None


_PROMISES: Final = {
    "free": r"gratis(?:an)?|free|cuma-?cuma|tanpa biaya|no charge|complimentary|on the house",
    "discount": r"diskon|discounts?|potongan(?: harga)?|potong harga|cash\s?back|voucher|kupon|coupons?|half[ -]price|setengah harga|separuh harga|promo khusus|harga spesial",
    "guarantee": r"garansi|warrant(?:y|ies)|guaranteed?|dijamin|jaminan",
    "refund": r"refund(?:ed|s)?|uang(?:nya)?(?: \w+){0,3} (?:di)?kembali(?:kan)?|(?:di)?kembalikan uang(?:nya)?|money back|ganti rugi|compensation|kompensasi",
    "stock": r"stok(?:nya)? (?:\w+ )?(?:ada|tersedia|aman|banyak|ready|masih)|ready stock|in stock|masih tersedia|stok melimpah",
}  # fmt: skip
_PROMISE = {name: re.compile(rf"\b(?:{words})\b", re.IGNORECASE) for name, words in _PROMISES.items()}
_SENTENCE = re.compile(r"[^.!?\n;]+")
_DENIED = re.compile(
    r"\b(?:tidak|tak|nggak|gak|ga|belum|bukan|tanpa|maaf|mohon|kurang|no|not|never|cannot|can'?t|don'?t|doesn'?t|isn'?t|aren'?t|without|sorry|unfortunately|"
    r"apakah|jika|kalau|bila|if|whether|tergantung|periksa|cek|check)\b",
    re.IGNORECASE,
)
_IDIOM = re.compile(r"\b(?:tidak (?:masalah|apa-apa|perlu khawatir)|no (?:problem|worries)|not a problem|tentu tidak|don'?t worry|why not)\b", re.IGNORECASE)


def promises(text: str) -> set[str]:
    """What a text promises: `free`, `discount`, `guarantee`, `refund`, `stock`. Sentences that deny or ask promise nothing.

    >>> sorted(promises("Ongkir gratis. Maaf, tidak ada diskon.")), sorted(promises("No problem, you get a discount"))
    (['free'], ['discount'])
    """
    found: set[str] = set()
    for sentence in _SENTENCE.findall(plain(text)):
        if not _DENIED.search(_IDIOM.sub(" ", sentence)):
            found |= {name for name, words in _PROMISE.items() if words.search(sentence)}
    return found


def mentions(text: str) -> set[str]:
    """The same kinds, wherever the words stand: what a source speaks of at all."""
    clean = plain(text)
    return {name for name, words in _PROMISE.items() if words.search(clean)}
