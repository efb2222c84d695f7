"""A stand-in for a WAHA server: same paths, same webhooks, and a page where you are the customer."""

from wa_app.sandbox.app import create_app
from wa_app.sandbox.world import SandboxSettings

__all__ = ["SandboxSettings", "create_app"]
