"""All tables, so that importing this package fills `SQLModel.metadata`."""

from wa_app.models import automation, base, devices, files, identity, inbound, outbound, people, reports

__all__ = ["automation", "base", "devices", "files", "identity", "inbound", "outbound", "people", "reports"]
