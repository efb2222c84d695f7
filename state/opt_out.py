"""State of the settings about stopping and starting: words, answers, the line under broadcasts."""

import re
from typing import Any

import reflex as rx

from state.base import AppState, FormErrors
from wa_app.components.feedback import toast
from wa_app.kit.opt_words import word_list
from wa_app.schemas.opt_out import OptOutChange
from wa_app.services import opt_out

MAX_TYPED = 15_000
_BETWEEN = re.compile(r"[\n\r,;]+")


def _words(text: str) -> list[str]:
    """Words as they are written: one a line, or parted by commas."""
    return [one.strip()[:200] for one in _BETWEEN.split(text[:MAX_TYPED]) if one.strip()][:500]


class OptOutState(FormErrors, AppState):
    """The form; it is saved as a whole."""

    ready: bool = False
    stop_words: str = ""
    start_words: str = ""
    footer: str = ""
    confirms: bool = True
    stop_reply: str = ""
    start_reply: str = ""
    may_write: bool = False
    trial: str = ""

    @rx.var
    def stop_count(self) -> int:
        return len(_words(self.stop_words))

    @rx.var
    def start_count(self) -> int:
        return len(_words(self.start_words))

    @rx.var
    def trial_means(self) -> str:
        """What the typed message would do: stop, start, nothing, or "" while nothing is typed."""
        if not self.trial.strip():
            return ""
        meaning = word_list(_words(self.stop_words), _words(self.start_words)).meaning(self.trial)
        return meaning.value if meaning else "nothing"

    @rx.event
    async def load(self) -> None:
        """Read what is in force."""
        async with self.unit_of_work() as uow:
            found = await opt_out.get(uow)
            self.may_write = uow.principal.may("settings.write")
        self.stop_words, self.start_words = "\n".join(found.opt_out_words), "\n".join(found.opt_in_words)
        self.footer, self.confirms = found.footer, found.confirms
        self.stop_reply, self.start_reply = found.opt_out_reply, found.opt_in_reply
        self.errors, self.ready = {}, True

    @rx.event
    async def set_stop_words(self, text: str) -> None:
        await self.principal()
        self.stop_words = text[:MAX_TYPED]

    @rx.event
    async def set_start_words(self, text: str) -> None:
        await self.principal()
        self.start_words = text[:MAX_TYPED]

    @rx.event
    async def set_footer(self, text: str) -> None:
        await self.principal()
        self.footer = text[:2000]

    @rx.event
    async def flip_confirms(self) -> None:
        await self.principal()
        self.confirms = not self.confirms

    @rx.event
    async def set_stop_reply(self, text: str) -> None:
        await self.principal()
        self.stop_reply = text[:2000]

    @rx.event
    async def set_start_reply(self, text: str) -> None:
        await self.principal()
        self.start_reply = text[:2000]

    @rx.event
    async def set_trial(self, text: str) -> None:
        await self.principal()
        self.trial = text[:300]

    @rx.event
    async def save(self) -> Any:
        """Keep everything; an empty field puts its default back."""
        change = OptOutChange(
            opt_out_words=_words(self.stop_words), opt_in_words=_words(self.start_words), footer=self.footer,
            confirms=self.confirms, opt_out_reply=self.stop_reply, opt_in_reply=self.start_reply,
        )  # fmt: skip
        with self.showing_errors():
            async with self.unit_of_work() as uow:
                await opt_out.change(uow, change)
        return None if self.errors else [OptOutState.load, toast("common.saved")]
