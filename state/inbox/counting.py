"""Counts of folders, asked once for all tabs of this process that want them in the same moment.

Fifty tabs of one tenant hear of the same message at once; what differs between their people is counted for each.
"""

import time
from typing import Final
from uuid import UUID

from wa_app.db import TenantUnitOfWork
from wa_app.services import conversations

MOST: Final = 1000
"""Tenants remembered: a process that serves more forgets all and begins anew."""
_waiting: dict[tuple[UUID, UUID | None], tuple[float, int]] = {}
_known: dict[UUID, tuple[float, dict[str, int]]] = {}


async def counts_for(uow: TenantUnitOfWork, *, since: float | None = None) -> dict[str, int]:
    """The counts of the caller's folders.

    Args:
        since: by the monotonic clock; those of everybody's may be what another tab was told since then. None: all anew.
    """
    begun = time.monotonic()
    at, known = _known.get(uow.tenant_id, (0.0, None))
    fresh = since is not None and at >= since
    counts = (await conversations.counts(uow, known if fresh else None)).model_dump()
    if not fresh:
        if len(_known) >= MOST:
            _known.clear()
        _known[uow.tenant_id] = (begun, counts)
    return counts


async def waiting_for(uow: TenantUnitOfWork, *, since: float) -> int:
    """What waits for the caller; it may be what another tab of theirs was told since then, by the monotonic clock."""
    who = (uow.tenant_id, uow.principal.user_id)
    begun, known = _waiting.get(who, (0.0, 0))
    uow.require("messages.read")
    if begun >= since:
        return known
    begun = time.monotonic()
    n = await conversations.waiting(uow)
    if len(_waiting) >= MOST:
        _waiting.clear()
    _waiting[who] = (begun, n)
    return n
