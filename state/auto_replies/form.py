"""The editor of one rule."""

import re
from datetime import date, time
from typing import Any

import reflex as rx
from reflex.event import EventSpec

from state.auto_replies.listing import RulesState
from state.auto_replies.tester import SAMPLE, RuleTesterState
from state.base import AppState, FormErrors
from state.contact_form import parsed_id
from wa_app.components.feedback import toast
from wa_app.models.auto_replies import AnswerDelay, LimitPeriod, MatchType
from wa_app.schemas.auto_replies import (
    MAX_COOLDOWN_S,
    MAX_KEYWORDS,
    MAX_WINDOWS,
    AutoReplyCreate,
    AutoReplyUpdate,
    AutoReplyView,
    WindowInput,
)
from wa_app.services import auto_replies, campaigns, devices
from wa_app.services.auto_replies.checking import keyword_problem, tidied
from wa_app.services.campaigns.checks import known_attributes

_PARTS = re.compile(r"[\n;,]")
WORKDAYS = [0, 1, 2, 3, 4, 5]
WRITTEN = (
    "name", "kind", "keywords", "draft", "body", "silent", "file_id", "device_ids", "windows", "from_date", "until_date",
    "limit_times", "limit_period", "cooldown_min", "delay", "hand_over", "stops_here",
)  # fmt: skip
"""What a person writes in the editor."""


class RuleFormState(FormErrors, AppState):
    """One rule, new or stored, while it is being written."""

    is_open: bool = False
    asks_to_leave: bool = False
    """Whether it asks what becomes of changes that are not kept."""
    rule_id: str = ""
    nonce: int = 0
    """Changes with every opening, so that fields which the browser keeps begin anew."""
    name: str = ""
    kind: str = "CONTAINS"
    keywords: list[str] = []
    draft: str = ""
    draft_error: str = ""
    draft_args: dict[str, Any] = {}
    body: str = ""
    silent: bool = False
    file_id: str = ""
    file_name: str = ""
    device_ids: list[str] = []
    device_options: list[dict[str, str]] = []
    windows: list[dict[str, Any]] = []
    from_date: str = ""
    until_date: str = ""
    limit_times: str = ""
    limit_period: str = "day"
    cooldown_min: str = ""
    delay: str = "person"
    hand_over: bool = False
    stops_here: bool = True
    variables: list[str] = []
    preview: str = ""
    variants: int = 1
    busy: bool = False
    _as_opened: str = ""
    """What stood in the editor when it was opened."""

    @rx.event
    async def begin(self) -> None:
        """An empty rule."""
        await self._fresh()
        self._opened()

    @rx.event
    async def open(self, rule_id: str) -> None:
        """The editor of one rule."""
        async with self.unit_of_work() as uow:
            view = await auto_replies.get(uow, parsed_id(rule_id))
        await self._fresh()
        self._fill(view)
        self._opened()

    @rx.event
    async def set_open(self, is_open: bool) -> None:
        """Close it; what was written and not kept is asked about first."""
        await self.principal()
        if not is_open and self.is_open and self._written() != self._as_opened:
            self.asks_to_leave = True
        else:
            self.is_open = is_open

    @rx.event
    async def stay(self, _is_open: bool) -> None:
        """Go on writing."""
        await self.principal()
        self.asks_to_leave = False

    @rx.event
    async def discard(self) -> None:
        """Close it without keeping anything."""
        await self.principal()
        self.asks_to_leave = self.is_open = False

    @rx.event
    async def set_name(self, name: str) -> None:
        await self.principal()
        self.name = name[:200]

    @rx.event
    async def pick_kind(self, kind: str) -> None:
        """How keywords are looked for; what is written already is looked at again."""
        await self.principal()
        self.kind = kind if kind in set(MatchType) else self.kind
        self._check()

    @rx.event
    async def set_draft(self, text: str) -> None:
        """A keyword as one types it: a pattern is tried at once."""
        await self.principal()
        self.draft = text[:2_000]
        self._check()

    @rx.event
    async def add_draft(self, text: str) -> None:
        """Take what was typed as keywords."""
        await self.principal()
        self.draft = text[:2_000]
        self._take()

    @rx.event
    async def add_typed(self, form: dict[str, Any]) -> None:
        """The same with Enter."""
        await self.principal()
        self.draft = str(form.get("keyword", self.draft))[:2_000]
        self._take()

    @rx.event
    async def drop_keyword(self, keyword: str) -> None:
        await self.principal()
        self.keywords = [one for one in self.keywords if one != keyword]
        self._check()

    @rx.event
    async def set_body(self, text: str) -> None:
        """The text, once typing rests."""
        await self.principal()
        self.body = text[:70_000]
        self._preview()

    @rx.event
    async def set_silent(self, how: str) -> None:
        """`answer`, or `silent`: there is nothing to say."""
        await self.principal()
        self.silent = how == "silent"

    @rx.event
    async def attach(self, file_id: str, name: str, size: int) -> None:
        """A file has been chosen or uploaded."""
        await self.principal()
        self.file_id, self.file_name = str(parsed_id(file_id)), name[:200]

    @rx.event
    async def detach(self) -> None:
        await self.principal()
        self.file_id = self.file_name = ""

    @rx.event
    async def toggle_device(self, device_id: str) -> None:
        await self.principal()
        others = [one for one in self.device_ids if one != device_id]
        self.device_ids = others if len(others) < len(self.device_ids) else [*others, str(parsed_id(device_id))]

    @rx.event
    async def add_window(self) -> None:
        """One more line of the schedule: working hours."""
        await self.principal()
        if len(self.windows) < MAX_WINDOWS:
            self.windows = [*self.windows, {"days": WORKDAYS, "start": "08:00", "end": "17:00"}]

    @rx.event
    async def drop_window(self, at: int) -> None:
        await self.principal()
        self.windows = [one for number, one in enumerate(self.windows) if number != at]

    @rx.event
    async def flip_day(self, at: int, day: int) -> None:
        await self.principal()
        days = self._window(at).get("days", [])
        if 0 <= day <= 6:
            self._change_window(at, days=sorted(set(days) ^ {day}))

    @rx.event
    async def set_start(self, at: int, value: str) -> None:
        await self.principal()
        self._change_window(at, start=value[:5])

    @rx.event
    async def set_end(self, at: int, value: str) -> None:
        await self.principal()
        self._change_window(at, end=value[:5])

    @rx.event
    async def set_from(self, value: str) -> None:
        await self.principal()
        self.from_date = value[:10]

    @rx.event
    async def set_until(self, value: str) -> None:
        await self.principal()
        self.until_date = value[:10]

    @rx.event
    async def set_times(self, value: str) -> None:
        await self.principal()
        self.limit_times = value[:6]

    @rx.event
    async def pick_period(self, value: str) -> None:
        await self.principal()
        self.limit_period = value if value in set(LimitPeriod) else "day"

    @rx.event
    async def set_cooldown(self, value: str) -> None:
        await self.principal()
        self.cooldown_min = value[:6]

    @rx.event
    async def pick_delay(self, value: str) -> None:
        await self.principal()
        self.delay = value if value in set(AnswerDelay) else "person"

    @rx.event
    async def flip_hand_over(self) -> None:
        await self.principal()
        self.hand_over = not self.hand_over

    @rx.event
    async def flip_stops(self) -> None:
        await self.principal()
        self.stops_here = not self.stops_here

    @rx.event
    async def save(self) -> Any:
        """Keep the rule."""
        await self.principal()
        if self.draft.strip():
            self._take()
        if self.draft_error:
            return None
        with self.showing_errors():
            values = self._values()
            async with self.unit_of_work() as uow:
                if self.rule_id:
                    await auto_replies.update(uow, parsed_id(self.rule_id), AutoReplyUpdate(**values))
                else:
                    await auto_replies.create(uow, AutoReplyCreate(**values))
        if self.errors:
            return None
        self.is_open = False
        said: EventSpec = toast("rules.saved")
        return [said, RulesState.load, RuleTesterState.again]

    async def _fresh(self) -> None:
        nonce = self.nonce + 1
        self.reset()  # type: ignore[no-untyped-call]
        self.nonce = nonce
        async with self.unit_of_work() as uow:
            self.variables = ["name", "first_name", "phone", "city", *sorted(await known_attributes(uow))][:40]
            may = uow.principal.may("devices.read")
            listed = await devices.list_devices(uow) if may else []
        self.device_options = [{"id": str(one.id), "name": one.name} for one in listed]

    def _opened(self) -> None:
        self._as_opened, self.is_open = self._written(), True

    def _written(self) -> str:
        return repr([getattr(self, key) for key in WRITTEN])

    def _fill(self, view: AutoReplyView) -> None:
        self.rule_id, self.name, self.kind = str(view.id), view.name, view.match_type.value
        self.keywords, self.body, self.silent = view.keywords, view.response_text, view.keeps_silent
        self.file_id, self.file_name = str(view.file_id or ""), view.file_name or ""
        self.device_ids = [str(one) for one in view.device_ids]
        self.windows = [
            {"days": one.days, "start": one.start.strftime("%H:%M"), "end": one.end.strftime("%H:%M")} for one in view.windows
        ]
        self.from_date, self.until_date = str(view.from_date or ""), str(view.until_date or "")
        self.limit_times, self.limit_period = str(view.limit_times or ""), view.limit_period.value
        self.cooldown_min = str(-(-view.cooldown_s // 60)) if view.cooldown_s else ""
        self.delay, self.hand_over, self.stops_here = view.delay.value, view.hand_over, view.stops_here
        self._preview()

    def _values(self) -> dict[str, Any]:
        return {
            "name": self.name, "match_type": MatchType(self.kind), "keywords": self.keywords, "response_text": self.body,
            "keeps_silent": self.silent, "file_id": parsed_id(self.file_id) if self.file_id else None,
            "device_ids": [parsed_id(one) for one in self.device_ids],
            "windows": [WindowInput(days=one["days"], start=_clock(one["start"]), end=_clock(one["end"]))
                        for one in self.windows if one["days"]],
            "from_date": _day(self.from_date), "until_date": _day(self.until_date),
            "limit_times": _whole(self.limit_times, 1_000) or None, "limit_period": LimitPeriod(self.limit_period),
            "cooldown_s": _whole(self.cooldown_min, MAX_COOLDOWN_S // 60) * 60, "delay": AnswerDelay(self.delay),
            "hand_over": self.hand_over, "stops_here": self.stops_here,
        }  # fmt: skip

    def _window(self, at: int) -> dict[str, Any]:
        return self.windows[at] if 0 <= at < len(self.windows) else {}

    def _change_window(self, at: int, **values: Any) -> None:
        self.windows = [{**one, **values} if number == at else one for number, one in enumerate(self.windows)]

    def _take(self) -> None:
        """Make keywords of what was typed, unless one of them is wrong: then it stays to be mended."""
        is_pattern = self.kind == MatchType.REGEX
        parts = [self.draft] if is_pattern else _PARTS.split(self.draft)
        self._check()
        if self.draft_error:
            return
        self.keywords = tidied([*self.keywords, *parts], MatchType(self.kind))[:MAX_KEYWORDS]
        self.draft = ""
        self.errors = {field: error for field, error in self.errors.items() if field != "keywords"}

    def _check(self) -> None:
        """What is wrong with the keywords and with what is being typed."""
        is_pattern = self.kind == MatchType.REGEX
        typed = [self.draft] if is_pattern else _PARTS.split(self.draft)
        asked = [*self.keywords, *(one.strip() for one in typed if one.strip())]
        wrong = next((one for one in (keyword_problem(k, MatchType(self.kind)) for k in asked) if one is not None), None)
        self.draft_error, self.draft_args = (wrong.code, dict(wrong.args)) if wrong else ("", {})

    def _preview(self) -> None:
        shown = campaigns.render(self.body, SAMPLE, self.rule_id or "sample")
        self.preview, self.variants = shown.text, shown.variants


def _clock(text: str) -> time:
    try:
        return time.fromisoformat(text)
    except ValueError:
        return time(0)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _whole(text: str, most: int) -> int:
    digits = text.strip()
    return min(int(digits), most) if digits.isascii() and digits.isdigit() else 0
