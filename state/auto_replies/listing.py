"""The rules in the order they are asked in: found, switched, moved, put away."""

from typing import Any
from urllib.parse import urlencode

import reflex as rx
from reflex.event import EventSpec

from state.base import AppState
from state.contact_form import parsed_id
from wa_app import live
from wa_app.components.feedback import toast
from wa_app.models.auto_replies import MatchType
from wa_app.schemas.auto_replies import AutoReplyView, RuleFilter, RuleOrder
from wa_app.services import auto_replies

PAGE = 100
SHOWN_KEYWORDS = 4


def row_of(view: AutoReplyView, place: int) -> dict[str, Any]:
    """One line of the list."""
    return {
        "id": str(view.id), "name": view.name, "place": place, "kind": view.match_type.value, "active": view.is_active,
        "keywords": view.keywords[:SHOWN_KEYWORDS], "more": max(0, len(view.keywords) - SHOWN_KEYWORDS),
        "answer": view.response_text[:200], "silent": view.keeps_silent, "file": view.file_name or "",
        "week": view.hits.week, "total": view.hits.total, "days": view.hits.days,
        "last_at": view.hits.last_at.isoformat() if view.hits.last_at else "", "devices": len(view.device_ids),
        "scheduled": bool(view.windows or view.from_date or view.until_date), "hand_over": view.hand_over,
        "limited": view.limit_times is not None or view.cooldown_s > 0,
    }  # fmt: skip


class RulesState(AppState):
    """The list; rebuilt by `load` from the database."""

    ready: bool = False
    rows: list[dict[str, Any]] = []
    total: int = 0
    q: str = ""
    side: str = ""
    """`on`, `off`, or empty for both."""
    kind: str = ""
    next_id: str = ""
    picked: list[str] = []
    may_write: bool = False
    said: str = ""
    """Name of the rule that was moved last, for screen readers."""
    said_place: int = 0
    week: int = 0
    on: int = 0

    @rx.var
    def is_filtered(self) -> bool:
        return bool(self.q or self.side or self.kind)

    @rx.event
    async def load(self) -> None:
        """First reading, without the last visit's filters."""
        self.q = self.side = self.kind = self.said = ""
        self.picked = []
        await self._read()

    @rx.event(background=True)
    async def watch(self) -> None:
        """Follow what others change."""
        tenant_id = (await self.principal()).tenant_id
        async for batch in live.changes(tenant_id, self.router.session.client_token):
            if {message.get("kind") for message in batch} & {"rules", "resync"}:
                async with self:
                    await self._read()

    @rx.event
    async def search(self, text: str) -> None:
        self.q = text[:200]
        await self._read()

    @rx.event
    async def pick_side(self, side: str) -> None:
        self.side = side if side in ("on", "off") else ""
        await self._read()

    @rx.event
    async def pick_kind(self, kind: str) -> None:
        self.kind = kind if kind in set(MatchType) else ""
        await self._read()

    @rx.event
    async def clear(self) -> None:
        """Show all again."""
        self.q = self.side = self.kind = ""
        await self._read()

    @rx.event
    async def more(self) -> None:
        """Further ones below those on show."""
        await self._read(further=True)

    @rx.event
    async def toggle(self, rule_id: str) -> None:
        """Switch one on or off in its place."""
        async with self.unit_of_work() as uow:
            await auto_replies.toggle(uow, [parsed_id(rule_id)])
        await self._read()

    @rx.event
    async def toggle_row(self, rule_id: str) -> None:
        """Tick a row, or untick it."""
        await self.principal()
        others = [one for one in self.picked if one != rule_id]
        self.picked = others if len(others) < len(self.picked) else [*self.picked, str(parsed_id(rule_id))][:PAGE]

    @rx.event
    async def toggle_page(self) -> None:
        """Tick all rows on show, or none."""
        await self.principal()
        self.picked = [] if len(self.picked) >= len(self.rows) else [row["id"] for row in self.rows]

    @rx.event
    async def clear_picked(self) -> None:
        await self.principal()
        self.picked = []

    @rx.event
    async def switch_picked(self, active: bool) -> EventSpec:
        """Switch the ticked rules on, or off."""
        async with self.unit_of_work() as uow:
            done = await auto_replies.toggle(uow, [parsed_id(one) for one in self.picked], active=bool(active))
        self.picked = []
        await self._read()
        return toast("rules.switched_on" if active else "rules.switched_off", n=len(done))

    @rx.event
    async def delete_picked(self) -> EventSpec:
        """Put the ticked rules away; the toast brings them back."""
        gone, self.picked = self.picked, []
        return await self._delete(gone)

    @rx.event
    async def delete(self, rule_id: str) -> EventSpec:
        """Put one away; the toast brings it back."""
        return await self._delete([rule_id])

    async def _delete(self, ids: list[str]) -> EventSpec:
        async with self.unit_of_work() as uow:
            n = await auto_replies.remove(uow, [parsed_id(one) for one in ids])
        await self._read()
        return toast("rules.deleted", n=n, action=("common.undo", RulesState.restore(ids)))  # type: ignore[operator]

    @rx.event
    async def restore(self, ids: list[str]) -> None:
        """Undo a deletion."""
        async with self.unit_of_work() as uow:
            await auto_replies.restore(uow, [parsed_id(one) for one in ids[:PAGE]])
        await self._read()

    @rx.event
    async def duplicate(self, rule_id: str) -> EventSpec:
        """A copy right behind it, switched off."""
        async with self.unit_of_work() as uow:
            await auto_replies.duplicate(uow, parsed_id(rule_id))
        await self._read()
        return toast("rules.duplicated")

    @rx.event
    async def move(self, rule_id: str, to: int) -> None:
        """Ask a rule at another place of the list, counted from 0."""
        order = [row["id"] for row in self.rows if row["id"] != rule_id]
        moved = next((row for row in self.rows if row["id"] == rule_id), None)
        await self.principal()
        if moved is None or self.is_filtered:
            return
        place = min(max(int(to), 0), len(order))
        order.insert(place, rule_id)
        async with self.unit_of_work() as uow:
            await auto_replies.reorder(uow, RuleOrder(ids=[parsed_id(one) for one in order]))
        self.said, self.said_place = moved["name"], place + 1
        await self._read()

    @rx.event
    async def move_first(self, rule_id: str) -> None:
        """Ask it before all others."""
        await self._shift(rule_id, -PAGE)

    @rx.event
    async def move_up(self, rule_id: str) -> None:
        await self._shift(rule_id, -1)

    @rx.event
    async def move_down(self, rule_id: str) -> None:
        await self._shift(rule_id, 1)

    async def _shift(self, rule_id: str, by: int) -> None:
        await self.principal()
        place = next((at for at, row in enumerate(self.rows) if row["id"] == rule_id), None)
        if place is None or self.is_filtered:
            return
        order = [row["id"] for row in self.rows if row["id"] != rule_id]
        order.insert(min(max(place + by, 0), len(order)), rule_id)
        async with self.unit_of_work() as uow:
            await auto_replies.reorder(uow, RuleOrder(ids=[parsed_id(one) for one in order]))
        await self._read()

    @rx.event
    async def add_examples(self) -> EventSpec:
        """Begin with rules of a shop."""
        async with self.unit_of_work() as uow:
            n = await auto_replies.add_examples(uow, uow.principal.language)
        await self._read()
        return toast("rules.examples_added", n=n)

    @rx.event
    async def export(self, kind: str) -> EventSpec:
        """Fetch the file with the filters in force; a route makes it."""
        await self.principal()
        asked = {
            "format": "json" if kind == "json" else "csv", "q": self.q, "match_type": self.kind,
            "is_active": {"on": "true", "off": "false"}.get(self.side, ""),
        }  # fmt: skip
        address = "/api/v1/auto-replies/export?" + urlencode({key: value for key, value in asked.items() if value})
        return rx.call_script(f"location.assign({address!r})")

    async def _read(self, *, further: bool = False) -> None:
        after = parsed_id(self.next_id) if further and self.next_id else None
        size = PAGE if further else max(PAGE, len(self.rows))
        where = RuleFilter(
            q=self.q, is_active={"on": True, "off": False}.get(self.side), match_type=MatchType(self.kind) if self.kind else None
        )
        async with self.unit_of_work() as uow:
            self.may_write = uow.principal.may("rules.write")
            found, next_id, self.total = await auto_replies.list_(uow, where, after=after, limit=size)
            self.on, self.week = await auto_replies.sums(uow, where)
        begin = len(self.rows) if further else 0
        rows = [row_of(view, begin + at) for at, view in enumerate(found, start=1)]
        self.rows = [*self.rows, *rows] if further else rows
        self.next_id = str(next_id) if next_id else ""
        shown = {row["id"] for row in self.rows}
        self.picked = [one for one in self.picked if one in shown]
        self.ready = True
