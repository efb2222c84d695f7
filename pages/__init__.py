"""Every page module, so that its route exists."""

from pages import (
    accounts,
    admin_ai,
    admin_queues,
    agent,
    agents,
    ai_settings,
    auto_replies,
    blacklist,
    campaign_composer,
    campaign_progress,
    campaign_report,
    campaigns,
    contacts,
    contacts_import,
    device,
    devices,
    groups,
    home,
    media,
    message_templates,
    opt_out,
    segment_builder,
    segments,
    settings,
)
from wa_app.config import get_settings

__all__ = [
    "accounts",
    "admin_ai",
    "admin_queues",
    "agent",
    "agents",
    "ai_settings",
    "auto_replies",
    "blacklist",
    "campaign_composer",
    "campaign_progress",
    "campaign_report",
    "campaigns",
    "contacts",
    "contacts_import",
    "device",
    "devices",
    "groups",
    "home",
    "media",
    "message_templates",
    "opt_out",
    "segment_builder",
    "segments",
    "settings",
]

if get_settings().is_dev:
    from pages import components_demo  # noqa: F401  (the page of all parts is not built for production)
