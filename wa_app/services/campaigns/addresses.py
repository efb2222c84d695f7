"""Addresses in a message: found, asked by an actor, remembered for a while."""

import hashlib
import re
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import text

from wa_app.config import get_settings
from wa_app.db import SystemUnitOfWork, TenantUnitOfWork, unit_of_work
from wa_app.kit import webprobe
from wa_app.schemas.preflight import LinkView
from wa_app.schemas.principal import Principal

MOST = 10
"""Addresses of one campaign that are looked at."""
FRESH = timedelta(hours=6)
FRESH_DEAD = timedelta(minutes=10)
"""A dead one is asked again sooner: it may have been mended meanwhile."""
BATCH = 20
_URL = re.compile(r"https?://[^\s<>\"'{}\[\]|\\^`]+", re.IGNORECASE)
_HOLE = re.compile(r"[{\[]")

_KNOWN = text(
    "SELECT url, state, reason, CASE state WHEN 'ok' THEN checked_at > now() - CAST(:fresh AS interval) "
    "WHEN 'dead' THEN checked_at > now() - CAST(:dead AS interval) ELSE true END AS is_fresh "
    "FROM link_checks WHERE tenant_id = :t AND hash = ANY(:hashes)"
)
_ASK = text(
    "INSERT INTO link_checks (tenant_id, hash, url) SELECT :t, u.hash, u.url "
    "FROM unnest(CAST(:hashes AS bytea[]), CAST(:urls AS text[])) AS u(hash, url) "
    "ON CONFLICT (tenant_id, hash) DO UPDATE SET state = 'pending', asked_at = now()"
)
_PENDING = text(
    "SELECT id, url FROM link_checks WHERE tenant_id = :t AND state = 'pending' ORDER BY asked_at LIMIT :n"
)
_ANSWER = text(
    "UPDATE link_checks SET state = :state, reason = :reason, checked_at = now() "
    "WHERE tenant_id = :t AND id = :id AND state = 'pending'"
)
_WAITING = text(
    "SELECT DISTINCT tenant_id FROM (SELECT tenant_id FROM link_checks WHERE state = 'pending' "
    "AND asked_at < now() - interval '5 seconds' ORDER BY asked_at LIMIT 500) w"
)


def links_of(messages: Sequence[str]) -> list[str]:
    """Addresses in templates that are the same for everybody; one with a variable in it cannot be asked."""
    found: dict[str, None] = {}
    for message in messages:
        for match in _URL.finditer(message):
            if not _HOLE.match(message, match.end()):
                found.setdefault(match[0].rstrip(".,;:!?)*_~"))
    return [url for url in found if webprobe.is_link(url)][:MOST]


async def look(uow: TenantUnitOfWork, messages: Sequence[str]) -> list[LinkView]:
    """What is known of the addresses in a campaign's texts. Unknown and old ones are handed to the actor."""
    urls = [url for url in links_of(messages) if not url.startswith(f"{get_settings().base_url}/")]
    if not urls:
        return []
    values = {"t": uow.tenant_id, "hashes": [_hash(url) for url in urls], "fresh": FRESH,
              "dead": FRESH_DEAD}  # fmt: skip
    known = {row.url: row for row in await uow.session.execute(_KNOWN, values)}
    asked = [url for url in urls if url not in known or not known[url].is_fresh]
    if asked:
        await uow.session.execute(_ASK, {"t": uow.tenant_id, "hashes": [_hash(url) for url in asked], "urls": asked})
        uow.enqueue("links.check", tenant_id=uow.tenant_id)
    return [_view(url, known.get(url)) for url in urls]


def _view(url: str, row: object) -> LinkView:
    state = getattr(row, "state", "pending")
    return LinkView(url=url, state=state, reason=getattr(row, "reason", None) if state == "dead" else None)


def _hash(url: str) -> bytes:
    return hashlib.sha256(url.encode()).digest()


async def check(tenant_id: UUID) -> int:
    """Ask the addresses a tenant waits for, one after the other. Returns how many were asked."""
    principal = Principal.system(tenant_id)
    async with unit_of_work(principal) as uow:
        waiting = (await uow.session.execute(_PENDING, {"t": tenant_id, "n": BATCH})).all()
    for row in waiting:
        problem = await webprobe.problem_of(row.url, loopback=get_settings().is_dev)
        async with unit_of_work(principal) as uow:
            state = "ok" if problem is None else "dead"
            await uow.session.execute(_ANSWER, {"t": tenant_id, "id": row.id, "state": state, "reason": problem})
            uow.publish("preflight", what="links")
    return len(waiting)


async def wake(uow: SystemUnitOfWork) -> int:
    """Send tenants whose addresses wait to the workers again (for the sweep)."""
    tenants: Sequence[UUID] = (await uow.session.execute(_WAITING)).scalars().all()
    for tenant_id in tenants:
        uow.enqueue("links.check", tenant_id=tenant_id)
    return len(tenants)
