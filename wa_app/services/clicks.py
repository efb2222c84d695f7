"""Following a short link: where it leads, and that somebody opened it.

The door knows no tenant, so it works as `sapa_system`, by the link's code alone. One statement finds the address
and notes the click. Previews and crawlers are led on like everyone, but not counted as people.
"""

import re
from hashlib import blake2b
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final
from uuid import UUID

from sqlalchemy import text

from wa_app.config import get_settings
from wa_app.db import system_unit_of_work
from wa_app.sending.links import read_slug, safe_url

_BOT = re.compile(
    r"^whatsapp/|facebookexternalhit|facebot|meta-external|twitterbot|telegrambot|slackbot|discordbot|linkedinbot|skypeuripreview"
    r"|bot\b|bot/|crawl|spider|slurp|preview|headless|lighthouse|monitor|scanner|curl/|wget/|python|go-http|java/|okhttp|axios"
    r"|node-fetch|undici|libwww|httpclient|safelinks|proofpoint|mimecast",
    re.IGNORECASE,
)
"""Browsers of people inside WhatsApp and Facebook (`FBAN`, `Instagram`) name themselves otherwise and count."""
MAX_AGENT: Final = 400

_FIND = text("""
    SELECT l.id, l.tenant_id, l.campaign_id, l.url, m.id AS outbound_id, m.contact_id, m.variant
    FROM links l LEFT JOIN LATERAL (
        SELECT m.id, m.contact_id, m.variant FROM outbound_messages m
        WHERE m.tenant_id = l.tenant_id AND m.campaign_id = l.campaign_id AND m.link_token = CAST(:token AS text)
        LIMIT 1) m ON CAST(:token AS text) IS NOT NULL
    WHERE l.code = :code
""")
_NOTE = text("""
    INSERT INTO link_clicks (tenant_id, link_id, campaign_id, outbound_id, contact_id, variant, visitor, is_bot)
    VALUES (:tenant, :link, :campaign, :outbound, :contact, :variant, :visitor, :bot)
""")


async def follow(slug: str, ip: str, agent: str, *, counts: bool = True, prefetched: bool = False) -> str | None:
    """The address behind a short link, None when there is none. The click is noted unless `counts` is False.

    Args:
        prefetched: the browser fetched it ahead (`Sec-Purpose: prefetch`); nobody has looked yet.
    """
    parts = read_slug(slug)
    if parts is None:
        return None
    code, token = parts
    async with system_unit_of_work() as uow:
        link = (await uow.session.execute(_FIND, {"code": code, "token": token})).one_or_none()
        if link is None:
            return None
        if counts:
            await uow.session.execute(_NOTE, {
                "tenant": link.tenant_id, "link": link.id, "campaign": link.campaign_id, "outbound": link.outbound_id,
                "contact": link.contact_id, "variant": link.variant, "visitor": visitor(link.tenant_id, ip, agent),
                "bot": prefetched or is_bot(agent),
            })  # fmt: skip
            uow.publish_for(link.tenant_id, "campaign", id=str(link.campaign_id), what="click")
    # Checked when it was stored; checked again, so that no row can make this an open door.
    return safe_url(link.url)


def is_bot(agent: str) -> bool:
    """Whether a program fetched the link: a preview of WhatsApp or Facebook, a crawler, a scanner of mails."""
    return not agent.strip() or _BOT.search(agent[:MAX_AGENT]) is not None


def visitor(tenant_id: UUID, ip: str, agent: str) -> bytes:
    """Tells visitors of one tenant apart without naming them: a keyed hash of part of the address and the browser."""
    seed = f"{tenant_id}|{_part(ip)}|{agent[:MAX_AGENT]}".encode("utf-8", "replace")
    return blake2b(seed, digest_size=8, key=get_settings().secret_key.encode()[:64], person=b"visitor").digest()


def _part(ip: str) -> str:
    """The network an address is in: /24, or /48 of IPv6."""
    try:
        address: IPv4Address | IPv6Address = ip_address(ip.split("%")[0])
    except ValueError:
        return ""
    keep = 3 if isinstance(address, IPv4Address) else 6
    return address.packed[:keep].hex()
