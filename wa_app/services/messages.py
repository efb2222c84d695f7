"""Single messages sent by a program: into the ledger, then by the lane of a device."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select, text
from sqlmodel import col

from wa_app.channels.port import Channel, ChannelError, NumberCheck
from wa_app.db import TenantUnitOfWork
from wa_app.errors import AppError, Conflict, FieldError, Invalid, NotFound, Unavailable
from wa_app.kit.clock import utc_now
from wa_app.models.devices import Device, DeviceStatus
from wa_app.models.outbound import MessageState, OutboundMessage, RecipientKind
from wa_app.models.people import IdentityKind, SuppressionScope
from wa_app.sending import ledger, suppression
from wa_app.services import entitlements, identities
from wa_app.services.campaigns import checks

MAX_TEXT = 65_536
MAX_BULK = 1_000
MAX_EXPIRES_S = 7 * 86_400


class MessageCreate(BaseModel):
    """One message to one person: exactly one of phone and contact_id; a text, a file, or both."""

    model_config = ConfigDict(extra="forbid")

    phone: str | None = None
    contact_id: UUID | None = None
    text: str | None = None
    file_id: UUID | None = None
    device_id: UUID | None = None
    expires_in_s: int | None = None


class MessageView(BaseModel):
    """A row of the ledger as a program sees it."""

    id: UUID
    status: MessageState
    contact_id: UUID | None
    phone: str | None
    device_id: UUID | None
    text: str | None
    file_id: UUID | None
    campaign_id: UUID | None
    error_code: str | None
    error_message: str | None
    attempt: int
    expires_at: datetime | None
    created_at: datetime
    sent_at: datetime | None
    delivered_at: datetime | None
    read_at: datetime | None


class BulkItem(BaseModel):
    """What became of one message of a bulk: an id, or the code and place of what is wrong."""

    index: int
    id: UUID | None = None
    code: str | None = None
    field: str | None = None


class BulkResult(BaseModel):
    accepted: int
    refused: int
    items: list[BulkItem] = Field(default_factory=list)


class NumberResult(BaseModel):
    """Whether a number is on WhatsApp."""

    exists: bool
    chat_id: str | None


async def send(uow: TenantUnitOfWork, data: MessageCreate) -> MessageView:
    """Plan one message. Raises Invalid, NotFound (contact), Conflict `recipient_suppressed` or `no_device`."""
    uow.require("messages.send")
    await entitlements.require(uow, "messages", period=utc_now().strftime("%Y-%m"))
    await _validate(uow, data)
    contact_id, kind, value = await _recipient(uow, data)
    await _refuse_stopped(uow, contact_id, kind, value)
    row_id = await ledger.enqueue_message(
        uow, kind="api", identity=(kind.value, value), text=data.text or "", contact_id=contact_id,
        device_id=data.device_id, file_id=data.file_id, expires_in_s=data.expires_in_s,
    )  # fmt: skip
    return await get(uow, row_id, check=False)


async def send_bulk(uow: TenantUnitOfWork, messages: Sequence[MessageCreate]) -> BulkResult:
    """Plan many; one that is refused keeps nobody else back."""
    uow.require("messages.send")
    if not 1 <= len(messages) <= MAX_BULK:
        raise Invalid(FieldError("messages", "bulk_size", {"limit": MAX_BULK}))
    items = []
    for index, data in enumerate(messages):
        try:
            async with uow.session.begin_nested():
                items.append(BulkItem(index=index, id=(await send(uow, data)).id))
        except (Invalid, NotFound, Conflict) as error:
            items.append(_refused(index, error))
    accepted = sum(item.id is not None for item in items)
    return BulkResult(accepted=accepted, refused=len(items) - accepted, items=items)


def _refused(index: int, error: AppError) -> BulkItem:
    if isinstance(error, Invalid) and error.fields:
        return BulkItem(index=index, code=error.fields[0].code, field=error.fields[0].field)
    return BulkItem(index=index, code=error.code)


async def get(uow: TenantUnitOfWork, message_id: UUID, *, check: bool = True) -> MessageView:
    """One row of the ledger."""
    if check:
        uow.require("messages.read")
    query = select(OutboundMessage).where(col(OutboundMessage.id) == message_id)
    row = (await uow.session.execute(query)).scalar_one_or_none()
    if row is None:
        raise NotFound
    fields = row.model_dump()
    return MessageView(
        **{key: fields[key] for key in MessageView.model_fields if key in fields}, status=row.state, text=row.body,
        phone=row.identity_value if row.identity_kind == RecipientKind.PHONE else None,
    )  # fmt: skip


async def _validate(uow: TenantUnitOfWork, data: MessageCreate) -> None:
    found: list[FieldError] = []
    if (data.phone is None) == (data.contact_id is None):
        found.append(FieldError("phone", "message_one_recipient"))
    if not (data.text or "").strip() and data.file_id is None:
        found.append(FieldError("text", "message_missing"))
    if len(data.text or "") > MAX_TEXT:
        found.append(FieldError("text", "value_too_long", {"limit": MAX_TEXT}))
    if data.expires_in_s is not None and not 1 <= data.expires_in_s <= MAX_EXPIRES_S:
        found.append(FieldError("expires_in_s", "expiry_out_of_range", {"limit": MAX_EXPIRES_S}))
    if (media := await checks.media_problem(uow, data.file_id)) is not None:
        found.append(media)
    if data.device_id is not None and await _device(uow, data.device_id) is None:
        found.append(FieldError("device_id", "device_not_found"))
    if found:
        raise Invalid(*found)


async def _device(uow: TenantUnitOfWork, device_id: UUID) -> Device | None:
    query = select(Device).where(col(Device.id) == device_id, col(Device.deleted_at).is_(None))
    found: Device | None = (await uow.session.execute(query)).scalar_one_or_none()
    return found


async def _recipient(uow: TenantUnitOfWork, data: MessageCreate) -> tuple[UUID | None, IdentityKind, str]:
    """The contact, when we know one, and the identity to write to."""
    if data.contact_id is not None:
        return data.contact_id, *await _identity_of(uow, data.contact_id)
    region = (await uow.session.execute(text("SELECT region FROM tenants"))).scalar_one()
    value = identities.normal_value(IdentityKind.PHONE, data.phone or "", region)
    return await identities.find_contact(uow, IdentityKind.PHONE, value), IdentityKind.PHONE, value


async def _identity_of(uow: TenantUnitOfWork, contact_id: UUID) -> tuple[IdentityKind, str]:
    query = text(
        "SELECT i.kind, i.value FROM contacts c LEFT JOIN contact_identities i "
        "ON i.tenant_id = c.tenant_id AND i.contact_id = c.id AND i.kind IN ('phone', 'lid') "
        "WHERE c.tenant_id = :t AND c.id = :c AND c.deleted_at IS NULL "
        "ORDER BY i.kind = 'phone' DESC, i.value = c.phone DESC, i.id LIMIT 1"
    )
    row = (await uow.session.execute(query, {"t": uow.tenant_id, "c": contact_id})).one_or_none()
    if row is None:
        raise NotFound
    if row.kind is None:
        raise Invalid(FieldError("contact_id", "contact_has_no_identity"))
    return IdentityKind(row.kind), row.value


async def _refuse_stopped(uow: TenantUnitOfWork, contact_id: UUID | None, kind: IdentityKind, value: str) -> None:
    """A stop of scope `all` holds here too; one of scope `marketing` does not stop a single message."""
    if contact_id is not None:
        scope = await suppression.scope_of_contact(uow, uow.tenant_id, contact_id)
    else:
        key = await identities.tenant_key(uow)
        scope = await suppression.scope_of_hash(uow, uow.tenant_id, identities.identity_hash(key, kind.value, value))
    if scope == SuppressionScope.ALL:
        raise Conflict("recipient_suppressed")


async def device_to_ask(uow: TenantUnitOfWork) -> Device:
    """A connected device through which a number can be checked. Conflict `no_device` without one."""
    uow.require("messages.send")
    query = select(Device).where(
        col(Device.deleted_at).is_(None), col(Device.status) == DeviceStatus.CONNECTED,
        col(Device.waha_server_id).is_not(None),
    ).order_by(col(Device.last_seen_at).desc().nulls_last()).limit(1)  # fmt: skip
    found: Device | None = (await uow.session.execute(query)).scalar_one_or_none()
    if found is None:
        raise Conflict("no_device")
    return found


async def normal_phone(uow: TenantUnitOfWork, phone: str) -> str:
    """The number in E.164 by the tenant's region. Raises Invalid."""
    region = (await uow.session.execute(text("SELECT region FROM tenants"))).scalar_one()
    return identities.normal_value(IdentityKind.PHONE, phone, region)


async def check_number(channel: Channel, session: str, phone: str) -> NumberResult:
    """Ask WhatsApp; call it outside any transaction. Raises Unavailable when the device cannot answer."""
    try:
        found: NumberCheck = await channel.check_number(session, phone)
    except ChannelError as error:
        raise Unavailable("device_does_not_answer") from error
    return NumberResult(exists=found.exists, chat_id=found.chat_id)
