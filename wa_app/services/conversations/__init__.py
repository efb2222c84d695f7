"""Conversations: who said what, who answers, whose they are, and what waits to be said."""

from wa_app.services.conversations.assigning import assign, assign_free, assign_team, auto_assign
from wa_app.services.conversations.chats import get, list_, messages
from wa_app.services.conversations.customers import block, customer, standing, start, unblock, writable
from wa_app.services.conversations.drafts import Seen, get_draft, save_draft
from wa_app.services.conversations.drafts import forget as forget_draft
from wa_app.services.conversations.folders import counts, waiting
from wa_app.services.conversations.jumping import around, day, newer
from wa_app.services.conversations.later import cancel_scheduled, resend, schedule_send, scheduled
from wa_app.services.conversations.merging import merge, merge_person, unmerge
from wa_app.services.conversations.notes import add_note, mentioned, notes, saw_mentions
from wa_app.services.conversations.people import colleagues, team_names
from wa_app.services.conversations.presence import tell
from wa_app.services.conversations.searching import search
from wa_app.services.conversations.service_times import service_times
from wa_app.services.conversations.states import (
    archive,
    close,
    reopen,
    set_priority,
    set_tags,
    snooze,
    unarchive,
)
from wa_app.services.conversations.verbs import cancel_answer, mark_read, send, send_answer_now, toggle_bot

__all__ = [
    "Seen",
    "add_note",
    "archive",
    "around",
    "assign",
    "assign_free",
    "assign_team",
    "auto_assign",
    "block",
    "cancel_answer",
    "cancel_scheduled",
    "close",
    "colleagues",
    "counts",
    "customer",
    "day",
    "forget_draft",
    "get",
    "get_draft",
    "list_",
    "mark_read",
    "mentioned",
    "merge",
    "merge_person",
    "messages",
    "newer",
    "notes",
    "reopen",
    "resend",
    "save_draft",
    "saw_mentions",
    "schedule_send",
    "scheduled",
    "search",
    "send",
    "send_answer_now",
    "service_times",
    "set_priority",
    "set_tags",
    "snooze",
    "standing",
    "start",
    "team_names",
    "tell",
    "toggle_bot",
    "unarchive",
    "unblock",
    "unmerge",
    "waiting",
    "writable",
]
