"""The tester beside the list: a text, the rule that fires, and why the others do not."""

from typing import Any

import reflex as rx

from state.base import AppState
from state.contact_form import parsed_id
from wa_app.schemas.auto_replies import RuleTest, RuleTestResult, RuleWhy
from wa_app.services import auto_replies, campaigns, devices

SHOWN = 30
SAMPLE = {"name": "Siti Rahmawati", "first_name": "Siti", "city": "Bandung", "phone": "+6281200003312"}
FAR = frozenset({"keyword_absent", "regex_no_match"})
"""Reasons of rules that have nothing to do with the text: they come last."""


def line_of(one: RuleWhy) -> dict[str, str]:
    """One line below the answer."""
    near = "fired" if one.matched else "far" if one.why in FAR else "near"
    return {"id": str(one.id), "name": one.name, "why": one.why, "keyword": one.keyword, "near": near}


class RuleTesterState(AppState):
    """One text and what the rules say to it."""

    text: str = ""
    device_id: str = ""
    device_options: list[list[str]] = []
    tried: bool = False
    matched: str = ""
    keyword: str = ""
    answer: str = ""
    file: str = ""
    silent: bool = False
    hand_over: bool = False
    lines: list[dict[str, str]] = []
    hidden: int = 0
    is_open: bool = False

    @rx.event
    async def load(self) -> None:
        """Devices to choose from; the text of the last visit goes."""
        self.text = self.device_id = ""
        self.tried = self.is_open = False
        async with self.unit_of_work() as uow:
            may = uow.principal.may("devices.read")
            self.device_options = [[str(one.id), one.name] for one in await devices.list_devices(uow)] if may else []

    @rx.event
    async def set_open(self, is_open: bool) -> None:
        """The sheet on phones."""
        await self.principal()
        self.is_open = is_open

    @rx.event
    async def set_text(self, text: str) -> None:
        """Try a text as one types it."""
        self.text = text[:65_536]
        await self._try()

    @rx.event
    async def pick_device(self, device_id: str) -> None:
        """Ask as if it had come in on this device."""
        self.device_id = str(parsed_id(device_id)) if device_id else ""
        await self._try()

    @rx.event
    async def again(self) -> None:
        """Ask once more: rules have changed."""
        await self._try()

    async def _try(self) -> None:
        await self.principal()
        self.tried = bool(self.text.strip())
        if not self.tried:
            return
        asked = RuleTest(text=self.text, device_id=parsed_id(self.device_id) if self.device_id else None)
        async with self.unit_of_work() as uow:
            self._show(await auto_replies.try_text(uow, asked))

    def _show(self, found: RuleTestResult) -> None:
        rule = found.matched
        self.matched, self.keyword = (rule.name if rule else ""), found.keyword
        self.answer = campaigns.render(rule.response_text, SAMPLE, str(rule.id)).text if rule else ""
        self.file, self.silent = (rule.file_name or "", rule.keeps_silent) if rule else ("", False)
        self.hand_over = rule.hand_over if rule else False
        rank = {"fired": 0, "near": 1, "far": 2}
        lines: list[dict[str, Any]] = sorted(map(line_of, found.considered), key=lambda line: rank[line["near"]])
        self.lines, self.hidden = lines[:SHOWN], max(0, len(lines) - SHOWN)
