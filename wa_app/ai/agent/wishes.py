"""What a customer's words say without a model: whom they want, what it is about, how they feel."""

import re
from typing import Final

from wa_app.ai.agent.neutral import plain
from wa_app.kit.folding import fold
from wa_app.schemas.agents import Insights, Mode

_PERSON: Final = (
    r"(?:orang(?:nya)?(?:\s+(?:asli|beneran|sungguhan|langsung|aja|toko(?:nya)?))?|manusia|adm(?:in)?(?:nya)?|cs(?:nya)?|customer\s+services?"
    r"|operator(?:nya)?|agen(?:\s+manusia)?|staf(?:f)?|petugas|pegawai|karyawan|penjual(?:nya)?|seller|owner(?:nya)?|pemilik(?:nya)?|bos(?:nya)?"
    r"|tim(?:nya)?|human(?:\s+being)?|real\s+(?:person|human|agent)|(?:a\s+)?person|people|someone(?:\s+real)?|somebody|(?:live\s+)?agent"
    r"|representative|manager|manajer|support(?:\s+team)?)"
)
_TALK: Final = (
    r"(?:bicara|berbicara|ngomong|ngobrol|chat(?:ting|an)?|telepon|telpon|telp|tanya|konsultasi|hubungi|hubungkan|dihubungkan|sambungkan|disambungkan"
    r"|disambungin|sambungin|hubungin|dihubungin|alihkan|dialihkan|oper(?:kan)?|terhubung|terusin|teruskan|diteruskan"
    r"|talk(?:ing)?|speak(?:ing)?|connect(?:ed)?|transfer(?:red)?|forward(?:ed)?|contact|reach|get\s+through|put\s+me\s+through)"
)
_WISH = re.compile(
    rf"""
      \b{_TALK}\b(?:\s+(?:saya|aku|me|langsung|sebentar|dulu|aja|saja|ini|directly|us|this))*
        \s+(?:(?:dengan|dgn|sama|ama|ke|kepada|oleh|pada|to|with|on\ to)\s+)?(?:(?:an|a|the|your|some|salah\ satu|seorang)\s+)?{_PERSON}\b
    | \b(?:minta|butuh|perlu|panggil(?:kan|in)?|mana|cari)\s+(?:bantuan\s+)?(?:dari\s+)?{_PERSON}\b
    | \b(?:mau|ingin|pengen|pingin|pgn|want|need|get\s+me|give\s+me|prefer|like)\s+(?:(?:sama|dengan|ke|dibalas|dijawab|dilayani|dibantu|dibantuin|to)\s+)+
        (?:(?:oleh|sama|dengan|be\s+helped\s+by|have)\s+)?(?:(?:an|a|the)\s+)?{_PERSON}\b
    | \b(?:mau|ingin|pengen|pingin|maunya)\s+(?:orang\s+(?:asli|beneran|sungguhan)|manusia)\b
    | \b(?:want|need|get\s+me|give\s+me|prefer|i'?d\s+like)\s+(?:an?\s+)?(?:real\s+)?(?:human|person|agent|representative|operator|manager)\b
    | \b(?:jangan|bukan|gak\s+mau|ga\s+mau|nggak\s+mau|tidak\s+mau|males|malas|no|not|stop)\s+(?:(?:sama|dengan|pakai|pake|chat|ngomong|bicara|jawaban|a|the|with|talking\s+to)\s+)*
        (?:bot|robot|mesin|ai|chatbot)\b
    | \b(?:ini|kamu|kakak|anda|is\ this|are\ you)\s+(?:(?:a|an|the)\s+)?(?:bot|robot|mesin|ai)\b.{0,40}\b{_PERSON}\b
    | ^\W*(?:cs|operator|customer\s+service|human|agent|representative|admin|manusia)\W*$
    """,
    re.VERBOSE,
)
_NOT = re.compile(r"\b(?:jangan|tidak usah|gak usah|ga usah|nggak usah|tak perlu|tidak perlu|don'?t|do not|no need to|without)\s+(?:\w+\s+){0,2}?$")


def wants_person(text: str) -> bool:
    """Whether a customer asks for a person instead of a machine.

    >>> wants_person("Saya mau bicara dengan CS"), wants_person("Min, harga kopi berapa?")
    (True, False)
    """
    said = fold(plain(text[:2000]))
    return any(not _NOT.search(said[: hit.start()]) for hit in _WISH.finditer(said))


_COMPLAINT = re.compile(
    r"\b(?:komplain|complain(?:t|ing)?|keluhan|kecewa|mengecewakan|rusak|cacat|pecah|basi|bocor|salah kirim|tidak sesuai|ga sesuai|gak sesuai|"
    r"nggak sesuai|belum (?:sampai|datang|dikirim|diterima)|ga (?:sampai|datang)|gak (?:sampai|datang)|penipu(?:an)?|ketipu|tertipu|refund|"
    r"uang (?:saya )?kembali|kembalikan uang|parah|jelek banget|lambat sekali|marah|damaged|broken|wrong (?:item|order|size)|never arrived|"
    r"not arrived|hasn'?t arrived|disappointed|terrible|awful|scam|money back|unacceptable)\b"
)
_ORDER = re.compile(
    r"\b(?:(?:mau|ingin|pengen|saya|aku|jadi|tolong|bisa)\s+(?:\w+\s+)?(?:pesan|order|beli|checkout|ambil)|pesan\s+(?:\w+\s+)?\d|order\s+\d|beli\s+\d|"
    r"(?:i'?d like|i want|i would like|let me|can i)\s+(?:to\s+)?(?:order|buy|get|purchase)|i'?ll take)\b"
)
_GREETING = re.compile(
    r"^(?:(?:h[ae]l+o+|hai+|hi+|hey+|hei|pagi|siang|sore|malam|selamat(?: (?:pagi|siang|sore|malam))?|permisi|punten|ass?ala?mu'?alaikum\w*|good (?:morning|afternoon|evening)|"
    r"kak(?:ak)?|min|admin|gan|sis|bang|mas|mbak|pak|bu|ya|there|p|test?|tes)\b[\s,.!?]*)+$"
)
_THANKS = re.compile(
    r"^(?:(?:terima ?kasih|makasih|maka?cih|mksh|trims|thanks?|thank you|thx|ty|ok(?:e|ay)?|sip+|siap|baik(?:lah)?|mantap|good|great|noted|"
    r"banyak|so much|very much|ya|iya|kak(?:ak)?|min|admin|gan|sis|bang|mas|mbak|pak|bu|banget|infonya|bantuannya|atas|a lot)\b[\s,.!?]*)+$"
)
_UPSET = re.compile(r"\b(?:kecewa|marah|parah|jelek|buruk|lambat|lama banget|kesal|kesel|sebel|bohong|penipu|terrible|awful|bad|angry|worst|disappointed|slow|scam)\b")
_GLAD = re.compile(r"\b(?:terima ?kasih|makasih|mantap|bagus|suka|senang|puas|enak|keren|thanks?|thank you|great|love|nice|perfect|awesome|happy)\b")
_HURRY = re.compile(r"\b(?:segera|urgent|darurat|cepat(?:an)?|buruan|sekarang juga|hari ini juga|asap|right now|immediately|emergency|today)\b")
_ASKS: Final = (
    ("price", re.compile(r"\b(?:harga\w*|berapa(?:an)?|brp|price|cost|how much|tarif|biaya)\b")),
    ("shipping", re.compile(r"\b(?:kirim|ongkir|pengiriman|sampai|ekspedisi|kurir|cod|deliver\w*|ship\w*)\b")),
    ("availability", re.compile(r"\b(?:stok|stock|ready|tersedia|masih ada|available|in stock)\b")),
    ("opening_hours", re.compile(r"\b(?:buka|tutup|jam (?:buka|berapa|operasional)|opening|open|close[sd]?)\b")),
    ("payment", re.compile(r"\b(?:bayar|pembayaran|transfer|rekening|qris|pay(?:ment)?|bank)\b")),
    ("location", re.compile(r"\b(?:alamat|lokasi|di ?mana|address|location|where)\b")),
)


def mode_of(text: str) -> Mode:
    """What a text is about, by its words."""
    said = fold(plain(text[:4000]))
    if _COMPLAINT.search(said):
        return Mode.COMPLAINT
    return Mode.ORDER if _ORDER.search(said) else Mode.FAQ


def is_greeting(text: str) -> bool:
    """Nothing but a greeting."""
    return _GREETING.match(_bare(text)) is not None


def is_thanks(text: str) -> bool:
    """Nothing but thanks or agreement."""
    return _THANKS.match(_bare(text)) is not None


def is_small_talk(text: str) -> bool:
    """A greeting or thanks: no document is needed to answer it."""
    return is_greeting(text) or is_thanks(text)


def is_question(text: str) -> bool:
    """Whether something is asked, by its sign or its words."""
    return "?" in text or any(words.search(fold(plain(text[:4000]))) for _, words in _ASKS)


def _bare(text: str) -> str:
    """Folded, without signs and emoji that mean nothing here."""
    return " ".join(re.sub(r"[^\w\s,.!?']", " ", fold(plain(text[:400]))).split())


def read(text: str, mode: Mode) -> Insights:
    """Insights without a model: what kind of question, how they feel, whether it hurries."""
    said = fold(plain(text[:4000]))
    if mode is Mode.FAQ:
        asks = "greeting" if is_greeting(text) else "thanks" if is_thanks(text) else ""
        intent = asks or next((name for name, words in _ASKS if words.search(said)), "")
    else:
        intent = mode.value
    upset = mode is Mode.COMPLAINT or _UPSET.search(said) is not None
    urgent = _HURRY.search(said) is not None
    tags = [tag for tag, holds in (("complaint", mode is Mode.COMPLAINT), ("hot lead", mode is Mode.ORDER)) if holds]
    return Insights(
        intent=intent, sentiment="negative" if upset else "positive" if _GLAD.search(said) else "neutral",
        urgency="high" if urgent else "medium" if mode is Mode.COMPLAINT else "low", tags=tags,
    )  # fmt: skip
