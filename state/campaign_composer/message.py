"""The step "message": text, file, and what each sampled person would read."""

import reflex as rx

from state.campaign_composer.draft import ComposerDraft, Shown, whole
from state.campaigns import id_of


class MessageStep(ComposerDraft, mixin=True):
    """What they get."""

    @rx.event
    async def set_message(self, text: str) -> Shown:
        """The text, once typing rests."""
        self.message = text[:70_000]
        self.letters = len(self.message)
        return await self._save(**self._text_changes(message_template=self.message))

    @rx.event
    async def flip_footer(self) -> Shown:
        """The opt-out line, on or off."""
        self.footer = not self.footer
        return await self._save(footer=self.footer)

    @rx.event
    async def attach(self, file_id: str, name: str, size: int) -> Shown:
        """A file has been uploaded."""
        self.file_error = ""
        before = list(self._texts)
        saved = await self._save(**self._text_changes(file_id=id_of(file_id)))
        if self.file_error:
            self._texts = before
        async with self.unit_of_work() as uow:
            await self._show_file(uow, id_of(file_id) if not self.file_error else None)
        return saved

    @rx.event
    async def detach(self) -> Shown:
        """Take the file off."""
        self.file_id = self.file_name = self.file_url = self.file_kind = self.file_error = ""
        return await self._save(**self._text_changes(file_id=None))

    @rx.event
    async def next_sample(self) -> None:
        """The next person."""
        await self.principal()
        self._show_sample(self.sample_at + 1)

    @rx.event
    async def previous_sample(self) -> None:
        """The person before."""
        await self.principal()
        self._show_sample(self.sample_at - 1)

    @rx.event
    async def pick_sample(self, at: str) -> None:
        """A person from the list."""
        await self.principal()
        self._show_sample(whole(at))
