"""The window of the official API: for a day after a customer has written, anything may be written to them."""

from datetime import datetime
from uuid import UUID

from wa_app.db import TenantUnitOfWork
from wa_app.errors import Conflict

ENDS = "CASE WHEN d.channel = 'cloud' THEN coalesce(v.last_inbound_at + interval '24 hours', '-infinity') END"
"""When it ends, or did; never for other channels. For queries over devices `d` and conversations `v`."""
_IS_SHUT = f"""
SELECT {ENDS} <= coalesce($3, now()) FROM conversations v
JOIN devices d ON d.tenant_id = v.tenant_id AND d.id = v.device_id WHERE v.tenant_id = $1 AND v.id = $2
"""  # noqa: S608


async def check(uow: TenantUnitOfWork, conversation_id: UUID, at: datetime | None = None) -> None:
    """Whether a message may leave at a time, or now. Raises Conflict `window_closed`, `window_closes_before`."""
    conn = await uow.driver()
    if await conn.fetchval(_IS_SHUT, uow.tenant_id, conversation_id, at):
        raise Conflict("window_closes_before" if at else "window_closed")
