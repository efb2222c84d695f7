"""The actor behind imports."""

from uuid import UUID

from tasks.broker import actor
from wa_app.kit.turns import Turns
from wa_app.schemas.principal import Principal
from wa_app.services import imports

TURNS = Turns(each=1)
"""A tenant's files of people run one after the other, so that the threads are not all its own, and so do its files of rules
beside them: a small one does not wait for a hundred thousand contacts."""


@actor("import.run", max_retries=2, time_limit=3_600_000, max_age=86_400_000)
async def import_run(tenant_id: str, job_id: str) -> None:
    """Run an import or resume it. Running it twice does no harm: the job's lease lets one in."""
    principal = Principal.system(UUID(tenant_id))
    rules = await imports.brings_rules(principal, UUID(job_id))
    with TURNS.take((tenant_id, rules)) as turn:
        if turn is None:
            return
        await imports.run(principal, UUID(job_id))
    await imports.wake_next(principal, UUID(job_id), rules=rules)
