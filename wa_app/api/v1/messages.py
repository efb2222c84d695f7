"""`/api/v1/messages`: single messages by a program, and whether a number is on WhatsApp."""

from uuid import UUID

from pydantic import BaseModel, ConfigDict

from wa_app.api.deps import CurrentPrincipal, Uow
from wa_app.api.routing import router
from wa_app.channels import registry
from wa_app.db import unit_of_work
from wa_app.errors import Conflict
from wa_app.services import messages
from wa_app.services.messages import BulkResult, MessageCreate, MessageView, NumberResult

routes = router("/messages", "messages")
check_routes = router("/contacts/check", "contacts")


class Bulk(BaseModel):
    model_config = ConfigDict(extra="forbid")

    messages: list[MessageCreate]


@routes.post("", status_code=202)
async def send(uow: Uow, body: MessageCreate) -> MessageView:
    """Send one message; give an `Idempotency-Key` and a repeated request sends nothing twice."""
    return await messages.send(uow, body)


@routes.post("/bulk", status_code=202)
async def send_bulk(uow: Uow, body: Bulk) -> BulkResult:
    """Send up to 1,000; each is accepted or refused by itself."""
    return await messages.send_bulk(uow, body.messages)


@routes.get("/{message_id}")
async def show(uow: Uow, message_id: UUID) -> MessageView:
    """What became of a message."""
    return await messages.get(uow, message_id)


@check_routes.get("/{phone}")
async def check(principal: CurrentPrincipal, phone: str) -> NumberResult:
    """Ask WhatsApp, through a connected device, whether a number can be written to."""
    async with unit_of_work(principal) as uow:
        number = await messages.normal_phone(uow, phone)
        device = await messages.device_to_ask(uow)
    if device.waha_server_id is None:
        raise Conflict("no_device")
    channel = await registry.channel(device.waha_server_id)
    return await messages.check_number(channel, device.session, number)
