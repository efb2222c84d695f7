"""State of the composer: a draft that saves itself, its audience, what one person would read, what is wrong."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import reflex as rx

from pages import routes
from state.base import AppState
from state.campaign_composer.audience import AudienceStep
from state.campaign_composer.checking import CheckStep
from state.campaign_composer.draft import STEPS, Shown
from state.campaign_composer.message import MessageStep
from state.campaign_composer.repeating import RepeatStep
from state.campaign_composer.templates import TemplatesStep
from state.campaign_composer.timing import TimingStep
from state.campaign_composer.variants import VariantsStep
from state.campaign_progress import campaign_of_path
from state.campaigns import id_of
from wa_app.components.feedback import error_toast
from wa_app.db import TenantUnitOfWork
from wa_app.errors import AppError, Invalid, NotFound
from wa_app.i18n import translate
from wa_app.models.outbound import CampaignStatus
from wa_app.schemas.campaigns import CampaignView
from wa_app.sending.rendering import BUILT_IN
from wa_app.services import campaigns, devices, opt_out, segments, tags
from wa_app.services.campaigns.checks import known_attributes


class CampaignComposerState(
    AudienceStep, MessageStep, VariantsStep, TemplatesStep, TimingStep, RepeatStep, CheckStep, AppState
):
    """One draft. Every change is saved when typing rests; the first one makes the draft."""

    @rx.event
    async def load_new(self) -> None:
        """An empty composer; nothing is stored before the first change."""
        self.reset()  # type: ignore[no-untyped-call]
        self.everyone = True
        async with self.unit_of_work() as uow:
            self._zone = (await campaigns.tenant_zone(uow)).key
            self.name = translate((await self.principal()).language, "composer.new_name")
            await self._lists(uow)
            self._choose_asked()
            await self._take_asked_template(uow)
            await self._look(uow)
        self.ready = True

    def _choose_asked(self) -> None:
        """A segment that the address brings is chosen at once."""
        asked = str(self.router.url.query_parameters.get("segment", ""))
        if asked in {one["id"] for one in self.segment_options}:
            self.everyone, self.scope, self.segment_id = False, "segment", asked
            self._show_others()

    @rx.event
    async def load(self) -> Shown:
        """The draft named in the page's address."""
        self.reset()  # type: ignore[no-untyped-call]
        try:
            found = campaign_of_path(self.router.url.path)
            async with self.unit_of_work() as uow:
                self._zone = (await campaigns.tenant_zone(uow)).key
                view = await campaigns.get(uow, found)
                if view.status not in (CampaignStatus.DRAFT, CampaignStatus.PENDING) or view.started_at:
                    return rx.redirect(routes.campaign(str(found)))
                await self._fill(uow, view)
                await self._lists(uow)
                await self._look(uow)
        except NotFound:
            self.missing = True
            return None
        self.ready = True
        return None

    @rx.event
    async def go(self, step: str) -> None:
        """Show one of the steps."""
        await self.principal()
        self.step = step if step in STEPS else "people"

    @rx.event
    async def forward(self) -> None:
        """The next step."""
        await self.principal()
        self.step = STEPS[min(STEPS.index(self.step) + 1, len(STEPS) - 1)]

    @rx.event
    async def set_name(self, name: str) -> Shown:
        """Rename."""
        self.name = name[:200]
        return await self._save(name=self.name)

    @rx.event
    async def ask_start(self) -> None:
        """Ask before it goes out, or show what is wrong."""
        async with self.unit_of_work() as uow:
            await self._look(uow)
        self.step = "check"
        self.asked = self.errors == 0

    @rx.event
    async def close_question(self, _: bool) -> None:
        """Not yet."""
        await self.principal()
        self.asked = False

    @rx.event
    async def start(self) -> Shown:
        """Send, now or at the chosen time."""
        self.asked, self.busy = False, True
        try:
            async with self.unit_of_work() as uow:
                found = id_of(self.draft_id)
                if self.when == "later":
                    await campaigns.schedule(uow, found, self._moment() or datetime.now(UTC))
                else:
                    await campaigns.start(uow, found)
        except Invalid as error:
            self._refuse(error)
            async with self.unit_of_work() as uow:
                await self._look(uow)
            return None
        except AppError as error:
            return error_toast(error.code, **error.args_)
        finally:
            self.busy = False
        return rx.redirect(routes.campaign(self.draft_id))

    async def _fill(self, uow: TenantUnitOfWork, view: CampaignView) -> None:
        self.draft_id, self.name, self.status = str(view.id), view.name, view.status.value
        self.message, self.letters = view.message_template, len(view.message_template)
        self.footer = view.footer
        self._show_target(view.target)
        self.chosen = [str(one) for one in view.device_ids]
        self.delay_min = "" if view.delay_min_s is None else str(view.delay_min_s)
        self.delay_max = "" if view.delay_max_s is None else str(view.delay_max_s)
        self.saved_at = (view.updated_at or view.created_at).isoformat()
        if view.scheduled_at is not None:
            self.when = "later"
            self.when_local = view.scheduled_at.astimezone(ZoneInfo(self._zone)).strftime("%Y-%m-%dT%H:%M")
        self.step = "message" if not view.target.is_empty else "people"
        self._show_variants(view)
        self._show_repeat(view)
        await self._show_file(uow, view.file_id)

    async def _lists(self, uow: TenantUnitOfWork) -> None:
        self.footer_line = (await opt_out.in_force(uow)).footer
        # The picker speaks of ids; tags are named in a target, so the name stands for the id here.
        self.tag_options = [
            {"id": tag.name, "name": tag.name, "color": tag.color, "n": str(tag.contacts or 0)}
            for tag in await tags.list_(uow)
        ]
        self.segment_options = [
            {"id": str(one.id), "name": one.name, "color": "mist", "n": str(-1 if one.count is None else one.count)}
            for one in (await segments.list_(uow)).items
        ]
        self._show_others()
        found = await devices.list_devices(uow)
        self.device_rows = [
            {"id": str(one.id), "name": one.name, "phone": one.phone or "", "status": one.status,
             "cap": int(one.pacing.get("per_day") or 0), "sent": one.sent_today}
            for one in found if one.is_active_for_broadcast
        ]  # fmt: skip
        self.variables = [*sorted(BUILT_IN - {"email"}), *sorted(await known_attributes(uow))][:40]
