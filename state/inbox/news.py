"""What is worth a notification: customers who write, conversations that need a person, mentions."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from wa_app.db import TenantUnitOfWork
from wa_app.kit.clock import utc_now
from wa_app.schemas.conversations import ChatFilters, ChatView
from wa_app.services import conversations

FRESH: Final = timedelta(minutes=2)
"""What is older is history that was fetched, and no news."""
TEXT: Final = 120


@dataclass(frozen=True)
class Seen:
    """Whose news, the marks of what they were told before, and conversations that have just been read."""

    me: str
    told: set[str]
    read: Sequence[ChatView] = ()


async def news_of(uow: TenantUnitOfWork, batch: list[dict[str, Any]], seen: Seen) -> list[dict[str, Any]]:
    """News out of live messages, each once."""
    wrote = {str(one.get("conversation_id")) for one in batch if one["kind"] == "message"}
    needs = {str(one.get("id")) for one in batch if one["kind"] == "conversation" and one.get("needs_human")}
    named = {str(one.get("id")) for one in batch if one["kind"] == "conversation" and seen.me in (one.get("mentions") or ())}
    found = [view for view in seen.read if str(view.id) in wrote | needs]
    if missing := (wrote | needs) - {str(view.id) for view in found}:
        found += await _views(uow, missing, "all")
    items = [_item(view, "needs", seen) for view in found if str(view.id) in needs and view.needs_human_at]
    items += [_item(view, "message", seen) for view in found if str(view.id) in wrote - needs and _is_fresh(view)]
    if named and seen.me:
        items += [_item(view, "mention", seen) for view in await _views(uow, named, "mentions")]
    return [one for one in items if one["mark"] not in seen.told]


async def _views(uow: TenantUnitOfWork, ids: set[str], view: str) -> list[ChatView]:
    filters = ChatFilters.model_validate({"view": view})
    return (await conversations.list_(uow, filters=filters, only=[UUID(one) for one in ids], limit=len(ids))).items


def _is_fresh(view: ChatView) -> bool:
    """A machine may have answered at once; where a person has, nobody else need come."""
    return view.last_from != "human" and view.last_inbound_at is not None and utc_now() - view.last_inbound_at < FRESH


def _item(view: ChatView, kind: str, seen: Seen) -> dict[str, Any]:
    at = view.needs_human_at if kind == "needs" else view.last_inbound_at if kind == "message" else view.last_message_at
    says = view.last_from == "contact" and kind != "mention"
    return {
        "id": str(view.id), "kind": kind, "name": view.contact.name, "phone": view.contact.phone or "",
        "text": (view.last_text or "")[:TEXT] if says else "", "type": view.last_type or "",
        "mine": bool(seen.me) and str(view.assigned_to) == seen.me, "mark": f"{kind}:{view.id}:{at}",
    }  # fmt: skip
