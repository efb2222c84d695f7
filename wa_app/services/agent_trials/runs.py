"""Runs of all test cases: asked for, watched, cancelled, gone on with after a crash.

The row is the truth: a worker moves it only while it holds its lease, and a case is asked once
it has no result yet. No transaction is open while an answer is being made.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from time import monotonic
from typing import Any, Final
from uuid import UUID

import structlog
from sqlalchemy import select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import col

from wa_app import leases
from wa_app.db import SystemUnitOfWork, TenantUnitOfWork, unit_of_work
from wa_app.errors import AppError, Conflict, NotFound
from wa_app.models.agent_trials import AgentTrial, AgentTrialResult, AgentTrialRun
from wa_app.schemas.agent_trials import (
    Check,
    Expectation,
    ResultView,
    RunRequest,
    RunStatus,
    RunView,
    Seen,
    Talker,
    TrialAsk,
    TrialStatus,
)
from wa_app.schemas.agents import AgentConfig
from wa_app.schemas.ai import Turn
from wa_app.schemas.principal import Principal
from wa_app.services import agents, entitlements
from wa_app.services.agent_trials import cases, judging, owners

log = structlog.get_logger(__name__)

OPEN: Final = (RunStatus.QUEUED, RunStatus.RUNNING)
SLICE_S: Final = 20.0
"""How long a worker goes on before it lets others have the thread, in seconds."""
ACTOR: Final = "agent_trials.run"

_BEGIN = text("""
    UPDATE agent_trial_runs SET status = 'running', due_at = now() + interval '10 seconds'
    WHERE tenant_id = :t AND id = :id AND lease_epoch = :epoch AND status IN ('queued', 'running')
""")
# The counters move with the result's own row, so a case asked twice after a crash is counted once.
_STEP = text("""
    UPDATE agent_trial_runs r SET processed = n.done, passed = n.good, due_at = now() + interval '10 seconds',
      status = CASE WHEN n.done >= r.total THEN 'done' ELSE r.status END,
      finished_at = CASE WHEN n.done >= r.total THEN now() END
    FROM (SELECT count(*) AS done, count(*) FILTER (WHERE status = 'passed') AS good
          FROM agent_trial_results WHERE tenant_id = :t AND run_id = :id) n
    WHERE r.tenant_id = :t AND r.id = :id AND r.status = 'running' AND r.lease_epoch = :epoch
    RETURNING r.id
""")
_CANCEL = text("""
    UPDATE agent_trial_runs SET status = 'cancelled', finished_at = now()
    WHERE tenant_id = :t AND id = :id AND status IN ('queued', 'running') RETURNING id
""")
_DUE = text("""
    UPDATE agent_trial_runs SET due_at = now() + interval '10 seconds' WHERE id IN (
        SELECT id FROM agent_trial_runs WHERE status IN ('queued', 'running') AND due_at <= now() - interval '2 seconds'
          AND (lease_until IS NULL OR lease_until < now())
        ORDER BY due_at LIMIT 100 FOR UPDATE SKIP LOCKED)
    RETURNING tenant_id, id
""")


async def request(uow: TenantUnitOfWork, data: RunRequest) -> RunView:
    """Ask all cases of an agent. An open run of it is answered instead of a second. Raises Conflict `trials_none`."""
    uow.require("agent.write")
    agent_id = await owners.agent(uow, data.agent_id)
    _, config = await agents.config_of(uow, agent_id, data.version)
    for run in await _latest(uow, agent_id, OPEN):
        if run.version == data.version:
            return await get(uow, run.id)
    ids = await cases.alive(uow, agent_id)
    if not ids:
        raise Conflict("trials_none")
    await entitlements.require(uow, "agent_trial_runs")
    before = await _latest(uow, agent_id, (RunStatus.DONE,))
    run = AgentTrialRun(
        tenant_id=uow.tenant_id, agent_id=agent_id, version=data.version, config=config.model_dump(mode="json"),
        trial_ids=[str(one) for one in ids], total=len(ids), before_id=_baseline(before, data.version),
        created_by=uow.principal.user_id,
    )  # fmt: skip
    uow.session.add(run)
    await uow.session.flush()
    uow.enqueue(ACTOR, tenant_id=uow.tenant_id, run_id=run.id)
    _tell(uow, run)
    return await get(uow, run.id)


def _baseline(done: Sequence[AgentTrialRun], version: int) -> UUID | None:
    """A draft is held against the newest run of a published version, else against the run before."""
    published = [run for run in done if run.version not in (0, version)]
    chosen = published or list(done)
    return chosen[0].id if chosen else None


async def get(uow: TenantUnitOfWork, run_id: UUID) -> RunView:
    """One run with what it saw so far. Raises NotFound."""
    uow.require("agent.read")
    run = await uow.session.get(AgentTrialRun, run_id, populate_existing=True)
    if run is None:
        raise NotFound
    before = await uow.session.get(AgentTrialRun, run.before_id) if run.before_id else None
    results = await _results(uow, run)
    earlier = {row.trial_id: row for row in await _rows(uow, before.id)} if before else {}
    view = RunView(
        **run.model_dump(include=set(RunView.model_fields) - {"results"}), compared_with=before.version if before else None
    )
    view.results = [_result(trial, row, earlier.get(trial.id)) for trial, row in results]
    return view


async def latest(uow: TenantUnitOfWork, agent_id: UUID) -> RunView | None:
    """The newest run of an agent."""
    uow.require("agent.read")
    found = await _latest(uow, agent_id, tuple(RunStatus))
    return await get(uow, found[0].id) if found else None


async def cancel(uow: TenantUnitOfWork, run_id: UUID) -> RunView:
    """Stop a run; what it saw stays. Raises NotFound, Conflict `job_not_running`."""
    uow.require("agent.write")
    view = await get(uow, run_id)
    values = {"t": uow.tenant_id, "id": run_id}
    if (await uow.session.execute(_CANCEL, values)).scalar_one_or_none() is None:
        raise Conflict("job_not_running", status=view.status.value)
    uow.publish("trials", id=str(run_id), agent=str(view.agent_id))
    return await get(uow, run_id)


def is_of(run: AgentTrialRun, config: AgentConfig) -> bool:
    """Whether a run asked this very configuration."""
    return AgentConfig.model_validate(run.config) == config


async def saw(uow: TenantUnitOfWork, run_id: UUID, config: AgentConfig) -> bool:
    """Whether a run asked this very configuration. Raises NotFound."""
    uow.require("agent.read")
    run = await uow.session.get(AgentTrialRun, run_id)
    if run is None:
        raise NotFound
    return is_of(run, config)


async def _latest(uow: TenantUnitOfWork, agent_id: UUID, states: tuple[RunStatus, ...]) -> Sequence[AgentTrialRun]:
    query = select(AgentTrialRun).where(
        col(AgentTrialRun.tenant_id) == uow.tenant_id, col(AgentTrialRun.agent_id) == agent_id,
        col(AgentTrialRun.status).in_(states),
    )  # fmt: skip
    return (await uow.session.execute(query.order_by(col(AgentTrialRun.id).desc()).limit(20))).scalars().all()


async def _rows(uow: TenantUnitOfWork, run_id: UUID) -> Sequence[AgentTrialResult]:
    query = select(AgentTrialResult).where(
        col(AgentTrialResult.tenant_id) == uow.tenant_id, col(AgentTrialResult.run_id) == run_id
    )
    return (await uow.session.execute(query)).scalars().all()


async def _results(uow: TenantUnitOfWork, run: AgentTrialRun) -> list[tuple[AgentTrial, AgentTrialResult]]:
    """In the order of the cases; a case deleted since keeps its line."""
    rows = {row.trial_id: row for row in await _rows(uow, run.id)}
    query = select(AgentTrial).where(col(AgentTrial.tenant_id) == uow.tenant_id, col(AgentTrial.id).in_(rows))
    found = (await uow.session.execute(query.order_by(col(AgentTrial.id)))).scalars().all()
    return [(trial, rows[trial.id]) for trial in found]


def _result(trial: AgentTrial, row: AgentTrialResult, earlier: AgentTrialResult | None) -> ResultView:
    now, before = _seen(row), _seen(earlier) if earlier else None
    return ResultView(
        trial_id=trial.id, name=trial.name, text=trial.text, status=row.status, seen=now, before=before,
        checks=[Check.model_validate(one) for one in row.checks], error_code=row.error_code,
        changed=judging.changes(before, now, earlier.status if earlier else None, row.status),
    )  # fmt: skip


def _seen(row: AgentTrialResult) -> Seen | None:
    return Seen.model_validate(row.seen) if row.seen else None


def _tell(uow: TenantUnitOfWork, run: AgentTrialRun) -> None:
    uow.publish("trials", id=str(run.id), agent=str(run.agent_id))


async def run(tenant_id: UUID, run_id: UUID, talk: Talker) -> None:
    """Ask the cases that have no result yet, for a while; the rest goes on in another slice."""
    principal = Principal.system(tenant_id)
    async with unit_of_work(principal) as uow:
        found = await uow.session.get(AgentTrialRun, run_id)
        if found is None or found.status not in OPEN:
            return
        epoch = await leases.take(uow, AgentTrialRun, tenant_id, run_id, leases.new_owner())
        if epoch is None:
            return
        await uow.session.execute(_BEGIN, {"t": tenant_id, "id": run_id, "epoch": epoch})
        done = {row.trial_id for row in await _rows(uow, run_id)}
    task = asyncio.create_task(_heartbeat(principal, run_id, epoch))
    left = [UUID(one) for one in found.trial_ids if UUID(one) not in done]
    try:
        goes_on = await _slice(principal, found, epoch, left, talk)
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        async with unit_of_work(principal) as uow:
            await leases.release(uow, AgentTrialRun, tenant_id, run_id, epoch)
    if goes_on:
        async with unit_of_work(principal) as uow:
            uow.enqueue(ACTOR, tenant_id=tenant_id, run_id=run_id)


async def _slice(principal: Principal, found: AgentTrialRun, epoch: int, left: Sequence[UUID], talk: Talker) -> bool:
    """True when there is more to do and the run is still ours."""
    ends = monotonic() + SLICE_S
    config = AgentConfig.model_validate(found.config)
    for trial_id in left:
        if monotonic() > ends:
            return True
        async with unit_of_work(principal) as uow:
            trial = await uow.session.get(AgentTrial, trial_id)
        result = await _ask(found, config, trial, talk) if trial else _broken(found, trial_id, "not_found")
        if not await _keep(principal, found, epoch, result):
            return False
    return False


async def _ask(found: AgentTrialRun, config: AgentConfig, trial: AgentTrial, talk: Talker) -> AgentTrialResult:
    ask = TrialAsk(
        tenant_id=found.tenant_id, agent_id=found.agent_id, version=found.version, config=config, text=trial.text,
        history=tuple(Turn(one["role"], one["text"]) for one in trial.history), device_id=trial.device_id,
        language=trial.language, attachment=trial.attachment, job_key=f"trial:{found.id}:{trial.id}",
    )  # fmt: skip
    try:
        reply = await talk(ask)
    except AppError as error:
        return _broken(found, trial.id, error.code)
    checks = judging.judge(Expectation.model_validate(trial.expect), reply)
    return _row(
        found, trial.id, judging.status_of(checks), seen=judging.seen_of(reply).model_dump(mode="json"),
        checks=[check.model_dump() for check in checks],
    )  # fmt: skip


def _broken(found: AgentTrialRun, trial_id: UUID, code: str) -> AgentTrialResult:
    return _row(found, trial_id, TrialStatus.BROKEN, error_code=code)


def _row(found: AgentTrialRun, trial_id: UUID, status: TrialStatus, **fields: Any) -> AgentTrialResult:
    return AgentTrialResult(tenant_id=found.tenant_id, run_id=found.id, trial_id=trial_id, status=status, **fields)


async def _keep(principal: Principal, found: AgentTrialRun, epoch: int, result: AgentTrialResult) -> bool:
    """Store a result and count it, unless the run was cancelled or passed to somebody else meanwhile."""
    async with unit_of_work(principal) as uow:
        run = await uow.session.get(AgentTrialRun, found.id, with_for_update=True, populate_existing=True)
        if run is None or run.status != RunStatus.RUNNING or run.lease_epoch != epoch:
            return False
        uow.session.add(result)
        await uow.session.flush()
        values = {"t": principal.tenant_id, "id": found.id, "epoch": epoch}
        await uow.session.execute(_STEP, values)
        _tell(uow, found)
    return True


async def _heartbeat(principal: Principal, run_id: UUID, epoch: int) -> None:
    while True:
        await asyncio.sleep(leases.heartbeat_s())
        try:
            async with unit_of_work(principal) as uow:
                await leases.renew(uow, AgentTrialRun, principal.tenant_id, run_id, epoch)
        except (SQLAlchemyError, OSError) as error:
            log.warning("trials.heartbeat_failed", run=str(run_id), error=type(error).__name__)


async def wake(uow: SystemUnitOfWork) -> int:
    """Send runs that are due and in nobody's hands to the workers (for the sweep)."""
    rows = (await uow.session.execute(_DUE)).all()
    for row in rows:
        uow.enqueue(ACTOR, tenant_id=row.tenant_id, run_id=row.id)
    return len(rows)
