"""Chats of the tester that are kept as test cases, and what runs of them saw."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import DateTime, Index, UniqueConstraint, func
from sqlalchemy import text as sql
from sqlmodel import Field

from wa_app.models.base import (
    Leased,
    TenantRow,
    json_column,
    now,
    state_check,
    state_column,
    tenant_fk,
    tenant_keys,
    time_field,
)
from wa_app.schemas.agent_trials import RunStatus, TrialStatus


class AgentTrial(TenantRow, table=True):
    """A text with the talk before it, and what a good answer to it looks like."""

    __tablename__ = "agent_trials"
    __table_args__ = (
        *tenant_keys(), tenant_fk("agent_id", "agents"), tenant_fk("device_id", "devices"),
        Index("ix_agent_trials_agent", "tenant_id", "agent_id", "id", postgresql_where=sql("deleted_at IS NULL")),
    )
    agent_id: UUID
    name: str
    text: str
    history: list[dict[str, Any]] = Field(default_factory=list, sa_column=json_column("[]"))
    attachment: str = Field(default="", sa_column_kwargs={"server_default": sql("''")})
    device_id: UUID | None = Field(default=None)
    language: str = Field(default="id", sa_column_kwargs={"server_default": sql("'id'")})
    expect: dict[str, Any] = Field(default_factory=dict, sa_column=json_column())
    note: str = Field(default="", sa_column_kwargs={"server_default": sql("''")})
    created_by: UUID | None = Field(default=None)
    updated_at: datetime | None = time_field()
    deleted_at: datetime | None = time_field()


class AgentTrialRun(TenantRow, Leased, table=True):
    """All cases of an agent asked of one version. The configuration is frozen, so that a draft may be edited meanwhile."""

    __tablename__ = "agent_trial_runs"
    __table_args__ = (
        *tenant_keys(), tenant_fk("agent_id", "agents"), tenant_fk("before_id", "agent_trial_runs"),
        state_check("status", RunStatus), Index(None, "tenant_id", "agent_id", "id"),
        Index("ix_agent_trial_runs_open", "due_at", postgresql_where=sql("status IN ('queued', 'running')")),
    )
    agent_id: UUID
    version: int
    """0 is the draft."""
    config: dict[str, Any] = Field(default_factory=dict, sa_column=json_column())
    status: RunStatus = Field(default=RunStatus.QUEUED, sa_column=state_column(RunStatus, RunStatus.QUEUED))
    trial_ids: list[str] = Field(default_factory=list, sa_column=json_column("[]"))
    """The cases, in order, as they were when the run was asked for."""
    before_id: UUID | None = Field(default=None)
    """The run it is held against."""
    total: int = Field(default=0, sa_column_kwargs={"server_default": sql("0")})
    processed: int = Field(default=0, sa_column_kwargs={"server_default": sql("0")})
    passed: int = Field(default=0, sa_column_kwargs={"server_default": sql("0")})
    due_at: datetime = Field(
        default_factory=now, sa_type=DateTime(timezone=True), sa_column_kwargs={"server_default": func.now()}
    )
    created_by: UUID | None = Field(default=None)
    finished_at: datetime | None = time_field()


class AgentTrialResult(TenantRow, table=True):
    """What a run saw of one case."""

    __tablename__ = "agent_trial_results"
    __table_args__ = (
        *tenant_keys(), tenant_fk("run_id", "agent_trial_runs"), tenant_fk("trial_id", "agent_trials"),
        state_check("status", TrialStatus), UniqueConstraint("tenant_id", "run_id", "trial_id"),
    )
    run_id: UUID
    trial_id: UUID
    status: TrialStatus = Field(sa_column=state_column(TrialStatus))
    seen: dict[str, Any] = Field(default_factory=dict, sa_column=json_column())
    checks: list[dict[str, Any]] = Field(default_factory=list, sa_column=json_column("[]"))
    error_code: str = Field(default="", sa_column_kwargs={"server_default": sql("''")})
