"""Every page module, so that its route exists."""

from pages import (
    campaign_composer,
    campaign_progress,
    campaigns,
    contacts,
    contacts_import,
    devices,
    home,
)
from wa_app.config import get_settings

__all__ = [
    "campaign_composer",
    "campaign_progress",
    "campaigns",
    "contacts",
    "contacts_import",
    "devices",
    "home",
]

if get_settings().is_dev:
    from pages import components_demo  # noqa: F401  (the page of all parts is not built for production)
