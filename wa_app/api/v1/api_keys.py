"""`/api/v1/api-keys`: keys for programs. The key itself is shown once, when it is made."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, Field

from wa_app.api.deps import Uow
from wa_app.api.routing import router
from wa_app.schemas.accounts import ApiKeyView
from wa_app.schemas.contacts import Input
from wa_app.services import api_keys

routes = router("/api-keys", "api-keys")


class ApiKeyCreate(Input):
    """Without `scopes` the key may do what you may; it never may more."""

    name: Annotated[str, Field(min_length=1, max_length=100)]
    scopes: Annotated[list[Annotated[str, Field(max_length=60)]], Field(max_length=100)] | None = None
    expires_at: AwareDatetime | None = None


class ApiKeyAnswer(Input):
    id: UUID
    name: str
    masked: str
    scopes: list[str]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    is_expired: bool


class ApiKeyMade(ApiKeyAnswer):
    key: str


class ApiKeyPage(Input):
    items: list[ApiKeyAnswer]
    next_cursor: str | None = None
    total: int


def _answer(view: ApiKeyView) -> ApiKeyAnswer:
    return ApiKeyAnswer(**asdict(view))


@routes.get("")
async def list_keys(uow: Uow) -> ApiKeyPage:
    """Living keys, newest first, masked. There are never more than one page."""
    items = [_answer(view) for view in await api_keys.list_keys(uow)]
    return ApiKeyPage(items=items, total=len(items))


@routes.post("", status_code=201)
async def create(uow: Uow, body: ApiKeyCreate) -> ApiKeyMade:
    """Make a key. Keep it: only its hash is stored here."""
    view, key = await api_keys.create(uow, body.name, body.scopes, body.expires_at)
    return ApiKeyMade(**asdict(view), key=key)


@routes.delete("/{key_id}", status_code=204)
async def revoke(uow: Uow, key_id: UUID) -> None:
    """End a key at once."""
    await api_keys.revoke(uow, key_id)
