"""The actors that fetch and read what came with messages, and files that somebody wants read at once."""

from uuid import UUID

from tasks.broker import actor
from wa_app.inbound import media
from wa_app.services import scans


@actor("media.fetch", max_retries=0, time_limit=180_000)
async def media_fetch(tenant_id: str, media_id: str) -> None:
    """Bring the file of a message here; twice does no harm. The sweep comes back for what failed."""
    await media.fetch(UUID(tenant_id), UUID(media_id))


@actor("media.read", max_retries=0, time_limit=180_000)
async def media_read(tenant_id: str, media_id: str) -> None:
    """Read it into the message."""
    await media.read(UUID(tenant_id), UUID(media_id))


@actor("scan.run", max_retries=0, time_limit=1_900_000)
async def scan_run(tenant_id: str, scan_id: str) -> None:
    """Read a file for whoever asked."""
    await scans.run(UUID(tenant_id), UUID(scan_id))
