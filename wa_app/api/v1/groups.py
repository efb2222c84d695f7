"""`/api/v1/contacts/groups` and `/grab`: groups of a device, and taking their members over."""

from typing import Annotated
from uuid import UUID

from fastapi import Query

from wa_app.api.deps import Uow
from wa_app.api.paging import Page
from wa_app.api.routing import router
from wa_app.schemas.groups import GrabRequest, GrabView, GroupListView
from wa_app.services import groups

routes = router("/contacts", "contacts")


@routes.get("/groups")
async def index(
    uow: Uow, device_id: UUID, q: Annotated[str, Query(max_length=200)] = "", refresh: bool = False
) -> GroupListView:
    """Groups of a device by name. The list is kept; while `status` is `loading` ask again in a moment."""
    return await groups.list_(uow, device_id, q=q, refresh=refresh)


@routes.post("/grab", status_code=202)
async def grab(data: GrabRequest, uow: Uow) -> GrabView:
    """Take the members of groups over as contacts, source `group`. The answer is a job to watch at `contacts/grabs/{id}`."""
    return await groups.request(uow, data)


@routes.get("/grabs")
async def list_grabs(uow: Uow) -> Page[GrabView]:
    """The newest ten jobs."""
    return Page(items=await groups.recent(uow))


@routes.get("/grabs/{grab_id}")
async def show(grab_id: UUID, uow: Uow) -> GrabView:
    """How far a job is."""
    return await groups.get(uow, grab_id)


@routes.post("/grabs/{grab_id}/cancel")
async def cancel(grab_id: UUID, uow: Uow) -> GrabView:
    """Stop a job; who was stored stays."""
    return await groups.cancel(uow, grab_id)


@routes.post("/grabs/{grab_id}/resume")
async def resume(grab_id: UUID, uow: Uow) -> GrabView:
    """Go on with a job that failed or was cancelled, where it stopped."""
    return await groups.resume(uow, grab_id)
