"""State of the part of the settings about the shared inbox."""

from typing import Any

import reflex as rx

from state.base import AppState, FormErrors
from wa_app.components.feedback import toast
from wa_app.errors import FieldError, Invalid
from wa_app.schemas.conversations import AnswerSettingsChange
from wa_app.schemas.principal import Verb
from wa_app.services.conversations import settings

LIMITS = {"first_response_target_min": 10_080, "resolution_target_min": 100_000}


class InboxSettingsState(FormErrors, AppState):
    """Whom conversations are given to, and how soon they should be answered and closed."""

    ready: bool = False
    may_write: bool = False
    auto_assign: bool = False
    first_response: str = ""
    resolution: str = ""

    @rx.event
    async def load(self) -> None:
        """Read what is in force."""
        async with self.unit_of_work() as uow:
            found = await settings.get(uow)
            self.may_write = uow.principal.may(Verb.SETTINGS_WRITE)
        self.auto_assign = found.auto_assign
        self.first_response, self.resolution = str(found.first_response_target_min), str(found.resolution_target_min)
        self.ready = True

    @rx.event
    async def save(self, form: dict[str, Any]) -> Any:
        """Keep it."""
        with self.showing_errors():
            data = AnswerSettingsChange(
                auto_assign=bool(form.get("auto_assign")), **{name: _minutes(form, name) for name in LIMITS},
            )  # fmt: skip
            async with self.unit_of_work() as uow:
                await settings.change(uow, data)
        return None if self.errors else [InboxSettingsState.load, toast("common.saved")]


def _minutes(form: dict[str, Any], name: str) -> int:
    """A number of minutes out of a field. Raises Invalid for that field."""
    given, limit = str(form.get(name) or "").strip(), LIMITS[name]
    if not given.isascii() or not given.isdigit() or len(given) > len(str(limit)) or int(given) > limit:
        raise Invalid(FieldError(name, "target_minutes", {"limit": limit}))
    return int(given)
