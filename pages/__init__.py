"""Every page module, so that its route exists."""

from pages import components_demo, contacts, contacts_import, devices, home

__all__ = ["components_demo", "contacts", "contacts_import", "devices", "home"]
