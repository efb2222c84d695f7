"""What each tab of this process has open.

News reach every tab of a tenant, and most are about conversations that it does not show. Whether a batch concerns a
tab is answered here, in memory; fetching the tab's state only to find that out cost more than all that follows.
Only the process that holds a tab's socket handles its events and its watchers, so nothing here is needed elsewhere;
a tab that is not known is told everything.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, Final

ALWAYS: Final = frozenset({"resync", "blacklist"})


@dataclass(slots=True)
class Shown:
    """One tab's open conversation; `watch` is the number of its newest watcher."""

    chat_id: str = ""
    device_id: str = ""
    outbound: frozenset[str] = field(default_factory=frozenset)
    watch: int = 0
    draft: str = ""
    """The version of the draft that the tab has written or was told."""


_tabs: dict[str, Shown] = {}


def opens(token: str, chat_id: str) -> None:
    """A conversation is about to be read, or none is open any more. To be called before reading, so that nothing falls between."""
    known = _tabs.get(token)
    _tabs[token] = Shown(chat_id, watch=known.watch if known else 0)


def holds(token: str, chat_id: str, device_id: str, lines: Collection[dict[str, Any]]) -> None:
    """What of the conversation is on show now."""
    if known := _tabs.get(token):
        known.chat_id, known.device_id = chat_id, device_id
        known.outbound = frozenset(line["outbound"] for line in lines if line["outbound"])


def drafts(token: str, at: str) -> None:
    """The draft that the tab knows now."""
    if known := _tabs.get(token):
        known.draft = at


def watches(token: str, watch: int) -> None:
    """A new watcher begins; those before it end."""
    _tabs.setdefault(token, Shown()).watch = watch


def is_newest(token: str, watch: int) -> bool:
    """Whether no later watcher of the tab has begun."""
    known = _tabs.get(token)
    return known is None or known.watch == watch


def ends(token: str, watch: int) -> None:
    """A watcher has ended; the last one's tab is forgotten."""
    if is_newest(token, watch):
        _tabs.pop(token, None)


def concerns(token: str, batch: list[dict[str, Any]], me: str) -> bool:
    """Whether any of these live messages may change what the tab shows of its open conversation."""
    known = _tabs.get(token)
    return known is None or any(_is_about(one, known, me) for one in batch)


def _is_about(one: dict[str, Any], shown: Shown, me: str) -> bool:
    if not shown.chat_id:
        return False
    kind = one["kind"]
    if kind == "typing" and one.get("user_id") == me:
        return False
    if kind == "draft":
        return (one.get("id"), one.get("user_id")) == (shown.chat_id, me) and one.get("at") != shown.draft
    if kind == "device":
        return not shown.device_id or one.get("id") == shown.device_id
    if kind == "ack":
        return not shown.outbound.isdisjoint(map(str, one.get("ids", ())))
    return kind in ALWAYS or shown.chat_id in (one.get("conversation_id"), one.get("id") if kind == "conversation" else None)
