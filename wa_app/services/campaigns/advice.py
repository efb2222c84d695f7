"""The whole pre-flight: what keeps a campaign from starting, and what is worth a look before it does.

`checks.preflight` is the part that `start` asks. Everything here is advice on top of it.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from wa_app.db import TenantUnitOfWork
from wa_app.kit.clock import utc_now
from wa_app.models.outbound import Campaign
from wa_app.models.reports import JobKind
from wa_app.schemas.campaigns import Check, Preflight, Target
from wa_app.schemas.preflight import AudienceFacts, Estimate, LinkView, NumberJob, Risk
from wa_app.schemas.reports import JobView
from wa_app.sending import variety
from wa_app.sending.rendering import MOST_VARIANTS, Template, parse
from wa_app.services import opt_out
from wa_app.services.campaigns import addresses, checks, estimates, facts, jobs, reading, running
from wa_app.services.campaigns.estimates import Sender
from wa_app.services.campaigns.risk import Picture, gauge

WEEK_S = 7 * 86_400
IDENTICAL = 20
"""From so many people per text on the pre-flight says so."""
UNHEALTHY = 60
LONGEST_S = 30 * 86_400
"""A campaign's rows expire after this (`running.LIFETIME`)."""


async def preflight(uow: TenantUnitOfWork, campaign: Campaign) -> Preflight:
    """Everything the composer's check list shows. Errors keep `start` from starting, warnings are advice."""
    result = await checks.preflight(uow, campaign)
    target, ways = Target.model_validate(campaign.target), await _ways(uow, campaign)
    people, words = result.audience.sendable, [template.source for _, template in ways if template.source.strip()]
    templates = [template for _, template in ways]
    seen = await facts.look(uow, target, result.audience, templates, await checks.known_attributes(uow))
    values = await facts.values_of(uow, target, result.audience.total)
    senders = await estimates.senders(uow, campaign)
    now = utc_now()
    start = max(now, campaign.scheduled_at or now)
    zone = await running.tenant_zone(uow)
    estimate = estimates.estimate(people, senders, start, zone, seen.strangers / people if people > 0 else 0.0)
    links = await addresses.look(uow, words)
    same = variety.people_per_text(ways, people, values) if words else 0
    numbers, silent = await _number_job(uow, campaign.id), await opt_out.footer_missing(uow, campaign, words)
    result.checks += [
        *_people(seen), *_variables(seen), *_variety(result, same, people), *_links(links), *_footer(silent and people > 0),
        *_devices(senders, now), *_time(estimate, start, people),
    ]  # fmt: skip
    return result.model_copy(update={
        "facts": seen, "estimate": estimate, "seconds": _seconds(estimate, start), "people_per_text": same,
        "links": links, "numbers": numbers, "variants": min(sum(template.variants for template in templates), MOST_VARIANTS),
        "risk": _risk(bool(addresses.links_of(words)), not silent, seen, senders, estimate, same, now),
    })  # fmt: skip


async def _ways(uow: TenantUnitOfWork, campaign: Campaign) -> list[tuple[float, Template]]:
    """The ways to write the campaign, each with its share of the people."""
    query = text("SELECT share, message_template AS words FROM campaign_variants WHERE tenant_id = :t AND campaign_id = :c")
    rows = (await uow.session.execute(query, {"t": uow.tenant_id, "c": campaign.id})).all() if campaign.variant_count else []
    return [(row.share / 100, parse(row.words)) for row in rows] or [(1.0, parse(campaign.message_template))]


async def of(uow: TenantUnitOfWork, campaign_id: UUID) -> Preflight:
    """The pre-flight of a stored campaign."""
    uow.require("campaigns.read")
    return await preflight(uow, await reading.find(uow, campaign_id))


def _warning(field: str, code: str, **args: str | int) -> Check:
    return Check(level="warning", field=field, code=code, args=args)


def _people(seen: AudienceFacts) -> list[Check]:
    found: list[Check] = []
    if seen.no_consent:
        found.append(_warning("target", "check_no_consent", n=seen.no_consent, total=seen.people))
    if seen.duplicates:
        found.append(_warning("target", "check_duplicates", n=seen.duplicates))
    if seen.numbers_missing:
        percent = round(seen.numbers_missing * 100 / seen.numbers_known, 1)
        found.append(_warning(
            "target", "check_numbers_missing", n=seen.numbers_missing, known=seen.numbers_known, percent=str(percent)
        ))  # fmt: skip
    return found


def _variables(seen: AudienceFacts) -> list[Check]:
    return [
        Check(
            level="ok" if one.has_fallback else "warning", field="message_template",
            code="check_variable_filled" if one.has_fallback else "check_variable_empty",
            args={"name": one.name, "n": one.contacts, "examples": ", ".join(one.examples)},
        )
        for one in seen.empty
    ]  # fmt: skip


def _variety(result: Preflight, same: int, people: int) -> list[Check]:
    if same < IDENTICAL or same >= people or any(one.code == "one_variant" for one in result.checks):
        return []
    return [_warning("message_template", "check_identical", n=same, total=people)]


def _links(links: Sequence[LinkView]) -> list[Check]:
    return [
        _warning("message_template", "check_link_dead", url=link.url, reason=link.reason or "")
        for link in links
        if link.state == "dead"
    ]


def _footer(missing: bool) -> list[Check]:
    return [_warning("message_template", "check_footer_missing")] if missing else []


def _devices(senders: Sequence[Sender], now: datetime) -> list[Check]:
    found: list[Check] = []
    for one in senders:
        if one.guard != "none":
            found.append(_warning("device_ids", f"check_device_guard_{one.guard}", name=one.name))
        elif one.health_score is not None and one.health_score < UNHEALTHY:
            found.append(_warning("device_ids", "check_device_unhealthy", name=one.name, score=one.health_score))
        if one.paused_until is not None and one.paused_until > now:
            minutes = max(1, round((one.paused_until - now).total_seconds() / 60))
            found.append(_warning("device_ids", "check_device_paused", name=one.name, minutes=minutes))
    return found


def _time(estimate: Estimate | None, start: datetime, people: int) -> list[Check]:
    if estimate is None or not people:
        return []
    if estimate.late is None or (estimate.late - start).total_seconds() > LONGEST_S:
        return [_warning("device_ids", "check_never_done")]
    if (days := (estimate.late - start).total_seconds() / 86_400) > WEEK_S / 86_400:
        return [_warning("device_ids", "check_takes_days", days=round(days))]
    return []


def _seconds(estimate: Estimate | None, start: datetime) -> int | None:
    if estimate is None or estimate.early is None or estimate.late is None:
        return None
    middle = estimate.early + (estimate.late - estimate.early) / 2
    return round((middle - start).total_seconds())


async def _number_job(uow: TenantUnitOfWork, campaign_id: UUID) -> NumberJob | None:
    found: list[JobView] = await jobs.recent(uow, campaign_id, JobKind.NUMBERS, limit=1)
    if not found:
        return None
    one = found[0]
    return NumberJob(
        id=one.id, status=one.status.value, processed=one.processed, total=one.total,
        is_sample=bool(one.result.get("is_sample", False)),
    )  # fmt: skip


def _risk(
    has_link: bool, has_footer: bool, seen: AudienceFacts, senders: Sequence[Sender], estimate: Estimate | None,
    same: int, now: datetime,
) -> Risk:  # fmt: skip
    able = [one for one in senders if one.is_connected] or list(senders)
    scores = [one.health_score for one in able if one.health_score is not None]
    ages = [(now - one.linked_at).days for one in able]
    return gauge(Picture(
        people=seen.people, strangers=seen.strangers, no_consent=seen.no_consent, people_per_text=same,
        has_link=has_link, has_footer=has_footer,
        gap_s=estimates.mean_gap_s(able) if able else 60.0,
        per_device=max((one.messages for one in estimate.devices), default=0) if estimate else seen.people,
        newest_days=min(ages, default=None), warming=any(one.warmup_stage is not None for one in able),
        missing_share=seen.numbers_missing / seen.numbers_known if seen.numbers_known >= 20 else 0.0,
        worst_score=min(scores, default=None),
    ))  # fmt: skip
