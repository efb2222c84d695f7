"""Everything that people, programs and workers ask all day long. Add what your noun asks.

`HOT` runs as `sapa_app` inside one tenant, `SYSTEM` as `sapa_system` over all. A statement that is not
behind a service function of its own is named directly.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, get_args
from uuid import UUID

from wa_app.ai.gateway import quotas
from wa_app.db import SystemUnitOfWork, TenantUnitOfWork
from wa_app.inbound import answering, contexts, media, opt_words, process
from wa_app.kit.clock import utc_now
from wa_app.kit.ids import NIL, id_floor, new_id
from wa_app.models.outbound import MessageState
from wa_app.models.people import SuppressionReason
from wa_app.models.reports import JobKind
from wa_app.models.scans import OcrScan
from wa_app.schemas.auto_replies import RuleFilter, RuleQuestion
from wa_app.schemas.blacklist import BlacklistFilter
from wa_app.schemas.campaigns import Target
from wa_app.schemas.contacts import ContactFilter
from wa_app.schemas.conversations import ChatFilters, ChatFolder
from wa_app.schemas.segments import Rules
from wa_app.sending import acks, audience, caps, claims, lane, ledger, reconcile, sweeps
from wa_app.services import (
    agent_trials,
    agents,
    ai_usage,
    auto_replies,
    blacklist,
    campaigns,
    clicks,
    contacts,
    conversations,
    devices,
    files,
    imports,
    message_templates,
    messages,
    overview,
    quick_replies,
    scans,
    segments,
    tags,
    teams,
)
from wa_app.services.admin import dead, work
from wa_app.services.agent_trials import surroundings
from wa_app.services.ai_providers import rows as provider_rows
from wa_app.services.auto_replies import counting, deciding
from wa_app.services.campaigns import addresses, jobs, reports, series, snapshots, variants
from wa_app.services.campaigns import links as campaign_links
from wa_app.services.conversations import sweeps as answers
from wa_app.services.conversations import takeover, turns
from wa_app.services.devices import guarding, measuring


@dataclass
class World:
    """Ids of one tenant among many, all with many rows."""

    tenant_id: UUID
    ids: dict[str, UUID] = field(default_factory=dict)
    contact_ids: list[UUID] = field(default_factory=list)


Ask = Callable[[TenantUnitOfWork, World], Awaitable[Any]]
AskAll = Callable[[SystemUnitOfWork, World], Awaitable[Any]]


def driver(statement: str, *values: Callable[[World], Any]) -> Ask:
    """A statement that goes to asyncpg directly; `$1` is the tenant."""

    async def ask(uow: TenantUnitOfWork, world: World) -> Any:
        conn = await uow.driver()
        return await conn.fetch(statement, world.tenant_id, *(value(world) for value in values))

    return ask


def _view(view: ChatFolder) -> Ask:
    return lambda uow, world: conversations.list_(uow, filters=ChatFilters(view=view))


async def _longest_next_page(uow: TenantUnitOfWork, world: World) -> Any:
    filters = ChatFilters(sort="waiting")
    first = await conversations.list_(uow, filters=filters, limit=10)
    assert first.next_cursor
    return await conversations.list_(uow, filters=filters, cursor=first.next_cursor)


def row(name: str) -> Callable[[World], Any]:
    return lambda world: world.ids[name]



CAMPAIGN = {"field": "campaign", "state": "read"}


def segment(uow: TenantUnitOfWork, world: World, rule: dict[str, Any]) -> Awaitable[Any]:
    """Size and sample of one rule, as the builder asks while one types."""
    rules = Rules.model_validate({"rules": [rule]})
    return audience.look(uow, world.tenant_id, Target(filter=rules), 10)


HOT: dict[str, Ask] = {
    "ai.usage": lambda uow, w: ai_usage.summary(uow),
    "scans.get": lambda uow, w: uow.session.get(OcrScan, w.ids["ocr_scans"]),
    "contacts.list": lambda uow, w: contacts.list_(uow),
    "contacts.list_next_page": lambda uow, w: contacts.list_(uow, cursor=str(w.contact_ids[2000])),
    "contacts.search_name": lambda uow, w: contacts.list_(uow, ContactFilter(q="sari 77")),
    "contacts.search_phone": lambda uow, w: contacts.list_(uow, ContactFilter(q="0812000077")),
    "contacts.by_tag": lambda uow, w: contacts.list_(uow, ContactFilter(tags=[w.ids["tags"]])),
    "contacts.get": lambda uow, w: contacts.get(uow, w.contact_ids[5]),
    "tags.list": lambda uow, w: tags.list_(uow, with_counts=False),
    "campaigns.list": lambda uow, w: campaigns.list_(uow),
    "campaigns.get": lambda uow, w: campaigns.get(uow, w.ids["campaigns"]),
    "campaigns.log": lambda uow, w: campaigns.logs(uow, w.ids["campaigns"]),
    "campaigns.log_of_a_state": lambda uow, w: campaigns.logs(uow, w.ids["campaigns"], state=[MessageState.FAILED]),
    "campaigns.log_search": lambda uow, w: campaigns.logs(uow, w.ids["campaigns"], q="sari"),
    "campaigns.stats": lambda uow, w: campaigns.stats(uow, w.ids["campaigns"]),
    "campaigns.live": lambda uow, w: campaigns.live(uow, w.ids["campaigns"]),
    "campaigns.report": lambda uow, w: reports.report(uow, w.ids["campaigns"]),
    "campaigns.jobs": lambda uow, w: jobs.recent(uow, w.ids["campaigns"], JobKind.CSV),
    "preflight": lambda uow, w: campaigns.preflight_of(uow, w.ids["campaigns"]),
    "audience.by_tag": lambda uow, w: audience.count(uow, Target(tags=["tag 1"])),
    "variants.states": lambda uow, w: uow.session.execute(
        variants._STATES, {"t": w.tenant_id, "c": w.ids["campaigns"]}
    ),
    "variants.held": lambda uow, w: uow.session.execute(variants._HELD, {"t": w.tenant_id, "c": w.ids["campaigns"]}),
    "variants.clicked": lambda uow, w: uow.session.execute(
        variants._CLICKED, {"t": w.tenant_id, "c": w.ids["campaigns"]}
    ),
    "links.totals": lambda uow, w: campaign_links.totals(uow, w.ids["campaigns"]),
    "links.clickers": lambda uow, w: campaign_links.clickers(uow, w.ids["campaigns"]),
    "rules.list": lambda uow, w: auto_replies.list_(uow, RuleFilter(q="sari", device_id=w.ids["devices"])),
    "rules.decide": lambda uow, w: auto_replies.decide(
        uow, RuleQuestion("harga", w.ids["devices"], w.contact_ids[5], datetime.now(UTC))
    ),
    "rules.answered": lambda uow, w: uow.session.execute(
        deciding._ANSWERED, {"t": w.tenant_id, "c": w.contact_ids[5], "ids": [w.ids["auto_replies"]]}
    ),
    "rules.claim": lambda uow, w: uow.session.execute(
        counting._CLAIM, {
            "t": w.tenant_id, "id": w.ids["auto_replies"], "contact": w.contact_ids[5], "period": datetime.now(UTC),
            "at": datetime.now(UTC), "most": 1, "cooldown": 0,
        },
    ),
    "rules.hit": lambda uow, w: auto_replies.count_hit(uow, w.ids["auto_replies"], w.contact_ids[5], datetime.now(UTC)),
    "message_templates.list": lambda uow, w: message_templates.list_(uow),
    "agent_trials.list": lambda uow, w: agent_trials.list_(uow, w.ids["agents"]),
    "agent_trials.latest": lambda uow, w: agent_trials.latest(uow, w.ids["agents"]),
    "agents.today": lambda uow, w: surroundings.today(uow),
    "segments.by_tag": lambda uow, w: segment(uow, w, {"field": "tags", "tag_ids": [str(w.ids["tags"])]}),
    "segments.received": lambda uow, w: segment(uow, w, {"field": "activity", "what": "received", "days": 1}),
    "segments.never_read": lambda uow, w: segment(uow, w, {"field": "activity", "what": "read", "did": False}),
    "segments.read_campaign": lambda uow, w: segment(uow, w, CAMPAIGN | {"campaign_ids": [str(w.ids["campaigns"])]}),
    "segments.replied_campaign": lambda uow, w: segment(
        uow, w, CAMPAIGN | {"state": "replied", "campaign_ids": [str(w.ids["campaigns"])]}
    ),
    "segments.consent": lambda uow, w: segment(uow, w, {"field": "consent", "op": "suppressed"}),
    "segments.list": lambda uow, w: segments.list_(uow),
    "blacklist.list": lambda uow, w: blacklist.list_(uow),
    "blacklist.spam": lambda uow, w: blacklist.list_(uow, BlacklistFilter(reason=SuppressionReason.SPAM_REPORT)),
    "blacklist.unreachable": lambda uow, w: blacklist.unreachable(uow),
    "opt_words.reached": driver(opt_words._REACHED, lambda w: w.contact_ids[5], lambda w: datetime.now(UTC)),
    "blacklist.find": lambda uow, w: blacklist.list_(uow, q="+628120000771"),
    "agents.active": lambda uow, w: agents.active(uow, w.ids["devices"]),
    "agents.list": lambda uow, w: agents.list_(uow),
    "agents.versions": lambda uow, w: agents.versions(uow, w.ids["agents"]),
    "insights.latest": lambda uow, w: agents.insights.latest(uow, w.ids["conversations"]),
    "insights.of_messages": lambda uow, w: agents.insights.of_messages(uow, [w.ids["messages"]]),
    "devices.list": lambda uow, w: devices.list_devices(uow),
    "devices.events": lambda uow, w: devices.list_events(uow, w.ids["devices"]),
    "devices.health": lambda uow, w: devices.health_history(uow, w.ids["devices"]),
    "files.get": lambda uow, w: files.show(uow, w.ids["files"]),
    "files.library": lambda uow, w: files.list_(uow),
    "files.search": lambda uow, w: files.list_(uow, q="sari", kind="image"),
    "files.count": lambda uow, w: files.count(uow),
    "files.uses": lambda uow, w: files.uses(uow, w.ids["files"]),
    "imports.recent": lambda uow, w: imports.recent(uow),
    "messages.get": lambda uow, w: messages.get(uow, w.ids["outbound_messages"]),
    "home.overview": lambda uow, w: overview.get_overview(uow),
    "lane.groups": driver(claims._GROUPS, row("campaigns")),
    "lane.pick_campaign": driver(
        claims._PICK_CAMPAIGN, row("campaigns"), lambda w: 16, lambda w: NIL, lambda w: "", lambda w: False
    ),
    "lane.pick_preferred": driver(
        claims._PICK_PREFERRED, row("campaigns"), lambda w: 16, lambda w: NIL, lambda w: "", lambda w: True, row("devices")
    ),
    "lane.pick_direct": driver(claims._PICK_DIRECT, row("devices"), lambda w: 16, lambda w: 9),
    "lane.reply_waits": driver(lane.REPLY_WAITS, row("devices")),
    "lane.used": driver(
        caps._USED, row("devices"), lambda w: 20, lambda w: 500, lambda w: datetime.now(UTC), lambda w: datetime.now(UTC)
    ),
    "lane.contacts": driver(claims._CONTACTS, lambda w: w.contact_ids[:16]),
    "lane.contacts_alone": driver(claims._CONTACTS_ALONE, lambda w: w.contact_ids[:16]),
    "lane.recent": driver(claims._RECENT, lambda w: w.contact_ids[:16], lambda w: datetime.now(UTC)),
    "lane.suppressed": driver(claims._SUPPRESSED, lambda w: w.contact_ids[:16]),
    "reconcile.unknown": driver(reconcile._UNKNOWN, row("devices")),
    "reconcile.attributed": driver(reconcile._ATTRIBUTED, row("devices"), lambda w: ["x1"], row("outbound_messages")),
    "conversations.list": lambda uow, w: conversations.list_(uow),
    "conversations.search": lambda uow, w: conversations.list_(uow, q="sari"),
    "conversations.needs_human": lambda uow, w: conversations.list_(uow, needs_human=True),
    **{f"conversations.view_{view}": _view(view) for view in get_args(ChatFolder)},
    "conversations.longest": lambda uow, w: conversations.list_(uow, filters=ChatFilters(sort="waiting")),
    "conversations.longest_next_page": _longest_next_page,
    "conversations.longest_then_calm": lambda uow, w: conversations.list_(
        uow, filters=ChatFilters(sort="waiting"), cursor=f"{utc_now().isoformat()}~{w.ids['conversations']}"
    ),
    "conversations.only": lambda uow, w: conversations.list_(uow, only=[w.ids["conversations"]]),
    "conversations.waiting": lambda uow, w: conversations.waiting(uow),
    "conversations.colleagues": lambda uow, w: conversations.colleagues(uow),
    "conversations.team_names": lambda uow, w: conversations.team_names(uow),
    "conversations.view_assignee": lambda uow, w: conversations.list_(uow, filters=ChatFilters(assigned_to=w.ids["users"])),
    "conversations.unread": lambda uow, w: conversations.list_(uow, filters=ChatFilters(unread=True)),
    "conversations.view_device": lambda uow, w: conversations.list_(uow, filters=ChatFilters(device_id=w.ids["devices"])),
    "conversations.view_team": lambda uow, w: conversations.list_(uow, filters=ChatFilters(team_id=w.ids["teams"])),
    "conversations.view_tag": lambda uow, w: conversations.list_(uow, filters=ChatFilters(tag_id=w.ids["tags"])),
    "conversations.counts": lambda uow, w: conversations.counts(uow),
    "conversations.service_times": lambda uow, w: conversations.service_times(uow, days=30),
    "conversations.active": lambda uow, w: conversations.list_(uow, filters=ChatFilters(active_h=24)),
    "teams.list": lambda uow, w: teams.list_(uow),
    "quick_replies.list": lambda uow, w: quick_replies.list_(uow, q="harga"),
    "conversations.words": lambda uow, w: conversations.search(uow, "sepatu"),
    "conversations.customer": lambda uow, w: conversations.customer(uow, w.ids["conversations"]),
    "conversations.scheduled": lambda uow, w: conversations.scheduled(uow, w.ids["conversations"]),
    "conversations.notes": lambda uow, w: conversations.notes(uow, w.ids["conversations"]),
    "conversations.get": lambda uow, w: conversations.get(uow, w.ids["conversations"]),
    "conversations.messages": lambda uow, w: conversations.messages(uow, w.ids["conversations"]),
    "conversations.day": lambda uow, w: conversations.day(uow, w.ids["conversations"], utc_now() - timedelta(days=1)),
    "turns.find": driver(turns._FIND, row("conversations")),
    "turns.free": driver(answering._FREE, row("conversations")),
    "turns.due": driver(answering._DUE, row("conversations")),
    "turns.of_contact": driver(turns._OPEN_OF, lambda w: w.contact_ids[5]),
    "turns.talk": driver(contexts._TALK, row("conversations"), lambda w: 600.0),
    "turns.messages": driver(contexts._MESSAGES, row("answer_turns"), lambda w: 100),
    "turns.recent": driver(contexts._RECENT, row("conversations"), row("answer_turns"), lambda w: 1000),
    "lane.turns": driver(claims._TURNS, lambda w: [w.ids["outbound_messages"]]),
    "inbound.pick": driver(process._PICK, lambda w: 100),
    "inbound.acks": driver(process._ACK_MESSAGES, lambda w: [w.ids["devices"]], lambda w: ["x1"], lambda w: ["read"]),
    "ledger.acks": driver(acks._LOCK_ACKED, lambda w: [w.ids["devices"]], lambda w: ["x1"]),
    "ledger.enqueue": lambda uow, w: ledger.enqueue_message(
        uow, kind="manual", identity=("phone", "+6281200000001"), text="hai", dedupe_key=str(new_id())
    ),
}

SYSTEM: dict[str, AskAll] = {
    "ai.platform_usage": lambda uow, w: ai_usage.platform_summary(uow, "Asia/Jakarta"),
    "ai.tidy": lambda uow, w: ai_usage.tidy(uow),
    "ai.holds": lambda uow, w: uow.session.execute(quotas._EXPIRED),
    "ai.providers": lambda uow, w: uow.session.execute(provider_rows._FACTS, {"zone": "Asia/Jakarta", "ids": [w.ids["ai_providers"]]}),
    "media.wake": lambda uow, w: media.wake(uow),
    "media.give_up": lambda uow, w: uow.session.execute(media._LATE, {"patience": media.PATIENCE_S}),
    "scans.wake": lambda uow, w: scans.wake(uow),
    "scans.old": lambda uow, w: uow.session.execute(scans._OLD),
    "sweep.turns": lambda uow, w: uow.session.execute(answers._DUE, {"again": answers.WAKE_AGAIN_S}),
    "sweep.answers": lambda uow, w: uow.session.execute(answers._LEFT),
    "sweep.snoozed": lambda uow, w: uow.session.execute(answers._WAKE),
    "sweep.scheduled": lambda uow, w: uow.session.execute(answers._LEFT_LATER),
    "sweep.resume": lambda uow, w: takeover.resume_due(uow),
    "rules.tidy": lambda uow, w: auto_replies.tidy(uow),
    "rules.purge": lambda uow, w: auto_replies.purge(uow),
    "sweep.campaign_jobs": lambda uow, w: jobs.wake(uow),
    "sweep.links": lambda uow, w: addresses.wake(uow),
    "sweep.reports": lambda uow, w: snapshots.wake(uow),
    "health.measure": lambda uow, w: measuring.measure(uow),
    "health.broadcasts": lambda uow, w: uow.session.execute(guarding._BROADCASTS),
    "health.stops": lambda uow, w: uow.session.execute(
        guarding._STOPS, {"floor": id_floor(datetime.now(UTC)), "ids": [w.ids["campaigns"]]}
    ),
    "health.letters": lambda uow, w: uow.session.execute(guarding._UNSENT),
    "links.follow": lambda uow, w: uow.session.execute(clicks._FIND, {"code": "abcde", "token": "abcdefgh"}),
    "series.due": lambda uow, w: uow.session.execute(series._DUE, {"n": 100}),
    "sweep.lanes": lambda uow, w: uow.session.execute(sweeps._LANES, {"again": sweeps.WAKE_AGAIN_S}),
    "admin.due": lambda uow, w: uow.session.execute(work._FIGURES),
    "admin.lanes": lambda uow, w: uow.session.execute(work._LANES, {"n": 50}),
    "admin.tenants": lambda uow, w: uow.session.execute(work._TENANTS, {"n": 50}),
    "admin.failed_events": lambda uow, w: uow.session.execute(dead._EVENTS, {"n": 50}),
    "admin.failed_imports": lambda uow, w: uow.session.execute(dead._IMPORTS, {"n": 50}),
    "admin.dead": lambda uow, w: uow.session.execute(dead._COUNTS),
    "sweep.inbound": lambda uow, w: uow.session.execute(sweeps._EVENTS),
    "sweep.orphans": lambda uow, w: uow.session.execute(sweeps._ORPHANS),
    "sweep.unknown": lambda uow, w: uow.session.execute(sweeps._UNKNOWN),
    "sweep.expired": lambda uow, w: uow.session.execute(sweeps._EXPIRED),
    "sweep.expired_direct": lambda uow, w: uow.session.execute(sweeps._EXPIRED_DIRECT),
}
