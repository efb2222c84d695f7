"""WhatsApp groups and jobs that take their members over, as they cross to pages, API and workers."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from wa_app.models.groups import GrabStatus, GroupListStatus
from wa_app.schemas.contacts import TagName

MAX_GROUPS = 100


class GroupView(BaseModel):
    """A group of a device. `id` is the vendor's, opaque; `size` is null where the engine does not tell it."""

    id: str
    name: str
    size: int | None = None


class GroupListView(BaseModel):
    """The groups of a device as last asked for. While `status` is `loading`, `items` are the ones known before."""

    device_id: UUID
    status: GroupListStatus
    error_code: str | None
    requested_at: datetime | None
    fetched_at: datetime | None
    total: int
    """Groups that match."""
    items: list[GroupView]


class GroupMemberView(BaseModel):
    """Somebody in a group, as far as it is known who that is."""

    id: str
    """The vendor's, opaque."""
    name: str
    """Of the contact, else as they call themselves in this group; may be empty."""
    phone: str | None
    """None where WhatsApp tells only the hidden id and nobody else knows the number."""
    is_admin: bool
    is_self: bool
    """The device itself."""
    contact_id: UUID | None
    chat_id: UUID | None
    """The member's own conversation, with this device if there is one."""


class GroupMembersView(BaseModel):
    """The members of a group as last asked for. While `status` is `loading`, `items` are the ones known before."""

    status: GroupListStatus
    error_code: str | None
    fetched_at: datetime | None
    total: int
    """Members."""
    found: int
    """Those that match."""
    items: list[GroupMemberView]


class GrabRequest(BaseModel):
    """Whose members become contacts, and how they are marked."""

    model_config = ConfigDict(extra="forbid")

    device_id: UUID
    group_ids: Annotated[list[Annotated[str, Field(max_length=200)]], Field(min_length=1, max_length=MAX_GROUPS)]
    tags: Annotated[list[TagName], Field(max_length=20)] = []
    tag_by_group: bool = True
    """Puts each group's name on its members as a tag."""
    skip_admins: bool = False


class GrabView(BaseModel):
    """How far a job is. `total` grows while groups are still being listed."""

    id: UUID
    device_id: UUID
    status: GrabStatus
    groups: list[GroupView]
    groups_done: int
    tags: list[str]
    tag_by_group: bool
    skip_admins: bool
    total: int
    processed: int
    created: int
    known: int
    without_phone: int
    skipped: int
    waiting_code: str | None
    due_at: datetime | None
    error_code: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
