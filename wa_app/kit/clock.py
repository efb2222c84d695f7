"""The one place that reads the wall clock of this process."""

from datetime import UTC, datetime


def utc_now() -> datetime:
    """Now, aware, in UTC. Leases and due times use the database's clock instead."""
    return datetime.now(UTC)
