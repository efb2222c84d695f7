"""What happens to messages that are there already, and polls: reactions, edits, deletions, votes.

All name the message by its bare id: the long form is written from either side's point of view.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from wa_app.channels.port import AnyEvent, ChangeKind, Ignored, MessageChanged
from wa_app.channels.waha.models import (
    Json,
    MessageKey,
    as_chat,
    as_map,
    as_text,
    chat_kind,
    key_of_message,
    message_key,
)

POLLS: Final = ("pollCreationMessage", "pollCreationMessageV2", "pollCreationMessageV3", "pollCreationMessageV5")
MOST_OPTIONS: Final = 12


def read(kind: str, payload: Json, head: Mapping[str, Any]) -> AnyEvent:
    """Our event for one of `KINDS`."""
    event = KINDS[kind](payload, head)
    return event or Ignored(**head, reason="no_message_id")


def poll(data: Json) -> tuple[str, tuple[str, ...]] | None:
    """The question and the options of a poll, from the raw message of any engine; None for no poll."""
    parts = as_map(data.get("message")) or as_map(data.get("Message"))
    found = next((as_map(parts[name]) for name in POLLS if name in parts), None)
    if found is None:
        if data.get("type") != "poll_creation":
            return None
        found = {"name": data.get("pollName"), "options": data.get("pollOptions")}
    options = found.get("options")
    names = [_option(one) for one in options] if isinstance(options, list) else []
    return as_text(found.get("name")) or "", tuple(name for name in names if name)[:MOST_OPTIONS]


def _option(value: object) -> str | None:
    option = as_map(value)
    return as_text(option.get("optionName")) or as_text(option.get("name")) or as_text(value)


def _reaction(payload: Json, head: Mapping[str, Any]) -> MessageChanged | None:
    reaction = as_map(payload.get("reaction"))
    target, key = message_key(reaction.get("messageId")), key_of_message(payload)
    return _event(payload, head, target, key or target, ChangeKind.REACTION, text=as_text(reaction.get("text")) or "")


def _edit(payload: Json, head: Mapping[str, Any]) -> MessageChanged | None:
    target, text = message_key(payload.get("editedMessageId")), as_text(payload.get("body"))
    # An edit without words is none of a text; what it changed is not told.
    return _event(payload, head, target, key_of_message(payload), ChangeKind.EDIT, text=text) if text else None


def _deletion(payload: Json, head: Mapping[str, Any]) -> MessageChanged | None:
    after, before = as_map(payload.get("after")), as_map(payload.get("before"))
    key = key_of_message(after) or key_of_message(before)
    target = message_key(payload.get("revokedMessageId")) or key_of_message(before) or key
    return _event(after or before, head, target, key, ChangeKind.DELETION)


def _vote(payload: Json, head: Mapping[str, Any]) -> MessageChanged | None:
    vote, target = as_map(payload.get("vote")), key_of_message(payload.get("poll"))
    chosen = vote.get("selectedOptions")
    options = tuple(one for one in map(as_text, chosen if isinstance(chosen, list) else []) if one)[:MOST_OPTIONS]
    return _event(vote, head, target, key_of_message(vote), ChangeKind.VOTE, options=options)


def _event(
    said: Json, head: Mapping[str, Any], target: MessageKey | None, key: MessageKey | None, change: ChangeKind, **more: Any
) -> MessageChanged | None:
    """An event by whoever said it; None when the message or the chat cannot be told."""
    stated = said.get("fromMe")
    from_me = stated if isinstance(stated, bool) else bool(key and key.from_me)
    chat_id = (key and key.chat_id) or (target and target.chat_id) or as_chat(said.get("to" if from_me else "from"))
    if target is None or not chat_id:
        return None
    by = "me" if from_me else as_chat(said.get("participant")) or (key and key.participant) or as_chat(said.get("from")) or chat_id
    return MessageChanged(
        **head, change=change, message_id=target.bare, chat_id=chat_id, chat_kind=chat_kind(chat_id), from_me=from_me, by=by, **more
    )


KINDS: Final[Mapping[str, Callable[[Json, Mapping[str, Any]], MessageChanged | None]]] = {
    "message.reaction": _reaction, "message.edited": _edit, "message.revoked": _deletion, "poll.vote": _vote,
}  # fmt: skip
