"""Words of Indonesian and English text as the index knows them.

Light on purpose: affixes are cut by rule, without a dictionary, and the same cut is made in documents
and questions, so that it need not be right, only the same on both sides. Numbers, prices and units are
kept, since they are what customers ask for.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from wa_app.kit.folding import fold

MAX_TERM: Final = 40
_TOKEN: Final = re.compile(
    r"(?P<number>\d{1,3}(?:[.,]\d{3})+(?![\d])|\d+(?:[.,]\d+)?)(?P<unit>[a-z]{1,6}\b)?|(?P<word>rp(?=\d)|[^\W\d_]+(?:['’][^\W\d_]+)?\d*)"
)
_THOUSANDS: Final = {"rb": 1000, "ribu": 1000, "k": 1000, "jt": 1_000_000, "juta": 1_000_000}
_NEXT_THOUSANDS: Final = re.compile(r"\s?(rb|ribu|jt|juta)\b")

SLANG: Final = {
    "brp": "berapa", "brapa": "berapa", "brpa": "berapa", "hrg": "harga", "hrga": "harga", "gmn": "bagaimana",
    "gimana": "bagaimana", "gmana": "bagaimana", "bgmn": "bagaimana", "kpn": "kapan", "kapn": "kapan",
    "dmn": "dimana", "dmana": "dimana", "sp": "siapa", "spa": "siapa", "knp": "kenapa", "yg": "yang", "utk": "untuk",
    "tuk": "untuk", "buat": "untuk", "dgn": "dengan", "dg": "dengan", "sm": "sama", "krn": "karena", "klo": "kalau",
    "kalo": "kalau", "klau": "kalau", "udh": "sudah", "udah": "sudah", "sdh": "sudah", "dah": "sudah",
    "blm": "belum", "blom": "belum", "gk": "tidak", "ga": "tidak", "gak": "tidak", "ngga": "tidak",
    "nggak": "tidak", "enggak": "tidak", "tdk": "tidak", "tak": "tidak", "bs": "bisa", "bsa": "bisa",
    "krm": "kirim", "kirm": "kirim", "tf": "transfer", "trf": "transfer", "trnsfr": "transfer", "rek": "rekening",
    "tlp": "telepon", "telp": "telepon", "telpon": "telepon", "tlpn": "telepon", "wa": "whatsapp", "alamt": "alamat",
    "almt": "alamat", "byr": "bayar", "bayr": "bayar", "bln": "bulan", "thn": "tahun", "hr": "hari", "org": "orang",
    "jkt": "jakarta", "sby": "surabaya", "bdg": "bandung", "jogja": "yogyakarta", "yogya": "yogyakarta",
    "disc": "diskon", "discount": "diskon", "diskonan": "diskon", "stok": "stok", "stock": "stok", "ready": "stok",
    "cod": "cod", "pcs": "buah", "pc": "buah", "bh": "buah", "kmrn": "kemarin", "bsk": "besok", "skrg": "sekarang",
    "skrng": "sekarang", "sblm": "sebelum", "stlh": "setelah", "lbh": "lebih", "dr": "dari", "pd": "pada",
    "jg": "juga", "jgn": "jangan", "tgl": "tanggal", "kec": "kecamatan", "kab": "kabupaten", "jl": "jalan", "jln": "jalan",
    "no": "nomor", "nmr": "nomor", "nomer": "nomor", "bpk": "bapak", "pesen": "pesan", "mesen": "pesan", "psn": "pesan",
}  # fmt: skip
"""How people type, and what they mean. One word each; both sides are put into the second form."""
EXPAND: Final = {"ongkir": ("ongkos", "kirim"), "min": ("min",), "medsos": ("media", "sosial"), "jabar": ("jawa", "barat"),
                 "jateng": ("jawa", "tengah"), "jatim": ("jawa", "timur"), "hp": ("hp", "telepon")}  # fmt: skip

_STOP: Final = (
    """
    yang di ke dari dan atau dengan untuk pada dalam adalah ini itu oleh sebagai juga akan telah sudah bahwa karena
    para serta secara hingga tersebut ialah yakni yaitu agar supaya maka namun tetapi tapi sehingga pun lah kah nya
    saja hanya lagi masih bisa dapat kalau jika bila apabila saat ketika sambil si sang
    apa apakah siapa siapakah berapa berapakah kapan kapankah dimana dimanakah mana manakah bagaimana bagaimanakah
    mengapa kenapa apaan kemana darimana ya dong sih kok deh nih kak min gan sis bang mas mbak pak bu halo hai
    saya aku kami kita kamu anda dia ia mereka nya ada
    the a an of to in on at for and or is are was were be been by with from as that this it its what who whom when
    where which how do does did can could would should i you we they he she my your our their there have has had
    """
)
STOP: Final = frozenset(_STOP.split())
FILLERS: Final = frozenset(
    ("nama", "letak", "jumlah", "lokasi", "sebut", "istilah", "judul", "sekarang", "berada", "terletak", "dilakukan",
     "laku", "jabat", "tempat", "asal", "jenis", "macam", "name", "located", "number", "amount")
)  # fmt: skip
"""Words of the asking, which an answer seldom repeats."""
_CAPITALS: Final = re.compile(r"[A-Z][\w'’]*(?:(?:[ -]| dan )[A-Z][\w'’]*){2,7}")
ACRONYM_WEIGHT: Final = 0.5
_ASKING: Final = frozenset(("mana", "manakah", "apa", "apakah", "berapa", "berapakah"))
FILLER_WEIGHT: Final = 0.25
KIND_WEIGHT: Final = 0.4

_PARTICLES: Final = ("kah", "lah", "tah", "pun")
_POSSESSIVE: Final = ("nya", "ku", "mu")
_PREFIXES: Final = (("di", 4), ("ke", 5), ("se", 6), ("ter", 4), ("ber", 4), ("per", 4))
_VOWELS: Final = frozenset("aiueo")


_ROOT_WORDS: Final = (
    """
    kabar kabul kabur kacau kagum kait kaji kalah kandung kantuk kasih kata kategori kaya kayuh kebal kebut kecam kecil kecoh
    kecewa kejar kejut keluar keluh kelola kelompok kelupas kemas kembali kembang kemudi kena kenal kenang kendali kendara kental keras
    kering keringat kerja keruk kesan ketat ketik khusus kibar kikis kilap kilat kira kirim kisah klaim kocok kombinasi komentar
    konfirmasi konsultasi konsumsi kontrol koordinasi koreksi korban kosong kredit kritik kuasa kuat kubur kukus kumpul kunci kunjung
    kupas kurang kuras kurung kutip kutuk
    maaf mabuk main maju makan maki makmur maksud malu mandi manfaat marah masak masuk mati menang mewah milik minat minta minum miring
    miskin modal mohon muat mudah mulai mulia muncul mundur murah murni musnah musuh
    naik nama nanti nasihat nikah nikmat nilai noda nyala nyaman nyanyi nyata
    cerai capai damai gadai ganti hubung janji pakai perintah pergi ramai sampai santai selesai sesuai teliti urai
    """
)
_ROOTS: Final = frozenset(_ROOT_WORDS.split())
"""Words that cutting by rule alone takes for others: a nasal prefix swallows their first letter or stands before it, or they end like a suffix."""
_MONOSYLLABLE: Final = frozenset(("bom", "cap", "cat", "cek", "cor", "gas", "klik", "las", "lap", "lem", "pel", "rem", "sah", "tik", "tes"))
_BEFORE_ROOTS: Final = {
    "": ("",), "di": ("",), "ke": ("",), "se": ("",), "ter": ("",), "ber": ("",), "be": ("",), "per": ("",), "pe": ("",), "me": ("",),
    "memper": ("",), "diper": ("",), "diber": ("",), "mem": ("p", "m", ""), "pem": ("p", "m", ""), "men": ("t", "n"), "pen": ("t", "n"),
    "meng": ("k", ""), "peng": ("k", ""), "meny": ("s", "ny"), "peny": ("s", "ny"), "dipem": ("p", ""), "keter": ("",), "keber": ("",),
}  # fmt: skip
"""Prefixes, and the letters that they may have swallowed."""
_ENDINGS: Final = ("", "kan", "an", "i")
_LOAN: Final = ("asi", "isi", "usi", "ksi", "nsi")


@lru_cache(50_000)
def stem(word: str) -> str:
    """A word without its Indonesian affixes, or its English plural; the same for all forms of most words.

    >>> [stem(word) for word in ("pengiriman", "dikirimkan", "kirim", "prices")]
    ['kirim', 'kirim', 'kirim', 'price']
    """
    if len(word) <= 4 or not word.isalpha():
        return word
    bare = _cut_end(word, _PARTICLES, 4)
    plain = _cut_end(bare, _POSSESSIVE, 4)
    for form in dict.fromkeys((word, bare, plain)):
        if root := _root(form):
            return root
    bare = _cut_prefix(plain)
    for ending in ("kan", "an", "i"):
        if bare.endswith(ending) and len(bare) - len(ending) >= 4 and (ending != "i" or _is_suffix(bare, plain)):
            return bare[: -len(ending)]
    if bare.endswith("s") and len(bare) >= 5 and bare[-2] not in "sauio":
        return bare[:-1]
    return bare


def _root(word: str) -> str:
    """The word of `_ROOTS` that this is a form of; "" for none."""
    for prefix, swallowed in _BEFORE_ROOTS.items():
        if not word.startswith(prefix):
            continue
        for ending in _ENDINGS:
            middle = word[len(prefix) : len(word) - len(ending)] if word.endswith(ending) else ""
            for letters in swallowed:
                if letters + middle in _ROOTS:
                    return letters + middle
    for prefix in ("menge", "penge", "di"):
        middle = word.removeprefix(prefix)
        for ending in _ENDINGS:
            if middle != word and middle.endswith(ending) and middle.removesuffix(ending) in _MONOSYLLABLE:
                return middle.removesuffix(ending)
    return ""


def _is_suffix(bare: str, word: str) -> bool:
    """Whether an `i` at the end is one: not of a word as it stands, nor of a loan word (`transaksi`)."""
    return bare != word and not (len(bare) >= 7 and bare.endswith(_LOAN))


def _cut_end(word: str, endings: tuple[str, ...], keep: int) -> str:
    for ending in endings:
        if word.endswith(ending) and len(word) - len(ending) >= keep:
            return word[: -len(ending)]
    return word


def _cut_prefix(word: str) -> str:
    """Take off up to two prefixes; nasals that swallowed a letter give it back."""
    for prefix, keep in _PREFIXES:
        if word.startswith(prefix) and len(word) - len(prefix) >= keep:
            if prefix == "ke" and not word.endswith("an"):
                continue
            rest = word[len(prefix) :]
            return _cut_nasal(rest) if prefix in ("di", "ke", "se") and rest.startswith(("pe", "me")) else rest
    return _cut_nasal(word)


def _cut_nasal(word: str) -> str:
    for first in ("me", "pe"):
        if word.startswith(first) and len(word) >= 6:
            return _denasal(word, word[2:])
    return word


def _denasal(word: str, rest: str) -> str:
    if rest.startswith("ng") and len(rest) >= 5:
        return rest[2:] if rest[2] in _VOWELS or rest[2] in "ghk" else rest
    if rest.startswith("ny") and len(rest) >= 5:
        return "s" + rest[2:]
    if rest.startswith("m") and len(rest) >= 5:
        return "p" + rest[1:] if rest[1] in _VOWELS else _cut_per(rest[1:])
    if rest.startswith("n") and len(rest) >= 5:
        return "t" + rest[1:] if rest[1] in _VOWELS else rest[1:]
    if rest[0] in "lrwy" and rest[1] in _VOWELS and len(rest) >= 4:
        return rest
    return _cut_per(word)


def _cut_per(word: str) -> str:
    """The prefix between another one and the word: mem-per-baiki, di-per-baiki."""
    return word[3:] if word.startswith("per") and len(word) >= 7 and word[3] not in _VOWELS else word


def tokens(text: str) -> Iterator[tuple[str, str]]:
    """Every token of a text in order: as it is written (folded), and the term it is indexed under; stop words too."""
    folded, after = fold(text), 0
    for hit in _TOKEN.finditer(folded):
        if hit.start() < after:
            continue
        if (number := hit["number"]) is not None:
            thousands = None if hit["unit"] else _NEXT_THOUSANDS.match(folded, hit.end())
            after = thousands.end() if thousands else 0
            yield from _number(number, thousands[1] if thousands else hit["unit"])
        else:
            surface = hit["word"][:MAX_TERM]
            for plain in EXPAND.get(surface, (SLANG.get(surface, surface),)):
                yield plain, stem(plain)


def _number(number: str, unit: str | None) -> Iterator[tuple[str, str]]:
    """A number as it is looked for: `1,5 juta` is 1500000; one with a point is found by its parts, too."""
    grouped = re.fullmatch(r"\d{1,3}(?:[.,]\d{3})+", number)
    plain = re.sub(r"[.,]", "", number) if grouped else number.replace(",", ".")
    if unit in _THOUSANDS:
        worth = str(round(float(plain) * _THOUSANDS[unit]))
        yield worth, worth[:MAX_TERM]
        return
    yield plain, plain[:MAX_TERM]
    if "." in plain:
        for part in plain.split("."):
            yield part, part[:MAX_TERM]
    if unit:
        yield unit, SLANG.get(unit, unit)


def terms(text: str) -> list[str]:
    """The terms of a text that count, in order, with repetitions.

    >>> terms("Berapa harga kopi susu 1 liter? Rp25.000 atau 25rb")
    ['harga', 'kopi', 'susu', '1', 'liter', 'rp', '25000', '25000']
    """
    return [term for surface, term in tokens(text) if surface not in STOP and term not in STOP]


def acronyms(text: str) -> set[str]:
    """What names of three words and more are shortened to.

    >>> acronyms("kantor Perserikatan Bangsa-Bangsa di New York")
    {'pbb'}
    """
    found = set()
    for run in _CAPITALS.findall(text):
        initials = "".join(part[0] for part in re.split(r"[ -]+", run) if part != "dan")
        found.add(fold(initials))
    return {one for one in found if 3 <= len(one) <= 6 and one.isalpha()}


def asked(text: str) -> dict[str, float]:
    """The terms of a question, each with its weight from 0 to 1.

    What stands beside the question word names the kind of answer ("di kota mana", "warna apa") and is seldom
    repeated in it, so it weighs less.
    """
    found: dict[str, float] = {}
    pairs = list(tokens(text))
    for at, (surface, term) in enumerate(pairs):
        if surface in STOP or term in STOP:
            continue
        after = pairs[at + 1][0] if at + 1 < len(pairs) else ""
        weight = FILLER_WEIGHT if surface in FILLERS or term in FILLERS else KIND_WEIGHT if after in _ASKING else 1.0
        found[term] = max(weight, found.get(term, 0.0))
    return dict.fromkeys(acronyms(text), ACRONYM_WEIGHT) | found
