"""What a device may send next: pauses, pacing, caps, hours, and whose turn it is.

Answers replies first, then single messages of programs, then campaigns in equal shares. Replies wait for
nothing but a rest of the device itself: no gap, no cap (they are counted), no quiet hours, no guard.
Everything runs in the lane's transaction, on the device's row as read there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from wa_app.config import get_settings
from wa_app.kit import zones
from wa_app.kit.clock import boot_clock
from wa_app.kit.ids import NIL
from wa_app.sending import caps, pacing, warmup
from wa_app.sending.claims import Batch, CampaignWork, Claim, Group
from wa_app.sending.footers import footer_of
from wa_app.sending.rendering import parse
from wa_app.sending.shares import Peer, progress
from wa_app.sending.writing import Writer, writer_of

REPLY: Final = 0
"""Priority of answers and of what a person sends by hand."""
ANY: Final = 9
SHARE_WAIT_S: Final = 0.05
SHARE_WAIT_PACED_S: Final = 1.0
LOOK_S: Final = 0.1
"""How long the list of campaigns is believed for big ones; small ones are looked at each time."""
BIG: Final = 5_000
GROUPS_S: Final = 5.0
"""How long the groups of a campaign's rows are believed."""
LONG_S: Final = 300.0
"""A wait that somebody else ends: the sweep looks again."""


@dataclass(slots=True)
class Step:
    """What one transaction decided: rows to send, or how long to wait; neither: the slice is over."""

    batch: Batch = field(default_factory=Batch)
    wait_s: float | None = None
    typing_s: dict[UUID, float] = field(default_factory=dict)
    """How long "typing…" is shown before each row leaves."""
    has_delay: bool = False
    drained: list[UUID] = field(default_factory=list)
    """Campaigns that have no row left to take."""


@dataclass(slots=True)
class _Campaigns:
    works: list[CampaignWork] = field(default_factory=list)
    quotas: dict[UUID, int] = field(default_factory=dict)
    able: dict[UUID, set[UUID]] = field(default_factory=dict)
    """Devices of each campaign that can send now."""
    big: bool = False
    looked_at: float = -1e9


@dataclass(slots=True)
class _Shelf:
    """The groups of one campaign's rows, and how far each was read in this slice.

    The index is full of dead entries before the last row taken, so a lane reads on from there.
    """

    groups: list[Group]
    looked_at: float
    after: dict[Group, UUID] = field(default_factory=dict)
    empty: set[Group] = field(default_factory=set)


_HEAD = """
SELECT d.status, d.is_active_for_broadcast, d.pacing, d.next_send_at, d.paused_until, d.pause_reason, d.error_streak,
  d.package_left, d.warmup_stage, d.warmup_curve, d.guard,
  d.status_detail -> 'new_chats_left' AS new_chats_left, d.status_detail ->> 'new_chats_at' AS new_chats_at,
  coalesce($4::timestamptz, now()) AS now,
  (SELECT min(m.priority) FROM outbound_messages m WHERE m.tenant_id = $1 AND m.preferred_device_id = $2
     AND m.campaign_id IS NULL AND m.state = 'planned' AND (m.due_at IS NULL OR m.due_at <= now())) AS direct
FROM devices d
WHERE d.tenant_id = $1 AND d.id = $2 AND d.lease_epoch = $3 AND d.lease_until > now() AND d.deleted_at IS NULL
FOR SHARE OF d
"""
_CAMPAIGNS = """
SELECT c.id, c.message_template, c.file_id, c.delay_min_s, c.delay_max_s, c.footer, c.variant_count, c.track_links,
  t.settings->>'footer' AS own_footer, t.language, coalesce(c.plan_total, 0) AS total, p.*
FROM campaign_devices me JOIN campaigns c ON c.tenant_id = me.tenant_id AND c.id = me.campaign_id
JOIN tenants t ON t.id = me.tenant_id
CROSS JOIN LATERAL (
  SELECT array_agg(o.device_id) AS devices, array_agg(o.weight * d.weight) AS weights,
    array_agg(coalesce(-n.n, 0)) AS taken, array_agg(extract(epoch FROM now() - n.at)::float8) AS idle,
    array_agg(d.pacing = mine.pacing) AS alike, array_agg(
      d.status = 'CONNECTED' AND d.is_active_for_broadcast AND d.deleted_at IS NULL
      AND d.guard <> 'all' AND (d.paused_until IS NULL OR d.paused_until <= now())) AS able
  FROM campaign_devices o
  JOIN devices d ON d.tenant_id = o.tenant_id AND d.id = o.device_id
  JOIN devices mine ON mine.tenant_id = o.tenant_id AND mine.id = me.device_id
  LEFT JOIN campaign_counters n ON n.tenant_id = o.tenant_id AND n.campaign_id = c.id
    AND n.device_id = o.device_id AND n.state = 'planned'
  WHERE o.tenant_id = me.tenant_id AND o.campaign_id = c.id
) p
WHERE me.tenant_id = $1 AND me.device_id = $2 AND c.status = 'PROCESSING' AND c.deleted_at IS NULL
ORDER BY c.started_at NULLS LAST, c.id
"""
_NEXT = """
UPDATE devices SET next_send_at = $4, package_left = $5 WHERE tenant_id = $1 AND id = $2 AND lease_epoch = $3
"""


@dataclass(slots=True)
class _Moment:
    """What is known at one claim."""

    conn: Any
    head: Any
    now: datetime
    used: caps.Used
    strangers_left: int | None
    package_left: int | None


@dataclass(slots=True)
class Chooser:
    """Decides, claim by claim, for one device in one slice of its lane."""

    tenant_id: UUID
    device_id: UUID
    epoch: int
    zone: ZoneInfo
    identity_key: bytes
    policy: pacing.Policy
    busy: set[UUID]
    """Contacts with a message in flight or unknown on this device."""
    frequency: int | None = None
    """Messages of campaigns that one contact may get in seven days (`tenants.settings`)."""
    keys: list[str] = field(default_factory=list)
    """Message ids made in advance, where the engine takes them."""
    draw: Random = field(default_factory=Random)
    at: datetime | None = None
    """The moment that counts for pacing instead of the database's now; only tests set it."""
    campaigns: _Campaigns = field(default_factory=_Campaigns)
    writers: dict[UUID, Writer | None] = field(default_factory=dict)
    shelves: dict[UUID, _Shelf] = field(default_factory=dict)
    open_since: int | None = None
    """The device's total with the first claim whose outcome is not written yet."""

    async def head(self, conn: Any) -> Any:
        """The device as it is now, its row locked shared; None when the lease is not ours any more."""
        return await conn.fetchrow(_HEAD, self.tenant_id, self.device_id, self.epoch, self.at)

    async def landed(self, conn: Any) -> None:
        """All outcomes of what was claimed are written: from now on the messages count."""
        if self.open_since is not None and {"minute", "hour"} & set(self.policy.caps):
            await caps.landed(conn, self.tenant_id, self.device_id, self.open_since, self.at)
        self.open_since = None

    async def claim(self, conn: Any, head: Any) -> Step:
        """Take the next rows, or say how long to wait."""
        now: datetime = head["now"]
        guard = pacing.guard_of(head["guard"])
        stage_cap = warmup.cap(head["warmup_stage"], head["warmup_curve"])
        self.policy = policy = pacing.Policy.read(head["pacing"]).limited(guard, stage_cap)
        resting = head["paused_until"] is not None and head["paused_until"] > now
        if head["status"] != "CONNECTED":
            return Step()
        if resting and head["pause_reason"] != "account_restricted":
            return Step(wait_s=(head["paused_until"] - now).total_seconds())
        if head["direct"] == REPLY:
            return await self.reply(conn, head)
        if guard == "all":
            return Step(wait_s=LONG_S)
        works = await self._works(conn) if head["is_active_for_broadcast"] and not resting else []
        if head["direct"] is None and not works:
            return Step()
        gap_s = await self._gap_s(conn, head, works)
        if gap_s > 0:
            return Step(wait_s=gap_s)
        if (midnight := caps.day_ends(policy, now, self.zone)) is not None:
            return Step(wait_s=(midnight - now).total_seconds())
        moment = await self._moment(conn, head)
        limit = min(caps.room(policy, moment.used, now + caps.lead(policy)), self._most(moment))
        if limit <= 0:
            ready = caps.ready_at(policy, moment.used, now, self.zone) - caps.lead(policy)
            return Step(wait_s=max(0.01, (ready - now).total_seconds()))
        if head["direct"] is not None:
            batch = await self._claim(moment).direct(limit, self.keys, ANY)
            return await self._booked(moment, Step(batch), policy)
        return await self._claim_campaign(moment, works, limit)

    async def overtake(self, conn: Any, head: Any) -> Step:
        """Take replies while something else is under way; no rows when there are none, or none may leave."""
        resting = head["paused_until"] is not None and head["paused_until"] > head["now"]
        if head["direct"] != REPLY or head["status"] != "CONNECTED":
            return Step()
        return Step() if resting and head["pause_reason"] != "account_restricted" else await self.reply(conn, head)

    async def _gap_s(self, conn: Any, head: Any, works: Sequence[CampaignWork]) -> float:
        """Seconds until the planned time of the next send.

        A time further ahead than any gap in force (the clock was set back, delays were lowered)
        would hold the device for hours: it is drawn in.
        """
        if head["next_send_at"] is None:
            return 0.0
        gap_s: float = (head["next_send_at"] - head["now"]).total_seconds()
        longest = self.policy.longest_gap_s + max([0.0, *(work.delay_max_s or 0.0 for work in works)])
        if gap_s > longest:
            gap_s = longest
            due = head["now"] + timedelta(seconds=longest)
            await conn.execute(_NEXT, self.tenant_id, self.device_id, self.epoch, due, head["package_left"])
        return gap_s

    async def reply(self, conn: Any, head: Any) -> Step:
        """Take what a person waits for; the gap after it is drawn anew, nothing is asked."""
        moment = _Moment(conn, head, head["now"], caps.Used(), None, head["package_left"])
        batch = await self._claim(moment).direct(len(self.keys) or self.policy.window, self.keys, REPLY)
        return await self._booked(moment, Step(batch), self.policy)

    async def _moment(self, conn: Any, head: Any) -> _Moment:
        policy, now = self.policy, head["now"]
        chats_left, chats_at = caps.new_chats(head)
        used = caps.Used()
        if policy.caps or policy.strangers_per_day is not None or chats_left is not None:
            used = await caps.read(conn, self.tenant_id, self.device_id, policy, now, self.zone, chats_at)
        left = caps.strangers_left(policy, used, chats_left)
        return _Moment(conn, head, now, used, left, pacing.package(policy, head["package_left"], self.draw))

    def _most(self, moment: _Moment) -> int:
        """Ids there are, and messages left in the package."""
        return min(len(self.keys) or self.policy.window, moment.package_left or self.policy.window)

    def _claim(self, moment: _Moment) -> Claim:
        return Claim(
            moment.conn, self.tenant_id, self.device_id, self.epoch, self.zone, moment.now, self.identity_key, self.busy,
            moment.strangers_left, self.frequency,
        )  # fmt: skip

    async def _claim_campaign(self, moment: _Moment, works: Sequence[CampaignWork], limit: int) -> Step:
        claim, waiting, drained, opens = self._claim(moment), False, [], list[datetime]()
        for work in works:
            policy = self.policy.slower(work.delay_min_s, work.delay_max_s)
            quota = self.campaigns.quotas[work.id]
            batch, left = await self._pick(claim, work, min(limit, policy.window), quota, policy)
            if batch.picked:
                self.campaigns.quotas[work.id] -= len(batch.rows)
                return await self._booked(moment, Step(batch), policy)
            waiting = waiting or batch.held_back
            opens += self._closed_until(work.id, policy, moment)
            if not left:
                drained.append(work.id)
        if waiting:
            return Step(wait_s=SHARE_WAIT_PACED_S if self.policy.has_delay else SHARE_WAIT_S, drained=drained)
        wait_s = (min(opens) - moment.now).total_seconds() if opens else None
        return Step(wait_s=wait_s, drained=drained)

    async def _pick(
        self, claim: Claim, work: CampaignWork, limit: int, quota: int, policy: pacing.Policy
    ) -> tuple[Batch, bool]:
        """Rows of the first group that has some; and whether the campaign has any row left, for anybody."""
        fresh, held_back = False, False
        shelf = self.shelves.get(work.id)
        while True:
            if shelf is None or boot_clock() - shelf.looked_at > GROUPS_S:
                fresh = True
                after = dict(shelf.after) if shelf else {}
                shelf = self.shelves[work.id] = _Shelf(await claim.groups(work.id), boot_clock(), after)
            for group in self._open(shelf, work.id, claim, policy):
                most = limit if group.preferred == self.device_id else min(limit, quota)
                if group.stranger and claim.strangers_left is not None:
                    most = min(most, claim.strangers_left)
                if most <= 0:
                    held_back = held_back or quota <= 0
                    continue
                batch = await claim.campaign(work, group, most, shelf.after.get(group, NIL), policy, self.keys)
                if batch.picked:
                    shelf.after[group] = batch.last_id
                    return batch, True
                shelf.empty.add(group)
            if fresh and not shelf.after:
                return Batch(held_back=held_back), bool(shelf.groups)
            # Everything beyond is taken: once more from the start, where rows may have come back.
            shelf = None

    def _open(self, shelf: _Shelf, campaign_id: UUID, claim: Claim, policy: pacing.Policy) -> list[Group]:
        """Groups this lane may take of now: its own, then free ones, then those whose device cannot send."""
        able, found = self.campaigns.able[campaign_id], []
        for group in shelf.groups:
            others = group.preferred is not None and group.preferred != self.device_id
            if group in shelf.empty or (others and group.preferred in able):
                continue
            if pacing.opens_at(policy, claim.now, self._zone(group.zone)) is None:
                found.append(group)
        return sorted(found, key=lambda one: (self._rank(one), one.stranger, one.zone))

    def _rank(self, group: Group) -> int:
        return 0 if group.preferred == self.device_id else 1 if group.preferred is None else 2

    def _zone(self, name: str) -> ZoneInfo:
        known = zones.zone_name(name, None, None)
        return self.zone if known is None else zones.zone(known)

    def _closed_until(self, campaign_id: UUID, policy: pacing.Policy, moment: _Moment) -> list[datetime]:
        """When the groups that must wait may go on."""
        shelf, found = self.shelves.get(campaign_id), []
        for group in shelf.groups if shelf else ():
            opens = pacing.opens_at(policy, moment.now, self._zone(group.zone))
            if opens is not None:
                found.append(opens)
            elif group.stranger and moment.strangers_left is not None and moment.strangers_left <= 0:
                found.append(pacing.next_day(moment.now, self.zone))
        return found

    async def _works(self, conn: Any) -> list[CampaignWork]:
        """Campaigns this device may take rows of now, and its quota of each."""
        known = self.campaigns
        if known.big and boot_clock() - known.looked_at < LOOK_S and all(quota > 0 for quota in known.quotas.values()):
            return known.works
        rows = await conn.fetch(_CAMPAIGNS, self.tenant_id, self.device_id)
        known.works = [
            CampaignWork(
                r["id"], parse(r["message_template"]), r["file_id"], r["delay_min_s"], r["delay_max_s"],
                footer_of(r["own_footer"], r["language"]) if r["footer"] else "", await self._writer(conn, r),
            )
            for r in rows
        ]
        known.quotas = {r["id"]: self._quota(r) for r in rows}
        known.able = {
            r["id"]: {device for device, able in zip(r["devices"], r["able"], strict=True) if able} for r in rows
        }
        known.big = all(r["total"] >= BIG for r in rows)
        known.looked_at = boot_clock()
        return known.works

    async def _writer(self, conn: Any, row: Any) -> Writer | None:
        """Kept for the slice: what a campaign says cannot change once it runs."""
        if row["id"] not in self.writers:
            self.writers[row["id"]] = await writer_of(
                conn, self.tenant_id, row, get_settings().base_url, self.identity_key
            )
        return self.writers[row["id"]]

    def _quota(self, row: Mapping[str, Any]) -> int:
        columns = (row[name] for name in ("devices", "weights", "taken", "idle", "alike", "able"))
        peers = [
            Peer(device, weight, taken, idle, bool(alike and able))
            for device, weight, taken, idle, alike, able in zip(*columns, strict=True)
        ]
        policy = self.policy.slower(row["delay_min_s"], row["delay_max_s"])
        gap_s = policy.delay_max_s + (pacing.TYPING_MAX_S if policy.has_delay else 0.0)
        return progress.quota(
            row["id"], self.device_id, peers, window=policy.window, gap_s=gap_s, total=row["total"]
        )

    async def _booked(self, moment: _Moment, step: Step, policy: pacing.Policy) -> Step:
        """Book what was claimed: the caps, the package, and the time of the next send."""
        step.wait_s, step.has_delay = 0.0, policy.has_delay
        n = len(step.batch.rows)
        if not n:
            return step
        now, next_at = moment.now, None
        if policy.has_delay:
            next_at = pacing.next_send(policy, moment.head["next_send_at"], now, self.draw)
        gap_s = (next_at - now).total_seconds() if next_at else None
        slot_s = 0.0
        if moment.used.total:
            slot_s = (caps.ready_at(self.policy, moment.used, now, self.zone) - now).total_seconds()
        for row in step.batch.rows:
            # A person has typed an answer by hand already; who waits for one does not wait for the next gap.
            types = row.kind != "manual" and (row.manner or {}).get("typing") is not False
            typing = pacing.typing_s(policy, row.text, None if row.kind == "reply" else gap_s) if types else 0.0
            step.typing_s[row.id] = max(typing, slot_s, 0.0)
        leaves = now + timedelta(seconds=max(step.typing_s.values()))
        total = await caps.book(
            moment.conn, self.tenant_id, self.device_id, n, step.batch.strangers, leaves, pacing.day_start(now, self.zone)
        )  # fmt: skip
        self.open_since = self.open_since or total
        await self._plan_next(moment, n, next_at)
        return step

    async def _plan_next(self, moment: _Moment, n: int, next_at: datetime | None) -> None:
        left = moment.package_left
        if left is not None and self.policy.has_packages:
            left -= n
            if left <= 0:
                left, next_at = None, (next_at or moment.now) + pacing.package_pause(self.policy, self.draw)
        if next_at is not None or left != moment.head["package_left"]:
            await moment.conn.execute(_NEXT, self.tenant_id, self.device_id, self.epoch, next_at, left)
