"""State of the part of the settings about automatic answers."""

from typing import Any

import reflex as rx

from state.base import AppState, FormErrors
from wa_app.components.feedback import toast
from wa_app.errors import FieldError, Invalid
from wa_app.schemas.conversations import AnswerSettingsChange
from wa_app.schemas.principal import Verb
from wa_app.services.conversations import settings

LONGEST_S = 3600
MOST_IN_GROUP = 1000
HOURS = ("0", "1", "4", "12", "24", "72")
"""When a talk goes back to the machine, by choice; 0 is never."""


class AnswerSettingsState(FormErrors, AppState):
    """How automatic answers behave in all conversations."""

    ready: bool = False
    may_write: bool = False
    hand_back: str = "12"
    delay_min: str = ""
    delay_max: str = ""
    groups: bool = False
    group_limit: str = ""

    @rx.event
    async def load(self) -> None:
        """Read what is in force."""
        async with self.unit_of_work() as uow:
            found = await settings.get(uow)
            self.may_write = uow.principal.may(Verb.SETTINGS_WRITE)
        self.hand_back = str(found.hand_back_after_h)
        self.delay_min, self.delay_max = str(found.rule_delay_min_s), str(found.rule_delay_max_s)
        self.groups, self.group_limit = found.groups, str(found.group_answers_per_h)
        self.ready = True

    @rx.event
    async def save(self, form: dict[str, Any]) -> Any:
        """Keep it."""
        with self.showing_errors():
            hours = str(form.get("hand_back_after_h") or "")
            data = AnswerSettingsChange(
                hand_back_after_h=int(hours) if hours in HOURS else None,
                rule_delay_min_s=_seconds(form, "rule_delay_min_s"), rule_delay_max_s=_seconds(form, "rule_delay_max_s"),
                groups=bool(form.get("groups")), group_answers_per_h=_limit(form),
            )  # fmt: skip
            async with self.unit_of_work() as uow:
                await settings.change(uow, data)
        return None if self.errors else [AnswerSettingsState.load, toast("common.saved")]


def _limit(form: dict[str, Any]) -> int:
    """Answers a group gets in an hour. Raises Invalid for that field."""
    given = str(form.get("group_answers_per_h") or "").strip()
    if not given.isascii() or not given.isdigit() or len(given) > 4 or not 1 <= int(given) <= MOST_IN_GROUP:
        raise Invalid(FieldError("group_answers_per_h", "group_limit_range", {"limit": MOST_IN_GROUP}))
    return int(given)


def _seconds(form: dict[str, Any], name: str) -> int:
    """A number of seconds out of a field. Raises Invalid for that field."""
    given = str(form.get(name) or "").strip()
    if not given.isascii() or not given.isdigit() or len(given) > 4 or int(given) > LONGEST_S:
        raise Invalid(FieldError(name, "delay_seconds", {"limit": LONGEST_S}))
    return int(given)
