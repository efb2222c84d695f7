"""Every page module, so that its route exists."""

from pages import home

__all__ = ["home"]
