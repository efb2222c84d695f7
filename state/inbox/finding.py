"""Searching: people by name or number, and messages by their words."""

from typing import Any, Final

import reflex as rx

from state.base import AppState
from state.inbox.rows import chat_row, iso
from wa_app.schemas.conversations import ChatFilters
from wa_app.schemas.inbox import ChatHit
from wa_app.services import conversations

PEOPLE: Final = 20
HITS: Final = 100
LONGEST: Final = 200


class FindState(AppState):
    """What the left pane shows in place of the list while somebody searches."""

    query: str = ""
    """What the shown results were found by."""
    people: list[dict[str, Any]] = []
    more_people: bool = False
    hits: list[dict[str, Any]] = []
    more_hits: bool = False

    @rx.event
    async def find(self, query: str) -> None:
        """Look for people, then for messages."""
        await self.principal()
        query = " ".join(str(query)[:LONGEST].split())
        if not query:
            self.query, self.people, self.hits = "", [], []
            return
        async with self.unit_of_work() as uow:
            page = await conversations.list_(uow, filters=ChatFilters(q=query), limit=PEOPLE)
            hits = await conversations.search(uow, query, limit=HITS + 1)
        self.people = [chat_row(view) for view in page.items]
        self.more_people = page.next_cursor is not None
        self.hits, self.more_hits = [_hit(one) for one in hits[:HITS]], len(hits) > HITS
        self.query = query


def _hit(one: ChatHit) -> dict[str, Any]:
    return {
        "id": str(one.message_id), "chat": str(one.conversation_id), "name": one.contact_name, "phone": one.phone or "",
        "text": one.text, "by": "" if one.sender == "contact" else one.sender, "at": iso(one.at),
    }  # fmt: skip
