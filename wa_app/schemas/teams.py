"""Teams: people who share conversations."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field

from wa_app.schemas.contacts import Input, Words

MAX_NAME = 60
MAX_TEAMS = 100
MAX_MEMBERS = 200
Name = Annotated[Words, Field(max_length=MAX_NAME)]


class TeamMember(BaseModel):
    id: UUID
    name: str


class TeamView(BaseModel):
    """A team, its people by name."""

    id: UUID
    name: str
    members: list[TeamMember]
    open: int
    """Open conversations of the team; what is more than 1000 is told as 1001."""
    created_at: datetime


class TeamCreate(Input):
    name: Name
    user_ids: list[UUID] = Field(default_factory=list, max_length=MAX_MEMBERS)


class TeamUpdate(Input):
    """Changes; what is not given stays. `user_ids` are all members from then on."""

    name: Name | None = None
    user_ids: list[UUID] | None = Field(None, max_length=MAX_MEMBERS)
