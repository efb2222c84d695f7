"""Variants of a campaign: their texts, how each is doing, and which one wins.

The winner is decided once: under the campaign's lock, by whoever comes first, a tick of the scheduler or a
person. Rows that waited for it are then handed out by an actor in pieces, which a sweep wakes as long as some are left.
"""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import delete, select, text
from sqlmodel import col

from wa_app.db import SystemUnitOfWork, TenantUnitOfWork, unit_of_work
from wa_app.errors import Conflict, FieldError, Invalid
from wa_app.kit.proportions import p_value
from wa_app.models.broadcasts import CampaignVariant
from wa_app.models.outbound import Campaign, CampaignStatus, WinnerBy
from wa_app.schemas.broadcasts import VariantFigures, VariantInput, VariantReport, VariantView, Verdict, letter
from wa_app.schemas.principal import Principal
from wa_app.sending import planning
from wa_app.sending import variants as engine
from wa_app.services import audit

ENOUGH: Final = 30
"""Messages that must have arrived of each variant before anything may be said."""
EARLY: Final = 100
EARLY_P: Final = 0.01
"""Before its time the test ends only with this many arrived of each and less chance than this: looking often finds luck."""
REPLY_WINDOW: Final = "3 days"


async def set_variants(uow: TenantUnitOfWork, campaign: Campaign, variants: Sequence[VariantInput]) -> None:
    """These variants and no others."""
    await uow.session.execute(delete(CampaignVariant).where(col(CampaignVariant.campaign_id) == campaign.id))
    for position, one in enumerate(variants):
        uow.session.add(CampaignVariant(
            tenant_id=uow.tenant_id, campaign_id=campaign.id, position=position,
            **one.model_dump(include={"name", "message_template", "file_id", "share"}),
        ))  # fmt: skip
    campaign.variant_count = len(variants)
    if not variants:
        campaign.test_percent = None
    await uow.session.flush()


async def variants_of(uow: TenantUnitOfWork, ids: Sequence[UUID]) -> dict[UUID, list[VariantView]]:
    """Variants by campaign, in order."""
    if not ids:
        return {}
    query = select(CampaignVariant).where(col(CampaignVariant.campaign_id).in_(ids))
    found: dict[UUID, list[VariantView]] = {}
    for row in (await uow.session.execute(query.order_by(col(CampaignVariant.position)))).scalars():
        fields: dict[str, Any] = row.model_dump(include={"name", "message_template", "file_id", "share", "position"})
        found.setdefault(row.campaign_id, []).append(VariantView(**fields, letter=letter(row.position)))
    return found


_STATES = text("""
    SELECT variant, state, count(*) AS n FROM outbound_messages
    WHERE tenant_id = :t AND campaign_id = :c AND variant IS NOT NULL GROUP BY variant, state
""")
_REPLIED = text(f"""
    SELECT o.variant, count(DISTINCT v.contact_id) AS n FROM conversations v
    JOIN contact_identities i ON i.tenant_id = v.tenant_id AND i.contact_id = v.contact_id
    JOIN outbound_messages o ON o.tenant_id = v.tenant_id AND o.dedupe_key = :prefix || i.kind || ':' || i.value
    WHERE v.tenant_id = :t AND v.last_message_at >= :since AND o.sent_at IS NOT NULL AND o.variant IS NOT NULL AND EXISTS (
        SELECT 1 FROM messages m WHERE m.tenant_id = v.tenant_id AND m.conversation_id = v.id
        AND m.direction = 'INBOUND' AND m.timestamp BETWEEN o.sent_at AND o.sent_at + interval '{REPLY_WINDOW}')
    GROUP BY o.variant
""")  # noqa: S608
_CLICKED = text("""
    SELECT variant, count(DISTINCT outbound_id) AS n FROM link_clicks
    WHERE tenant_id = :t AND campaign_id = :c AND NOT is_bot AND variant IS NOT NULL GROUP BY variant
""")
_HELD = text(f"""
    SELECT count(*) FROM outbound_messages
    WHERE tenant_id = :t AND campaign_id = :c AND state = 'held' AND error_code = '{engine.HELD_CODE}'
""")  # noqa: S608


async def figures(uow: TenantUnitOfWork, campaign: Campaign) -> list[VariantFigures]:
    """What became of the messages of each variant."""
    values = {"t": uow.tenant_id, "c": campaign.id}
    states: dict[int, dict[str, int]] = {}
    for row in await uow.session.execute(_STATES, values):
        states.setdefault(row.variant, {})[row.state] = row.n
    replied: dict[int, int] = {}
    if campaign.started_at is not None:
        since = {"t": uow.tenant_id, "prefix": f"c:{campaign.id}:", "since": campaign.started_at}
        replied = {row.variant: row.n for row in await uow.session.execute(_REPLIED, since)}
    clicked = {row.variant: row.n for row in await uow.session.execute(_CLICKED, values)}
    return [
        _figures(one, states.get(one.position, {}), replied.get(one.position, 0), clicked.get(one.position, 0), campaign.winner)
        for one in (await variants_of(uow, [campaign.id])).get(campaign.id, [])
    ]  # fmt: skip


def _figures(
    one: VariantView, states: dict[str, int], replied: int, clicked: int, winner: int | None
) -> VariantFigures:
    read = states.get("read", 0) + states.get("played", 0)
    arrived = read + states.get("sent", 0) + states.get("delivered", 0)
    return VariantFigures(
        position=one.position, letter=one.letter, name=one.name, share=one.share, planned=sum(states.values()),
        arrived=arrived, read=read, replied=replied, clicked=clicked, failed=states.get("failed", 0),
        read_rate=_rate(read, arrived), reply_rate=_rate(replied, arrived), click_rate=_rate(clicked, arrived),
        is_winner=one.position == winner,
    )  # fmt: skip


def _rate(part: int, whole: int) -> float:
    return round(part / whole, 4) if whole else 0.0


async def report(uow: TenantUnitOfWork, campaign: Campaign) -> VariantReport:
    """Variants side by side, with an honest word about the difference."""
    uow.require("campaigns.read")
    items = await figures(uow, campaign)
    best, verdict, chance = judge(items, campaign.winner_by)
    held = (await uow.session.execute(_HELD, {"t": uow.tenant_id, "c": campaign.id})).scalar_one()
    return VariantReport(
        items=items, winner_by=campaign.winner_by.value, best=None if best is None else letter(best), verdict=verdict,
        p_value=None if chance is None else round(chance, 4), held=held, test_ends_at=campaign.test_ends_at,
        winner=None if campaign.winner is None else letter(campaign.winner), winner_at=campaign.winner_at,
        winner_how=campaign.winner_how,
    )  # fmt: skip


def judge(items: Sequence[VariantFigures], by: WinnerBy) -> tuple[int | None, Verdict, float | None]:
    """Position of the best variant, how sure that is, and the chance that luck alone made the difference.

    The best is compared with the second; with more than two variants the chance is multiplied (Bonferroni),
    since the best of many looks better than it is.
    """
    ranked = sorted(items, key=lambda one: (-_score(one, by), one.position))
    if len(ranked) < 2 or not any(one.arrived for one in ranked):
        return None, "none", None
    first, second = ranked[0], ranked[1]
    if _score(first, by) == _score(second, by):
        return None, "too_few" if min(one.arrived for one in items) < ENOUGH else "unclear", None
    if min(one.arrived for one in items) < ENOUGH:
        return first.position, "too_few", None
    chance = p_value(_hits(first, by), first.arrived, _hits(second, by), second.arrived) * (len(ranked) - 1)
    chance = min(chance, 1.0)
    return first.position, "clear" if chance < 0.05 else "likely" if chance < 0.2 else "unclear", chance


def _hits(one: VariantFigures, by: WinnerBy) -> int:
    return one.read if by == WinnerBy.READ else one.replied


def _score(one: VariantFigures, by: WinnerBy) -> float:
    return _hits(one, by) / one.arrived if one.arrived else 0.0


async def choose(uow: TenantUnitOfWork, campaign: Campaign, position: int) -> None:
    """A person names the winner before the rule does. `campaign` is locked.

    Raises Conflict `no_winner_needed` without a test, `winner_chosen` when there is one, Invalid for an unknown variant.
    """
    uow.require("campaigns.send")
    if campaign.test_percent is None or campaign.started_at is None:
        raise Conflict("no_winner_needed")
    if campaign.winner is not None:
        raise Conflict("winner_chosen", letter=letter(campaign.winner))
    if not 0 <= position < campaign.variant_count:
        raise Invalid(FieldError("letter", "variant_not_found"))
    audit.record(uow, "campaign.winner", "campaign", campaign.id, letter=letter(position))
    await _crown(uow, campaign, position, "person")


async def _crown(uow: TenantUnitOfWork, campaign: Campaign, position: int, how: str) -> None:
    now = (await uow.session.execute(text("SELECT now()"))).scalar_one()
    campaign.winner, campaign.winner_at, campaign.winner_how, campaign.updated_at = position, now, how, now
    await uow.session.flush()
    uow.enqueue("campaign.release", tenant_id=uow.tenant_id, campaign_id=campaign.id)
    uow.publish("campaign", id=str(campaign.id), what="winner")


_OPEN = """c.status = 'PROCESSING' AND c.deleted_at IS NULL AND c.test_percent IS NOT NULL AND c.planned_at IS NOT NULL"""
_TEST_OVER = text(f"""
    UPDATE campaigns c SET test_ends_at = now() + make_interval(hours => c.test_hours)
    WHERE {_OPEN} AND c.winner IS NULL AND c.test_ends_at IS NULL
      AND (SELECT COALESCE(sum(k.n), 0) FROM campaign_counters k WHERE k.tenant_id = c.tenant_id
           AND k.campaign_id = c.id AND k.state IN ('planned', 'sending')) = 0
    RETURNING c.tenant_id, c.id
""")  # noqa: S608
_WAITING = text(f"""
    SELECT c.tenant_id, c.id FROM campaigns c WHERE {_OPEN} AND c.winner IS NULL AND c.test_ends_at IS NOT NULL
""")  # noqa: S608
_UNRELEASED = text(f"""
    SELECT c.tenant_id, c.id FROM campaigns c WHERE {_OPEN} AND c.winner IS NOT NULL AND EXISTS (
        SELECT 1 FROM outbound_messages m WHERE m.tenant_id = c.tenant_id AND m.campaign_id = c.id
        AND m.state = 'held' AND m.error_code = '{engine.HELD_CODE}')
""")  # noqa: S608
_LOCK = text("SELECT test_ends_at <= now() FROM campaigns WHERE tenant_id = :t AND id = :c FOR UPDATE SKIP LOCKED")


async def decide_due(uow: SystemUnitOfWork) -> int:
    """One sweep over all tenants: tests that are over get their time, those whose time has come their winner.

    Returns how many winners were chosen. Any number may run at once.
    """
    for tenant_id, campaign_id in (await uow.session.execute(_TEST_OVER)).all():
        uow.publish_for(tenant_id, "campaign", id=str(campaign_id), what="changed")
    waiting = (await uow.session.execute(_WAITING)).all()
    unreleased = (await uow.session.execute(_UNRELEASED)).all()
    chosen = 0
    for tenant_id, campaign_id in waiting:
        async with unit_of_work(Principal.system(tenant_id)) as own:
            chosen += await decide(own, campaign_id)
    for tenant_id, campaign_id in unreleased:
        uow.enqueue("campaign.release", tenant_id=tenant_id, campaign_id=campaign_id)
    return chosen


async def decide(uow: TenantUnitOfWork, campaign_id: UUID) -> bool:
    """Choose the winner if it is time, or if the difference is plain before. False when it is not, or was done."""
    is_time = (await uow.session.execute(_LOCK, {"t": uow.tenant_id, "c": campaign_id})).scalar_one_or_none()
    if is_time is None:
        return False
    campaign = await uow.session.get(Campaign, campaign_id)
    if campaign is None or campaign.winner is not None or campaign.status != CampaignStatus.PROCESSING:
        return False
    items = await figures(uow, campaign)
    best, _, chance = judge(items, campaign.winner_by)
    plain = chance is not None and chance < EARLY_P and min(one.arrived for one in items) >= EARLY
    if not is_time and not plain:
        return False
    # Without any difference the first text goes on: it is the one its author wrote first.
    await _crown(uow, campaign, best or 0, "rule")
    return True


async def release(tenant_id: UUID, campaign_id: UUID) -> int:
    """Hand the winner to everyone who waits, piece by piece. Returns how many rows."""
    moved = 0
    while True:
        async with unit_of_work(Principal.system(tenant_id)) as uow:
            batch = await engine.release(uow, campaign_id)
            moved += batch
            if batch:
                await planning.wake_lanes(uow, campaign_id)
        if not batch:
            return moved
