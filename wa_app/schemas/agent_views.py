"""Agents as pages and programs see them: the draft, what is live, versions and how they differ."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from wa_app.schemas.agents import AgentConfig

MAX_NOTE = 500


class _Input(BaseModel):
    model_config = ConfigDict(extra="forbid")


class AgentCreate(_Input):
    """A new agent: from a preset in one language, and what is different from it."""

    preset: Literal["", "service", "sales"] = "service"
    language: Literal["id", "en"] | None = Field(None, description="Of the preset's texts; null: the tenant's.")
    config: dict[str, Any] = Field(default_factory=dict, description="Fields of AgentConfig that replace the preset's.")


class AgentUpdate(_Input):
    """Changes of the draft. What is absent stays; inside `facts`, `behaviour` and `modes` too. Lists are replaced whole."""

    revision: int | None = Field(
        None, ge=1, description="The draft's revision that was read; 409 `agent_changed_elsewhere` when it is older now."
    )
    config: dict[str, Any] = Field(default_factory=dict, description="Some fields of AgentConfig.")
    is_active: bool | None = Field(None, description="Whether its live version answers; needs no publishing.")


class AgentPublish(_Input):
    note: str = Field("", max_length=MAX_NOTE)
    revision: int | None = Field(None, ge=1, description="Publish only this revision of the draft.")


class AgentRollback(_Input):
    version: int = Field(ge=1, description="Its configuration is published again under a new number.")
    note: str = Field("", max_length=MAX_NOTE)


class FieldChange(BaseModel):
    """One setting that differs. `field` is dotted (`behaviour.delay_min_s`), `label` the key of its name for people."""

    field: str
    label: str = ""
    before: Any = None
    after: Any = None


class VersionView(BaseModel):
    """One published version; it never changes."""

    number: int
    note: str
    restored_from: int | None
    published_at: datetime
    published_by: UUID | None
    published_by_name: str
    is_live: bool
    changes: list[FieldChange] = Field(description="Against the version before; of the first: all that is not the default.")
    config: AgentConfig


class LiveVersion(BaseModel):
    """The version that answers now."""

    number: int
    note: str
    published_at: datetime


class AgentView(BaseModel):
    """An agent: what people edit and what answers."""

    id: UUID
    name: str
    is_active: bool
    draft: AgentConfig
    revision: int
    live: LiveVersion | None
    unpublished: list[FieldChange] = Field(description="How the draft differs from the live version.")
    answers_on: list[UUID] = Field(description="Numbers on which this agent answers, after the more specific ones.")
    created_at: datetime
    updated_at: datetime | None


class DeviceAgent(BaseModel):
    """Who answers on a number, and which other agents would."""

    device_id: UUID
    device_name: str
    agent_id: UUID | None
    also: list[UUID] = []
    """Agents that cover this number too but give way to one that names it more narrowly."""
