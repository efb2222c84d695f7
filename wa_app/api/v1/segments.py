"""Saved audiences."""

from uuid import UUID

from fastapi import Query, Response

from wa_app.api.deps import Uow
from wa_app.api.routing import router
from wa_app.schemas.paging import Page
from wa_app.schemas.segments import PreviewRequest, SegmentCreate, SegmentPreview, SegmentUpdate, SegmentView
from wa_app.services import segments

routes = router("/segments", "segments")


@routes.get("")
async def list_(uow: Uow, q: str = Query("", max_length=80)) -> Page[SegmentView]:
    """Segments by name, each with its size when it was counted last."""
    return await segments.list_(uow, q=q)


@routes.post("", status_code=201)
async def create(data: SegmentCreate, uow: Uow) -> SegmentView:
    """Save rules under a name."""
    return await segments.create(uow, data)


@routes.post("/preview")
async def preview(data: PreviewRequest, uow: Uow) -> SegmentPreview:
    """How many contacts rules mean now, and a sample; nothing is saved."""
    return await segments.preview(uow, data)


@routes.get("/{segment_id}")
async def show(segment_id: UUID, uow: Uow) -> SegmentView:
    """One segment."""
    return await segments.get(uow, segment_id)


@routes.patch("/{segment_id}")
async def update(segment_id: UUID, data: SegmentUpdate, uow: Uow) -> SegmentView:
    """Change name, description or rules."""
    return await segments.update(uow, segment_id, data)


@routes.delete("/{segment_id}", status_code=204)
async def remove(segment_id: UUID, uow: Uow) -> Response:
    """Delete a segment; 409 while a campaign that has not gone out uses it."""
    await segments.remove(uow, segment_id)
    return Response(status_code=204)


@routes.post("/{segment_id}/count")
async def count(segment_id: UUID, uow: Uow) -> SegmentView:
    """Count a segment now."""
    return await segments.counted(uow, segment_id)


@routes.post("/{segment_id}/restore")
async def restore(segment_id: UUID, uow: Uow) -> SegmentView:
    """Undo a deletion, within 30 days."""
    return await segments.restore(uow, segment_id)
