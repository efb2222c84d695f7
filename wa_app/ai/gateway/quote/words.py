"""What words of a question mean for finding their answer: stems, and notions that are said in many ways."""

import re
from collections.abc import Iterable
from difflib import SequenceMatcher
from functools import lru_cache
from itertools import pairwise
from typing import Final

from wa_app.kit.folding import words


def listed(text: str) -> frozenset[str]:
    """The words of a list written as text."""
    return frozenset(text.split())


STOP: Final = listed("""
ada adalah agar akan aku anda apa apakah apaan atau bagaimana bagi bahwa banget bapak barang begini begitu belum bisa boleh buat
bukan bu bro cuma dalam dan dari deh dengan di dia dok dong dulu ga gak gan gimana gmn hai halo hallo hari harus ibu ini
itu iya jadi jika juga ka kah kak kaka kakak kalau kalo kami kan kapan karena kasih ke kita kok lagi lah lebih loh maaf
mana mau masih mas mbak min mohon mungkin nah nak nggak ngga nih nya oh ok oke om pada pak para perlu permisi pernah
pun punya saat saja saya sama sampai satu sebagai sedang selain selamat semua seperti sih sis soal sudah supaya tapi
tau tahu tante tentang tersebut terus tidak tolong tuh untuk utk udah ya yah yaitu yang yg yuk
a about am an and any are as at be been but by can could do does for from had has have hello hey hi how i if in into is it its
just know like may me my of on or our please so some tell than that the their them then there these they this time to
us want was we were what when which who why will with would you your
""")

NOTIONS: Final[dict[str, str]] = {
    "@price": "harga hrg harganya biaya tarif ongkos price prices cost costs berapa brp pricelist fee much mahal murah bayarnya",
    "@hours": "jam buka tutup operasional jadwal hours open close opening closing schedule pukul weekday weekend libur",
    "@place": "alamat lokasi dimana address location located where cabang store toko peta maps",
    "@pay": "bayar pembayaran transfer rekening qris dp cicil cicilan payment pay cod ovo gopay dana tunai cash",
    "@send": "kirim pengiriman ongkir kurir ekspedisi shipping delivery deliver ship sampai resi jne jnt sicepat",
    "@back": "retur refund tukar pengembalian garansi return warranty exchange kembalikan",
    "@stock": "stok stock tersedia ready ketersediaan available availability kosong habis",
    "@promo": "diskon promo potongan voucher discount sale cashback",
    "@order": "pesan order beli pemesanan buy purchase checkout",
    "@size": "ukuran size dimensi berat weight panjang lebar tinggi",
    "@duration": "durasi estimasi",
    "@contact": "telepon telp nomor kontak whatsapp wa email hubungi phone contact",
}
_NOTION_OF: Final = {word: notion for notion, said in NOTIONS.items() for word in said.split()}
MONEY: Final = re.compile(r"\b(?:rp|idr|usd)\s?\.?\s?\d|\$\s?\d|\b\d{1,3}(?:[.,]\d{3})+\b|\b\d+(?:[.,]\d+)?\s?(?:rb|ribu|k|jt|juta)\b", re.I)
SHOWS: Final[dict[str, re.Pattern[str]]] = {
    "@price": MONEY,
    "@hours": re.compile(r"\b\d{1,2}[.:]\d{2}\b|\b\d{1,2}\s?(?:am|pm|wib|wita|wit)\b|24 jam|\b(?:senin|minggu|monday|sunday)\b", re.I),
    "@place": re.compile(r"\b(?:jl|jln|jalan|alamat|kec|kab|kelurahan|street|road|blok|ruko|lantai)\b\.?", re.I),
    "@duration": re.compile(r"\b\d+\s?(?:(?:-|sampai|s/d|to)\s?\d+\s?)?(?:hari|jam|menit|minggu|bulan|days?|hours?|weeks?)\b", re.I),
    "@contact": re.compile(r"\+?\d[\d -]{7,}\d|\S+@\S+\.\w"),
    "@size": re.compile(r"\b\d+(?:[.,]\d+)?\s?(?:cm|mm|m|kg|gr|gram|g|ml|liter|l|inch)\b|\b(?:S|M|L|XL|XXL)\b"),
}
"""What a line looks like that answers a question for a notion, though it may not name it."""
_HOW_LONG: Final = re.compile(r"\b(?:(?:berapa|brp)\s+(?:hari|lama|jam|minggu)|how long)\w*", re.I)
_ENDINGS: Final = ("nya", "kah", "lah", "pun", "ku", "mu")
_SUFFIXES: Final = ("kan", "an", "i")
_PREFIXES: Final = ("meng", "meny", "mem", "men", "me", "peng", "peny", "pem", "pen", "ber", "ter", "di", "ke", "se", "pe")


@lru_cache(maxsize=20_000)
def stem(word: str) -> str:
    """A rough stem of an Indonesian or English word: enough to tell `pengirimannya` and `pengiriman` alike.

    >>> stem("harganya")
    'harga'
    """
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 4:
            word = word[: -len(ending)]
            break
    if len(word) > 4 and word.endswith("s") and not word.endswith(("ss", "us", "is", "as", "os")):
        word = word[:-1]
    return word


@lru_cache(maxsize=20_000)
def root(word: str) -> str:
    """The stem without prefix and suffix, for a second look."""
    made = stem(word)
    for prefix in _PREFIXES:
        if made.startswith(prefix) and len(made) - len(prefix) >= 4:
            made = made[len(prefix) :]
            break
    for suffix in _SUFFIXES:
        if made.endswith(suffix) and len(made) - len(suffix) >= 4:
            return made[: -len(suffix)]
    return made


def terms_of(question: str) -> tuple[str, ...]:
    """What a question asks about: notions and content words, each once, in order.

    >>> terms_of("Kak, berapa ya harganya kemeja batik?")
    ('@price', 'kemeja', 'batik')
    """
    found = [
        _NOTION_OF.get(word) or _NOTION_OF.get(stem(word)) or _NOTION_OF.get(root(word)) or stem(word)
        for word in words(_HOW_LONG.sub(" durasi ", question))
        if word not in STOP or word in _NOTION_OF
    ]
    kept = [term for term in found if len(term) > 1 or term.isdigit() or term in "sml"]
    return tuple(dict.fromkeys(kept))


class Lookup:
    """The words of one text, asked for terms."""

    def __init__(self, text: str) -> None:
        self.text = text
        found = words(text)
        self.length = len(found)
        self.stems = {stem(word) for word in found}
        self.roots = {root(word) for word in found}
        self.notions = {_NOTION_OF[word] for word in (*found, *self.stems, *self.roots) if word in _NOTION_OF}

    def has(self, term: str) -> float:
        """How well the text holds a term: 1 for the word itself, less for a relative of it, 0 for nothing like it."""
        if term.startswith("@"):
            shown = term in SHOWS and SHOWS[term].search(self.text) is not None
            return 1.0 if shown else 0.6 if term in self.notions else 0.0
        if term in self.stems:
            return 1.0
        if len(term) >= 4 and root(term) in self.roots:
            return 0.9
        return 0.75 if len(term) >= 5 and not term.isdigit() and self._is_near(term) else 0.0

    def _is_near(self, term: str) -> bool:
        """A slip of the finger: `kemja` for `kemeja`."""
        return any(
            abs(len(one) - len(term)) <= 2 and one[0] == term[0] and SequenceMatcher(None, one, term).ratio() >= 0.84
            for one in self.stems
            if len(one) >= 4
        )


def said_any(question: str, wanted: Iterable[str]) -> bool:
    """Whether one of these words (or phrases of two) is said."""
    found = words(question)
    pairs = {f"{one} {two}" for one, two in pairwise(found)}
    return not set(wanted).isdisjoint({*found, *pairs, *map(stem, found)})
