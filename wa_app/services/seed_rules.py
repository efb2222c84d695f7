"""The demo's keyword rules, and a week in which they answered."""

from datetime import timedelta
from typing import Final

from sqlalchemy import text

from wa_app.db import TenantUnitOfWork
from wa_app.kit.clock import utc_now
from wa_app.kit.zones import WIB, zone
from wa_app.services import auto_replies

WEEK: Final = {
    "Daftar harga": (6, 9, 7, 11, 8, 14, 9), "Jam buka": (3, 2, 4, 3, 5, 6, 4), "Alamat toko": (1, 2, 0, 3, 2, 4, 1),
    "Ongkos kirim": (4, 5, 3, 6, 4, 7, 5), "Bukti transfer": (2, 3, 2, 4, 3, 5, 2), "Cukup dibaca": (8, 7, 9, 6, 11, 9, 7),
}  # fmt: skip
"""How often each answered in the last seven days, today last."""

_HITS = text(
    "INSERT INTO auto_reply_hits (tenant_id, auto_reply_id, day, shard, hits, last_at) "
    "VALUES (:t, :id, :day, 0, :hits, :at) ON CONFLICT DO NOTHING"
)


async def seed_rules(uow: TenantUnitOfWork) -> None:
    """Rules for the shop, unless it has some."""
    if not await auto_replies.add_examples(uow, "id"):
        return
    now = utc_now()
    today = now.astimezone(zone(WIB)).date()
    for rule in (await auto_replies.list_(uow))[0]:
        for ago, hits in enumerate(reversed(WEEK.get(rule.name, ()))):
            values = {"t": uow.tenant_id, "id": rule.id, "day": today - timedelta(days=ago), "hits": hits}
            if hits:
                await uow.session.execute(_HITS, values | {"at": now - timedelta(days=ago, minutes=17)})
