"""Rules a shop can begin with, in the language it writes in."""

from collections.abc import Mapping, Sequence
from typing import Final

from wa_app.db import TenantUnitOfWork
from wa_app.models.auto_replies import AnswerDelay, LimitPeriod, MatchType
from wa_app.schemas.auto_replies import AutoReplyCreate
from wa_app.schemas.principal import Verb
from wa_app.services.auto_replies import reading, writing

_ID: Final = (
    AutoReplyCreate(
        name="Daftar harga", keywords=["harga", "price list", "daftar harga", "berapaan"], limit_times=2, limit_period=LimitPeriod.DAY,
        response_text="{Halo|Hai} {{first_name|Kak}}, arabika Gayo biji Rp 165.000 per kg, robusta Dampit Rp 98.000 per kg. "
        "{Mau yang biji atau bubuk?|Butuh berapa kilo?}",
    ),
    AutoReplyCreate(
        name="Jam buka", keywords=["jam buka", "buka jam", "buka sampai", "masih buka", "tutup jam"], delay=AnswerDelay.AT_ONCE,
        response_text="Kami buka {setiap hari|tiap hari} pukul 08.00 sampai 21.00 WIB, {{first_name|Kak}}.",
    ),
    AutoReplyCreate(
        name="Alamat toko", keywords=["alamat", "lokasi", "dimana", "maps"],
        response_text="Toko kami di Jl. Kawi 12, Malang. {Parkir di depan|Ada parkir di depan}, {{first_name|Kak}}.",
    ),
    AutoReplyCreate(
        name="Ongkos kirim", keywords=["ongkir", "ongkos kirim", "biaya kirim"],
        response_text="{Boleh|Siap}, {{first_name|Kak}}. Tulis kota tujuan dan berat pesanan, nanti kami hitungkan ongkirnya.",
    ),
    AutoReplyCreate(
        name="Bukti transfer", keywords=[r"(transfer|trf|tf).{0,40}(berhasil|sukses|sudah)", r"m-?transfer"],
        match_type=MatchType.REGEX, hand_over=True, limit_times=1, limit_period=LimitPeriod.HOUR,
        response_text="Terima kasih, {{first_name|Kak}}. Bukti transfer kami terima, {sebentar kami cek|tim kami cek dulu} ya.",
    ),
    AutoReplyCreate(
        name="Minta orang", keywords=["admin", "cs", "orang", "komplain", "keluhan"], hand_over=True, cooldown_s=3600,
        response_text="Baik, {{first_name|Kak}}. Tim kami akan membalas di sini.",
    ),
    AutoReplyCreate(
        name="Cukup dibaca", keywords=["ok", "oke", "siap", "terima kasih", "👍"], match_type=MatchType.EXACT, keeps_silent=True,
    ),
)  # fmt: skip
_EN: Final = (
    AutoReplyCreate(
        name="Price list", keywords=["price", "price list", "how much"], limit_times=2, limit_period=LimitPeriod.DAY,
        response_text="{Hello|Hi} {{first_name|there}}, Gayo arabica beans are Rp 165,000 a kilo, Dampit robusta Rp 98,000. "
        "{Beans or ground?|How many kilos would you like?}",
    ),
    AutoReplyCreate(
        name="Opening hours", keywords=["opening hours", "open until", "still open", "what time"], delay=AnswerDelay.AT_ONCE,
        response_text="We are open {every day|daily} from 08:00 to 21:00, {{first_name|there}}.",
    ),
    AutoReplyCreate(
        name="Address", keywords=["address", "location", "where are you", "maps"],
        response_text="Our shop is at Jl. Kawi 12, Malang. {Parking is in front|There is parking in front}.",
    ),
    AutoReplyCreate(
        name="Shipping", keywords=["shipping", "delivery fee", "ongkir"],
        response_text="{Sure|Of course}, {{first_name|there}}. Tell us the city and the weight, and we work out the shipping.",
    ),
    AutoReplyCreate(
        name="Talk to a person", keywords=["agent", "human", "complaint"], hand_over=True, cooldown_s=3600,
        response_text="All right, {{first_name|there}}. Our team will answer here.",
    ),
    AutoReplyCreate(
        name="Just read", keywords=["ok", "okay", "thanks", "thank you", "👍"], match_type=MatchType.EXACT, keeps_silent=True,
    ),
)  # fmt: skip
EXAMPLES: Final[Mapping[str, Sequence[AutoReplyCreate]]] = {"id": _ID, "en": _EN}


async def add_examples(uow: TenantUnitOfWork, language: str) -> int:
    """Make the examples for a tenant without rules; how many were made."""
    uow.require(Verb.RULES_WRITE)
    if (await reading.list_(uow, limit=1))[2]:
        return 0
    chosen = EXAMPLES.get(language, _EN)
    for one in chosen:
        await writing.add(uow, one)
    return len(chosen)
