"""`/api/v1/devices`: link numbers, see how they are, steer them."""

import io
from typing import Annotated, Any, Literal
from uuid import UUID

import segno
from fastapi import Query
from pydantic import BaseModel, StringConstraints
from starlette.responses import Response

from wa_app.api.deps import CurrentPrincipal, Uow
from wa_app.api.paging import ListingDep, Page, pack
from wa_app.api.routing import router
from wa_app.channels import registry
from wa_app.schemas.devices import (
    DeviceCreate,
    DeviceEventView,
    DeviceQr,
    DeviceUpdate,
    DeviceView,
    HealthHistory,
    PairingCode,
)
from wa_app.services import devices

routes = router("/devices", "devices")

_PNG: dict[int | str, dict[str, Any]] = {
    200: {"content": {"image/png": {"schema": {"type": "string", "format": "binary"}}}}
}


class PairingRequest(BaseModel):
    """The number on the phone that will be linked."""

    phone: Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=40)]


@routes.get("")
async def list_(uow: Uow, listing: ListingDep) -> Page[DeviceView]:
    """All devices, oldest first; `q` looks in name and phone."""
    found = await devices.list_devices(uow, after=listing.after_id, limit=listing.limit + 1, q=listing.q)
    page = found[: listing.limit]
    cursor = pack(page[-1].id) if len(found) > listing.limit else None
    return Page(items=page, next_cursor=cursor)


@routes.post("", status_code=201)
async def create(uow: Uow, body: DeviceCreate) -> DeviceView:
    """Start linking a number. It soon waits for a scan: read `qr`."""
    return await devices.create(uow, body.name, body.engine_hints.engine if body.engine_hints else None)


@routes.get("/{device_id}")
async def show(device_id: UUID, uow: Uow) -> DeviceView:
    """One device."""
    return await devices.get(uow, device_id)


@routes.patch("/{device_id}")
async def change(device_id: UUID, uow: Uow, body: DeviceUpdate) -> DeviceView:
    """Change name, part in broadcasts, tempo, warm-up or protection; what is left out stays.

    Only an owner turns protection off, with the device's name typed into `confirm`.
    """
    return await devices.update(uow, device_id, body)


@routes.delete("/{device_id}", status_code=204)
async def delete(device_id: UUID, uow: Uow) -> None:
    """Unlink the number and put the device away. Its messages stay."""
    await devices.delete(uow, device_id)


@routes.patch("/{device_id}/toggle")
async def toggle(device_id: UUID, uow: Uow) -> DeviceView:
    """Take part in broadcasts, or not any more."""
    return await devices.toggle(uow, device_id)


@routes.get("/{device_id}/qr", responses=_PNG)
async def qr(
    device_id: UUID,
    principal: CurrentPrincipal,
    format: Annotated[Literal["json", "png"], Query()] = "json",
) -> DeviceQr:
    """The code to scan now: a string to draw, or its picture. 409 when there is nothing to scan."""
    code = await devices.qr(principal, device_id, registry.channel)
    if format == "json":
        return code
    picture = io.BytesIO()
    segno.make(code.qr, error="l", boost_error=False).save(picture, kind="png", scale=8, border=4)
    return Response(picture.getvalue(), media_type="image/png", headers={"Cache-Control": "no-store"})  # type: ignore[return-value]


@routes.post("/{device_id}/pairing-code")
async def pairing_code(device_id: UUID, principal: CurrentPrincipal, body: PairingRequest) -> PairingCode:
    """Eight letters to type on the phone instead of scanning."""
    return PairingCode(code=await devices.pairing_code(principal, device_id, body.phone, registry.channel))


@routes.post("/{device_id}/link", status_code=202)
async def link(device_id: UUID, uow: Uow) -> DeviceView:
    """Ask for a fresh code for a number that is not linked."""
    return await devices.link(uow, device_id)


@routes.post("/{device_id}/restart", status_code=202)
async def restart(device_id: UUID, uow: Uow) -> DeviceView:
    """Start the session anew. A linked number stays linked."""
    return await devices.restart(uow, device_id)


@routes.post("/{device_id}/disconnect", status_code=202)
async def disconnect(device_id: UUID, uow: Uow) -> DeviceView:
    """Unlink the number; the device stays."""
    return await devices.disconnect(uow, device_id)


@routes.get("/{device_id}/events")
async def events(device_id: UUID, uow: Uow, listing: ListingDep) -> Page[DeviceEventView]:
    """What happened to the device, newest first."""
    found = await devices.list_events(uow, device_id, listing.limit + 1, before=listing.after_id)
    page = found[: listing.limit]
    return Page(items=page, next_cursor=pack(page[-1].id) if len(found) > listing.limit else None)


@routes.get("/{device_id}/health")
async def health(
    device_id: UUID, uow: Uow, days: Annotated[int, Query(ge=1, le=90, description="How far back.")] = 7
) -> HealthHistory:
    """How healthy the number is, why, how it was, and what Sapa did to protect it."""
    return await devices.health_history(uow, device_id, days)
