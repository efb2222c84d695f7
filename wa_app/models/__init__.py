"""All tables, so that importing this package fills `SQLModel.metadata`."""

from wa_app.models import (
    agents,
    ai,
    auto_replies,
    automation,
    base,
    broadcasts,
    devices,
    files,
    groups,
    identity,
    inbound,
    links,
    outbound,
    people,
    reports,
    segments,
)

__all__ = [
    "agents",
    "ai",
    "auto_replies",
    "automation",
    "base",
    "broadcasts",
    "devices",
    "files",
    "groups",
    "identity",
    "inbound",
    "links",
    "outbound",
    "people",
    "reports",
    "segments",
]
