"""Taking rows of the ledger for one device: pick, check under locks, render, freeze as `sending`.

Everything here happens in the lane's transaction. Order of locks: the device's row (shared,
so the lease cannot change hands meanwhile), the ledger rows, then the contacts. An opt-out takes
`FOR UPDATE` on the contact: either it commits first and is seen, or it waits for this claim.
Where a contact may only be written to so often, claims of different lanes exclude one another, too (ADR 0009).

Rows of a campaign are picked by group: whose they are by preference, the contact's zone, and whether it
is a stranger. So rows that must wait (quiet there, no budget) are not even looked at. The groups
were written at planning; a row whose contact has changed since is moved to its true group here.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from wa_app.kit import zones
from wa_app.kit.identities import identity_hash
from wa_app.kit.ids import NIL, named
from wa_app.sending import pacing
from wa_app.sending.footers import with_footer
from wa_app.sending.ledger import Deltas, content_hash
from wa_app.sending.rendering import Template, contact_values
from wa_app.sending.writing import Writer, Written


@dataclass(frozen=True, slots=True)
class Claimed:
    """A row that is `sending` and must be sent now, or given back."""

    id: UUID
    attempt: int
    campaign_id: UUID | None
    contact_id: UUID | None
    identity_kind: str
    identity_value: str
    text: str
    file_id: UUID | None
    reply_to: str | None
    provider_key: str | None
    kind: str = "campaign"
    manner: Mapping[str, Any] | None = None
    """How an answer leaves: `{chat, seen, typing, quoted}`."""

    @property
    def chat(self) -> UUID:
        """Names the chat for `Claim.busy`."""
        return self.contact_id or named(self.identity_value)


class Group(NamedTuple):
    """Rows of a campaign that are alike for a lane."""

    preferred: UUID | None
    zone: str
    """Empty: the tenant's."""
    stranger: bool


@dataclass(frozen=True, slots=True)
class CampaignWork:
    """A campaign this device may take rows of."""

    id: UUID
    template: Template
    file_id: UUID | None
    delay_min_s: int | None
    delay_max_s: int | None
    footer: str = ""
    """The opt-out line under each message, "" when the campaign has none."""
    writer: Writer | None = None
    """For variants, conditions on tags and tracked links; None: the template says it all."""


@dataclass(slots=True)
class Batch:
    """What a claim took: rows to send, and how far the counters moved."""

    rows: list[Claimed] = field(default_factory=list)
    deltas: Deltas = field(default_factory=Counter)
    picked: int = 0
    """Rows that were looked at, also those that were skipped or put off."""
    last_id: UUID = NIL
    strangers: int = 0
    """Of `rows`, those to people who never wrote."""
    held_back: bool = False
    """Nothing was picked, and some might have been but for this device's share."""


_PICK = """
SELECT m.id, m.attempt, m.campaign_id, m.contact_id, m.identity_kind, m.identity_value, m.reply_to,
  NULL::text AS body, m.file_id, m.variant, m.kind, m.zone, m.stranger, m.expires_at <= now() AS expired,
  NULL::text AS sender, NULL::jsonb AS manner
FROM outbound_messages m
WHERE m.tenant_id = $1 AND m.campaign_id = $2 AND m.state = 'planned' AND m.id > $4
  AND {preferred} AND m.zone = $5 AND m.stranger = $6
  AND (m.due_at IS NULL OR m.due_at <= now())
  AND (SELECT c.status = 'PROCESSING' AND c.deleted_at IS NULL FROM campaigns c WHERE c.tenant_id = $1 AND c.id = $2)
ORDER BY m.id LIMIT $3 FOR UPDATE SKIP LOCKED
"""
_PICK_CAMPAIGN = _PICK.format(preferred="m.preferred_device_id IS NULL")
_PICK_PREFERRED = _PICK.format(preferred="m.preferred_device_id = $7")
_STEP = """SELECT preferred_device_id AS preferred, zone, stranger FROM outbound_messages
    WHERE tenant_id = $1 AND campaign_id = $2 AND state = 'planned' AND {beyond}
    ORDER BY preferred_device_id, zone, stranger LIMIT 1"""
_GROUPS = f"""
WITH RECURSIVE own AS (
  ({_STEP.format(beyond="preferred_device_id IS NOT NULL")})
  UNION ALL SELECT n.* FROM own o CROSS JOIN LATERAL ({_STEP.format(
    beyond="(preferred_device_id, zone, stranger) > (o.preferred, o.zone, o.stranger)"
  )}) n
), free AS (
  ({_STEP.format(beyond="preferred_device_id IS NULL")})
  UNION ALL SELECT n.* FROM free o CROSS JOIN LATERAL ({_STEP.format(
    beyond="preferred_device_id IS NULL AND (zone, stranger) > (o.zone, o.stranger)"
  )}) n
)
SELECT * FROM own UNION ALL SELECT * FROM free
"""  # noqa: S608  (made of constants)
_PICK_DIRECT = """
SELECT m.id, m.attempt, m.campaign_id, m.contact_id, m.identity_kind, m.identity_value, m.reply_to,
  m.body, m.file_id, m.kind, m.zone, m.stranger, m.expires_at <= now() AS expired, m.sender, m.manner
FROM outbound_messages m
WHERE m.tenant_id = $1 AND m.preferred_device_id = $2 AND m.campaign_id IS NULL AND m.state = 'planned'
  AND (m.due_at IS NULL OR m.due_at <= now()) AND m.priority <= $4
ORDER BY m.priority, m.due_at LIMIT $3 FOR UPDATE SKIP LOCKED
"""
_CONTACTS = """
SELECT c.id, c.name, c.phone, c.city, c.time_zone, c.attributes, c.deleted_at IS NOT NULL AS deleted,
  c.last_inbound_at IS NULL AS stranger
FROM contacts c WHERE c.tenant_id = $1 AND c.id = ANY($2::uuid[]) ORDER BY c.id FOR KEY SHARE
"""
_CONTACTS_ALONE = _CONTACTS.replace("FOR KEY SHARE", "FOR NO KEY UPDATE")
_RECENT = """
SELECT m.contact_id, count(*) AS n FROM outbound_messages m
WHERE m.tenant_id = $1 AND m.contact_id = ANY($2::uuid[]) AND m.campaign_id IS NOT NULL
  AND m.claimed_at > $3::timestamptz - interval '7 days'
  AND m.state IN ('sending', 'sent', 'delivered', 'read', 'played', 'unknown')
GROUP BY m.contact_id
"""
_SUPPRESSED = """
SELECT i.contact_id, bool_or(s.scope = 'all') AS everything
FROM contact_identities i JOIN suppressions s ON s.tenant_id = i.tenant_id AND s.hash = i.hash
WHERE i.tenant_id = $1 AND i.contact_id = ANY($2::uuid[]) GROUP BY i.contact_id
"""
_SUPPRESSED_ALONE = "SELECT scope = 'all' AS everything FROM suppressions WHERE tenant_id = $1 AND hash = $2"
# Never waited for: whoever changes a turn may be waiting for contacts that we hold.
_TURNS = """
SELECT outbound_id, state FROM answer_turns WHERE tenant_id = $1 AND outbound_id = ANY($2::uuid[]) FOR SHARE SKIP LOCKED
"""
_TAKE = """
UPDATE outbound_messages m SET
  state = u.state, body = coalesce(u.body, m.body), content_hash = u.hash, provider_key = u.key,
  provider_message_id = u.key, file_id = u.file_id,
  device_id = CASE WHEN u.state = 'sending' THEN $2 ELSE m.device_id END, lease_epoch = $3,
  claimed_at = now(), due_at = u.due_at, error_code = u.code, zone = u.zone, stranger = u.stranger,
  link_token = coalesce(u.token, m.link_token)
FROM unnest($4::uuid[], $5::text[], $6::text[], $7::bytea[], $8::text[], $9::text[], $10::timestamptz[], $11::uuid[],
  $12::text[], $13::text[], $14::bool[]) AS u(id, state, body, hash, key, code, due_at, file_id, token, zone, stranger)
WHERE m.tenant_id = $1 AND m.id = u.id
"""


@dataclass(slots=True)
class Claim:
    """One claim of a lane; `busy` holds the chats (`Claimed.chat`) with a message in flight or unknown on this device."""

    conn: Any
    tenant_id: UUID
    device_id: UUID
    epoch: int
    zone: ZoneInfo
    now: datetime
    identity_key: bytes
    busy: set[UUID]
    strangers_left: int | None = None
    """How many strangers a campaign may still write to today; None: no limit."""
    frequency: int | None = None
    """Messages of campaigns that one contact may get in seven days; None: no limit."""

    async def direct(self, limit: int, keys: list[str], priority: int) -> Batch:
        """Take single messages that prefer this device, of this priority or a more pressing one."""
        rows = await self.conn.fetch(_PICK_DIRECT, self.tenant_id, self.device_id, limit, priority)
        return await self._take(rows, None, pacing.Policy(), keys)

    async def groups(self, campaign_id: UUID) -> list[Group]:
        """The groups in which the campaign has rows left, due or not."""
        rows = await self.conn.fetch(_GROUPS, self.tenant_id, campaign_id)
        return [Group(row["preferred"], row["zone"], row["stranger"]) for row in rows]

    async def campaign(
        self, work: CampaignWork, group: Group, limit: int, after: UUID, policy: pacing.Policy, keys: list[str]
    ) -> Batch:
        """Take rows of one group of a campaign with ids beyond `after`."""
        values = (self.tenant_id, work.id, limit, after, group.zone, group.stranger)
        if group.preferred is None:
            rows = await self.conn.fetch(_PICK_CAMPAIGN, *values)
        else:
            rows = await self.conn.fetch(_PICK_PREFERRED, *values, group.preferred)
        return await self._take(rows, work, policy, keys)

    async def _take(
        self, rows: Sequence[Mapping[str, Any]], work: CampaignWork | None, policy: pacing.Policy, keys: list[str]
    ) -> Batch:
        batch = Batch()
        if not rows:
            return batch
        people = await self._people(rows, alone=work is not None and self.frequency is not None)
        batch.picked, batch.last_id = len(rows), rows[-1]["id"]
        turns = await self._turns(rows) if work is None else {}
        changes: list[_Change] = []
        written = await self._written(rows, people.contacts, work)
        for row in rows:
            contact = people.contacts.get(row["contact_id"])
            change = _Change(row["id"], zone=row["zone"], stranger=row["stranger"])
            if refusal := await self._refusal(row, contact, people, turns):
                change.state, change.code = "skipped", refusal
            elif turns.get(row["id"]) == BEING_CHANGED:
                change.due_at = self.now + timedelta(seconds=LOOK_AGAIN_S)
            elif (row["contact_id"] or named(row["identity_value"])) in self.busy:
                change.due_at = _soon(self.now)
            elif work is None or not self._moved(contact, policy, change, batch):
                self._freeze(row, contact, work, keys, change, batch, written)
            changes.append(change)
            _count(batch.deltas, row["campaign_id"], self.device_id, change.state)
        await self._write(changes)
        return batch

    async def _turns(self, rows: Sequence[Mapping[str, Any]]) -> dict[UUID, str]:
        """States of the turns that these rows answer. A turn that is taken over is changed before its row is."""
        ids = [row["id"] for row in rows if row["manner"] and "turn" in row["manner"]]
        if not ids:
            return {}
        found = await self.conn.fetch(_TURNS, self.tenant_id, ids)
        return dict.fromkeys(ids, BEING_CHANGED) | {row["outbound_id"]: row["state"] for row in found}

    async def _written(
        self, rows: Sequence[Mapping[str, Any]], contacts: Mapping[UUID, Mapping[str, Any]], work: CampaignWork | None
    ) -> dict[UUID, Written]:
        if work is None or work.writer is None:
            return {}
        values = {row["id"]: _values(row, contacts.get(row["contact_id"])) for row in rows}
        return await work.writer.write(self.conn, rows, values)

    async def _people(self, rows: Sequence[Mapping[str, Any]], *, alone: bool) -> "_People":
        """The contacts, locked; what is known of them is read after the lock.

        `alone`: no other lane may claim for them meanwhile.
        """
        people = _People()
        ids = sorted({row["contact_id"] for row in rows if row["contact_id"]})
        if not ids:
            return people
        found = await self.conn.fetch(_CONTACTS_ALONE if alone else _CONTACTS, self.tenant_id, ids)
        people.contacts = {row["id"]: row for row in found}
        suppressed = await self.conn.fetch(_SUPPRESSED, self.tenant_id, ids)
        people.suppressed = {row["contact_id"]: row["everything"] for row in suppressed}
        if alone:
            recent = await self.conn.fetch(_RECENT, self.tenant_id, ids, self.now)
            people.recent = {row["contact_id"]: row["n"] for row in recent}
        return people

    def _moved(
        self, contact: Mapping[str, Any] | None, policy: pacing.Policy, change: "_Change", batch: Batch
    ) -> bool:
        """Whether the row must wait after all: its contact has another zone, or never wrote, unlike at planning."""
        if contact is None:
            return False
        if policy.has_hours:
            name = zones.zone_name(contact["time_zone"], (contact["attributes"] or {}).get("time_zone"), contact["city"])
            zone = self.zone if name is None else zones.zone(name)
            if pacing.opens_at(policy, self.now, zone) is not None:
                change.zone = "" if zone.key == self.zone.key else zone.key
                return True
        if not contact["stranger"]:
            return False
        if self.strangers_left is not None and batch.strangers >= self.strangers_left:
            change.stranger = True
            return True
        return False

    async def _refusal(
        self, row: Mapping[str, Any], contact: Mapping[str, Any] | None, people: "_People", turns: Mapping[UUID, str]
    ) -> str | None:
        """Why a row must not leave any more, None when it may."""
        if row["expired"]:
            return "expired"
        if row["contact_id"] is not None and row["campaign_id"] is not None and (contact is None or contact["deleted"]):
            return "contact_deleted"
        if self.frequency is not None and people.recent.get(row["contact_id"], 0) >= self.frequency:
            return "frequency"
        if turns.get(row["id"]) == "cancelled":
            return "taken_over"
        everything = people.suppressed.get(row["contact_id"])
        if row["contact_id"] is None:
            everything = await self._suppressed_alone(row)
        if everything is None:
            return None
        return "suppressed" if everything or row["campaign_id"] is not None or row["sender"] in MACHINES else None

    async def _suppressed_alone(self, row: Mapping[str, Any]) -> bool | None:
        digest = identity_hash(self.identity_key, row["identity_kind"] or "phone", row["identity_value"])
        found: bool | None = await self.conn.fetchval(_SUPPRESSED_ALONE, self.tenant_id, digest)
        return found

    def _freeze(
        self, row: Mapping[str, Any], contact: Mapping[str, Any] | None, work: CampaignWork | None,
        keys: list[str], change: "_Change", batch: Batch, written: Mapping[UUID, Written],
    ) -> None:  # fmt: skip
        text = row["body"] or ""
        change.file_id = row["file_id"]
        if work is not None:
            if (own := written.get(row["id"])) is not None:
                text, change.file_id, change.token = own
            else:
                text = work.template.render(_values(row, contact), row["id"].bytes)
                change.file_id = row["file_id"] or work.file_id
            text = with_footer(text, work.footer)
        if change.file_id is None and not text.strip():
            change.state, change.code = "skipped", "empty_text"
            return
        key = keys.pop() if keys and change.file_id is None else None
        change.state, change.body, change.hash, change.key = "sending", text, content_hash(text), key
        self.busy.add(row["contact_id"] or named(row["identity_value"]))
        batch.strangers += contact is not None and contact["stranger"]
        batch.rows.append(
            Claimed(
                row["id"], row["attempt"], row["campaign_id"], row["contact_id"], row["identity_kind"] or "phone",
                row["identity_value"], text, change.file_id, row["reply_to"], key, row["kind"], row["manner"],
            )
        )  # fmt: skip

    async def _write(self, changes: Sequence["_Change"]) -> None:
        await self.conn.execute(
            _TAKE, self.tenant_id, self.device_id, self.epoch,
            [c.id for c in changes], [c.state for c in changes], [c.body for c in changes],
            [c.hash for c in changes], [c.key for c in changes], [c.code for c in changes],
            [c.due_at for c in changes], [c.file_id for c in changes], [c.token for c in changes],
            [c.zone for c in changes], [c.stranger for c in changes],
        )  # fmt: skip


@dataclass(slots=True)
class _People:
    """What is known of the contacts of a batch."""

    contacts: dict[UUID, Mapping[str, Any]] = field(default_factory=dict)
    suppressed: dict[UUID, bool] = field(default_factory=dict)
    """Suppressed contacts; True: for everything."""
    recent: dict[UUID, int] = field(default_factory=dict)
    """Messages of campaigns in the last seven days."""


@dataclass(slots=True)
class _Change:
    id: UUID
    zone: str
    stranger: bool
    state: str = "planned"
    body: str | None = None
    hash: bytes | None = None
    key: str | None = None
    code: str | None = None
    due_at: datetime | None = None
    file_id: UUID | None = None
    token: str | None = None


MACHINES: Final = ("rule", "flow", "agent")
"""Senders that a stop of scope `marketing` binds; a person may still answer."""
BEING_CHANGED: Final = "being_changed"
LOOK_AGAIN_S: Final = 0.2
"""A turn that somebody changes at this moment is looked at again after this."""
PUT_OFF_S: Final = 5.0
"""A chat with a message in flight waits this long: one at a time keeps echoes unmistakable."""


def _soon(now: datetime) -> datetime:
    return now + timedelta(seconds=PUT_OFF_S)


def _count(deltas: Deltas, campaign_id: UUID | None, device_id: UUID, state: str) -> None:
    if campaign_id is not None and state != "planned":
        deltas[(campaign_id, device_id, "planned")] -= 1
        deltas[(campaign_id, device_id, state)] += 1


def _values(row: Mapping[str, Any], contact: Mapping[str, Any] | None) -> dict[str, str]:
    if contact is None:
        return contact_values(None, row["identity_value"] if row["identity_kind"] == "phone" else None)
    attributes = contact["attributes"] or {}
    phone = contact["phone"] or (row["identity_value"] if row["identity_kind"] == "phone" else None)
    return contact_values(contact["name"], phone, {**attributes, "city": contact["city"]})
