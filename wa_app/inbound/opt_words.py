"""STOP and START as people write them: heeded before the next send, on every device (DESIGN §6).

A word is heeded in the transaction that stores its message, under the contact's lock: a claim either
commits before us or sees the suppression. Words are weighed by the time of their messages, not by the
time their webhooks came, so a late STOP does not beat a newer START, nor the other way round; in the
same second the STOP holds. The consent row carries the message's id, so a webhook that comes again changes
nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from wa_app.channels.port import Identity, MessageReceived
from wa_app.db import TenantUnitOfWork
from wa_app.inbound.conversations import Stored, stored_identity
from wa_app.kit.opt_words import Meaning, WordList
from wa_app.models.people import ConsentKind, IdentityKind, SuppressionReason, SuppressionSource
from wa_app.schemas.opt_out import OptOutSettings
from wa_app.sending import ledger, suppression
from wa_app.sending.suppression import Alias, Stop
from wa_app.services import identities
from wa_app.services.conversations import turns

WORD: Final = "word"
"""`consents.source` of what was said by a word."""
ATTRIBUTION_DAYS: Final = 7
"""A STOP belongs to the campaign that last reached the person within this time."""
CLOCK_SLACK_MIN: Final = 15
"""How far our clock and WhatsApp's may be apart before the order of message and STOP is doubted."""
CONFIRM_WITHIN_H: Final = 24
"""An older word is heeded in silence: an answer after days is one more unwanted message."""
MAX_MOVES: Final = 5

_WHO = "SELECT contact_id FROM messages WHERE tenant_id = $1 AND id = $2"
# Rows of a campaign are found by their dedupe key, as the ledger has no index by person.
_REACHED = f"""
SELECT o.campaign_id, o.device_id FROM campaigns c
JOIN contact_identities i ON i.tenant_id = $1 AND i.contact_id = $2
JOIN outbound_messages o ON o.tenant_id = $1 AND o.dedupe_key = 'c:' || c.id || ':' || i.kind || ':' || i.value
WHERE c.tenant_id = $1 AND c.started_at IS NOT NULL
  AND (c.finished_at IS NULL OR c.finished_at > $3::timestamptz - interval '{ATTRIBUTION_DAYS} days')
  AND o.state IN ('sending', 'sent', 'delivered', 'read', 'played', 'unknown')
  AND coalesce(o.sent_at, o.claimed_at) BETWEEN $3::timestamptz - interval '{ATTRIBUTION_DAYS} days'
    AND $3::timestamptz + interval '{CLOCK_SLACK_MIN} min'
ORDER BY coalesce(o.sent_at, o.claimed_at) <= $3 DESC, coalesce(o.sent_at, o.claimed_at) DESC LIMIT 1
"""  # noqa: S608
_CONSENT = """
INSERT INTO consents (tenant_id, contact_id, kind, source, evidence, at, message_id, campaign_id, device_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (tenant_id, message_id) WHERE message_id IS NOT NULL DO NOTHING RETURNING id
"""
_STARTED_SINCE = """
SELECT EXISTS (SELECT 1 FROM consents WHERE tenant_id = $1 AND contact_id = $2 AND kind = 'opt_in'
  AND source = 'word' AND at > $3)
"""
_STOPPED_SINCE = """
SELECT EXISTS (SELECT 1 FROM consents WHERE tenant_id = $1 AND contact_id = $2 AND kind = 'opt_out'
  AND coalesce(at, created_at) >= $3)
"""


@dataclass(frozen=True, slots=True)
class Heard:
    """A stored message that is a word of the list."""

    meaning: Meaning
    device_id: UUID
    message_id: UUID
    contact_id: UUID
    at: datetime
    text: str
    people: tuple[Identity, ...]


def listen(words: WordList, device_id: UUID, message: MessageReceived, stored: Stored) -> Heard | None:
    """The word in a message, None for ordinary ones."""
    meaning = words.meaning(message.text)
    if meaning is None or stored.contact_id is None:
        return None
    return Heard(
        meaning, device_id, stored.id, stored.contact_id, stored.at, message.text.replace("\x00", "")[:100],
        tuple(message.sender),
    )  # fmt: skip


async def heed(uow: TenantUnitOfWork, heard: Heard, settings: OptOutSettings) -> None:
    """Do what was asked for: suppression over all aliases, consent, attribution, at most one confirmation."""
    conn = await uow.driver()
    contact_id = await _locked(uow, conn, heard)
    at: datetime = await conn.fetchval("SELECT least($1::timestamptz, now())", heard.at)
    reached = await conn.fetchrow(_REACHED, uow.tenant_id, contact_id, at) if heard.meaning is Meaning.STOP else None
    if not await _is_news(uow, conn, heard, contact_id, at, reached):
        return
    changed = (
        await _stop(uow, conn, heard, contact_id, at, reached)
        if heard.meaning is Meaning.STOP
        else await _start(uow, conn, contact_id, at)
    )
    if changed and settings.confirms:
        await _confirm(uow, conn, heard, contact_id, at, settings)


async def _locked(uow: TenantUnitOfWork, conn: Any, heard: Heard) -> UUID:
    """The contact behind the message, locked; it may have been joined with another one meanwhile."""
    contact_id: UUID = await conn.fetchval(_WHO, uow.tenant_id, heard.message_id) or heard.contact_id
    for _ in range(MAX_MOVES):
        await suppression.lock_contact(uow, uow.tenant_id, contact_id)
        now: UUID = await conn.fetchval(_WHO, uow.tenant_id, heard.message_id) or contact_id
        if now == contact_id:
            break
        contact_id = now
    return contact_id


async def _is_news(
    uow: TenantUnitOfWork, conn: Any, heard: Heard, contact_id: UUID, at: datetime, reached: Mapping[str, Any] | None
) -> bool:
    """Write the consent row; False when this message was heeded before."""
    kind = ConsentKind.OPT_OUT if heard.meaning is Meaning.STOP else ConsentKind.OPT_IN
    made = await conn.fetchval(
        _CONSENT, uow.tenant_id, contact_id, kind.value, WORD, heard.text, at, heard.message_id,
        reached and reached["campaign_id"], reached and reached["device_id"],
    )  # fmt: skip
    return made is not None


async def _stop(
    uow: TenantUnitOfWork, conn: Any, heard: Heard, contact_id: UUID, at: datetime, reached: Mapping[str, Any] | None
) -> bool:
    """Suppress the person; False when that is nothing new, or when they started again since."""
    if await conn.fetchval(_STARTED_SINCE, uow.tenant_id, contact_id, at):
        return False
    before = await suppression.scope_of_contact(uow, uow.tenant_id, contact_id)
    campaign_id = reached["campaign_id"] if reached else None
    stop = Stop(
        SuppressionReason.UNSUBSCRIBE, note=heard.text, campaign_id=campaign_id, source=SuppressionSource.WORD
    )
    await suppression.add(uow, await _aliases(uow, heard, contact_id), stop)
    await turns.cancel_all_of(uow, contact_id, "stopped")
    uow.publish("contact", id=contact_id)
    uow.publish("blacklist")
    if campaign_id is not None:
        uow.publish("campaign", id=campaign_id)
    return before is None


async def _start(uow: TenantUnitOfWork, conn: Any, contact_id: UUID, at: datetime) -> bool:
    """Lift the person's own stop; False when there was none, a newer one, or something else still holds."""
    if await conn.fetchval(_STOPPED_SINCE, uow.tenant_id, contact_id, at):
        return False
    lifted = await suppression.remove_unsubscribed(uow, contact_id)
    if not lifted:
        return False
    uow.publish("contact", id=contact_id)
    uow.publish("blacklist")
    return await suppression.scope_of_contact(uow, uow.tenant_id, contact_id) is None


async def _aliases(uow: TenantUnitOfWork, heard: Heard, contact_id: UUID) -> list[Alias]:
    """Every alias of the person, and those the message itself came under."""
    found = await suppression.aliases_of(uow, uow.tenant_id, contact_id, identities.masked)
    key = await identities.tenant_key(uow)
    for one in heard.people:
        kind, value = IdentityKind(one.kind.value), stored_identity(one)[1]
        found.append(Alias(kind, identities.identity_hash(key, kind.value, value), identities.masked(kind, value)))
    return list({alias.hash: alias for alias in reversed(found)}.values())


async def _confirm(
    uow: TenantUnitOfWork, conn: Any, heard: Heard, contact_id: UUID, at: datetime, settings: OptOutSettings
) -> None:
    """One answer in the chat the word came with. Somebody who changes their mind all day gets one an hour of each."""
    if await conn.fetchval("SELECT $1::timestamptz < now() - make_interval(hours => $2)", at, CONFIRM_WITHIN_H):
        return
    text = settings.opt_out_reply if heard.meaning is Meaning.STOP else settings.opt_in_reply
    await ledger.enqueue_message(
        uow, kind="reply", identity=stored_identity(heard.people[0]), text=text, contact_id=contact_id,
        device_id=heard.device_id, dedupe_key=f"opt:{heard.meaning.value}:{contact_id}:{at:%Y%m%d%H}",
    )  # fmt: skip
