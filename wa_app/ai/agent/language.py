"""Indonesian or English: by the small words that a language cannot do without."""

from typing import Final, Literal

from wa_app.kit.folding import words

Language = Literal["id", "en"]
_ID_WORDS: Final = """
ada adalah aja akan aku anda apa apakah atau bagaimana bang bapak barang bayar beli belum berapa besok bisa boleh bu buat buka cara
dan dari dengan di dong gan gimana gak ga hari harga harganya ini itu jam juga kak kakak kalau kalo kami kamu kapan karena ke
kenapa kirim kita lagi lama lewat mana masih mau min minta mohon nggak ngga ongkir pak pakai pesan pesanan punya saja saya sama
sampai satu sudah tadi tanya terima kasih tidak tolong toko tutup untuk ya yang
halo pagi siang sore malam selamat permisi makasih siap oke nih sih deh lah kah banget stok murah
"""
_ID: Final = frozenset(_ID_WORDS.split())
_EN_WORDS: Final = """
a about am an and any are at be by can cost could days deliver delivery did do does for from good have hello hey hi how i is it
me much my need not of on open order please price send ship shop should that the there this thanks thank to want was we what
when where which who why will with would you your
"""
_EN: Final = frozenset(_EN_WORDS.split())


def detect(text: str, known: str = "id") -> Language:
    """The language of a text; `known` (the customer's or tenant's) where the text does not tell.

    >>> detect("Berapa harga kopi gayo kak?"), detect("How much is the coffee?"), detect("ok", "en")
    ('id', 'en', 'en')
    """
    found = words(text)[:200]
    indonesian = sum(word in _ID for word in found)
    english = sum(word in _EN for word in found)
    if indonesian == english:
        return "en" if known == "en" else "id"
    return "id" if indonesian > english else "en"
