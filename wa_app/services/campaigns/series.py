"""Campaigns that come again. A person writes the first run; each later one is a copy that counts its audience anew.

Exactly one run per time: the tick makes the run and moves `next_at` in one transaction under the series' lock,
and the number of a run is unique. A scheduler that was away makes up for one run at most, and only
within `GRACE`: nobody wants Monday's greeting on Tuesday.
"""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy import select, text
from sqlmodel import col

from wa_app.db import SystemUnitOfWork, TenantUnitOfWork, unit_of_work
from wa_app.errors import AppError, Conflict, NotFound
from wa_app.kit.clock import utc_now
from wa_app.models.broadcasts import CampaignSeries, SeriesStatus
from wa_app.models.outbound import Campaign
from wa_app.schemas.broadcasts import SeriesView
from wa_app.schemas.principal import Principal
from wa_app.services import audit
from wa_app.services.campaigns import checks, editing, repeating, running

log = structlog.get_logger(__name__)

GRACE: Final = timedelta(hours=6)
"""A run that is later than this is left out; the next one comes at its own time."""
BATCH: Final = 100


async def get(uow: TenantUnitOfWork, series_id: UUID) -> SeriesView:
    """One series."""
    uow.require("campaigns.read")
    return _view(await _find(uow, series_id))


async def pause(uow: TenantUnitOfWork, series_id: UUID) -> SeriesView:
    """No further runs until resumed; times that pass meanwhile are skipped. The present run goes on."""
    return await _turn(uow, series_id, SeriesStatus.PAUSED, SeriesStatus.ACTIVE)


async def resume(uow: TenantUnitOfWork, series_id: UUID) -> SeriesView:
    """Go on with the next time that lies ahead."""
    return await _turn(uow, series_id, SeriesStatus.ACTIVE, SeriesStatus.PAUSED)


async def end(uow: TenantUnitOfWork, series_id: UUID) -> SeriesView:
    """No further runs, for good."""
    return await _turn(uow, series_id, SeriesStatus.ENDED, SeriesStatus.ACTIVE, SeriesStatus.PAUSED)


async def _turn(
    uow: TenantUnitOfWork, series_id: UUID, to: SeriesStatus, *before: SeriesStatus
) -> SeriesView:
    uow.require("campaigns.send")
    series = await _find(uow, series_id, lock=True)
    if series.status not in before:
        raise Conflict("series_cannot", status=series.status.value)
    series.status, series.updated_at = to, utc_now()
    series.next_at = None
    if to == SeriesStatus.ACTIVE:
        repeating.move(series, await repeating.now(uow), await running.tenant_zone(uow))
    audit.record(uow, f"campaign.series_{to.value}", "campaign_series", series_id)
    await uow.session.flush()
    uow.publish("campaign", what="series")
    return _view(series)


_DUE = text("""
    SELECT tenant_id, id FROM campaign_series WHERE status = 'active' AND next_at <= now() ORDER BY next_at LIMIT :n
""")


async def run_due(uow: SystemUnitOfWork) -> int:
    """One sweep over all tenants. Returns how many runs were made; any number of sweeps may run at once."""
    due = (await uow.session.execute(_DUE, {"n": BATCH})).all()
    made = 0
    for tenant_id, series_id in due:
        async with unit_of_work(Principal.system(tenant_id)) as own:
            made += await run(own, series_id)
    return made


async def run(uow: TenantUnitOfWork, series_id: UUID) -> bool:
    """Make the run that is due and set the time of the next. False when none was, or it could not be made."""
    query = select(CampaignSeries).where(col(CampaignSeries.id) == series_id).with_for_update(skip_locked=True)
    series = (await uow.session.execute(query)).scalar_one_or_none()
    now = await repeating.now(uow)
    if series is None or series.status != SeriesStatus.ACTIVE or series.next_at is None or series.next_at > now:
        return False
    late, made = now - series.next_at, False
    if late <= GRACE:
        made = await _make(uow, series, now)
    else:
        log.warning("series.missed", series_id=str(series_id), late_s=round(late.total_seconds()))
        series.last_error, series.last_error_at = "series_missed", now
    if series.status == SeriesStatus.ACTIVE:
        repeating.move(series, now, await running.tenant_zone(uow))
    await uow.session.flush()
    uow.publish("campaign", what="series")
    return made


async def _make(uow: TenantUnitOfWork, series: CampaignSeries, now: datetime) -> bool:
    source = await _first_run(uow, series.id)
    if source is None:
        series.status, series.next_at = SeriesStatus.ENDED, None
        return False
    number = series.runs + 1
    try:
        async with uow.session.begin_nested():
            copy = await editing.copy_of(uow, source, f"{source.name[: checks.MAX_NAME - 6]} #{number}")
            copy.series_id, copy.series_run = series.id, number
            await uow.session.flush()
            await running.start(uow, copy.id)
    except AppError as error:
        # Nothing is left of the run; the series says why and tries again at its next time.
        log.warning("series.run_refused", series_id=str(series.id), code=error.code)
        series.last_error, series.last_error_at = error.code, now
        return False
    series.runs, series.last_error = number, None
    return True


async def _first_run(uow: TenantUnitOfWork, series_id: UUID) -> Campaign | None:
    query = select(Campaign).where(
        col(Campaign.series_id) == series_id, col(Campaign.series_run) == 1, col(Campaign.deleted_at).is_(None)
    )
    return (await uow.session.execute(query)).scalar_one_or_none()


async def _find(uow: TenantUnitOfWork, series_id: UUID, *, lock: bool = False) -> CampaignSeries:
    query = select(CampaignSeries).where(col(CampaignSeries.id) == series_id)
    found = (await uow.session.execute(query.with_for_update() if lock else query)).scalar_one_or_none()
    if found is None:
        raise NotFound
    return found


def _view(series: CampaignSeries) -> SeriesView:
    fields = series.model_dump(exclude={"rule"})
    return SeriesView.model_validate({**fields, "repeat": series.rule})
