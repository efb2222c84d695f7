"""Actor of test runs: asks an agent what was kept of the tester's chats."""

from uuid import UUID

from tasks.broker import actor
from wa_app.inbound import trying
from wa_app.kit.turns import Turns
from wa_app.services import agent_trials

_turns = Turns(each=1)


@actor("agent_trials.run", max_retries=0, time_limit=180_000, max_age=60_000)
async def agent_trials_run(tenant_id: str, run_id: str) -> None:
    """Ask cases for a while, or go on with them. Never retried: the sweep wakes it again."""
    with _turns.take(tenant_id) as turn:
        if turn is not None:
            await agent_trials.run(UUID(tenant_id), UUID(run_id), trying.talk)
