"""Every page module, so that its route exists."""

from pages import components_demo, devices, home

__all__ = ["components_demo", "devices", "home"]
