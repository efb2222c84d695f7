"""Loading what the router needs for a turn, in one short transaction."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from wa_app.db import TenantUnitOfWork
from wa_app.inbound.router import Heard, Parts, RouterContext
from wa_app.inbound.router.steps import LOOP_WINDOW_S, MAX_RECENT
from wa_app.schemas.conversations import AnswerSettings
from wa_app.sending.rendering import contact_values
from wa_app.services.conversations import lines

READING_PATIENCE: Final = timedelta(minutes=3)
"""A file that is not read by then is answered without."""
MOST_MESSAGES: Final = 100

_TALK = """
SELECT v.chat_id, v.group_jid, v.is_bot_active, v.bot_off_reason, v.away_at, v.summary,
  coalesce(c.name, '') AS name, c.phone, coalesce(c.city, '') AS city, c.attributes, tn.name AS business, tn.language, tn.time_zone, tn.settings -> 'answers' AS answers,
  EXISTS (SELECT 1 FROM contact_identities i JOIN devices d ON d.tenant_id = $1 AND d.deleted_at IS NULL
    AND (d.phone = i.value OR split_part(d.lid, '@', 1) = i.value)
    WHERE i.tenant_id = $1 AND i.contact_id = v.contact_id) AS is_own_number,
  (SELECT count(*) FROM messages m WHERE m.tenant_id = $1 AND m.conversation_id = v.id AND m.direction = 'OUTBOUND'
    AND m.sender IN ('rule', 'flow', 'agent') AND m.timestamp > now() - make_interval(secs => CASE WHEN v.group_jid IS NULL THEN $3 ELSE 3600 END)) AS bot_answers,
  (SELECT min(s.scope) FROM contact_identities i JOIN suppressions s ON s.tenant_id = $1 AND s.hash = i.hash
    WHERE i.tenant_id = $1 AND i.contact_id = v.contact_id) AS stop
FROM conversations v
LEFT JOIN contacts c ON c.tenant_id = $1 AND c.id = v.contact_id
JOIN tenants tn ON tn.id = $1
WHERE v.tenant_id = $1 AND v.id = $2
"""
_MESSAGES = "SELECT * FROM messages WHERE tenant_id = $1 AND turn_id = $2 AND direction = 'INBOUND' ORDER BY timestamp DESC, id DESC LIMIT $3"
_RECENT = """
SELECT timestamp FROM messages WHERE tenant_id = $1 AND conversation_id = $2 AND direction = 'INBOUND'
  AND timestamp > now() - interval '1 day' AND turn_id IS DISTINCT FROM $3 ORDER BY timestamp DESC LIMIT $4
"""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A turn as it was when it was looked at."""

    context: RouterContext
    message_ids: frozenset[UUID]
    seen: tuple[str, ...]
    """Ids of its messages as the channel knows them."""
    chat_id: str
    settings: AnswerSettings
    group_jid: str | None = None
    authors: Mapping[UUID, tuple[str, str | None]] = field(default_factory=dict)
    """Of a group's messages: the channel's ids of the message and of who wrote it."""


async def load(uow: TenantUnitOfWork, turn: Mapping[str, Any], now: datetime, parts: Parts) -> Loaded | None:
    """A turn and its customer; None when its messages are gone. `deepen` adds what only an agent needs."""
    conn = await uow.driver()
    tenant_id, conversation_id = uow.tenant_id, turn["conversation_id"]
    talk = await conn.fetchrow(_TALK, tenant_id, conversation_id, float(LOOP_WINDOW_S))
    rows = (await conn.fetch(_MESSAGES, tenant_id, turn["id"], MOST_MESSAGES))[::-1]
    if talk is None or not rows:
        return None
    settings = AnswerSettings.model_validate(talk["answers"] or {})
    name, phone = _customer(talk, rows[-1])
    context = RouterContext(
        tenant_id=tenant_id, messages=tuple(_heard(row) for row in rows), at=now, parts=parts, device_id=turn["device_id"],
        contact_id=turn["contact_id"], conversation_id=conversation_id, stop=talk["stop"] or "",
        is_bot_active=talk["is_bot_active"], human=talk["bot_off_reason"] or "", is_own_number=talk["is_own_number"],
        bot_answers_lately=talk["bot_answers"],
        is_group=talk["group_jid"] is not None, answers_groups=settings.groups, group_answers_per_h=settings.group_answers_per_h,
        summary=talk["summary"], customer_name=name, business=talk["business"], language=talk["language"],
        zone=talk["time_zone"], away_at=talk["away_at"],
        values=contact_values(name, phone, {**(talk["attributes"] or {}), "city": talk["city"]}),
        seed=turn["id"].bytes, job_key=f"turn:{turn['id']}:{turn['revision']}:{turn['messages']}",
        waited_for_reading=now - turn["created_at"] > READING_PATIENCE,
    )  # fmt: skip
    seen = tuple(row["provider_message_id"] for row in rows if row["provider_message_id"])
    authors = {row["id"]: (row["provider_message_id"], row["author"]["jid"]) for row in rows if row["author"]}
    return Loaded(context, frozenset(row["id"] for row in rows), seen, talk["chat_id"], settings, talk["group_jid"], authors)


def _customer(talk: Mapping[str, Any], last: Mapping[str, Any]) -> tuple[str, str | None]:
    """Name and number of whom an answer speaks to: in a group, of who wrote last."""
    author = last["author"]
    return (author["name"], author["phone"]) if author else (talk["name"], talk["phone"])


async def deepen(uow: TenantUnitOfWork, turn: Mapping[str, Any], loaded: Loaded) -> Loaded:
    """What only an agent needs to know: the talk before, and how much the customer writes."""
    conn = await uow.driver()
    chat = lines.Chat(uow.tenant_id, turn["conversation_id"], turn["contact_id"], turn["device_id"])
    most = lines.MEMORY + len(loaded.message_ids)
    told = await lines.fetch(conn, chat, most)
    recent = await conn.fetch(_RECENT, uow.tenant_id, turn["conversation_id"], turn["id"], MAX_RECENT)
    context = replace(
        loaded.context, recent=tuple(row["timestamp"] for row in recent),
        history=lines.as_turns(told, turn["id"])[-lines.MEMORY :],
    )  # fmt: skip
    if len(told) == most:
        uow.enqueue("conversation.remember", tenant_id=uow.tenant_id, conversation_id=turn["conversation_id"])
    return replace(loaded, context=context)


def _heard(row: Mapping[str, Any]) -> Heard:
    return Heard(
        text=row["text"], kind=row["type"], read_text=(row.get("reading") or {}).get("text") or "", reading=row.get("reading_state"),
        at=row["timestamp"], id=row["id"], unread=(row.get("reading") or {}).get("reason") or "",
    )  # fmt: skip
