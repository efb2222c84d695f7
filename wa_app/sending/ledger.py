"""The ledger: the only writer of `outbound_messages` besides planning.

Every function moves rows from state to state and books `campaign_counters` in the same
transaction, so the sum over states is the total at every moment. A lane books what it
takes from `planned` under its own device; a total is the sum over devices.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal
from uuid import UUID

import orjson

from wa_app.db import TenantUnitOfWork
from wa_app.errors import Conflict, NotFound
from wa_app.kit.ids import NIL, new_id
from wa_app.sending import chats

PRIORITY: Final[Mapping[str, int]] = {"reply": 0, "manual": 0, "api": 1, "campaign": 5}
EXPIRES_S: Final[Mapping[str, int]] = {"reply": 2 * 3600, "manual": 2 * 3600, "api": 24 * 3600}
"""After this a message that has not left is skipped as expired."""

Kind = Literal["reply", "manual", "api"]
Sender = Literal["human", "rule", "flow", "agent"]
Deltas = Counter[tuple[UUID, UUID, str]]
"""Change of `campaign_counters`, by campaign, device and state."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one call: `state` is sent, unknown, failed, or planned (surely not sent, try again)."""

    id: UUID
    attempt: int
    state: Literal["sent", "unknown", "failed", "planned"]
    message_id: str | None = None
    chat_id: str | None = None
    code: str | None = None
    detail: str | None = None
    wait_s: float = 0.0
    """For planned and unknown: seconds until the row is due again."""


_INSERT = """
INSERT INTO outbound_messages (id, tenant_id, kind, state, priority, dedupe_key, contact_id, identity_kind,
  identity_value, preferred_device_id, due_at, expires_at, body, file_id, reply_to, created_by, sender, manner)
VALUES ($1, $2, $3, 'planned', $4, $5, $6, $7, $8, $9, coalesce($10, now()), now() + make_interval(secs => $11),
  $12, $13, $14, $15, $16, $17)
ON CONFLICT (tenant_id, dedupe_key) DO NOTHING RETURNING id
"""
_CHOOSE_DEVICE = """
SELECT d.id FROM devices d
LEFT JOIN conversations v ON v.tenant_id = d.tenant_id AND v.device_id = d.id AND v.contact_id = $2
WHERE d.tenant_id = $1 AND d.deleted_at IS NULL
ORDER BY d.status = 'CONNECTED' DESC, v.last_message_at DESC NULLS LAST, d.paused_until NULLS FIRST, random() LIMIT 1
"""
_OF_KEY = "SELECT id FROM outbound_messages WHERE tenant_id = $1 AND dedupe_key = $2"


async def enqueue_message(
    uow: TenantUnitOfWork,
    *,
    kind: Kind,
    identity: tuple[str, str],
    text: str,
    dedupe_key: str | None = None,
    contact_id: UUID | None = None,
    device_id: UUID | None = None,
    file_id: UUID | None = None,
    reply_to: str | None = None,
    due_at: datetime | None = None,
    expires_in_s: int | None = None,
    sender: Sender | None = None,
    manner: Mapping[str, Any] | None = None,
    turn_id: UUID | None = None,
    later: bool = False,
    group_chat: UUID | None = None,
) -> UUID:
    """Plan one single message, write its line in the chat, and wake its lane.

    Args:
        identity: `(kind, value)` in stored form: a phone in E.164, a LID as bare digits, the vendor's id of a group.
        dedupe_key: the same key gives the first message's id again; random when None.
        device_id: the device to send from; else the one that last spoke with the contact,
            else any that is connected.
        sender: who wrote it; None for what the platform says itself, which no stop of scope `marketing` holds up.
        manner: how an answer leaves: `{chat, seen, typing, turn, quoted}`.
        turn_id: the turn that it answers.
        later: its line stands in the chat from `due_at` on, not from now.
        group_chat: the conversation of the group it goes to; who is no group's is found by contact and device.

    Raises:
        Conflict: `no_device` when the tenant has no device.
    """
    conn = await uow.driver()
    device = device_id or await conn.fetchval(_CHOOSE_DEVICE, uow.tenant_id, contact_id)
    if device is None:
        raise Conflict("no_device")
    row_id = new_id()
    key = f"{kind}:{dedupe_key or row_id}"
    made = await conn.fetchval(
        _INSERT, row_id, uow.tenant_id, kind, PRIORITY[kind], key, contact_id, identity[0], identity[1], device,
        due_at, float(expires_in_s or EXPIRES_S[kind]), text, file_id, reply_to, uow.principal.user_id, sender,
        None if manner is None else orjson.dumps(manner).decode(),
    )  # fmt: skip
    if made is None:
        known: UUID = await conn.fetchval(_OF_KEY, uow.tenant_id, key)
        return known
    if contact_id is not None or group_chat is not None:
        line = await chats.write_down(
            conn, uow.tenant_id, device, contact_id, row_id, group_chat=group_chat, sender=sender or ("rule" if kind == "reply" else "human"),
            text=text, file_id=file_id, reply_to=reply_to, turn_id=turn_id,
            at=due_at if later else None,
        )  # fmt: skip
        if line is not None:
            uow.publish("message", id=line[1], conversation_id=line[0], contact_id=contact_id)
    uow.enqueue("lane.reply", tenant_id=uow.tenant_id, device_id=device)
    return row_id


def content_hash(text: str) -> bytes:
    """What a text is recognised by when the vendor gave no id: whitespace at the ends does not count."""
    return hashlib.blake2b(text.strip().encode(), digest_size=16).digest()


_OUTCOMES = """
UPDATE outbound_messages m SET
  state = u.state,
  device_id = CASE WHEN u.state = 'planned' THEN NULL ELSE m.device_id END,
  provider_message_id = coalesce(u.message_id, m.provider_message_id),
  chat_id = coalesce(u.chat_id, m.chat_id),
  sent_at = CASE WHEN u.state = 'sent' THEN now() ELSE m.sent_at END,
  due_at = CASE WHEN u.state IN ('planned', 'unknown') THEN now() + make_interval(secs => u.wait_s) END,
  error_code = u.code, error_message = u.detail
FROM unnest($2::uuid[], $3::int[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::float8[])
  AS u(id, attempt, state, message_id, chat_id, code, detail, wait_s)
WHERE m.tenant_id = $1 AND m.id = u.id AND m.attempt = u.attempt
  AND (m.state = 'sending' OR (m.state = 'unknown' AND u.state <> 'unknown')
    OR (m.state = 'failed' AND m.error_code = 'not_sent' AND u.state = 'sent'))
RETURNING m.campaign_id, $10::uuid AS device_id, old.state AS was, new.state AS now
"""


async def write_outcomes(conn: Any, tenant_id: UUID, device_id: UUID, outcomes: Sequence[Outcome]) -> Deltas:
    """Write what became of a window. Late truth about a row that was given up as unknown is taken too."""
    rows = await conn.fetch(
        _OUTCOMES, tenant_id,
        [o.id for o in outcomes], [o.attempt for o in outcomes], [o.state for o in outcomes],
        [o.message_id for o in outcomes], [o.chat_id for o in outcomes], [o.code for o in outcomes],
        [o.detail for o in outcomes], [o.wait_s for o in outcomes], device_id,
    )  # fmt: skip
    return moved(rows)


def moved(rows: Iterable[Mapping[str, Any]]) -> Deltas:
    """Counter changes of rows returned with `campaign_id, device_id, was, now`."""
    deltas: Deltas = Counter()
    for row in rows:
        campaign = row["campaign_id"]
        if campaign is not None and row["was"] != row["now"]:
            device = row["device_id"] or NIL
            deltas[(campaign, device, row["was"])] -= 1
            deltas[(campaign, device, row["now"])] += 1
    return deltas


_BOOK = """
INSERT INTO campaign_counters AS c (tenant_id, campaign_id, device_id, state, n, at)
SELECT $1, u.campaign_id, u.device_id, u.state, u.n, now()
FROM unnest($2::uuid[], $3::uuid[], $4::text[], $5::bigint[]) AS u(campaign_id, device_id, state, n)
ON CONFLICT (tenant_id, campaign_id, device_id, state) DO UPDATE SET n = c.n + excluded.n, at = excluded.at
"""


async def book(conn: Any, tenant_id: UUID, deltas: Deltas) -> None:
    """Add to the counters, always in the same order, so that two bookings cannot wait for each other."""
    rows = sorted((key, n) for key, n in deltas.items() if n)
    if rows:
        await conn.execute(
            _BOOK, tenant_id, [key[0] for key, _ in rows], [key[1] for key, _ in rows],
            [key[2] for key, _ in rows], [n for _, n in rows],
        )  # fmt: skip


_ORPHANS = """
UPDATE outbound_messages m SET state = 'unknown', error_code = 'lane_lost',
  due_at = now() + make_interval(secs => $4) + CASE WHEN m.file_id IS NULL THEN interval '0' ELSE interval '3 min' END
WHERE m.tenant_id = $1 AND m.device_id = $2 AND m.state = 'sending' AND m.lease_epoch IS DISTINCT FROM $3
RETURNING m.campaign_id, m.device_id, old.state AS was, new.state AS now
"""


async def give_up_orphans(conn: Any, tenant_id: UUID, device_id: UUID, epoch: int | None, wait_s: float) -> int:
    """Rows of a lane that is gone (crash, lost lease) become `unknown`; `epoch` is the lease that lives.

    A call with a file may be out for three minutes more (its time-out) before its absence proves anything.
    """
    rows = await conn.fetch(_ORPHANS, tenant_id, device_id, epoch, wait_s)
    await book(conn, tenant_id, moved(rows))
    return len(rows)


_FINISH = """
UPDATE campaigns c SET status = 'COMPLETED', finished_at = now(), updated_at = now()
WHERE c.tenant_id = $1 AND c.id = $2 AND c.status = 'PROCESSING' AND c.planned_at IS NOT NULL
  AND NOT EXISTS (SELECT 1 FROM campaign_counters n WHERE n.tenant_id = $1 AND n.campaign_id = $2
    AND n.state IN ('planned', 'sending', 'held') GROUP BY n.tenant_id HAVING sum(n.n) <> 0)
RETURNING c.id
"""


async def finish_if_done(uow: TenantUnitOfWork, campaign_id: UUID) -> bool:
    """The one place that decides a campaign is over: planned to the end, and nothing left to send.

    Rows that are `unknown` do not keep it open: each is reconciled by itself.
    """
    conn = await uow.driver()
    done = await conn.fetchval(_FINISH, uow.tenant_id, campaign_id)
    if done is not None:
        uow.publish("campaign", id=campaign_id, status="COMPLETED")
    return done is not None


async def pause_campaign(
    uow: TenantUnitOfWork, campaign_id: UUID, reason: str, figures: Mapping[str, float] | None = None
) -> bool:
    """A guard stops a campaign and says why.

    `reason` is a key of the catalogues (`campaigns.pause.<reason>`), `figures` fill its placeholders.
    """
    conn = await uow.driver()
    done = await conn.fetchval(
        "UPDATE campaigns SET status = 'PAUSED', pause_reason = $3, pause_detail = $4, updated_at = now() "
        "WHERE tenant_id = $1 AND id = $2 AND status = 'PROCESSING' RETURNING id",
        uow.tenant_id, campaign_id, reason, orjson.dumps(figures or {}).decode(),
    )  # fmt: skip
    if done is not None:
        uow.publish("campaign", id=campaign_id, status="PAUSED", reason=reason)
    return done is not None


_LEAVE_PLANNED = """
UPDATE outbound_messages m SET state = $3, error_code = $4, due_at = NULL
WHERE m.tenant_id = $1 AND m.id IN (
  SELECT id FROM outbound_messages WHERE tenant_id = $1 AND campaign_id = $2 AND state = 'planned'
    AND ($4 IS DISTINCT FROM 'expired' OR expires_at <= now())
  ORDER BY id LIMIT $5 FOR UPDATE SKIP LOCKED)
RETURNING m.campaign_id, NULL::uuid AS device_id, old.state AS was, new.state AS now
"""
_LEAVE_HELD = _LEAVE_PLANNED.replace("state = 'planned'", "state = 'held'")
CHUNK: Final = 10_000


async def cancel_planned(uow: TenantUnitOfWork, campaign_id: UUID) -> int:
    """Cancel up to `CHUNK` rows of a campaign that have not left, held ones last; call again until it answers 0."""
    conn = await uow.driver()
    rows = await conn.fetch(_LEAVE_PLANNED, uow.tenant_id, campaign_id, "cancelled", None, CHUNK)
    if len(rows) < CHUNK:
        rows += await conn.fetch(_LEAVE_HELD, uow.tenant_id, campaign_id, "cancelled", None, CHUNK - len(rows))
    await book(conn, uow.tenant_id, moved(rows))
    return len(rows)


async def expire_planned(uow: TenantUnitOfWork, campaign_id: UUID) -> int:
    """Skip up to `CHUNK` rows of a campaign whose time has passed."""
    conn = await uow.driver()
    rows = await conn.fetch(_LEAVE_PLANNED, uow.tenant_id, campaign_id, "skipped", "expired", CHUNK)
    await book(conn, uow.tenant_id, moved(rows))
    return len(rows)


_RETRY = """
UPDATE outbound_messages m SET state = 'planned', attempt = m.attempt + 1, device_id = NULL, provider_key = NULL,
  provider_message_id = NULL, content_hash = NULL, error_code = NULL, error_message = NULL, claimed_at = NULL,
  sent_at = NULL, due_at = CASE WHEN m.campaign_id IS NULL THEN now() END,
  body = CASE WHEN m.campaign_id IS NULL THEN m.body END
WHERE m.tenant_id = $1 AND m.id IN (
  SELECT id FROM outbound_messages WHERE tenant_id = $1 AND state = 'failed'
    AND CASE WHEN $2::uuid IS NOT NULL THEN campaign_id = $2 ELSE id = ANY($3) END
    AND ($5::text[] IS NULL OR error_code = ANY($5))
  ORDER BY id LIMIT $4 FOR UPDATE SKIP LOCKED)
RETURNING m.campaign_id, old.device_id AS device_id, old.state AS was, new.state AS now, m.preferred_device_id
"""


async def retry_failed(
    uow: TenantUnitOfWork, *, campaign_id: UUID | None = None, ids: Sequence[UUID] = (), codes: Sequence[str] | None = None
) -> int:
    """Plan failed rows again, up to `CHUNK`: the same row, the next attempt, a new provider key.

    Name a campaign or rows; with `codes` only rows that failed for one of these reasons. Call again until it answers 0. The campaign's own status is its service's.
    """
    conn = await uow.driver()
    given = None if codes is None else list(codes)
    rows = await conn.fetch(_RETRY, uow.tenant_id, campaign_id, list(ids), CHUNK, given)
    await book(conn, uow.tenant_id, moved(rows))
    for device in {row["preferred_device_id"] for row in rows if row["campaign_id"] is None}:
        uow.enqueue("lane.reply", tenant_id=uow.tenant_id, device_id=device)
    return len(rows)


_ANSWER_LOST = """
SELECT 1 FROM outbound_messages m
JOIN messages l ON l.tenant_id = $1 AND l.outbound_id = m.id
JOIN conversations v ON v.tenant_id = $1 AND v.id = l.conversation_id
WHERE m.tenant_id = $1 AND m.id = $2 AND m.state = 'failed' AND m.error_code = 'not_sent' AND m.attempt < 3
  AND m.sender IN ('rule', 'flow', 'agent') AND m.expires_at > now()
  AND (v.is_bot_active OR v.bot_off_reason = 'handed_over')
"""


async def replan_answer(uow: TenantUnitOfWork, row_id: UUID) -> bool:
    """An automatic answer that has surely not gone out is sent after all, unless a person has taken over meanwhile."""
    conn = await uow.driver()
    if await conn.fetchval(_ANSWER_LOST, uow.tenant_id, row_id) is None:
        return False
    return bool(await retry_failed(uow, ids=[row_id]))


_SETTLE = """
UPDATE outbound_messages m SET state = CASE WHEN $3 THEN 'sent' ELSE 'failed' END,
  error_code = CASE WHEN $3 THEN NULL ELSE 'not_sent' END, error_message = NULL, due_at = NULL,
  provider_message_id = coalesce($4, m.provider_message_id),
  sent_at = CASE WHEN $3 THEN coalesce(m.sent_at, $5, m.claimed_at) ELSE m.sent_at END
WHERE m.tenant_id = $1 AND m.id = $2 AND (m.state = 'unknown' OR (m.state = 'sending' AND $3))
RETURNING m.campaign_id, m.device_id, old.state AS was, new.state AS now
"""


async def settle(
    uow: TenantUnitOfWork, row_id: UUID, *, sent: bool, message_id: str | None = None, at: datetime | None = None
) -> bool:
    """An unknown row turns out to have been sent, or not. False when it was not unknown any more."""
    conn = await uow.driver()
    rows = await conn.fetch(_SETTLE, uow.tenant_id, row_id, sent, message_id, at)
    await book(conn, uow.tenant_id, moved(rows))
    for row in rows:
        if row["campaign_id"]:
            uow.publish("campaign", id=row["campaign_id"])
    return bool(rows)


async def resolve(uow: TenantUnitOfWork, row_id: UUID, verdict: Literal["sent", "not_sent"]) -> None:
    """A person decides about a row that could not be reconciled.

    Raises NotFound for another tenant's row and Conflict (`message_not_unknown`) for a row in another state.
    """
    uow.require("campaigns.send")
    conn = await uow.driver()
    state = await conn.fetchval(
        "SELECT state FROM outbound_messages WHERE tenant_id = $1 AND id = $2", uow.tenant_id, row_id
    )
    if state is None:
        raise NotFound
    if not await settle(uow, row_id, sent=verdict == "sent"):
        raise Conflict("message_not_unknown")


async def postpone_unknown(uow: TenantUnitOfWork, row_id: UUID, wait: timedelta | None) -> None:
    """Look at an unknown row again after `wait`, or leave it to a person (None)."""
    conn = await uow.driver()
    await conn.execute(
        "UPDATE outbound_messages SET due_at = now() + $3, "
        "error_code = CASE WHEN $3::interval IS NULL THEN 'undecided' ELSE error_code END "
        "WHERE tenant_id = $1 AND id = $2 AND state = 'unknown'",
        uow.tenant_id, row_id, wait,
    )  # fmt: skip
