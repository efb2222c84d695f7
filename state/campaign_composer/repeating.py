"""The step "time and tempo", further: a campaign that comes again."""

from datetime import date, time
from typing import Any

import reflex as rx

from state.campaign_composer.draft import ComposerDraft, Shown, digits, flipped
from wa_app.schemas.broadcasts import Repeat
from wa_app.schemas.campaigns import CampaignView

EVERY = ("daily", "weekly", "monthly")


class RepeatStep(ComposerDraft, mixin=True):
    """How often they get it."""

    repeat_every: str = "never"
    repeat_at: str = "09:00"
    repeat_days: list[str] = ["0"]
    repeat_day: str = "1"
    repeat_until: str = ""
    repeat_runs: str = ""

    def _show_repeat(self, view: CampaignView) -> None:
        repeat = view.repeat
        if repeat is None:
            return
        self.repeat_every, self.repeat_at = repeat.every, repeat.at.strftime("%H:%M")
        self.repeat_days, self.repeat_day = [str(day) for day in repeat.weekdays], str(repeat.month_day)
        self.repeat_until = repeat.until.isoformat() if repeat.until else ""
        self.repeat_runs = str(repeat.max_runs or "")

    @rx.event
    async def set_repeat(self, every: str) -> Shown:
        """Once, every day, on days of the week, on a day of the month."""
        self.repeat_every = every if every in EVERY else "never"
        return await self._save_repeat()

    @rx.event
    async def set_repeat_at(self, value: str) -> Shown:
        """The hour on the tenant's wall."""
        self.repeat_at = value[:5]
        return await self._save_repeat()

    @rx.event
    async def flip_repeat_day(self, day: str) -> Shown:
        """Take a day of the week in or out."""
        self.repeat_days = sorted(flipped(self.repeat_days, day[:1]))
        return await self._save_repeat()

    @rx.event
    async def set_repeat_month_day(self, value: str) -> Shown:
        """The day of the month."""
        self.repeat_day = digits(value)[:2]
        return await self._save_repeat()

    @rx.event
    async def set_repeat_until(self, value: str) -> Shown:
        """The last day, or none."""
        self.repeat_until = value[:10]
        return await self._save_repeat()

    @rx.event
    async def set_repeat_runs(self, value: str) -> Shown:
        """How many times in all, or without end."""
        self.repeat_runs = digits(value)[:4]
        return await self._save_repeat()

    async def _save_repeat(self) -> Shown:
        if self.repeat_every == "never":
            return await self._save(repeat=None)
        try:
            repeat = Repeat(**self._repeat_fields())
        except ValueError:
            # Half-typed fields wait until they make sense; who calls is asked all the same.
            await self.principal()
            self.repeat_error = "repeat_incomplete"
            return None
        return await self._save(repeat=repeat)

    def _repeat_fields(self) -> dict[str, Any]:
        return {
            "every": self.repeat_every, "at": time.fromisoformat(self.repeat_at),
            "weekdays": [int(day) for day in self.repeat_days if day.isdecimal()], "month_day": int(self.repeat_day or 1),
            "until": date.fromisoformat(self.repeat_until) if self.repeat_until else None,
            "max_runs": int(self.repeat_runs) if self.repeat_runs else None,
        }  # fmt: skip
