"""What may be done to a campaign in which state: one table, asked by every verb and every button."""

from typing import Final

from wa_app.errors import Conflict
from wa_app.models.outbound import Campaign, CampaignStatus

DRAFT, PENDING, PROCESSING = CampaignStatus.DRAFT, CampaignStatus.PENDING, CampaignStatus.PROCESSING
PAUSED, COMPLETED, CANCELLED = CampaignStatus.PAUSED, CampaignStatus.COMPLETED, CampaignStatus.CANCELLED

ALLOWED: Final[dict[str, frozenset[CampaignStatus]]] = {
    "edit": frozenset({DRAFT, PENDING}),
    "start": frozenset({DRAFT}),
    "schedule": frozenset({DRAFT, PENDING}),
    "pause": frozenset({PENDING, PROCESSING}),
    "resume": frozenset({PAUSED}),
    "cancel": frozenset({PENDING, PROCESSING, PAUSED}),
    "retry": frozenset({PROCESSING, PAUSED, COMPLETED}),
    "resolve": frozenset({PROCESSING, PAUSED, COMPLETED, CANCELLED}),
    "delete": frozenset({DRAFT, COMPLETED, CANCELLED}),
}
"""States in which a verb makes sense. `edit` and `schedule` of a PENDING campaign
further ask that it only waits for its time (`is_waiting_for_its_time`)."""

BEFORE_START: Final = frozenset({"edit", "schedule"})


def is_waiting_for_its_time(campaign: Campaign) -> bool:
    """Scheduled and not begun: nothing has been planned, so everything may still change."""
    return campaign.status == PENDING and campaign.started_at is None and campaign.scheduled_at is not None


def may(campaign: Campaign, verb: str) -> bool:
    """Whether the verb fits the campaign's state now."""
    if campaign.status not in ALLOWED[verb]:
        return False
    return campaign.status != PENDING or verb not in BEFORE_START or is_waiting_for_its_time(campaign)


def demand(campaign: Campaign, verb: str) -> None:
    """Raise `Conflict("campaign_cannot_<verb>")` unless the verb fits the state."""
    if not may(campaign, verb):
        raise Conflict(f"campaign_cannot_{verb}", status=campaign.status.value)


def resumed(campaign: Campaign) -> CampaignStatus:
    """Where a paused campaign goes on: with planning, or with sending."""
    return PENDING if campaign.planned_at is None else PROCESSING
