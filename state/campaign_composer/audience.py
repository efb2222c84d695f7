"""The step "recipients": everyone, or those with a tag, minus others."""

import reflex as rx
from reflex.event import EventSpec

from state.campaign_composer.draft import ComposerDraft, flipped


class AudienceStep(ComposerDraft, mixin=True):
    """Who gets it."""

    @rx.event
    async def set_scope(self, scope: str) -> EventSpec | None:
        """All contacts, or those with one of the tags."""
        self.everyone = scope == "all"
        return await self._save_target()

    @rx.event
    async def toggle_wanted(self, name: str) -> EventSpec | None:
        """Take a tag in or out; it cannot be wanted and excluded."""
        self.wanted = flipped(self.wanted, name)
        self.unwanted = [one for one in self.unwanted if one != name]
        self.everyone = False
        return await self._save_target()

    @rx.event
    async def toggle_unwanted(self, name: str) -> EventSpec | None:
        """Leave out who carries a tag."""
        self.unwanted = flipped(self.unwanted, name)
        self.wanted = [one for one in self.wanted if one != name]
        return await self._save_target()

    async def _save_target(self) -> EventSpec | None:
        return await self._save(target=self._target())
