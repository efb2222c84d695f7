"""A campaign's message sent to oneself first, through the ledger like everything that leaves."""

from uuid import UUID

from wa_app.db import TenantUnitOfWork
from wa_app.errors import FieldError, Invalid
from wa_app.kit.ids import new_id
from wa_app.models.outbound import Campaign
from wa_app.models.people import IdentityKind
from wa_app.schemas.campaigns import Target
from wa_app.sending.rendering import parse
from wa_app.services import audit, campaigns, identities, messages
from wa_app.services.campaigns import facts
from wa_app.services.messages import MessageCreate, MessageView


async def send(
    uow: TenantUnitOfWork, campaign_id: UUID, phone: str, *, device_id: UUID | None = None
) -> MessageView:
    """Send the message to a number the person types, as somebody of the audience would read it.

    It is a single message of its own: it counts against the package and the device, not in the campaign.
    Raises Invalid for the number or an empty text, Conflict `no_device` or `recipient_suppressed`.
    """
    uow.require("campaigns.write")
    campaign = await campaigns.find(uow, campaign_id)
    number = await messages.normal_phone(uow, phone)
    words = parse(campaign.message_template).render(await _values(uow, campaign, number), new_id().bytes)
    if not words.strip() and campaign.file_id is None:
        raise Invalid(FieldError("message_template", "message_missing"))
    audit.record(uow, "campaign.test", "campaign", campaign_id, phone=identities.masked(IdentityKind.PHONE, number))
    return await messages.send(uow, MessageCreate(
        phone=number, text=words or None, file_id=campaign.file_id, device_id=device_id
    ))  # fmt: skip


async def _values(uow: TenantUnitOfWork, campaign: Campaign, number: str) -> dict[str, str]:
    """Values of the number's own contact, else of somebody in the audience."""
    found = await identities.find_contact(uow, IdentityKind.PHONE, number)
    if found is not None and (own := await campaigns.values_of_contact(uow, found)) is not None:
        return own
    target = Target.model_validate(campaign.target)
    people = await facts.values_of(uow, Target(all=True) if target.is_empty else target, 1)
    return people[0] if people else {}
