"""`/api/v1/campaign-series`: campaigns that come again."""

from uuid import UUID

from wa_app.api.deps import Uow
from wa_app.api.routing import router
from wa_app.schemas.broadcasts import SeriesView
from wa_app.services.campaigns import series

routes = router("/campaign-series", "campaigns")


@routes.get("/{series_id}")
async def show(uow: Uow, series_id: UUID) -> SeriesView:
    """When it comes again, how often it has, and why a run did not come to be."""
    return await series.get(uow, series_id)


@routes.post("/{series_id}/pause")
async def pause(uow: Uow, series_id: UUID) -> SeriesView:
    """No further runs until resumed; the present run goes on."""
    return await series.pause(uow, series_id)


@routes.post("/{series_id}/resume")
async def resume(uow: Uow, series_id: UUID) -> SeriesView:
    """Go on with the next time that lies ahead."""
    return await series.resume(uow, series_id)


@routes.post("/{series_id}/end")
async def end(uow: Uow, series_id: UUID) -> SeriesView:
    """No further runs, for good."""
    return await series.end(uow, series_id)
