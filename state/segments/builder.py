"""The builder: rows of rules, the size of what they mean and ten of the people, as one types.

Every change asks for a new count; one that is under way for the same tab is cancelled, in the
database too, so that only the last question is answered.
"""

import asyncio
import re
from collections.abc import Callable
from typing import Any

import reflex as rx
from pydantic import ValidationError
from reflex.event import EventSpec

from pages import routes
from state.base import AppState
from state.campaigns import id_of
from state.segments import rows as made
from wa_app.components.feedback import toast
from wa_app.db import TenantUnitOfWork, unit_of_work
from wa_app.errors import AppError, Conflict, FieldError, Invalid, NotFound
from wa_app.schemas.principal import Principal
from wa_app.schemas.segments import (
    MAX_RULES,
    PreviewRequest,
    Rules,
    SegmentCreate,
    SegmentPreview,
    SegmentUpdate,
    SegmentView,
    problems,
)
from wa_app.services import campaigns, contacts, devices, segments, tags

_PATH = re.compile(rf"{routes.CONTACTS_SEGMENTS}/([0-9a-fA-F-]{{36}})")
_PLACE = re.compile(r"rules\.(\d+)(?:\.rules\.(\d+))?")
_asking: dict[str, asyncio.Task[SegmentPreview]] = {}
"""The count under way of each tab that this process serves."""


async def ask(token: str, principal: Principal, rules: Rules) -> SegmentPreview | None:
    """Size and sample; None when a newer question of the same tab took its place."""
    if (older := _asking.pop(token, None)) is not None:
        older.cancel()
    task = _asking[token] = asyncio.create_task(_preview(principal, rules))
    try:
        await asyncio.wait({task})
        return None if task.cancelled() else task.result()
    finally:
        if _asking.get(token) is task:
            del _asking[token]


async def _preview(principal: Principal, rules: Rules) -> SegmentPreview:
    async with unit_of_work(principal) as uow:
        return await segments.preview(uow, PreviewRequest(rules=rules))


class SegmentState(AppState):
    """One segment, new or stored."""

    ready: bool = False
    missing: bool = False
    shown_id: str = ""
    name: str = ""
    name_error: str = ""
    description: str = ""
    match: str = "all"
    blocks: list[dict[str, Any]] = []
    dirty: bool = False
    saved_at: str = ""
    campaigns: int = 0
    busy: bool = False
    tried: bool = False
    """Saving was tried: rows that are not filled in say so aloud."""
    count: int = -1
    everybody: int = 0
    sample: list[dict[str, str]] = []
    counting: bool = False
    problem: str = ""
    """The first thing that keeps the rules from being counted."""
    problem_args: dict[str, str] = {}
    tag_options: list[dict[str, str]] = []
    campaign_options: list[list[str]] = []
    campaign_names: dict[str, str] = {}
    device_options: list[list[str]] = []
    attribute_options: list[str] = []
    source_options: list[str] = []
    _made: int = 0
    _asked: int = 0

    @rx.var
    def share(self) -> float:
        """Part of all contacts, in percent."""
        return round(self.count * 100 / self.everybody, 1) if self.everybody and self.count > 0 else 0.0

    @rx.event
    async def load_new(self) -> Any:
        """An empty segment with one row to fill in."""
        self.reset()  # type: ignore[no-untyped-call]
        async with self.unit_of_work() as uow:
            await self._lists(uow)
        self.blocks = [made.block("b0", [made.blank("b0r0", "tags" if self.tag_options else "city")])]
        self._made, self.ready = 1, True
        self._number()
        return SegmentState.recount

    @rx.event
    async def load(self) -> Any:
        """The segment of the page's address."""
        self.reset()  # type: ignore[no-untyped-call]
        found = _PATH.match(self.router.url.path)
        try:
            async with self.unit_of_work() as uow:
                view = await segments.get(uow, id_of(found[1] if found else ""))
                await self._lists(uow)
        except NotFound:
            self.missing = True
            return None
        self._show(view)
        self.ready = True
        return SegmentState.recount

    @rx.event(background=True)
    async def recount(self) -> None:
        """Count what the rows mean now, unless something changes meanwhile."""
        principal = await self.principal()
        async with self:
            self._asked += 1
            number, rules = self._asked, self._rules()
            token = self.router.session.client_token
            self.counting = rules is not None
            if rules is None:
                self.count, self.sample = -1, []
        if rules is None:
            return
        error: AppError | None = None
        found: SegmentPreview | None = None
        try:
            found = await ask(token, principal, rules)
        except AppError as refused:
            error = refused
        async with self:
            if number == self._asked:
                self._answer(found, error)

    @rx.event
    async def set_name(self, name: str) -> None:
        await self.principal()
        self.name, self.name_error, self.dirty = name[:80], "", True

    @rx.event
    async def set_description(self, words: str) -> None:
        await self.principal()
        self.description, self.dirty = words[:400], True

    @rx.event
    async def set_match(self, match: str) -> Any:
        """All of the rules, or any of them."""
        await self.principal()
        self.match = "any" if match == "any" else "all"
        return self._changed()

    @rx.event
    async def set_group_match(self, key: str, match: str) -> Any:
        """The same within a group."""
        await self.principal()
        self._blocks(key, lambda one: one | {"match": "any" if match == "any" else "all"})
        return self._changed()

    @rx.event
    async def add_rule(self, key: str = "") -> Any:
        """A row to fill in, at the end or inside a group."""
        await self.principal()
        if sum(len(one["rows"]) for one in self.blocks) >= MAX_RULES:
            return None
        self._made += 1
        row = made.blank(f"n{self._made}")
        if key:
            self._blocks(key, lambda one: one | {"rows": [*one["rows"], row]})
        else:
            self.blocks = [*self.blocks, made.block(f"g{self._made}", [row])]
        return self._changed()

    @rx.event
    async def add_group(self) -> Any:
        """A group with one row; it joins the other way than the outside does."""
        await self.principal()
        if sum(len(one["rows"]) for one in self.blocks) >= MAX_RULES:
            return None
        self._made += 1
        row = made.blank(f"n{self._made}")
        self.blocks = [*self.blocks, made.block(f"g{self._made}", [row], "all" if self.match == "any" else "any")]
        return self._changed()

    @rx.event
    async def remove_row(self, key: str) -> Any:
        """Take a rule out; a group goes with its last one."""
        await self.principal()
        left = [one | {"rows": [row for row in one["rows"] if row["key"] != key]} for one in self.blocks]
        self.blocks = [one for one in left if one["rows"]]
        return self._changed()

    @rx.event
    async def remove_group(self, key: str) -> Any:
        """Take a group out with its rules."""
        await self.principal()
        self.blocks = [one for one in self.blocks if one["key"] != key]
        return self._changed()

    @rx.event
    async def set_field(self, key: str, field: str) -> Any:
        """Another field: the row begins anew."""
        await self.principal()
        self._rows(key, lambda row: made.blank(str(row["key"]), field))
        return self._changed()

    @rx.event
    async def set_op(self, key: str, op: str) -> Any:
        """Another operator; what is filled in stays."""
        await self.principal()
        self._rows(key, lambda row: row | {"op": op} if op in made.OPS.get(str(row["field"]), ()) else row)
        return self._changed()

    @rx.event
    async def set_cell(self, key: str, cell: str, value: str) -> Any:
        """A value of a row: `value, name, days, day` or `device_id`."""
        await self.principal()
        if cell not in ("value", "name", "days", "day", "device_id"):
            return None
        self._rows(key, lambda row: row | {cell: str(value)[:200]})
        return self._changed()

    @rx.event
    async def toggle_tag(self, key: str, tag_id: str) -> Any:
        """A tag in or out."""
        await self.principal()
        self._rows(key, lambda row: row | {"tag_ids": _flipped(row["tag_ids"], tag_id)})
        return self._changed()

    @rx.event
    async def pick_campaign(self, key: str, which: str) -> Any:
        """`any`, `d30` for those begun in the last 30 days, or one more campaign by its id."""
        await self.principal()
        if which in self.campaign_names:
            self._rows(key, lambda row: row | {"campaign_ids": [*row["campaign_ids"], which][:50], "days": ""})
        else:
            days = which.removeprefix("d") if which.startswith("d") else ""
            self._rows(key, lambda row: row | {"campaign_ids": [], "days": days})
        return self._changed()

    @rx.event
    async def drop_campaign(self, key: str, campaign_id: str) -> Any:
        """One campaign less."""
        await self.principal()
        self._rows(key, lambda row: row | {"campaign_ids": [one for one in row["campaign_ids"] if one != campaign_id]})
        return self._changed()

    @rx.event
    async def save(self) -> Any:
        """Store it under its name."""
        self.tried, self.name_error = True, ""
        rules = self._rules()
        if rules is None:
            return None
        try:
            async with self.unit_of_work() as uow:
                view = await self._store(uow, rules)
        except Conflict as error:
            self.name_error = error.code
            return None
        except Invalid as error:
            self._refuse(error)
            return None
        is_new, self.tried = not self.shown_id, False
        self._show(view)
        done: list[Any] = [toast("common.saved")]
        if is_new:
            place = routes.segment(self.shown_id)
            done.append(rx.call_script(f"window.history.replaceState(window.history.state, '', '{place}')"))
        return [*done, SegmentState.recount]

    @rx.event
    async def send(self) -> EventSpec | None:
        """A new broadcast to this segment."""
        await self.principal()
        return rx.redirect(f"{routes.CAMPAIGN_NEW}?segment={self.shown_id}") if self.shown_id else None

    async def _store(self, uow: TenantUnitOfWork, rules: Rules) -> SegmentView:
        given: dict[str, Any] = {"name": self.name, "description": self.description, "rules": rules}
        if not self.shown_id:
            return await segments.create(uow, SegmentCreate(**given))
        return await segments.update(uow, id_of(self.shown_id), SegmentUpdate(**given))

    def _show(self, view: SegmentView) -> None:
        self.shown_id, self.name, self.description = str(view.id), view.name, view.description
        self.match, self.blocks = view.rules.match, made.blocks_of(view.rules)
        self._made, self.campaigns, self.dirty = 100, view.campaigns, False
        self.saved_at = (view.updated_at or view.created_at).isoformat()
        self._number()

    def _answer(self, found: SegmentPreview | None, error: AppError | None) -> None:
        self.counting = False
        if isinstance(error, Invalid):
            self._refuse(error)
        elif error is not None:
            self.count, self.sample, self.problem, self.problem_args = -1, [], error.code, {}
        elif found is not None:
            self.count, self.problem = found.count, ""
            self.sample = [
                {"id": str(one.id), "name": one.name or one.phone or "LID", "phone": one.phone or "", "city": one.city}
                for one in found.sample
            ]

    def _rules(self) -> Rules | None:
        """The rules of the rows, or None with each problem written where it is."""
        try:
            rules = Rules.model_validate(made.tree_of(self.match, self.blocks))
        except ValidationError:
            self._say([FieldError("rules", "value_invalid")])
            return None
        found = problems(rules)
        self._say(found)
        return None if found else rules

    def _refuse(self, error: Invalid) -> None:
        self.count, self.sample = -1, []
        self.name_error = next((one.code for one in error.fields if one.field == "name"), "")
        self._say([one for one in error.fields if one.field != "name"])

    def _say(self, found: list[FieldError]) -> None:
        """Write problems at their rows; the first of them stands below the size."""
        first = found[0] if found else None
        self.problem, self.problem_args = (first.code, _args(first)) if first else ("", {})
        at: dict[tuple[str, str], FieldError] = {}
        for one in found:
            place = _PLACE.match(one.field)
            if place is not None:
                at.setdefault((place[1], place[2] or ""), one)
        self.blocks = [_marked(one, str(n), at) for n, one in enumerate(self.blocks)]

    def _changed(self) -> Any:
        self.dirty = True
        self._number()
        return SegmentState.recount

    def _number(self) -> None:
        """Rules are called 1, 2, 3.1 as the messages call them."""
        self.blocks = [
            one | {
                "n": str(n),
                "rows": [row | {"n": f"{n}.{m}" if one["match"] else str(n)} for m, row in enumerate(one["rows"], 1)],
            }
            for n, one in enumerate(self.blocks, 1)
        ]  # fmt: skip

    def _rows(self, key: str, change: Callable[[made.Row], made.Row]) -> None:
        self.blocks = [
            one | {"rows": [change(row) if row["key"] == key else row for row in one["rows"]]} for one in self.blocks
        ]

    def _blocks(self, key: str, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        self.blocks = [change(one) if one["key"] == key and one["match"] else one for one in self.blocks]

    async def _lists(self, uow: TenantUnitOfWork) -> None:
        """What the rows may choose from."""
        self.tag_options = [{"id": str(one.id), "name": one.name, "color": one.color} for one in await tags.list_(uow, with_counts=False)]
        found, _, _ = await campaigns.list_(uow, limit=100)
        self.campaign_names = {str(one.id): one.name for one in found}
        self.campaign_options = [[key, name] for key, name in self.campaign_names.items()]
        self.device_options = [[str(one.id), one.name] for one in await devices.list_devices(uow)]
        self.attribute_options = (await contacts.attribute_keys(uow))[:200]
        self.everybody = await segments.everybody(uow)
        self.source_options = (await contacts.sources(uow))[:50]


def _flipped(chosen: list[str], one: str) -> list[str]:
    return [kept for kept in chosen if kept != one] if one in chosen else [*chosen, one][:50]


def _args(error: FieldError) -> dict[str, str]:
    return {key: str(value) for key, value in error.args.items()}


def _marked(one: dict[str, Any], n: str, at: dict[tuple[str, str], FieldError]) -> dict[str, Any]:
    rows = [
        row | _mark(at.get((n, str(m) if one["match"] else "")))
        for m, row in enumerate(one["rows"])
    ]
    return one | {"rows": rows}


def _mark(error: FieldError | None) -> dict[str, Any]:
    if error is None:
        return {"error": "", "error_args": {}, "quiet": False}
    return {"error": error.code, "error_args": _args(error), "quiet": error.code in made.UNFINISHED}

