"""What is wrong with a campaign, before it goes out.

One list of checks serves both: the composer shows all of them while one types, and
`start` refuses with the errors among them.
"""

from collections.abc import Set
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select, text
from sqlmodel import col

from wa_app.db import TenantUnitOfWork
from wa_app.errors import FieldError, Invalid
from wa_app.kit import media
from wa_app.kit.clock import utc_now
from wa_app.models.devices import Device, DeviceStatus
from wa_app.models.files import File, FileBlob
from wa_app.models.outbound import Campaign, CampaignDevice
from wa_app.schemas.campaigns import AudienceCount, Check, Preflight, Target
from wa_app.schemas.segments import problems
from wa_app.sending import audience
from wa_app.sending.pacing import Policy
from wa_app.sending.rendering import Template, parse
from wa_app.sending.spintax import Problem
from wa_app.services.campaigns import variants

MAX_NAME = 120
MAX_DELAY_S = 3600
CAPTION_LIMIT = 1024
"""Characters of a text under a picture, by WhatsApp's rules."""
GRACE = timedelta(minutes=5)
"""How late a chosen time may be when a person presses start."""
FURTHEST = timedelta(days=36_525)
"""How far ahead a campaign may be put. Times at the end of the calendar cannot be reckoned with."""


def schedule_problem(when: datetime | None, *, grace: timedelta = timedelta()) -> FieldError | None:
    """A time must be aware, ahead of us, and within a hundred years."""
    if when is None:
        return None
    if when.tzinfo is None:
        return FieldError("scheduled_at", "schedule_needs_zone")
    if when < utc_now() - grace:
        return FieldError("scheduled_at", "schedule_in_past")
    return FieldError("scheduled_at", "schedule_too_far") if when > utc_now() + FURTHEST else None


def field_problems(campaign: Campaign) -> list[FieldError]:
    """What can be said about the fields alone, at every save."""
    found: list[FieldError] = []
    if not campaign.name.strip():
        found.append(FieldError("name", "campaign_name_missing"))
    elif len(campaign.name) > MAX_NAME:
        found.append(FieldError("name", "campaign_name_too_long", {"limit": MAX_NAME}))
    found += _delay_problems(campaign.delay_min_s, campaign.delay_max_s)
    rules = Target.model_validate(campaign.target).filter
    if rules is not None:
        found += [FieldError(f"target.filter.{one.field}", one.code, one.args) for one in problems(rules)]
    return found


def _delay_problems(low: int | None, high: int | None) -> list[FieldError]:
    for name, value in (("delay_min_s", low), ("delay_max_s", high)):
        if value is not None and not 0 <= value <= MAX_DELAY_S:
            return [FieldError(name, "delay_out_of_range", {"limit": MAX_DELAY_S})]
    if low is not None and high is not None and low > high:
        return [FieldError("delay_max_s", "delay_max_below_min")]
    return []


def template_problems(template: Template, attributes: frozenset[str]) -> list[Problem]:
    """Errors and warnings of the text, unknown variables included, in order of place."""
    return sorted((*template.problems, *template.unknown(attributes)), key=lambda problem: problem.start)


def problem_args(problem: Problem) -> dict[str, str | int]:
    """What the catalogue's texts may name."""
    return {**dict(problem.args), "line": problem.line, "column": problem.column}


async def known_attributes(uow: TenantUnitOfWork) -> frozenset[str]:
    """Names of the attributes that this tenant's contacts carry, from a sample of the newest."""
    query = text(
        "SELECT DISTINCT jsonb_object_keys(c.attributes) FROM "
        "(SELECT attributes FROM contacts WHERE tenant_id = :t AND deleted_at IS NULL ORDER BY id DESC LIMIT 2000) c"
    )
    return frozenset((await uow.session.execute(query, {"t": uow.tenant_id})).scalars())


async def media_problem(uow: TenantUnitOfWork, file_id: UUID | None) -> FieldError | None:
    """Whether WhatsApp would take this file."""
    return None if file_id is None else (await media_problems(uow, {file_id})).get(file_id)


async def media_problems(uow: TenantUnitOfWork, file_ids: Set[UUID]) -> dict[UUID, FieldError]:
    """Those of these files that WhatsApp would not take, and why."""
    if not file_ids:
        return {}
    query = (
        select(File, FileBlob).outerjoin(FileBlob, col(FileBlob.id) == col(File.blob_id))
        .where(col(File.id).in_(file_ids), col(File.deleted_at).is_(None))
    )  # fmt: skip
    found = {file.id: _refused(file, blob) for file, blob in (await uow.session.execute(query)).all()}
    missing = dict.fromkeys(file_ids - found.keys(), FieldError("file_id", "file_not_found"))
    return missing | {file_id: why for file_id, why in found.items() if why is not None}


def _refused(file: File, blob: FileBlob | None) -> FieldError | None:
    if (why := media.refused(file.mime, file.size)) is not None:
        return FieldError("file_id", why.code, why.args)
    if blob is not None and blob.problem is not None and media.kind_of(file.mime) == "image":
        return FieldError("file_id", f"media_picture_{blob.problem}")
    return None


async def preflight(uow: TenantUnitOfWork, campaign: Campaign) -> Preflight:
    """Everything the composer's check list shows, and what `start` refuses."""
    target = Target.model_validate(campaign.target)
    people = await audience.count(uow, target)
    template = parse(campaign.message_template)
    total, connected, gap = await _devices(uow, campaign)
    checks = [Check(level="error", field=one.field, code=one.code, args=dict(one.args)) for one in field_problems(campaign)]
    checks += await _message_checks(uow, campaign, template)
    checks += _people_checks(target, people)
    checks += _device_checks(total, connected)
    if (late := schedule_problem(campaign.scheduled_at, grace=GRACE)) is not None:
        checks.append(Check(level="error", field=late.field, code=late.code))
    seconds = round(people.sendable * gap / connected) if connected else None
    return Preflight(
        checks=checks, audience=people, variants=template.variants, devices=total,
        devices_connected=connected, seconds=seconds,
    )  # fmt: skip


async def _message_checks(uow: TenantUnitOfWork, campaign: Campaign, template: Template) -> list[Check]:
    found: list[Check] = []
    if not campaign.message_template.strip() and campaign.file_id is None:
        found.append(Check(level="error", field="message_template", code="message_missing"))
    known = await known_attributes(uow)
    for problem in template_problems(template, known):
        found.append(Check(
            level=problem.severity, field="message_template", code=problem.code, args=problem_args(problem)
        ))  # fmt: skip
    if (refused := await media_problem(uow, campaign.file_id)) is not None:
        found.append(Check(level="error", field=refused.field, code=refused.code, args=dict(refused.args)))
    if campaign.file_id is not None and len(campaign.message_template) > CAPTION_LIMIT:
        found.append(Check(level="warning", field="message_template", code="caption_long", args={"limit": CAPTION_LIMIT}))
    found += await _variant_checks(uow, campaign, known)
    if not found and template.variants == 1 and campaign.message_template.strip():
        found.append(Check(level="warning", field="message_template", code="one_variant"))
    return found


async def _variant_checks(uow: TenantUnitOfWork, campaign: Campaign, known: frozenset[str]) -> list[Check]:
    """The pre-flight of the variants after the first, whose text is the campaign's own."""
    if not campaign.variant_count:
        return []
    written = (await variants.variants_of(uow, [campaign.id])).get(campaign.id, [])
    found: list[Check] = []
    for one in written[1:]:
        where: dict[str, str | int] = {"letter": one.letter}
        if not one.message_template.strip() and one.file_id is None:
            found.append(Check(level="error", field="message_template", code="variant_missing", args=where))
        for problem in template_problems(parse(one.message_template), known):
            args = where | problem_args(problem)
            found.append(Check(level=problem.severity, field="message_template", code=problem.code, args=args))
        if (refused := await media_problem(uow, one.file_id)) is not None:
            found.append(Check(level="error", field=refused.field, code=refused.code, args={**refused.args, **where}))
    texts = [(one.message_template.strip(), one.file_id) for one in written]
    if len(set(texts)) < len(texts):
        found.append(Check(level="warning", field="message_template", code="variants_alike"))
    return found


def _people_checks(target: Target, people: AudienceCount) -> list[Check]:
    if target.is_empty:
        return [Check(level="error", field="target", code="target_missing")]
    if people.sendable == 0:
        return [Check(level="error", field="target", code="no_recipients", args={"total": people.total})]
    if people.suppressed or people.no_identity:
        skipped: dict[str, str | int] = {"suppressed": people.suppressed, "no_identity": people.no_identity}
        return [Check(level="ok", field="target", code="some_skipped", args=skipped)]
    return []


def _device_checks(total: int, connected: int) -> list[Check]:
    if total == 0:
        return [Check(level="error", field="device_ids", code="campaign_no_device")]
    if connected == 0:
        return [Check(level="warning", field="device_ids", code="devices_disconnected")]
    return []


async def _devices(uow: TenantUnitOfWork, campaign: Campaign) -> tuple[int, int, float]:
    """Devices that may take rows, those of them that are connected, and the mean gap in seconds."""
    chosen = select(col(CampaignDevice.device_id)).where(col(CampaignDevice.campaign_id) == campaign.id)
    some = (await uow.session.execute(chosen.limit(1))).first() is not None
    query = select(Device).where(col(Device.deleted_at).is_(None), col(Device.is_active_for_broadcast))
    if some:
        query = query.where(col(Device.id).in_(chosen))
    devices = (await uow.session.execute(query)).scalars().all()
    connected = [device for device in devices if device.status == DeviceStatus.CONNECTED]
    gaps = [mean_gap(campaign, device) for device in connected]
    return len(devices), len(connected), sum(gaps) / len(gaps) if gaps else 0.0


def mean_gap(campaign: Campaign, device: Device) -> float:
    """Seconds between two messages of a device in a campaign: the slower of the two policies applies."""
    policy = Policy.read(device.pacing).slower(campaign.delay_min_s, campaign.delay_max_s)
    return (policy.delay_min_s + policy.delay_max_s) / 2


def refuse(result: Preflight) -> None:
    """Raise Invalid with every error of the pre-flight."""
    errors = [FieldError(check.field, check.code, check.args) for check in result.errors]
    if errors:
        raise Invalid(*errors, code="campaign_not_ready")
