"""The step "time and tempo": when, how fast, by which devices."""

from datetime import UTC, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

import reflex as rx

from state.campaign_composer.draft import ComposerDraft, Shown, flipped
from state.campaigns import id_of


class TimingStep(ComposerDraft, mixin=True):
    """When and how fast they get it."""

    @rx.event
    async def toggle_device(self, device_id: str) -> Shown:
        """Let a device take part, or not; none chosen means all that are active."""
        self.chosen = flipped(self.chosen, str(id_of(device_id)))
        return await self._save(device_ids=[UUID(one) for one in self.chosen])

    @rx.event
    async def set_delay_min(self, value: str) -> Shown:
        """Shortest gap in seconds."""
        self.delay_min = value[:6]
        return await self._save_delays()

    @rx.event
    async def set_delay_max(self, value: str) -> Shown:
        """Longest gap in seconds."""
        self.delay_max = value[:6]
        return await self._save_delays()

    @rx.event
    async def set_when(self, when: str) -> Shown:
        """Now, or at a time."""
        self.when, self.when_error = "later" if when == "later" else "now", ""
        return await self._save_time()

    @rx.event
    async def set_when_local(self, value: str) -> Shown:
        """The time on the tenant's wall."""
        self.when_local, self.when = value[:20], "later"
        return await self._save_time()

    async def _save_delays(self) -> Shown:
        values = [one.strip() for one in (self.delay_min, self.delay_max)]
        if not all(one.isdecimal() or one == "" for one in values):
            self.delay_error = "delay_out_of_range"
            return None
        low, high = (int(one) if one else None for one in values)
        return await self._save(delay_min_s=low, delay_max_s=high)

    async def _save_time(self) -> Shown:
        moment = self._moment() if self.when == "later" else None
        if self.when == "later" and moment is None:
            return None
        return await self._save(scheduled_at=moment)

    def _moment(self) -> datetime | None:
        try:
            return datetime.fromisoformat(self.when_local).replace(tzinfo=ZoneInfo(self._zone)).astimezone(UTC)
        except ValueError:
            return None
