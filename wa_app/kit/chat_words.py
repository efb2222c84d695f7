"""The words of a chat message as they are compared with keywords.

Both the message and the keyword go through `words`, so what is said here holds for both:

1. Full-width and styled letters, ligatures and digits of other scripts become plain ones; case and accents
   make no difference; invisible characters (zero width, direction marks, variation selectors, skin tones) vanish.
2. Signs part words. An apostrophe does not (`Jum'at` is `jumat`), nor does a point between the thousands of a
   number (`150.000` is `150000`); `Rp150.000` is `rp 150000`. An emoji is a word of its own, and so is a
   character of a script that is written without spaces.
3. Three or more single letters in a row are one word: `h a r g a`, `c.o.d`.
4. Letters that are drawn out count once: a vowel anywhere (`haaarga`, `maaaf`), the last letter (`hargaaa`,
   `okkk`), any letter three times in the middle, and the g of `ngg`, the one pair that Indonesian words are full
   of (`tunggu`, `tungggu`, `tungu`). Any other doubled consonant stays (`massa` is not `masa`), and so do words
   that begin with one or hold digits (`XXL` is not `XL`, `AA12` is not `A12`).
5. What people write short is written out, from a list of words that mean nothing else (`hrg brp gmn`).

`plain` joins the words again and changes nothing when it is applied twice. Nothing here raises.
"""

import re
import unicodedata
from typing import Final

MAX_TEXT: Final = 65_536
"""Characters of a message that are looked at."""
MAX_FOLDED: Final = 4 * MAX_TEXT
"""One character may fold to eighteen (`ﷺ`), so the result has a limit as well."""

_SHORT: Final = {
    "harga": "hrg hrga", "berapa": "brp brpa brapa berpa", "berapaan": "brpan brpaan",
    "bagaimana": "gmn gmna gimana gmana bgmn bgmana gimna bgaimana", "kapan": "kpn kpan", "dimana": "dmn dmna dmana",
    "kenapa": "knp knpa napa", "apakah": "apkh apakh", "yang": "yg yng", "dengan": "dgn dngn", "untuk": "utk untk",
    "tidak": "tdk gak gk ngga nggak enggak engga ngak kagak ndak", "sudah": "sdh udh udah sudh", "belum": "blm blum blom",
    "bisa": "bs bsa", "boleh": "blh bole", "saja": "aja aj sja", "juga": "jg jga", "karena": "krn karna krna",
    "kalau": "klo kalo klw klau kl", "seperti": "spt sprti", "sekarang": "skrg skrng skg", "besok": "bsk besuk",
    "kemarin": "kmrn kmaren kemaren", "hari": "hri", "tolong": "tlg tlong", "terimakasih": "makasih mksh mksih mkasih tks thx trims trimakasih trmksh tq",
    "alamat": "almt almat", "lokasi": "lks loksi", "nomor": "nmr nomer nomr", "rekening": "rekning rekg",
    "transfer": "trf trsf transper tranfer", "bayar": "byr byar", "pembayaran": "pmbyrn pembyrn", "pesan": "pesen psn",
    "pesanan": "pesenan psnan", "kirim": "krm krim", "pengiriman": "pngiriman pngrman", "ongkir": "ongkr okir",
    "barang": "brg brng", "stok": "stock stk", "diskon": "disc diskn discount", "orang": "org", "banyak": "bnyk byk",
    "jadwal": "jdwl", "buka": "bka", "tutup": "ttp ttup", "katalog": "catalog catalogue ktlg", "selamat": "slmt slamat",
    "pagi": "pgi", "malam": "mlm malem", "assalamualaikum": "asalamualaikum assalamualaikom askum aslm aslmkm",
}  # fmt: skip
_PHRASES: Final = {("terima", "kasih"): "terimakasih", ("di", "mana"): "dimana", ("ongkos", "kirim"): "ongkir"}

_VOWELS: Final = "aeiou"
_LONG_VOWEL = re.compile(rf"([{_VOWELS}])\1+")
_LONG_NG = re.compile(r"(?<=[^\W\d_])ngg+")
_LONG_INSIDE = re.compile(r"(?<!^)([^\W\d_])\1{2,}")
_LONG_END = re.compile(r"(?<!^)([^\W\d_])\1+$")
_ONE_LETTER = re.compile(r"^(.)\1*$")
_THOUSANDS = re.compile(r"(?<=\d)[.,](?=\d{3}(?!\d))")
_CURRENCY = re.compile(r"\brp(?=\d)")
_APOSTROPHES: Final = "'’‘`´ʼ＇"
_UNSPACED: Final = (
    (0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x3040, 0x30FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF), (0x20000, 0x323AF),
)  # fmt: skip
"""Thai and Lao, Burmese, Khmer, kana, Han."""
_SKIN: Final = range(0x1F3FB, 0x1F400)
_UNSEEN: Final = frozenset({0x640, 0x115F, 0x1160, 0x3164, 0xFFA0, *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)})
"""The Arabic stretch, Hangul fillers, variation selectors."""


def words(text: str) -> list[str]:
    """The words of a message, in order.

    >>> words("HARGAAA brp, kak?? 🙏")
    ['harga', 'berapa', 'kak', '🙏']
    >>> words("Ｔｅｒｉｍａ kasih, saya transfer Rp150.000")
    ['terimakasih', 'saya', 'transfer', 'rp', '150000']
    """
    clean = _CURRENCY.sub("rp ", _THOUSANDS.sub("", _folded(text[:MAX_TEXT])).translate(_POINTS))
    known: dict[str, str] = {}
    return _joined([_meant(word, known) for word in _spelled(clean.split())])


def plain(text: str) -> str:
    """The words with one space between them."""
    return " ".join(words(text))


def is_sign(word: str) -> bool:
    """Whether a word is an emoji or the like: it has no letter and no digit."""
    return not any(char.isalnum() for char in word)


def _folded(text: str) -> str:
    """Lower case without accents and signs; points stay for now."""
    if not text.isascii():
        # Some characters fold to ones that fold again (`ϓ`, `ẛ`); the second pass is where it settles.
        for _ in range(2):
            text = unicodedata.normalize("NFKD", text.casefold())[:MAX_FOLDED]
    return unicodedata.normalize("NFC", text.lower().translate(_SIGNS))


class _Signs(dict[int, str]):
    """What becomes of each character; looked at once in the life of a process."""

    def __missing__(self, code: int) -> str:
        made = self[code] = self._made(chr(code), code)
        return made

    @staticmethod
    def _made(char: str, code: int) -> str:
        kind = unicodedata.category(char)
        if char in _APOSTROPHES or kind in ("Cf", "Me") or unicodedata.combining(char) or code in _SKIN:
            return ""
        if code in _UNSEEN:
            return ""
        if char in ".,":
            return char
        if kind == "Nd":
            return str(unicodedata.decimal(char))
        if char.isalnum() or kind in ("Mn", "Mc"):
            return f" {char} " if any(low <= code <= high for low, high in _UNSPACED) else char
        return f" {char} " if kind == "So" else " "


_SIGNS: Final = _Signs()
_POINTS: Final = str.maketrans(".,", "  ")


def _spelled(found: list[str]) -> list[str]:
    """Words out of letters that stand alone: three or more in a row are one."""
    out: list[str] = []
    row: list[str] = []
    for word in [*found, ""]:
        if len(word) == 1 and word.isascii() and word.isalpha():
            row.append(word)
            continue
        out += ["".join(row)] if len(row) > 2 else row
        row = []
        if word:
            out.append(word)
    return out


def _meant(word: str, known: dict[str, str]) -> str:
    """A word with nothing drawn out, written out; long messages say the same words again."""
    if word not in known:
        short = _shortened(word)
        known[word] = _WRITTEN_OUT.get(short, short)
    return known[word]


def _shortened(word: str) -> str:
    """A word with what is drawn out counted once."""
    if len(word) < 3 or not word.isalpha() or _ONE_LETTER.match(word):
        return word
    once = _LONG_INSIDE.sub(r"\1", _LONG_NG.sub("ng", _LONG_VOWEL.sub(r"\1", word)))
    return _LONG_END.sub(r"\1", once)


def _joined(found: list[str]) -> list[str]:
    out: list[str] = []
    for word in found:
        pair = _PHRASES.get((out[-1], word)) if out else None
        if pair is None:
            out.append(word)
        else:
            out[-1] = pair
    return out


_WRITTEN_OUT: Final = {
    _shortened(short): _shortened(whole) for whole, listed in _SHORT.items() for short in listed.split()
}
