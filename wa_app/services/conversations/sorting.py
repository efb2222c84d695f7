"""The order of the list: the latest first, or who has waited longest first; each stretch of it is what one index gives."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from wa_app.schemas.conversations import ChatSort

_MARK: Final = "w"
"""Begins a cursor that names the last one who waits."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Conversations in the order of one index; `v` is their table."""

    order: str
    after: str
    where: str = ""

    def page(self, where: str) -> str:
        """SQL of one page. Its values are the tenant, time and id of the last one before it, and how many; more follow in `where`."""
        return (
            "SELECT v.* FROM conversations v WHERE v.tenant_id = $1 AND v.last_message_at IS NOT NULL"  # noqa: S608 - our own words
            f"{self.where} AND ($2::timestamptz IS NULL OR {self.after} ($2, $3)){where} ORDER BY {self.order} LIMIT $4"
        )


LATEST: Final = Stretch("v.last_message_at DESC, v.id DESC", "(v.last_message_at, v.id) <")
_WAITING: Final = Stretch("v.waiting_since, v.id", "(v.waiting_since, v.id) >", " AND v.waiting_since IS NOT NULL")
_CALM: Final = Stretch(LATEST.order, LATEST.after, " AND v.waiting_since IS NULL")


def stretches(sort: ChatSort, cursor: str | None) -> tuple[tuple[Stretch, ...], str | None]:
    """What is still to be read behind a cursor, in this order, and the time and id in it."""
    if sort == "newest":
        return (LATEST,), cursor
    if cursor and not cursor.startswith(_MARK):
        return (_CALM,), cursor
    return (_WAITING, _CALM), (cursor or "").removeprefix(_MARK) or None


def place_of(sort: ChatSort, row: Mapping[str, Any]) -> tuple[str, Any]:
    """What begins a cursor behind this row, and the time in it."""
    waits = sort == "waiting" and row["waiting_since"] is not None
    return (_MARK, row["waiting_since"]) if waits else ("", row["last_message_at"])
