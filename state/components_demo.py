"""State behind /dev/components: moves parts through their states, knows no data."""

from typing import Any

import reflex as rx
from reflex.event import EventSpec

from wa_app.components.feedback import error_toast, toast
from wa_app.errors import NotFound

_ROWS: list[dict[str, Any]] = [
    {
        "id": str(n),
        "name": name,
        "phone": f"+62812000{n:05d}",
        "color": colour,
        "at": "2026-11-20T02:41:00Z",
        "spent": 125000 * n,
        "tags": [{"id": "1", "name": "reseller", "color": "indigo"}, {"id": "2", "name": "batik", "color": "teal"}],
    }
    for n, (name, colour) in enumerate(
        [("Siti Rahmawati", "sea"), ("Bambang Sutejo", "teal"), ("Ni Made Ayu", "olive"), ("Yohanes Tarigan", "terra")],
        1,
    )
]


class ComponentsDemoState(rx.State):
    """Vars the demo page turns and flips."""

    rows: list[dict[str, Any]] = _ROWS
    tags: list[dict[str, str]] = [
        {"id": "1", "name": "reseller", "color": "indigo"},
        {"id": "2", "name": "batik", "color": "teal"},
    ]
    selected: list[str] = []
    query: str = ""
    choice: str = "a"
    flag: bool = True
    busy: bool = True
    shown: str = ""

    @rx.event
    def choose(self, key: str) -> None:
        self.choice = key

    @rx.event
    def flip(self) -> None:
        self.flag = not self.flag

    @rx.event
    def toggle(self, row_id: str) -> None:
        self.selected = (
            [each for each in self.selected if each != row_id] if row_id in self.selected else [*self.selected, row_id]
        )

    @rx.event
    def toggle_all(self) -> None:
        self.selected = [] if len(self.selected) == len(self.rows) else [row["id"] for row in self.rows]

    @rx.event
    def clear(self) -> None:
        self.selected = []

    @rx.event
    def search(self, text: str) -> None:
        self.query = text
        self.rows = [row for row in _ROWS if text.lower() in row["name"].lower()]

    @rx.event
    def clear_query(self) -> None:
        self.query = ""
        self.rows = _ROWS

    @rx.event
    def show(self, what: str) -> None:
        self.shown = what

    @rx.event
    def hide(self, open_: bool) -> None:
        self.shown = self.shown if open_ else ""

    @rx.event
    def uploaded(self, file_id: str, name: str, size: int) -> EventSpec:
        return toast("common.saved")

    @rx.event
    def say(self) -> EventSpec:
        return toast("common.saved", action=("common.undo", ComponentsDemoState.flip))

    @rx.event
    def complain(self) -> EventSpec:
        return error_toast("forbidden")

    @rx.event
    def crash(self) -> None:
        raise NotFound
