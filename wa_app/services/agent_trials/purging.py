"""What goes for good: the cases of agents that are gone, and what old runs saw."""

from typing import Final

from sqlalchemy import text

from wa_app.db import SystemUnitOfWork

KEEP_DAYS: Final = 180
"""How long a run is kept; the newest ones of an agent are what others are held against."""
GONE_DAYS: Final = 30
BATCH: Final = 200

_GONE = "SELECT id FROM agents WHERE deleted_at < now() - make_interval(days => :gone)"
_OLD = f"""
    SELECT id FROM agent_trial_runs WHERE agent_id IN ({_GONE})
    UNION SELECT id FROM (SELECT id FROM agent_trial_runs WHERE created_at < now() - make_interval(days => :days) LIMIT :n) o
"""  # noqa: S608
_LET_GO = text("UPDATE agent_trial_runs SET before_id = NULL WHERE before_id = ANY(:ids)")
_RESULTS = text("DELETE FROM agent_trial_results WHERE run_id = ANY(:ids)")
_RUNS = text("DELETE FROM agent_trial_runs WHERE id = ANY(:ids)")
_CASES = text(f"DELETE FROM agent_trials WHERE agent_id IN ({_GONE})")  # noqa: S608


async def purge(uow: SystemUnitOfWork) -> int:
    """Delete for good, in all tenants; before agents themselves go. Returns how many runs went."""
    values = {"gone": GONE_DAYS, "days": KEEP_DAYS, "n": BATCH}
    ids = list((await uow.session.execute(text(_OLD), values)).scalars())
    for statement in (_LET_GO, _RESULTS, _RUNS):
        await uow.session.execute(statement, {"ids": ids})
    await uow.session.execute(_CASES, {"gone": GONE_DAYS})
    return len(ids)
