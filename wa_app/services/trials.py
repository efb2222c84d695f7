"""A campaign's message sent to oneself first, through the ledger like everything that leaves."""

from uuid import UUID

from wa_app.db import TenantUnitOfWork
from wa_app.errors import FieldError, Invalid
from wa_app.kit.ids import new_id
from wa_app.models.outbound import Campaign
from wa_app.models.people import IdentityKind
from wa_app.schemas.campaigns import Target
from wa_app.sending.footers import with_footer
from wa_app.sending.rendering import parse
from wa_app.services import audit, campaigns, identities, messages, opt_out
from wa_app.services.campaigns import preview, variants
from wa_app.services.messages import MessageCreate, MessageView


async def send(
    uow: TenantUnitOfWork, campaign_id: UUID, phone: str, *, device_id: UUID | None = None, letter: str = ""
) -> MessageView:
    """Send the message to a number the person types, as somebody of the audience would read it, opt-out line included.

    Of an A/B test it is the text of `letter`, the first without one; addresses are not tracked.

    It is a single message of its own: it counts against the package and the device, not in the campaign.
    Raises Invalid for the number, the letter or an empty text, Conflict `no_device` or `recipient_suppressed`.
    """
    uow.require("campaigns.write")
    campaign = await campaigns.find(uow, campaign_id)
    number = await messages.normal_phone(uow, phone)
    template, file_id = await _content(uow, campaign, letter)
    values, tags = await _reader(uow, campaign, number)
    words = parse(template).render(values, new_id().bytes, tags)
    if not words.strip() and file_id is None:
        raise Invalid(FieldError("message_template", "message_missing"))
    if campaign.footer:
        words = with_footer(words, (await opt_out.in_force(uow)).footer)
    audit.record(uow, "campaign.test", "campaign", campaign_id, phone=identities.masked(IdentityKind.PHONE, number))
    return await messages.send(uow, MessageCreate(
        phone=number, text=words or None, file_id=file_id, device_id=device_id
    ))  # fmt: skip


async def _content(uow: TenantUnitOfWork, campaign: Campaign, letter: str) -> tuple[str, UUID | None]:
    """The text and the file that leave."""
    if not letter:
        return campaign.message_template, campaign.file_id
    written = (await variants.variants_of(uow, [campaign.id])).get(campaign.id, [])
    found = next((one for one in written if one.letter == letter), None)
    if found is None:
        raise Invalid(FieldError("letter", "variant_not_found"))
    return found.message_template, found.file_id


async def _reader(uow: TenantUnitOfWork, campaign: Campaign, number: str) -> tuple[dict[str, str], list[str]]:
    """Values and tags of the number's own contact, else of somebody in the audience."""
    found = await identities.find_contact(uow, IdentityKind.PHONE, number)
    if found is not None and (own := await campaigns.values_of_contact(uow, found)) is not None:
        return own, (await preview.tags_of(uow, [found])).get(found, [])
    people = await preview.people(uow, Target.model_validate(campaign.target), 1)
    return (people[0].values, people[0].tags) if people else ({}, [])
