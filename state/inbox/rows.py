"""What the inbox shows of conversations and their lines: plain values, small enough to be pushed at every change."""

import re
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from wa_app.db import TenantUnitOfWork
from wa_app.errors import AppError, NotFound
from wa_app.files.links import LINK_S
from wa_app.kit.phones import display
from wa_app.schemas.conversations import ChatMedia, ChatMessage, ChatView, PendingAnswer
from wa_app.schemas.files import FileView
from wa_app.schemas.traces import TraceEntry, TraceStep
from wa_app.services import files

PREVIEW: Final = 120
TAGS: Final = 2
"""So many of a conversation's tags have room in the list."""
MAX_TEXT: Final = 8_000
"""A line shows this much of a text; longer ones are rare and end with an ellipsis."""
KINDS: Final = {"image": "image", "video": "video", "audio": "audio", "voice": "audio", "ptt": "audio", "sticker": "sticker"}
WORDS: Final = ("rule", "flow", "agent", "campaign", "human")
SOURCES: Final = 3
_VCARD = re.compile(r"^(FN|TEL)[^:\n]*:(.+)$", re.M)


def iso(at: datetime | None) -> str:
    """A time for the browser; "" for none."""
    return at.isoformat() if at else ""


def chat_row(view: ChatView) -> dict[str, Any]:
    """One line of the list."""
    return {
        "id": str(view.id), "contact": str(view.contact.id), "name": view.contact.name, "phone": view.contact.phone or "",
        "at": iso(view.last_message_at), "text": (view.last_text or "")[:PREVIEW], "type": view.last_type or "",
        "by": _last_by(view), "draft": None if view.draft is None else view.draft[:PREVIEW], "unread": view.unread, "device": view.device_name,
        "turn": ("rule" if view.is_group else "bot") if view.is_bot_active else "human", "group": view.is_group, "needs": view.needs_human_at is not None, "waiting": iso(waiting(view)),
        "who": str(view.assigned_to or ""), "who_name": view.assignee_name or "", "status": view.status,
        "priority": "" if view.priority == "none" else view.priority,
        "tags": [{"name": tag.name, "color": tag.color} for tag in view.tags[:TAGS]], "tags_more": max(0, len(view.tags) - TAGS),
    }  # fmt: skip


def head_row(view: ChatView) -> dict[str, Any]:
    """What the head of the open conversation shows and changes."""
    return {
        "status": view.status, "snoozed": iso(view.snoozed_until), "assigned": str(view.assigned_to or ""), "assignee": view.assignee_name or "",
        "team": str(view.team_id or ""), "team_name": view.team_name or "", "priority": view.priority, "group": view.is_group,
        "tags": [{"id": str(one.id), "name": one.name, "color": one.color} for one in view.tags], "late": view.late,
    }  # fmt: skip


def file_row(file: FileView) -> dict[str, str | int]:
    """A file of ours in the field."""
    return {"id": str(file.id), "name": file.name, "size": file.size, "preview": file.url if file.mime.startswith("image/") else ""}


def refused(key: str, error: AppError) -> dict[str, Any]:
    """What the field shows of an error: its first refused field, else itself."""
    fields = getattr(error, "fields", ())
    code, args = (fields[0].code, dict(fields[0].args)) if fields else (error.code, dict(error.args_))
    return {"key": key, "error": code, "args": {name: str(value) for name, value in args.items()}}


def _last_by(view: ChatView) -> str:
    return view.last_sender if view.last_sender in WORDS else ""


def waiting(view: ChatView) -> datetime | None:
    """Since when the customer waits for an answer."""
    return view.waiting_since or view.needs_human_at


def pending_row(pending: PendingAnswer | None) -> dict[str, Any] | None:
    """The answer that waits to leave."""
    if pending is None:
        return None
    return {
        "id": str(pending.id), "state": pending.state, "due_at": iso(pending.due_at), "by": pending.by or "agent",
        "text": pending.text[:400],
    }  # fmt: skip


def line_row(one: ChatMessage, tenant_id: UUID, names: Mapping[UUID, str]) -> dict[str, Any]:
    """One line of the thread. `names`: of campaigns by id. What a group's member wrote has the member's name."""
    trace = one.trace or []
    return {
        "id": str(one.id), "side": _side(one), "by": one.sender, "name": _name(one, trace, names), "member": one.member is not None, "type": one.type,
        "text": one.text[:MAX_TEXT], "at": iso(one.timestamp), "status": one.status or "", "reason": one.error_code or "",
        "media": _media(one, tenant_id), "reading": (one.reading or "")[:MAX_TEXT], "reading_state": one.reading_state or "",
        "unread_why": one.reading_reason or "",
        "reactions": reactions_of(one.extra), "edited": word_of(one.extra, "edited_at"), "gone": word_of(one.extra, "revoked_at"),
        "before": word_of(one.extra, "before"), "poll": poll_of(one.extra), "place": place_of(one.extra), "cards": cards_of(one.extra), "quote": {"text": one.quoted} if one.quoted else None,
        "sources": sources_of(trace) if one.direction == "OUTBOUND" else [], "why": bool(trace) and one.direction == "OUTBOUND",
        "own_phone": one.sender == "human" and one.outbound_id is None and one.type != "note", "outbound": str(one.outbound_id or ""),
        "again": one.status == "failed" and one.campaign_id is None and one.outbound_id is not None,
        "quotable": one.type != "note" and one.campaign_id is None and (one.direction == "INBOUND" or one.status in ("sent", "delivered", "read", "played")),
    }  # fmt: skip


def _side(one: ChatMessage) -> str:
    if one.direction == "INBOUND":
        return "in"
    if one.type == "note":
        return "note"
    return "ai" if one.sender == "agent" else "out"


def _name(one: ChatMessage, trace: list[TraceEntry], names: Mapping[UUID, str]) -> str:
    if one.member is not None:
        return one.member.name or (display(one.member.phone) if one.member.phone else "")
    if one.campaign_id is not None:
        return names.get(one.campaign_id, "")
    if one.sender == "human":
        return one.author_name or ""
    if one.sender in ("rule", "flow"):
        step = TraceStep.RULES if one.sender == "rule" else TraceStep.FLOW
        return next((str(entry.detail.get("name", "")) for entry in trace if entry.step is step), "")
    return ""


def _media(one: ChatMessage, tenant_id: UUID) -> dict[str, str] | None:
    media = one.media
    if media is None:
        return None
    kind = KINDS.get(one.type) or KINDS.get((media.mime or "").partition("/")[0], "document")
    url, thumb = _links(media, tenant_id)
    return {
        "kind": kind, "name": media.filename or "", "url": url, "thumb": thumb if kind in ("image", "video", "sticker") else "",
        "error": media.error or "",
    }  # fmt: skip


def _links(media: ChatMedia, tenant_id: UUID) -> tuple[str, str]:
    """Addresses that stay the same for an hour: a line that is read again must not load its picture again."""
    if media.file_id is None:
        return "", ""
    now = int(time.time())
    until = now - now % LINK_S + 2 * LINK_S
    return files.link(tenant_id, media.file_id, until), files.link(tenant_id, media.file_id, until, "thumb")


def place_of(extra: Mapping[str, Any]) -> list[float] | None:
    """Where a location message points to."""
    found = extra.get("location")
    if not isinstance(found, list) or len(found) < 2 or not all(isinstance(one, int | float) for one in found[:2]):
        return None
    return [float(found[0]), float(found[1])]


def cards_of(extra: Mapping[str, Any]) -> list[dict[str, str]]:
    """People in a contact message."""
    found = extra.get("vcards")
    cards = [dict(_VCARD.findall(str(one)[:4000])) for one in found[:5]] if isinstance(found, list) else []
    return [{"name": card.get("FN", "").strip()[:120], "phone": card.get("TEL", "").strip()[:40]} for card in cards]


def word_of(extra: Mapping[str, Any], key: str) -> str:
    """A word or time that is kept with a message; "" for none."""
    found = extra.get(key)
    return found[:MAX_TEXT] if isinstance(found, str) else ""


def reactions_of(extra: Mapping[str, Any]) -> list[str]:
    """The reactions to a message, one of each person."""
    found = extra.get("reactions")
    return [str(one)[:16] for one in found.values() if one][:20] if isinstance(found, dict) else []


def poll_of(extra: Mapping[str, Any]) -> dict[str, Any] | None:
    """A poll: its question, and how many chose each answer."""
    found = extra.get("poll")
    if not isinstance(found, dict):
        return None
    votes = found.get("votes")
    chosen = [str(one) for given in votes.values() if isinstance(given, list) for one in given] if isinstance(votes, dict) else []
    options = dict.fromkeys([*map(str, found.get("options") or ()), *chosen])
    return {"name": str(found.get("name") or "")[:300], "options": [{"text": one[:200], "votes": chosen.count(one)} for one in list(options)[:12]]}


def sources_of(trace: list[TraceEntry]) -> list[dict[str, Any]]:
    """The documents an agent's answer leans on, once for each page."""
    answer = next((entry for entry in reversed(trace) if entry.step is TraceStep.ANSWER and "sources" in entry.detail), None)
    rows = answer.detail["sources"] if answer else []
    found: dict[tuple[str, int], dict[str, Any]] = {}
    for one in rows if isinstance(rows, list) else []:
        if isinstance(one, dict):
            name, page = str(one.get("document", "")), int(one.get("page") or 0)
            found.setdefault((name, page), {"name": name, "page": page})
    return list(found.values())[:SOURCES]


async def file_of(uow: TenantUnitOfWork, file_id: Any) -> dict[str, str | int] | None:
    """A file of ours as the field shows it; None when it has gone, or the role may not see it."""
    if not uow.principal.may("files.read"):
        return None
    try:
        return file_row(await files.show(uow, file_id))
    except NotFound:
        return None
