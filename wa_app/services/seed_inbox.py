"""The demo's inbox as a team has left it: customers with questions of their own, some taken, some waiting, a note, quick replies."""

from typing import Any, Final
from uuid import UUID

from sqlalchemy import text

from wa_app.db import TenantUnitOfWork
from wa_app.schemas.quick_replies import QuickReplyCreate
from wa_app.services import conversations, quick_replies, teams
from wa_app.services.conversations import takeover

ASKED: Final = (
    "Kak, robusta 1 kg masih ada? Mau ambil dua.", "Batik yang ukuran M kekecilan, bisa tukar L?", "Bisa kirim ke Jayapura? Ongkirnya berapa ya",
    "Mau dua bungkus ya Kak, yang robusta", "Sudah saya transfer tadi pagi, mohon dicek", "Toko buka hari Minggu?",
    "Untuk reseller minimal berapa bungkus?", "Terima kasih Kak, kopinya enak sekali!", "Motif parang warna cokelat masih ada?",
    "Paket saya belum sampai, resinya berapa?", "Bisa bayar pakai QRIS?", "Mau pesan 10 untuk oleh-oleh kantor", "Giling halus untuk tubruk ya",
)  # fmt: skip
REPLIES: Final = (
    ("harga", "Daftar harga", "Penjualan", "Baik, {{first_name|Kak}}. Robusta Rp 85.000 per kg dan arabika Rp 120.000 per kg. Mau yang mana?"),
    ("ongkir", "Ongkos kirim", "Pengiriman", "Boleh minta nama kecamatan dan kode posnya, Kak? Saya hitungkan ongkirnya."),
    ("rekening", "Nomor rekening", "Pembayaran", "Transfer ke BCA 123 456 7890 atas nama Nusa Niaga, lalu kirim foto buktinya di sini ya Kak."),
    ("terima", "Terima kasih", "", "Terima kasih banyak, {{first_name|Kak}}. Ditunggu pesanan berikutnya!"),
)
SUMMARY: Final = "Ingin menukar batik ukuran M dengan L dan bertanya siapa yang menanggung ongkirnya. Batiknya belum dipakai."
NOTE: Final = "Pelanggan lama, selalu pesan untuk kantor. Boleh diberi harga reseller."
_TALKS = text("SELECT id FROM conversations WHERE tenant_id = :t AND last_message_at IS NOT NULL ORDER BY last_message_at DESC, id DESC")
_SAY = text("UPDATE messages SET text = :words WHERE tenant_id = :t AND conversation_id = :id AND direction = 'INBOUND'")
_WAITS = text("UPDATE conversations SET unread = :n, waiting_since = last_inbound_at WHERE tenant_id = :t AND id = :id")
_TAGS = text("SELECT id FROM tags WHERE tenant_id = :t AND name = 'Reseller'")


async def seed_inbox(uow: TenantUnitOfWork) -> None:
    """Give the talks that a broadcast brought words of their own, and a team that works on them."""
    values = {"t": uow.tenant_id}
    talks = list((await uow.session.execute(_TALKS, values)).scalars())
    for number, talk in enumerate(talks):
        await uow.session.execute(_SAY, values | {"id": talk, "words": ASKED[number % len(ASKED)]})
    for shortcut, title, category, body in REPLIES:
        await quick_replies.create(uow, QuickReplyCreate(shortcut=shortcut, title=title, category=category, body=body))
    owner = uow.principal.user_id
    sales = (await teams.create(uow, "Penjualan", [owner] if owner else [])).id
    await teams.create(uow, "Gudang")
    if len(talks) >= len(ASKED):
        await _worked_on(uow, talks, sales, values)


async def _worked_on(uow: TenantUnitOfWork, talks: list[UUID], sales: UUID, values: dict[str, Any]) -> None:
    for talk, unread in ((talks[0], 1), (talks[4], 2)):
        await uow.session.execute(_WAITS, values | {"id": talk, "n": unread})
    await takeover.hand_over(uow, talks[1], "unsure", SUMMARY)
    await conversations.assign(uow, talks[2], uow.principal.user_id)
    await conversations.assign_team(uow, talks[6], sales)
    await conversations.set_tags(uow, talks[6], list((await uow.session.execute(_TAGS, values)).scalars()))
    await conversations.assign(uow, talks[11], uow.principal.user_id)
    await conversations.set_priority(uow, talks[11], "high")
    await conversations.add_note(uow, talks[11], NOTE)
    await conversations.close(uow, talks[7])
