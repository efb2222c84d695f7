"""Who is in a group of the inbox: kept, asked for again when it is old or on wish, and who of them is known.

WhatsApp tells ids only. Names come from contacts, else from what the members call themselves when they write;
numbers behind hidden ids from contacts, from messages that told both, and from the server, some at each look.
"""

from collections.abc import Mapping, Sequence, Set
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import orjson
import structlog
from sqlalchemy import text
from sqlmodel import col, select

from wa_app.channels.port import Channel, ChannelError, DeviceTrouble, GroupMember, RetryLater
from wa_app.db import SystemUnitOfWork, TenantUnitOfWork, unit_of_work
from wa_app.errors import NotFound
from wa_app.kit.folding import fold
from wa_app.models.devices import Device, DeviceStatus
from wa_app.models.groups import GroupListStatus, GroupRoster
from wa_app.schemas.groups import GroupMembersView, GroupMemberView
from wa_app.schemas.principal import Principal
from wa_app.services.groups.listing import LOST_S, MAX_TRIES, ChannelOf, Line, code_of, line_of, members_of

log = structlog.get_logger(__name__)

FRESH_S: Final = 900
"""How long a list is believed before a look at it asks again."""
AGAIN_S: Final = 10
"""A wish for a fresh list within this time gets the one there is: WhatsApp limits how often one asks."""
KEEP_DAYS: Final = 30
"""A list that nobody looks at is forgotten."""
MAX_MEMBERS: Final = 5_000
MAX_SHOWN: Final = 200
PAGE: Final = 50
MAX_LOOKUPS: Final = 40
"""Hidden ids that the server is asked about at one look."""
_AUTHORS_LOOKED: Final = 1_000

_CHAT = "SELECT device_id, group_jid FROM conversations WHERE tenant_id = $1 AND id = $2"
_ASK = text("""
INSERT INTO group_rosters (tenant_id, conversation_id, status, requested_at) VALUES (:t, :c, 'loading', now())
ON CONFLICT (tenant_id, conversation_id) DO UPDATE SET status = 'loading', requested_at = now(), attempts = 0, error_code = NULL
WHERE CASE WHEN group_rosters.status = 'loading' THEN group_rosters.requested_at < now() - make_interval(secs => :lost)
  WHEN CAST(:wished AS boolean) THEN group_rosters.requested_at < now() - make_interval(secs => :again)
  ELSE group_rosters.status = 'ready' AND group_rosters.fetched_at < greatest(CAST(:news AS timestamptz), now() - make_interval(secs => :fresh))
  END
RETURNING id
""")
_STORE = text("""
UPDATE group_rosters SET status = 'ready', members = CAST(:members AS jsonb), fetched_at = now(), error_code = NULL, attempts = 0
WHERE tenant_id = :t AND conversation_id = :c RETURNING id
""")
_TROUBLE = text("""
UPDATE group_rosters SET attempts = attempts + 1, requested_at = now(),
  status = CASE WHEN CAST(:retry AS boolean) AND attempts + 1 < :most THEN 'loading' ELSE 'failed' END, error_code = :code
WHERE tenant_id = :t AND conversation_id = :c RETURNING status
""")
_LOST = text("""
UPDATE group_rosters SET requested_at = now() WHERE status = 'loading' AND requested_at < now() - make_interval(secs => :lost)
RETURNING tenant_id, conversation_id
""")
_OLD = text("DELETE FROM group_rosters WHERE requested_at < now() - make_interval(days => :days) AND status <> 'loading'")
_MEMBERS = "SELECT members FROM group_rosters WHERE tenant_id = $1 AND conversation_id = $2"
_CONTACTS = """
SELECT i.kind, i.value, c.id, c.name, c.phone FROM unnest($2::text[], $3::text[]) AS u(kind, value)
JOIN contact_identities i ON i.tenant_id = $1 AND i.kind = u.kind AND i.value = u.value
JOIN contacts c ON c.tenant_id = $1 AND c.id = i.contact_id AND c.deleted_at IS NULL
"""
_AUTHORS = """
SELECT author, created_at FROM messages WHERE tenant_id = $1 AND conversation_id = $2 AND author IS NOT NULL ORDER BY timestamp DESC LIMIT $3
"""
# A member's talk with the number that is in the group comes before one with another number.
_CHATS = """
SELECT DISTINCT ON (contact_id) contact_id, id FROM conversations WHERE tenant_id = $1 AND contact_id = ANY($2::uuid[])
AND last_message_at IS NOT NULL ORDER BY contact_id, device_id <> $3, last_message_at DESC
"""


async def list_members(
    uow: TenantUnitOfWork, conversation_id: UUID, *, q: str = "", refresh: bool = False, limit: int = PAGE
) -> GroupMembersView:
    """Who is in a group: the device itself, admins, then by name. Asks for them when that is due.

    `q` looks in names and numbers. Raises NotFound, also for a conversation that is no group.
    """
    uow.require("messages.read")
    uow.require("contacts.read")
    conn = await uow.driver()
    chat = await conn.fetchrow(_CHAT, uow.tenant_id, conversation_id)
    if chat is None or chat["group_jid"] is None:
        raise NotFound
    device = await uow.session.get(Device, chat["device_id"])
    said = await conn.fetch(_AUTHORS, uow.tenant_id, conversation_id, _AUTHORS_LOOKED)
    row = await _asked(uow, conversation_id, device, said, refresh)
    if row is None or device is None:
        return GroupMembersView(
            status=GroupListStatus.FAILED, error_code="device_away", fetched_at=None, total=0, found=0, items=[]
        )
    known = sorted(await _known(uow, row.members, [one["author"] for one in said]), key=_place)
    found = [one for one in known if _matches(one, q)]
    return GroupMembersView(
        status=row.status, error_code=row.error_code, fetched_at=row.fetched_at, total=len(known), found=len(found),
        items=await _with_chats(uow, found[: min(limit, MAX_SHOWN)], device.id),
    )  # fmt: skip


async def _asked(
    uow: TenantUnitOfWork, conversation_id: UUID, device: Device | None, said: Sequence[Mapping[str, Any]], wished: bool
) -> GroupRoster | None:
    """What is known, asked for anew when it is old, when somebody wishes so, or when a stranger has written since."""
    row = await _row(uow, conversation_id)
    if device is None or device.deleted_at is not None or device.status != DeviceStatus.CONNECTED:
        return row
    values = {
        "t": uow.tenant_id, "c": conversation_id, "lost": LOST_S, "again": AGAIN_S, "fresh": FRESH_S, "wished": wished,
        "news": _strangers_at(row.members, said) if row else None,
    }  # fmt: skip
    if (await uow.session.execute(_ASK, values)).scalar_one_or_none() is None:
        return row
    uow.enqueue("groups.members", tenant_id=uow.tenant_id, conversation_id=conversation_id)
    return await _row(uow, conversation_id)


async def _row(uow: TenantUnitOfWork, conversation_id: UUID) -> GroupRoster | None:
    query = select(GroupRoster).where(col(GroupRoster.conversation_id) == conversation_id)
    row: GroupRoster | None = (await uow.session.execute(query.execution_options(populate_existing=True))).scalar_one_or_none()
    return row


def _strangers_at(listed: Sequence[Mapping[str, Any]], said: Sequence[Mapping[str, Any]]) -> datetime | None:
    """When somebody wrote last who stands in the list under no id of theirs."""
    known = {pair for one in listed for pair in _pairs(one)}
    times = (one["created_at"] for one in said if known.isdisjoint(_pairs(one["author"])))
    return max(times, default=None)


async def _known(
    uow: TenantUnitOfWork, listed: Sequence[Mapping[str, Any]], said: Sequence[Mapping[str, Any]]
) -> list[GroupMemberView]:
    authors = {pair: one for one in reversed(said) for pair in _pairs(one)}
    pairs = {pair for one in (*listed, *said) for pair in _pairs(one)}
    kinds, values = [kind for kind, _ in pairs], [value for _, value in pairs]
    rows = await (await uow.driver()).fetch(_CONTACTS, uow.tenant_id, kinds, values)
    contacts = {(row["kind"], row["value"]): row for row in rows}
    return [_member(one, authors, contacts) for one in listed]


def _pairs(one: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What somebody is found by, the number first."""
    return [(kind, one[kind]) for kind in ("phone", "lid") if one.get(kind)]


def _member(
    one: Mapping[str, Any], authors: Mapping[tuple[str, str], Mapping[str, Any]],
    contacts: Mapping[tuple[str, str], Mapping[str, Any]],
) -> GroupMemberView:  # fmt: skip
    author = next((authors[pair] for pair in _pairs(one) if pair in authors), {})
    # A message may have told the other side of a hidden id.
    told = [*_pairs(one), *_pairs(author)]
    contact = next((contacts[pair] for pair in told if pair in contacts), None)
    phone = one["phone"] or author.get("phone") or (contact["phone"] if contact else None)
    return GroupMemberView(
        id=one["id"], name=(contact["name"] if contact else "") or author.get("name") or "", phone=phone, is_admin=one["admin"],
        is_self=one["self"], contact_id=contact["id"] if contact and not one["self"] else None, chat_id=None,
    )  # fmt: skip


def _place(one: GroupMemberView) -> tuple[bool, bool, bool, str, str]:
    return not one.is_self, not one.is_admin, not one.name, fold(one.name), one.phone or one.id


def _matches(one: GroupMemberView, q: str) -> bool:
    """Whether the words stand in the name, or the digits in the number."""
    words, digits = fold(q[:200]).split(), "".join(filter(str.isdigit, q))
    if digits and not any(map(str.isalpha, q)):
        # 0812… is how people write +62812… at home.
        return (digits.lstrip("0") or digits) in (one.phone or "")
    return all(word in fold(one.name) for word in words)


async def _with_chats(uow: TenantUnitOfWork, shown: list[GroupMemberView], device_id: UUID) -> list[GroupMemberView]:
    ids = [one.contact_id for one in shown if one.contact_id is not None]
    rows = await (await uow.driver()).fetch(_CHATS, uow.tenant_id, ids, device_id) if ids else ()
    chats = {row["contact_id"]: row["id"] for row in rows}
    return [one.model_copy(update={"chat_id": chats.get(one.contact_id)}) for one in shown]


async def fetch_members(principal: Principal, conversation_id: UUID, channel_of: ChannelOf) -> None:
    """Ask the server who is in a group and keep it. No transaction is open meanwhile."""
    async with unit_of_work(principal) as uow:
        conn = await uow.driver()
        chat = await conn.fetchrow(_CHAT, uow.tenant_id, conversation_id)
        known = await conn.fetchval(_MEMBERS, uow.tenant_id, conversation_id) or []
        said = [row["author"] for row in await conn.fetch(_AUTHORS, uow.tenant_id, conversation_id, _AUTHORS_LOOKED)]
    if chat is None or chat["group_jid"] is None:
        return
    line = await line_of(principal, chat["device_id"])
    try:
        if line is None:
            raise DeviceTrouble("no line")
        channel = await channel_of(line.server_id)
        listed, me = await members_of(channel, line, chat["group_jid"]), await channel.me(line.session)
    except ChannelError as error:
        await _trouble(principal, conversation_id, error)
        return
    own = {line.phone, *((me.phone, me.lid, me.chat_id) if me else ())} - {None}
    found = list({one.id: _kept(one, own) for one in listed}.values())[:MAX_MEMBERS]
    await _pair(channel, line, found, known, [one["lid"] for one in said if one.get("lid")])
    async with unit_of_work(principal) as uow:
        await uow.session.execute(_STORE, {"t": uow.tenant_id, "c": conversation_id, "members": orjson.dumps(found).decode()})
        uow.publish("members", conversation_id=conversation_id)


async def _pair(
    channel: Channel, line: Line, found: list[dict[str, Any]], known: Sequence[Mapping[str, Any]], writers: Sequence[str]
) -> None:
    """Put numbers to hidden ids and hidden ids to numbers: some engines list the one and name the writer by the other."""
    pairs = {one["lid"]: one["phone"] for one in known if one["lid"] and one["phone"]}
    listed, numbers = {one["lid"] for one in found if one["phone"]}, {one["phone"]: one for one in found}
    wanted = [*dict.fromkeys(one["lid"] for one in found if not one["phone"]), *dict.fromkeys(writers)]
    try:
        for lid in [one for one in wanted if one and one not in pairs and one not in listed][:MAX_LOOKUPS]:
            pairs[lid] = (await channel.phone_of(line.session, f"{lid}@lid")).phone
    except ChannelError as error:
        # The rest at the next look.
        log.info("groups.members_not_paired", error=error.code)
    for one in found:
        one["phone"] = one["phone"] or pairs.get(one["lid"])
    for lid, phone in pairs.items():
        if phone in numbers and not numbers[phone]["lid"]:
            numbers[phone]["lid"] = lid


def _kept(one: GroupMember, own: Set[str | None]) -> dict[str, Any]:
    lid = one.lid and one.lid.removesuffix("@lid")
    return {"id": one.id, "phone": one.phone, "lid": lid, "admin": one.is_admin, "self": not own.isdisjoint({one.id, one.phone, one.lid} - {None})}


async def _trouble(principal: Principal, conversation_id: UUID, error: ChannelError) -> None:
    """Try again after a while where that helps, else say what is wrong; those known before stay."""
    retry = isinstance(error, RetryLater)
    log.warning("groups.members_not_listed", conversation_id=str(conversation_id), error=error.code)
    async with unit_of_work(principal) as uow:
        values = {"t": uow.tenant_id, "c": conversation_id, "retry": retry, "most": MAX_TRIES, "code": code_of(error)}
        status = (await uow.session.execute(_TROUBLE, values)).scalar_one_or_none()
        if status == GroupListStatus.LOADING and isinstance(error, RetryLater):
            wait_ms = int(min(error.retry_after_s, 60.0) * 1000)
            uow.enqueue("groups.members", delay_ms=wait_ms, tenant_id=uow.tenant_id, conversation_id=conversation_id)
        uow.publish("members", conversation_id=conversation_id)


async def wake(uow: SystemUnitOfWork) -> int:
    """Ask again for lists that were lost with their worker (for the sweep)."""
    lost = (await uow.session.execute(_LOST, {"lost": LOST_S})).all()
    for tenant_id, conversation_id in lost:
        uow.enqueue("groups.members", tenant_id=tenant_id, conversation_id=conversation_id)
    return len(lost)


async def tidy(uow: SystemUnitOfWork) -> None:
    """Forget who was in groups that nobody looks at any more."""
    await uow.session.execute(_OLD, {"days": KEEP_DAYS})
