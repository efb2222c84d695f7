"""AI agents of a tenant: drafts, published versions, who answers on which number, what was read from chats."""

from wa_app.services.agents import insights
from wa_app.services.agents.choosing import active, by_device
from wa_app.services.agents.comparing import diff
from wa_app.services.agents.editing import create, duplicate, purge, remove, reset_draft, restore, update
from wa_app.services.agents.presets import config as preset
from wa_app.services.agents.publishing import publish, roll_back
from wa_app.services.agents.reading import config_of, default, default_id, get, list_, versions

__all__ = [
    "active",
    "by_device",
    "config_of",
    "create",
    "default",
    "default_id",
    "diff",
    "duplicate",
    "get",
    "insights",
    "list_",
    "preset",
    "publish",
    "purge",
    "remove",
    "reset_draft",
    "restore",
    "roll_back",
    "update",
    "versions",
]
