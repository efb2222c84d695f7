"""The actor behind imports."""

from uuid import UUID

from tasks.broker import actor
from wa_app.schemas.principal import Principal
from wa_app.services import imports


@actor("import.run", max_retries=2, time_limit=3_600_000, max_age=86_400_000)
async def import_run(tenant_id: str, job_id: str) -> None:
    """Run an import or resume it. Running it twice does no harm: the job's lease lets one in."""
    await imports.run(Principal.system(UUID(tenant_id)), UUID(job_id))
