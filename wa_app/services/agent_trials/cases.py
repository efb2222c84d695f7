"""Test cases: chats kept from the tester, with what a good answer looks like."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import func, select
from sqlmodel import col

from wa_app.db import TenantUnitOfWork
from wa_app.errors import Conflict, FieldError, Invalid, NotFound
from wa_app.kit.clock import utc_now
from wa_app.models.agent_trials import AgentTrial
from wa_app.models.devices import Device
from wa_app.schemas.agent_trials import Expectation, SavedTurn, TrialCreate, TrialUpdate, TrialView
from wa_app.services import entitlements
from wa_app.services.agent_trials import owners

MAX_CASES = 200
"""Of one agent: a run of them has to be worth waiting for."""
NAME_LENGTH = 60


async def list_(uow: TenantUnitOfWork, agent_id: UUID | None = None) -> list[TrialView]:
    """All cases of an agent, oldest first. Raises NotFound."""
    uow.require("agent.read")
    found = await owners.agent(uow, agent_id)
    query = select(AgentTrial).where(*_alive(uow, found)).order_by(col(AgentTrial.id)).limit(MAX_CASES)
    return [view(row) for row in (await uow.session.execute(query)).scalars()]


async def count(uow: TenantUnitOfWork, agent_id: UUID) -> int:
    """How many cases an agent has."""
    uow.require("agent.read")
    query = select(func.count()).select_from(AgentTrial).where(*_alive(uow, agent_id))
    return (await uow.session.execute(query)).scalar_one()


async def get(uow: TenantUnitOfWork, trial_id: UUID) -> TrialView:
    """One case. Raises NotFound."""
    uow.require("agent.read")
    return view(await _find(uow, trial_id))


async def create(uow: TenantUnitOfWork, data: TrialCreate) -> TrialView:
    """Keep a chat. Raises Invalid without a text, Conflict when the agent has too many already."""
    uow.require("agent.write")
    agent_id = await owners.agent(uow, data.agent_id)
    if not data.text.strip() and not data.attachment.strip():
        raise Invalid(FieldError("text", "trial_text_missing"))
    if await count(uow, agent_id) >= MAX_CASES:
        raise Conflict("trials_too_many", limit=MAX_CASES)
    await _check(uow, data.expect, data.device_id)
    await entitlements.require(uow, "agent_trials")
    row = AgentTrial(
        tenant_id=uow.tenant_id, agent_id=agent_id, name=_name(data.name or data.text or data.attachment),
        created_by=uow.principal.user_id, expect=data.expect.model_dump(mode="json"),
        history=[turn.model_dump() for turn in data.history],
        **data.model_dump(include={"text", "attachment", "device_id", "language", "note"}),
    )  # fmt: skip
    uow.session.add(row)
    await uow.session.flush()
    return view(row)


async def update(uow: TenantUnitOfWork, trial_id: UUID, data: TrialUpdate) -> TrialView:
    """Change what is expected, the name or the note. Raises NotFound, Invalid."""
    uow.require("agent.write")
    row = await _find(uow, trial_id, lock=True)
    if data.expect is not None:
        await _check(uow, data.expect, None)
        row.expect = data.expect.model_dump(mode="json")
    if data.name is not None and data.name.strip():
        row.name = data.name.strip()
    if data.note is not None:
        row.note = data.note
    row.updated_at = utc_now()
    await uow.session.flush()
    return view(row)


async def remove(uow: TenantUnitOfWork, trial_id: UUID) -> None:
    """Take a case away; runs that saw it keep what they saw. Raises NotFound."""
    uow.require("agent.write")
    row = await _find(uow, trial_id, lock=True)
    row.deleted_at = utc_now()
    await uow.session.flush()
    await entitlements.require(uow, "agent_trials", -1)


async def restore(uow: TenantUnitOfWork, trial_id: UUID) -> TrialView:
    """Bring a case back. Raises NotFound."""
    uow.require("agent.write")
    row = await _find(uow, trial_id, lock=True, gone=True)
    await entitlements.require(uow, "agent_trials")
    row.deleted_at = None
    await uow.session.flush()
    return view(row)


async def _check(uow: TenantUnitOfWork, expect: Expectation, device_id: UUID | None) -> None:
    """What a case names has to be the tenant's own. Raises Invalid."""
    if device_id is not None and await uow.session.get(Device, device_id) is None:
        raise Invalid(FieldError("device_id", "device_not_found"))
    for field, table, wanted in (
        ("expect.document_id", "knowledge_documents", expect.document_id), ("expect.rule_id", "auto_replies", expect.rule_id),
    ):  # fmt: skip
        if wanted is not None and not await owners.has(uow, table, wanted):
            raise Invalid(FieldError(field, "not_found"))


async def alive(uow: TenantUnitOfWork, agent_id: UUID) -> Sequence[UUID]:
    """Ids of an agent's cases, in order."""
    query = select(col(AgentTrial.id)).where(*_alive(uow, agent_id)).order_by(col(AgentTrial.id)).limit(MAX_CASES)
    return (await uow.session.execute(query)).scalars().all()


def _alive(uow: TenantUnitOfWork, agent_id: UUID):  # type: ignore[no-untyped-def]
    return (
        col(AgentTrial.tenant_id) == uow.tenant_id, col(AgentTrial.agent_id) == agent_id, col(AgentTrial.deleted_at).is_(None),
    )  # fmt: skip


async def _find(uow: TenantUnitOfWork, trial_id: UUID, *, lock: bool = False, gone: bool = False) -> AgentTrial:
    state = col(AgentTrial.deleted_at).is_not(None) if gone else col(AgentTrial.deleted_at).is_(None)
    query = select(AgentTrial).where(col(AgentTrial.id) == trial_id, state)
    row = (await uow.session.execute(query.with_for_update() if lock else query)).scalar_one_or_none()
    if row is None:
        raise NotFound
    return row


def _name(text: str) -> str:
    one_line = " ".join(text.split())
    return one_line if len(one_line) <= NAME_LENGTH else one_line[: NAME_LENGTH - 1].rstrip() + "…"


def view(row: AgentTrial) -> TrialView:
    """A case as it is shown."""
    return TrialView(
        **row.model_dump(include=set(TrialView.model_fields) - {"history", "expect"}),
        history=[SavedTurn.model_validate(turn) for turn in row.history], expect=Expectation.model_validate(row.expect),
    )
