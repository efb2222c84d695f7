"""Turns: what customers said that is to be answered together, and what became of it."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Index, SmallInteger, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from wa_app.models.base import TenantRow, json_column, state_check, state_column, tenant_fk, tenant_keys, time_field


class TurnState(StrEnum):
    WAITING = "waiting"
    """More may come, a file is being read, or the answer is not due yet."""
    DECIDING = "deciding"
    """The agent is being asked."""
    ANSWERING = "answering"
    """The answer is a row of the ledger that has not left yet."""
    ANSWERED = "answered"
    SILENT = "silent"
    """Decided: nothing is to be sent."""
    CANCELLED = "cancelled"
    FAILED = "failed"


OPEN = "state IN ('waiting', 'deciding', 'answering')"


class AnswerTurn(TenantRow, table=True):
    """Messages of one customer, or of one group, that get one answer (ADR 0014). A conversation has at most one open turn."""

    __tablename__ = "answer_turns"
    __table_args__ = (
        *tenant_keys(), tenant_fk("conversation_id", "conversations"), state_check("state", TurnState),
        Index("ix_answer_turns_open", "tenant_id", "conversation_id", unique=True, postgresql_where=text(OPEN)),
        Index("ix_answer_turns_wake", "wake_at", postgresql_where=text("wake_at IS NOT NULL")),
        Index("ix_answer_turns_leaving", "id", postgresql_where=text("state = 'answering'")),
        Index("ix_answer_turns_conversation", "tenant_id", "conversation_id", "id"),
        Index("ix_answer_turns_outbound", "tenant_id", "outbound_id", postgresql_where=text("outbound_id IS NOT NULL")),
    )
    conversation_id: UUID
    device_id: UUID
    contact_id: UUID | None = Field(default=None)
    """None: of a group."""
    state: TurnState = Field(default=TurnState.WAITING, sa_column=state_column(TurnState, TurnState.WAITING))
    first_message_id: UUID
    last_message_id: UUID
    messages: int = Field(default=1, sa_column_kwargs={"server_default": text("1")})
    """How many it covers; each carries the turn's id."""
    due_at: datetime | None = time_field()
    """When the answer leaves, once somebody is going to answer; later messages never move it back."""
    wake_at: datetime | None = time_field()
    """When the engine next has something to do; ahead of now while it works, so that a crash wakes it again."""
    woken_at: datetime | None = time_field()
    decided_messages: int | None = Field(default=None)
    """How many messages the decision covers."""
    decision: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB))
    """`{by, text, file_id, …}` as far as it is decided: the answer that waits to leave."""
    trace: list[Any] = Field(default_factory=list, sa_column=json_column("[]"))
    """`TraceEntry` of the last decision."""
    agent_id: UUID | None = Field(default=None)
    agent_version: int | None = Field(default=None)
    rule_id: UUID | None = Field(default=None)
    outbound_id: UUID | None = Field(default=None)
    revision: int = Field(default=0, sa_column=Column(SmallInteger, nullable=False, server_default="0"))
    """Answers that were taken back before they left, because the customer wrote again."""
    tries: int = Field(default=0, sa_column=Column(SmallInteger, nullable=False, server_default="0"))
    """Times in a row that the engine began and did not get on."""
    reason: str | None = Field(default=None)
    """Why it was cancelled, failed or silent: a stable word."""
    answered_at: datetime | None = time_field()
