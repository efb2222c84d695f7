"""State of the parts of a broadcast's page that only some broadcasts have: variants, links, repetition."""

from typing import Any
from uuid import UUID

import reflex as rx
from reflex.event import EventSpec

from state.base import AppState
from state.campaign_progress import campaign_of_path
from state.campaigns import id_of
from wa_app import live
from wa_app.components.feedback import error_toast
from wa_app.db import TenantUnitOfWork, unit_of_work
from wa_app.errors import AppError, NotFound
from wa_app.models.outbound import Campaign
from wa_app.services import campaigns
from wa_app.services.campaigns import links, series, variants

TICK_S = 5.0
VERBS = {"pause": series.pause, "resume": series.resume, "end": series.end}


class CampaignPartsState(AppState):
    """Variants side by side, what became of links, when it comes again."""

    rows: list[dict[str, Any]] = []
    verdict: str = "none"
    best: str = ""
    held: int = 0
    ends_at: str = ""
    winner: str = ""
    winner_how: str = ""
    winner_at: str = ""
    may_choose: bool = False
    asked: str = ""
    """Letter of the variant a person is about to choose."""
    tracked: bool = False
    link_rows: list[dict[str, Any]] = []
    series_id: str = ""
    series_status: str = ""
    next_at: str = ""
    runs: int = 0
    series_error: str = ""

    @rx.event
    async def load(self) -> None:
        """What this broadcast has of them."""
        self.reset()  # type: ignore[no-untyped-call]
        try:
            async with self.unit_of_work() as uow:
                self._show(await _facts(uow, campaign_of_path(self.router.url.path)))
        except NotFound:
            return

    @rx.event(background=True)
    async def watch(self) -> None:
        """Keep them true until the tab has gone or shows something else."""
        principal = await self.principal()
        try:
            watched = campaign_of_path(self.router.url.path)
        except NotFound:
            return
        async for batch in live.changes(principal.tenant_id, self.router.session.client_token, tick_s=TICK_S):
            if not any(one.get("id") == str(watched) or one.get("kind") == "resync" for one in batch):
                continue
            async with unit_of_work(principal) as uow:
                facts = await _facts(uow, watched)
            async with self:
                if str(watched) not in self.router.url.path:
                    return
                self._show(facts)

    @rx.event
    async def ask_choose(self, letter: str) -> None:
        """Ask before the rest gets a variant."""
        await self.principal()
        self.asked = letter[:1]

    @rx.event
    async def close_question(self, _: bool) -> None:
        """Let the rule decide."""
        await self.principal()
        self.asked = ""

    @rx.event
    async def choose(self) -> EventSpec | None:
        """Send this variant to everyone who waits."""
        position, self.asked = ord(self.asked or "A") - ord("A"), ""
        try:
            async with self.unit_of_work() as uow:
                campaign = await campaigns.find(uow, campaign_of_path(self.router.url.path), lock=True)
                await variants.choose(uow, campaign, position)
                self._show(await _facts(uow, campaign.id))
        except AppError as error:
            return error_toast(error.code, **error.args_)
        return None

    @rx.event
    async def turn_series(self, verb: str) -> EventSpec | None:
        """Pause, resume or end the repetition."""
        try:
            async with self.unit_of_work() as uow:
                if verb in VERBS and self.series_id:
                    await VERBS[verb](uow, id_of(self.series_id))
                self._show(await _facts(uow, campaign_of_path(self.router.url.path)))
        except AppError as error:
            return error_toast(error.code, **error.args_)
        return None

    def _show(self, facts: dict[str, Any]) -> None:
        for key, value in facts.items():
            setattr(self, key, value)


async def _facts(uow: TenantUnitOfWork, campaign_id: UUID) -> dict[str, Any]:
    campaign = await campaigns.find(uow, campaign_id)
    return {**await _variants(uow, campaign), **await _links(uow, campaign), **await _series(uow, campaign)}


async def _variants(uow: TenantUnitOfWork, campaign: Campaign) -> dict[str, Any]:
    if not campaign.variant_count:
        return {"rows": []}
    found = await variants.report(uow, campaign)
    return {
        "rows": [one.model_dump(mode="json") for one in found.items], "verdict": found.verdict, "best": found.best or "",
        "held": found.held, "ends_at": found.test_ends_at.isoformat() if found.test_ends_at else "",
        "winner": found.winner or "", "winner_how": found.winner_how or "",
        "winner_at": found.winner_at.isoformat() if found.winner_at else "",
        "may_choose": found.held > 0 and found.winner is None,
    }  # fmt: skip


async def _links(uow: TenantUnitOfWork, campaign: Campaign) -> dict[str, Any]:
    if not campaign.track_links:
        return {"tracked": False}
    rows = await links.links(uow, campaign.id)
    return {"tracked": True, "link_rows": [
        {"id": str(one.id), "url": one.url, "clicks": one.clicks, "people": one.people} for one in rows[:20]
    ]}  # fmt: skip


async def _series(uow: TenantUnitOfWork, campaign: Campaign) -> dict[str, Any]:
    if campaign.series_id is None:
        return {"series_id": ""}
    found = await series.get(uow, campaign.series_id)
    return {
        "series_id": str(found.id), "series_status": found.status.value, "runs": found.runs,
        "next_at": found.next_at.isoformat() if found.next_at else "", "series_error": found.last_error or "",
    }  # fmt: skip
