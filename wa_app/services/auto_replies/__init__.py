"""Keyword rules: what answers a text before anything cleverer is asked.

    deciding   which rule fires for a text, and why the others do not
    counting   how often rules fired; holds the limits per contact
    compiled   a tenant's rules ready to be asked, kept per process
    reading    rules as they are shown: list_, get
    writing    create, update, toggle, duplicate, remove, restore, reorder, purge
    checking   whether a rule makes sense, field by field
"""

from wa_app.services.auto_replies.counting import count_hit, figures, tidy
from wa_app.services.auto_replies.deciding import decide
from wa_app.services.auto_replies.reading import get, list_
from wa_app.services.auto_replies.writing import (
    create,
    duplicate,
    purge,
    remove,
    reorder,
    restore,
    toggle,
    update,
)

__all__ = [
    "count_hit",
    "create",
    "decide",
    "duplicate",
    "figures",
    "get",
    "list_",
    "purge",
    "remove",
    "reorder",
    "restore",
    "tidy",
    "toggle",
    "update",
]
