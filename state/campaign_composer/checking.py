"""The step "check" beside all others: advice, the gauge of risk, looking numbers up, a test to oneself."""

from typing import Any

import reflex as rx

from state.campaign_composer.draft import ComposerDraft, Shown
from state.campaigns import id_of
from wa_app import live
from wa_app.components.feedback import error_toast, toast
from wa_app.db import unit_of_work
from wa_app.errors import AppError, Invalid, NotFound
from wa_app.schemas.broadcasts import letter
from wa_app.services import campaigns, trials
from wa_app.services.campaigns import jobs, lookups

TICK_S = 5.0


class CheckStep(ComposerDraft, mixin=True):
    """What is worth a look before it goes out."""

    @rx.event
    async def look_up(self) -> Shown:
        """Ask whether the numbers are on WhatsApp."""
        try:
            async with self.unit_of_work() as uow:
                await lookups.request(uow, id_of(self.draft_id))
                await self._look(uow)
        except AppError as error:
            return error_toast(error.code, **error.args_)
        return None

    @rx.event
    async def stop_lookup(self) -> Shown:
        """Ask no further; what is known stays known."""
        try:
            async with self.unit_of_work() as uow:
                uow.require("campaigns.write")
                await jobs.cancel(uow, id_of(self.draft_id), id_of(self.lookup.get("id", "")))
                await self._look(uow)
        except AppError as error:
            return error_toast(error.code, **error.args_)
        return None

    @rx.event
    async def open_trial(self, opened: bool) -> None:
        """Ask where to send the test."""
        await self.principal()
        self.trying, self.trial_error = opened, ""

    @rx.event
    async def send_trial(self, form: dict[str, Any]) -> Shown:
        """Send the message to one number."""
        self.trial_phone, self.trial_error, self.busy = str(form.get("trial_phone", ""))[:40], "", True
        try:
            async with self.unit_of_work() as uow:
                await trials.send(uow, id_of(self.draft_id), self.trial_phone, letter=letter(self.ab_at) if self._texts else "")
        except Invalid as error:
            self.trial_error = error.fields[0].code if error.fields else error.code
            return None
        except AppError as error:
            self.trial_error = error.code
            return None
        finally:
            self.busy = False
        self.trying = False
        return toast("composer.trial.sent")

    @rx.event(background=True)
    async def watch_checks(self) -> None:
        """Look again when a link has answered, numbers were looked up or a device changed, until the tab is elsewhere."""
        principal = await self.principal()
        place = self.router.url.path
        async with live.watch(principal.tenant_id) as inbox:
            while live.tab_is_open(self.router.session.client_token):
                batch = await inbox.wait(TICK_S)
                async with self:
                    if self.router.url.path != place:
                        return
                    draft = self.draft_id
                if not draft or not any(one["kind"] in ("preflight", "device") or one.get("what") == "job" for one in batch):
                    continue
                try:
                    async with unit_of_work(principal) as uow:
                        result = await campaigns.preflight_of(uow, id_of(draft))
                except NotFound:
                    return
                async with self:
                    if self.draft_id == draft:
                        self._show_checks(result)
