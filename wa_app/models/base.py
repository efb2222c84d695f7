"""What all tables share: naming, keys, times, states as text, the tenant's composite keys."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, ForeignKeyConstraint, Text, UniqueConstraint, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Dialect
from sqlalchemy.types import DateTime, TypeDecorator
from sqlmodel import Field, SQLModel

from wa_app.kit.ids import new_id

SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class TextState(TypeDecorator[StrEnum]):
    """A state kept as TEXT. PG enums are not leakproof, so row-level security would
    keep their operators from an index (DESIGN §4: 0.1 → 196 ms at 1M rows)."""

    impl = Text
    cache_ok = True

    def __init__(self, states: type[StrEnum]) -> None:
        super().__init__()
        self.states = states

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else str(self.states(value).value)

    def process_result_value(self, value: Any, dialect: Dialect) -> StrEnum | None:
        return None if value is None else self.states(value)


def state_column(states: type[StrEnum], default: StrEnum | None = None, **kwargs: Any) -> Column[Any]:
    """A NOT NULL state column; pair it with `state_check` in the table's constraints."""
    if default is not None:
        kwargs.setdefault("server_default", text(f"'{default.value}'"))
    return Column(TextState(states), nullable=False, **kwargs)


def state_check(column: str, states: type[StrEnum]) -> CheckConstraint:
    """CHECK that a state column holds one of its states."""
    allowed = ", ".join(f"'{state.value}'" for state in states)
    return CheckConstraint(f"{column} IN ({allowed})", name=column)


def json_column(default: str = "{}") -> Column[Any]:
    """A NOT NULL JSONB column."""
    return Column(JSONB, nullable=False, server_default=text(f"'{default}'::jsonb"))


def now() -> datetime:
    return datetime.now(UTC)


class Row(SQLModel):
    """An id and a time of birth."""

    id: UUID = Field(default_factory=new_id, primary_key=True, sa_column_kwargs={"server_default": text("uuidv7()")})
    created_at: datetime = Field(
        default_factory=now, sa_type=DateTime(timezone=True), sa_column_kwargs={"server_default": func.now()}
    )


class TenantRow(Row):
    """A row of one tenant. Its table takes `*tenant_keys()` among its constraints."""

    tenant_id: UUID = Field(nullable=False)


def tenant_keys() -> tuple[UniqueConstraint, ForeignKeyConstraint]:
    """UNIQUE (tenant_id, id), target of composite foreign keys, and the tenant itself."""
    return UniqueConstraint("tenant_id", "id"), ForeignKeyConstraint(["tenant_id"], ["tenants.id"])


def tenant_fk(column: str, table: str) -> ForeignKeyConstraint:
    """A composite foreign key. Foreign keys bypass row-level security, so a plain one
    would let a tenant point at another tenant's row (DESIGN §4)."""
    return ForeignKeyConstraint(["tenant_id", column], [f"{table}.tenant_id", f"{table}.id"])


def time_field(*, default: Any = None, **kwargs: Any) -> Any:
    """An optional aware time."""
    return Field(default=default, sa_type=DateTime(timezone=True), nullable=True, **kwargs)


class Leased(SQLModel):
    """Columns of a lease (see `wa_app.leases`)."""

    lease_owner: str | None = Field(default=None)
    lease_until: datetime | None = time_field()
    lease_epoch: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
