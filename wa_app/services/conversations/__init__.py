"""Conversations: who said what, who answers, and what waits to be said."""

from wa_app.services.conversations.chats import get, list_, messages
from wa_app.services.conversations.verbs import cancel_answer, mark_read, send, send_answer_now, toggle_bot

__all__ = [
    "cancel_answer",
    "get",
    "list_",
    "mark_read",
    "messages",
    "send",
    "send_answer_now",
    "toggle_bot",
]
