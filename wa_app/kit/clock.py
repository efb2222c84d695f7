"""The one place that reads the clocks of this process."""

import time
from datetime import UTC, datetime


def utc_now() -> datetime:
    """Now, aware, in UTC. Leases and due times use the database's clock instead."""
    return datetime.now(UTC)


def boot_clock() -> float:
    """Seconds that also pass while the machine sleeps, so that a woken laptop does not trust an old lease."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)
