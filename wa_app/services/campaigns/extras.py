"""The parts of a draft beyond its text: variants, test phase, tracking, its template, repetition."""

from sqlalchemy import select, text
from sqlmodel import col

from wa_app.db import TenantUnitOfWork
from wa_app.errors import FieldError
from wa_app.models.broadcasts import MessageTemplate
from wa_app.models.outbound import Campaign
from wa_app.schemas.broadcasts import MAX_VARIANTS, MIN_VARIANTS, VariantInput
from wa_app.schemas.campaigns import CampaignCreate, CampaignUpdate
from wa_app.services.campaigns import checks, variants

PLAIN = ("track_links", "template_id", "winner_by")
COPIED = (*PLAIN, "test_percent", "test_hours")
"""What a copy of a campaign takes over besides its variants; repetition stays with the original."""


def apply(campaign: Campaign, data: CampaignCreate | CampaignUpdate) -> None:
    """Write what is given of the test phase and the repetition onto the campaign."""
    given = data.model_fields_set
    if "test" in given:
        campaign.test_percent = data.test.percent if data.test else None
        campaign.test_hours = data.test.hours if data.test else campaign.test_hours or 4
    if "repeat" in given:
        campaign.repeat = data.repeat.model_dump(mode="json") if data.repeat else None
    if data.variants:
        # The first variant is the campaign's own text: lists, previews and reports need not know of variants.
        campaign.message_template, campaign.file_id = data.variants[0].message_template, data.variants[0].file_id


def problems(campaign: Campaign, data: CampaignCreate | CampaignUpdate) -> list[FieldError]:
    """What can be said about these fields alone."""
    found: list[FieldError] = []
    if data.variants:
        count = len(data.variants)
        if not MIN_VARIANTS <= count <= MAX_VARIANTS:
            found.append(FieldError("variants", "variants_count", {"low": MIN_VARIANTS, "high": MAX_VARIANTS}))
        elif (total := sum(one.share for one in data.variants)) != 100:
            found.append(FieldError("variants", "variants_share", {"total": total}))
    if data.test is not None and not (data.variants if "variants" in data.model_fields_set else campaign.variant_count):
        found.append(FieldError("test", "test_needs_variants"))
    if data.repeat is not None:
        if data.repeat.every == "weekly" and not data.repeat.weekdays:
            found.append(FieldError("repeat", "repeat_no_day"))
        elif any(not 0 <= day <= 6 for day in data.repeat.weekdays):
            found.append(FieldError("repeat", "repeat_no_such_day"))
    return found


async def lookups(uow: TenantUnitOfWork, data: CampaignCreate | CampaignUpdate) -> list[FieldError]:
    """Whether the files of the variants and the template exist and may be used."""
    found: list[FieldError] = []
    for at, one in enumerate(data.variants or ()):
        if (refused := await checks.media_problem(uow, one.file_id)) is not None:
            found.append(FieldError(f"variants.{at}.file_id", refused.code, refused.args))
    if data.template_id is not None:
        query = select(col(MessageTemplate.id)).where(col(MessageTemplate.id) == data.template_id)
        if (await uow.session.execute(query)).scalar_one_or_none() is None:
            found.append(FieldError("template_id", "message_template_not_found"))
    return found


async def store(uow: TenantUnitOfWork, campaign: Campaign, data: CampaignCreate | CampaignUpdate) -> None:
    """Make the rows of the variants what was given; a changed text alone changes the first of them."""
    if "variants" in data.model_fields_set:
        await variants.set_variants(uow, campaign, data.variants or ())
    elif campaign.variant_count and data.model_fields_set & {"message_template", "file_id"}:
        await uow.session.execute(
            text("UPDATE campaign_variants SET message_template = :text, file_id = :file "
                 "WHERE tenant_id = :t AND campaign_id = :c AND position = 0"),
            {"text": campaign.message_template, "file": campaign.file_id, "t": uow.tenant_id, "c": campaign.id},
        )  # fmt: skip


async def copy_variants(uow: TenantUnitOfWork, source: Campaign, copy: Campaign) -> None:
    """The source's variants for its copy, without files that are gone."""
    inputs = [
        VariantInput(**one.model_dump(include={"name", "message_template", "file_id", "share"}))
        for one in (await variants.variants_of(uow, [source.id])).get(source.id, [])
    ]
    for one in inputs:
        if await checks.media_problem(uow, one.file_id) is not None:
            one.file_id = None
    await variants.set_variants(uow, copy, inputs)
