"""The step "recipients": everyone, those with a tag or those in a segment, minus others."""

import reflex as rx

from state.campaign_composer.draft import ComposerDraft, Shown, flipped


class AudienceStep(ComposerDraft, mixin=True):
    """Who gets it."""

    @rx.event
    async def set_scope(self, scope: str) -> Shown:
        """All contacts, those with one of the tags, or those in a segment."""
        if scope == "filter" and not self._special:
            scope = "all"
        self.scope = scope if scope in ("all", "tags", "segment", "filter") else "all"
        self.everyone = self.scope == "all"
        self._show_others()
        return await self._save_target()

    @rx.event
    async def set_segment(self, segment_id: str) -> Shown:
        """The segment it goes to."""
        self.segment_id = segment_id if segment_id in {one["id"] for one in self.segment_options} else ""
        self._show_others()
        return await self._save_target()

    @rx.event
    async def toggle_without(self, segment_id: str) -> Shown:
        """Leave out who is in a segment."""
        if segment_id in {one["id"] for one in self.other_segments}:
            self.without = flipped(self.without, segment_id)
        return await self._save_target()

    @rx.event
    async def flip_frozen(self, frozen: bool) -> Shown:
        """Write the people down at the start, or find them when it is planned."""
        self.frozen = bool(frozen)
        return await self._save_target()

    @rx.event
    async def toggle_wanted(self, name: str) -> Shown:
        """Take a tag in or out; it cannot be wanted and excluded."""
        self.wanted = flipped(self.wanted, name)
        self.unwanted = [one for one in self.unwanted if one != name]
        self.everyone, self.scope = False, "tags"
        return await self._save_target()

    @rx.event
    async def toggle_unwanted(self, name: str) -> Shown:
        """Leave out who carries a tag."""
        self.unwanted = flipped(self.unwanted, name)
        self.wanted = [one for one in self.wanted if one != name]
        return await self._save_target()

    async def _save_target(self) -> Shown:
        return await self._save(target=self._target())
