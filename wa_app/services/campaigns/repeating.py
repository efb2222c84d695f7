"""The first run of a series: a campaign that is started with a rule of repetition."""

from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import text

from wa_app.db import TenantUnitOfWork
from wa_app.kit.clock import utc_now
from wa_app.models.broadcasts import CampaignSeries, SeriesStatus
from wa_app.models.outbound import Campaign
from wa_app.schemas.broadcasts import Repeat


async def begin(uow: TenantUnitOfWork, campaign: Campaign, zone: ZoneInfo) -> None:
    """The campaign has been started or scheduled: make it the first run of a series, or follow a changed rule."""
    if campaign.repeat is None:
        await _drop(uow, campaign)
        return
    repeat = Repeat.model_validate(campaign.repeat)
    series = await uow.session.get(CampaignSeries, campaign.series_id) if campaign.series_id else None
    if series is None:
        series = CampaignSeries(tenant_id=uow.tenant_id, created_by=uow.principal.user_id)
        uow.session.add(series)
    series.rule, series.until, series.max_runs = campaign.repeat, repeat.until, repeat.max_runs
    series.status, series.updated_at = SeriesStatus.ACTIVE, utc_now()
    at = await now(uow)
    move(series, max(at, campaign.scheduled_at or at), zone)
    await uow.session.flush()
    campaign.series_id, campaign.series_run = series.id, campaign.series_run or 1
    await uow.session.flush()


async def _drop(uow: TenantUnitOfWork, campaign: Campaign) -> None:
    """A first run that waited for its time and shall no longer come again."""
    if campaign.series_id is None or campaign.series_run != 1:
        return
    series = await uow.session.get(CampaignSeries, campaign.series_id, with_for_update=True)
    if series is not None:
        series.status, series.next_at = SeriesStatus.ENDED, None


def move(series: CampaignSeries, moment: datetime, zone: ZoneInfo) -> None:
    """Set the time of the next run; without one the series is over."""
    done = series.max_runs is not None and (series.runs or 1) >= series.max_runs
    series.next_at = None if done else Repeat.model_validate(series.rule).rule.next_after(moment, zone, series.until)
    if series.next_at is None:
        series.status = SeriesStatus.ENDED


async def now(uow: TenantUnitOfWork) -> datetime:
    """The database's time."""
    found: datetime = (await uow.session.execute(text("SELECT now()"))).scalar_one()
    return found
