"""What the columns of a table probably mean, by their names and by what they hold."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from wa_app.kit import phones

TARGETS = ("phone", "name", "tags", "city", "email", "lid", "attribute", "ignore")
TYPES = ("text", "date_dmy", "date_mdy", "date_ymd", "number")
"""How an attribute is read; dates become ISO, numbers lose `Rp` and thousands."""

_WORDS: dict[str, tuple[str, ...]] = {
    "phone": (
        *("phone", "phonenumber", "mobile", "mobilenumber", "mobilephone", "cell", "cellphone", "whatsapp", "wa"),
        *("nowa", "nomorwa", "nowhatsapp", "nomorwhatsapp", "nohp", "nomorhp", "hp", "handphone", "nohandphone"),
        *("notelp", "notelepon", "telp", "tlp", "telepon", "telephone", "nomortelepon", "nomor", "nohpwa", "nowahp"),
        *("tel", "msisdn", "ponsel", "noponsel", "nomorponsel", "contactnumber", "nokontak", "hpwa", "wahp", "number"),
        *("kontakhp", "nomorhpwa", "phone1", "phone1value", "notlp", "nomortelp", "whatsappnumber"),
    ),
    "name": (
        *("name", "fullname", "nama", "namalengkap", "namapelanggan", "namakontak", "contactname", "customername"),
        *("customer", "pelanggan", "displayname", "namapanggilan", "namacustomer", "namakonsumen", "contact", "kontak"),
        *("namapembeli", "konsumen", "pembeli", "penerima", "namapenerima", "namaanggota", "anggota", "namasiswa"),
    ),
    "tags": ("tag", "tags", "label", "labels", "kategori", "category", "grup", "group", "groups", "kelompok", "segmen"),
    "city": ("city", "kota", "town", "kotakabupaten", "kotakab", "kabkota", "kabupaten", "domisili", "kotaasal"),
    "email": ("email", "surel", "mail", "alamatemail", "emailaddress", "posel"),
    "lid": ("lid", "whatsapplid"),
}
_BY_WORD = {word: target for target, words in _WORDS.items() for word in words}
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_DATE = re.compile(r"(\d{1,4})[/.\-](\d{1,2})[/.\-](\d{1,4})(?:[ T].*)?")
_MONEY = re.compile(r"(?:rp\.?|idr)?\s*-?\d{1,3}(?:[.,]\d{3})+(?:[.,]\d{1,2})?|(?:rp\.?|idr)\s*\d+", re.IGNORECASE)


@dataclass(frozen=True)
class ColumnGuess:
    """Where a column probably goes. `key` and `type` matter for the target `attribute`."""

    index: int
    header: str
    target: str
    key: str
    type: str = "text"


def guess_columns(columns: Sequence[str], sample: Sequence[Sequence[str]], region: str) -> list[ColumnGuess]:
    """A target for each column; each built-in target is given once, a name before content."""
    values = [[row[i] for row in sample if i < len(row) and row[i]] for i in range(len(columns))]
    targets = [_by_name(name) for name in columns]
    _settle_phone(targets, values, region)
    _settle_once(targets)
    for index, target in enumerate(targets):
        if target is None and "email" not in targets and _share(values[index], _EMAIL.fullmatch) > 0.6:
            targets[index] = "email"
    if "name" not in targets and (like := _name_like(targets, values)) is not None:
        targets[like] = "name"
    return _named(columns, values, targets)


def is_header(first: Sequence[str], others: Sequence[Sequence[str]]) -> bool:
    """Whether the first row names the columns."""
    cells = [cell for cell in first if cell]
    if any(_by_name(cell) for cell in cells):
        return True
    if any(sum(c.isdigit() for c in cell) >= 5 or _EMAIL.fullmatch(cell) for cell in cells):
        return False
    if len(set(cells)) != len(cells) or not others:
        return False
    return any(any(sum(c.isdigit() for c in cell) >= 5 for cell in row) for row in others[:20])


def slug(text: str) -> str:
    """Key of an attribute: `Total belanja (Rp)` becomes `total_belanja_rp`."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode() or text
    return re.sub(r"[\W_]+", "_", plain.casefold()).strip("_")[:60]


def attribute_type(values: Sequence[str]) -> str:
    """How most of the values read."""
    dates = [m for m in (_DATE.fullmatch(v) for v in values) if m]
    if values and len(dates) / len(values) > 0.7:
        if sum(len(m[1]) == 4 for m in dates) > len(dates) / 2:
            return "date_ymd"
        return "date_mdy" if any(int(m[2]) > 12 for m in dates) and all(int(m[1]) <= 12 for m in dates) else "date_dmy"
    return "number" if _share(values, _MONEY.fullmatch) > 0.7 else "text"


def _by_name(name: str) -> str | None:
    return _BY_WORD.get(re.sub(r"[\W_]+", "", name.casefold()))


def _settle_phone(targets: list[str | None], values: list[list[str]], region: str) -> None:
    """Of all columns, the one that holds the most numbers; a fitting name counts double."""
    scores = []
    for index, column in enumerate(values):
        share = _share(column, lambda v: phones.check(v, region)[1] is None)
        named = targets[index] == "phone"
        scores.append((share + (1 if named else 0)) if named or (share > 0.5 and targets[index] is None) else 0.0)
    best = scores.index(max(scores)) if scores else 0
    for index, score in enumerate(scores):
        if index == best and score > 0:
            targets[index] = "phone"
        elif targets[index] == "phone":
            targets[index] = None


def _settle_once(targets: list[str | None]) -> None:
    seen: set[str] = set()
    for index, target in enumerate(targets):
        if target in seen and target != "tags":
            targets[index] = None
        elif target:
            seen.add(target)


def _name_like(targets: list[str | None], values: list[list[str]]) -> int | None:
    for index, column in enumerate(values):
        if targets[index] is None and column and _share(column, _looks_like_name) > 0.7:
            return index
    return None


def _looks_like_name(value: str) -> bool:
    return 2 <= len(value) <= 60 and all(c.isalpha() or c in " .'’-," for c in value)


def _share(values: Sequence[str], test: object) -> float:
    if not values or not callable(test):
        return 0.0
    return sum(1 for value in values if test(value)) / len(values)


def _named(columns: Sequence[str], values: list[list[str]], targets: list[str | None]) -> list[ColumnGuess]:
    out: list[ColumnGuess] = []
    keys: set[str] = set()
    for index, (name, wanted) in enumerate(zip(columns, targets, strict=True)):
        target = "ignore" if wanted is None and not values[index] else wanted
        if target is not None:
            out.append(ColumnGuess(index, name, target, ""))
            continue
        key = slug(name) or f"column_{index + 1}"
        while key in keys:
            key += "_2"
        keys.add(key)
        out.append(ColumnGuess(index, name, "attribute", key, attribute_type(values[index])))
    return out
