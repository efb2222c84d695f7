"""The step "message", further: variants with shares and a test, links that are tracked."""

from typing import Any
from uuid import UUID

import reflex as rx

from state.campaign_composer.draft import ComposerDraft, Shown, digits, example_link, whole
from wa_app.schemas.broadcasts import MAX_VARIANTS, TestPhase
from wa_app.schemas.campaigns import CampaignView

PERCENTS = (10, 20, 30, 40, 50)
HOURS = (1, 2, 4, 8, 12, 24, 48)


class VariantsStep(ComposerDraft, mixin=True):
    """How many ways they read it."""

    test_percent: int = 0
    """Part of the audience that gets the variants first; 0 without a test."""
    test_hours: int = 4
    winner_by: str = "read"
    link_example: str = ""

    def _show_variants(self, view: CampaignView) -> None:
        self._texts = [
            {"message_template": one.message_template, "file_id": one.file_id, "share": one.share, "name": one.name}
            for one in view.variants
        ]
        self._variant_changes()
        self.test_percent, self.test_hours = (view.test.percent, view.test.hours) if view.test else (0, 4)
        self.winner_by, self.track = view.winner_by.value, view.track_links
        self.link_example = example_link()

    @rx.event
    async def add_variant(self) -> Shown:
        """One more way to write it: a copy of the text on show, to change. The first makes it A and B."""
        if len(self._texts) >= MAX_VARIANTS:
            return None
        own: dict[str, Any] = {
            "message_template": self.message, "file_id": UUID(self.file_id) if self.file_id else None, "share": 0, "name": "",
        }  # fmt: skip
        self._texts = [*(self._texts or [own]), {**own}]
        self._even_out()
        self.ab_at = len(self._texts) - 1
        return await self._save(**self._variant_changes())

    @rx.event
    async def show_variant(self, at: int) -> None:
        """Write and see another one."""
        if not 0 <= int(at) < len(self._texts):
            return
        async with self.unit_of_work() as uow:
            self._to(int(at))
            await self._show_file(uow, self._texts[self.ab_at]["file_id"])

    @rx.event
    async def drop_variant(self) -> Shown:
        """Throw the one on show away; with one left there is nothing to compare."""
        if not self._texts:
            return None
        self._texts = [one for at, one in enumerate(self._texts) if at != self.ab_at]
        if len(self._texts) == 1:
            return await self._back_to_one()
        self._even_out()
        self._to(min(self.ab_at, len(self._texts) - 1))
        saved = await self._save(**self._variant_changes())
        async with self.unit_of_work() as uow:
            await self._show_file(uow, self._texts[self.ab_at]["file_id"])
        return saved

    async def _back_to_one(self) -> Shown:
        (last,) = self._texts
        self._texts, self.ab, self.ab_at, self.test_percent = [], [], 0, 0
        self.message, self.letters = last["message_template"], len(last["message_template"])
        changes = {"message_template": self.message, "file_id": last["file_id"], "variants": [], "test": None}
        saved = await self._save(**changes)
        async with self.unit_of_work() as uow:
            await self._show_file(uow, last["file_id"])
        return saved

    @rx.event
    async def set_share(self, at: int, value: str) -> Shown:
        """Percent of one variant; the others share the rest as they did before."""
        at, count, wish = int(at), len(self._texts), digits(value)
        if not 0 <= at < count or not wish:
            return None
        share = max(1, min(int(wish), 100 - (count - 1)))
        others = [n for n in range(count) if n != at]
        before, rest = sum(self._texts[n]["share"] for n in others) or 1, 100 - share
        shares = {n: max(1, rest * self._texts[n]["share"] // before) for n in others}
        largest = max(others, key=lambda n: shares[n])
        shares[largest] += rest - sum(shares.values())
        shares[at] = share
        self._texts = [{**one, "share": shares[n]} for n, one in enumerate(self._texts)]
        return await self._save(**self._variant_changes())

    @rx.event
    async def set_test_percent(self, value: str) -> Shown:
        """Try them on part of the audience first; 0 sends to everyone at once."""
        self.test_percent = whole(value) if whole(value) in PERCENTS else 0
        return await self._save_test()

    @rx.event
    async def set_test_hours(self, value: str) -> Shown:
        """How long to wait for the winner."""
        self.test_hours = whole(value) if whole(value) in HOURS else 4
        return await self._save_test()

    @rx.event
    async def set_winner_by(self, by: str) -> Shown:
        """What the winner is chosen by."""
        self.winner_by = "reply" if by == "reply" else "read"
        return await self._save(winner_by=self.winner_by)

    async def _save_test(self) -> Shown:
        test = TestPhase(percent=self.test_percent, hours=self.test_hours) if self.test_percent else None
        return await self._save(test=test)

    @rx.event
    async def flip_tracking(self) -> Shown:
        """Count who opens links, or not."""
        self.track, self.link_example = not self.track, example_link()
        return await self._save(track_links=self.track)

    def _to(self, at: int) -> None:
        self.ab_at = at
        self.message = self._texts[at]["message_template"]
        self.letters = len(self.message)
        self._show_sample(self.sample_at)

    def _even_out(self) -> None:
        count = len(self._texts)
        self._texts = [{**one, "share": 100 // count + (at < 100 % count)} for at, one in enumerate(self._texts)]
