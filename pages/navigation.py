"""What the sidebar, the phone's bottom bar, the palette and `g` + letter lead to. Only pages that exist."""

from dataclasses import dataclass

from pages import routes


@dataclass(frozen=True)
class Place:
    """One entry: `noun` gives icon and text `nav.<noun>`; `letter` follows `g` on the keyboard."""

    noun: str
    href: str
    letter: str


DAILY = (
    Place("home", routes.HOME, "h"),
    Place("inbox", routes.INBOX, "i"),
    Place("campaigns", routes.CAMPAIGNS, "b"),
    Place("contacts", routes.CONTACTS, "c"),
)
BUILD: tuple[Place, ...] = (
    Place("automation", routes.AUTOMATION, "o"),
    Place("knowledge", routes.KNOWLEDGE, "k"),
)
RUN = (
    Place("devices", routes.DEVICES, "d"),
    Place("media", routes.MEDIA, "m"),
    Place("settings", routes.SETTINGS, "s"),
)
PLACES = DAILY + BUILD + RUN
ADMIN = (Place("admin_ai", routes.ADMIN_AI, "p"), Place("admin_queues", routes.ADMIN_QUEUES, "q"))
"""The platform's own pages: shown to platform admins only, who are asked for at every call."""
PHONE = DAILY
"""What fits the phone's bottom bar; the rest stands under "Lainnya"."""

ACTIONS = (
    {"key": "palette.new_campaign", "href": routes.CAMPAIGN_NEW},
    {"key": "palette.import_contacts", "href": routes.CONTACTS_IMPORT},
    {"key": "palette.link_device", "href": routes.DEVICES},
)
