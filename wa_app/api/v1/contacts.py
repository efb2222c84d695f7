"""`/api/v1/contacts`: people, their tags, finding, bulk actions, export."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import Query
from pydantic import Field
from starlette.responses import Response, StreamingResponse

from wa_app.api.deps import CurrentPrincipal, Uow
from wa_app.api.paging import Listing, ListingDep, Page, pack
from wa_app.api.routing import router
from wa_app.db import TenantUnitOfWork, unit_of_work
from wa_app.errors import FieldError, Invalid
from wa_app.schemas.contacts import (
    ContactCreate,
    ContactFilter,
    ContactUpdate,
    ContactView,
    Input,
    Selection,
    TagCreate,
    TagName,
    TagUpdate,
    TagView,
)
from wa_app.services import contacts, segments, tags

routes = router("/contacts", "contacts")

TagQuery = Annotated[list[Annotated[str, Field(max_length=60)]], Query(max_length=20, default_factory=list)]
SomeTags = Annotated[list[Annotated[str, Field(max_length=60)]], Query(min_length=1, max_length=20, alias="tag")]
SourceQuery = Annotated[str, Query(max_length=40)]
SegmentQuery = Annotated[UUID | None, Query()]


class TagNames(Input):
    tags: Annotated[list[TagName], Field(min_length=1, max_length=50)]


class PhoneQuestion(Input):
    phone: Annotated[str, Field(max_length=200)]
    region: Annotated[str, Field(max_length=2)] = ""


class PhoneAnswer(Input):
    valid: bool
    phone: str | None
    display: str | None
    region: str | None
    code: str | None


class BulkRequest(Selection):
    """`tag` puts `tags` on, `untag` takes them off, `delete` can be undone by `restore` with its `moment`."""

    action: Literal["tag", "untag", "delete", "restore"]
    tags: Annotated[list[TagName], Field(max_length=50)] = []
    moment: datetime | None = None


class BulkAnswer(Input):
    affected: int
    moment: datetime | None = None
    """What `restore` takes to undo a delete, within 30 days."""


async def _filter(
    uow: TenantUnitOfWork, q: str, tag: list[str], source: str, segment_id: UUID | None = None
) -> ContactFilter:
    """Tags may be given by id or by name; one that does not exist covers nobody."""
    ids = [UUID(one) for one in tag if _is_id(one)]
    names = [one for one in tag if not _is_id(one)]
    found = await tags.find(uow, names)
    return ContactFilter(
        q=q, tags=[*ids, *found.values(), *([UUID(int=0)] if len(found) < len(names) else [])], source=source,
        segment_id=segment_id,
    )  # fmt: skip


def _is_id(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


async def _page(
    uow: TenantUnitOfWork, listing: Listing, tag: list[str], source: str, segment_id: UUID | None = None
) -> Page[ContactView]:
    if listing.sort not in ("", "-created_at"):
        raise Invalid(FieldError("sort", "value_not_allowed", {"allowed": "-created_at"}))
    where = await _filter(uow, listing.q, tag, source, segment_id)
    cursor = str(listing.after_id) if listing.after_id else None
    page = await contacts.list_(uow, where, cursor=cursor, limit=listing.limit)
    following = pack(page.next_cursor) if page.next_cursor else None
    return Page(items=page.items, next_cursor=following, total=page.total, total_is_estimate=page.total_is_estimate)


@routes.get("")
async def index(
    uow: Uow, listing: ListingDep, tag: TagQuery, source: SourceQuery = "", segment_id: SegmentQuery = None
) -> Page[ContactView]:
    """Contacts, newest first. `tag` (name or id) may be repeated: any of them."""
    return await _page(uow, listing, tag, source, segment_id)


@routes.post("", status_code=201)
async def create(data: ContactCreate, uow: Uow, response: Response) -> ContactView:
    """A new contact, or with `upsert` (then 200) a change of the one who has the identity."""
    view, created = await contacts.create(uow, data, source="api" if uow.principal.kind == "api_key" else "manual")
    response.status_code = 201 if created else 200
    return view


@routes.get("/search")
async def search(uow: Uow, listing: ListingDep) -> Page[ContactView]:
    """Contacts whose name, number, place or mail begin with the words of `q`."""
    return await _page(uow, listing, [], "")


@routes.get("/filter")
async def filter_(
    uow: Uow, listing: ListingDep, tag: TagQuery, source: SourceQuery = "", segment_id: SegmentQuery = None
) -> Page[ContactView]:
    """Contacts by tag, source and segment."""
    return await _page(uow, listing, tag, source, segment_id)


@routes.get("/export", response_class=Response)
async def export(
    principal: CurrentPrincipal,
    tag: TagQuery,
    q: Annotated[str, Query(max_length=200)] = "",
    source: SourceQuery = "",
    segment_id: SegmentQuery = None,
) -> Response:
    """All contacts of a filter as CSV; cells that a spreadsheet would run are disarmed."""
    async with unit_of_work(principal) as uow:
        uow.require("contacts.export")
        where = await _filter(uow, q, tag, source, segment_id)
        if segment_id is not None:
            await segments.get(uow, segment_id)
    return csv_download(contacts.export_csv(principal, where), "kontak.csv")


def csv_download(parts: AsyncIterator[bytes], name: str) -> Response:
    """A streamed CSV that is always saved, never shown."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "private, no-store"}
    return StreamingResponse(parts, media_type="text/csv; charset=utf-8", headers=headers)


@routes.post("/validate-phone")
async def validate_phone(data: PhoneQuestion, uow: Uow) -> PhoneAnswer:
    """How a number reads by our rules; nothing is stored and WhatsApp is not asked."""
    return PhoneAnswer(**await contacts.validate_phone(uow, data.phone, data.region))


@routes.post("/bulk")
async def bulk(data: BulkRequest, uow: Uow) -> BulkAnswer:
    """One action on many contacts, by `ids` or by `filter`."""
    selection = Selection(ids=data.ids, filter=data.filter)
    if data.action == "tag":
        return BulkAnswer(affected=await contacts.tag(uow, selection, data.tags))
    if data.action == "untag":
        found = await tags.find(uow, data.tags)
        return BulkAnswer(affected=await contacts.untag(uow, selection, list(found.values())))
    if data.action == "restore":
        if data.moment is not None and data.moment.tzinfo is None:
            raise Invalid(FieldError("moment", "value_not_time"))
        by_moment = {"moment": data.moment} if data.moment else {"ids": data.ids}
        return BulkAnswer(affected=await contacts.restore(uow, **by_moment))
    affected, moment = await contacts.delete(uow, selection)
    return BulkAnswer(affected=affected, moment=moment)


@routes.get("/tags")
async def list_tags(uow: Uow) -> Page[TagView]:
    """All tags by name, with how many contacts have them."""
    items = await tags.list_(uow)
    return Page(items=items, total=len(items))


@routes.post("/tags", status_code=201)
async def create_tag(data: TagCreate, uow: Uow) -> TagView:
    """A new tag; without a colour it gets one by its name."""
    return await tags.create(uow, data)


@routes.patch("/tags/{tag_id}")
async def update_tag(tag_id: UUID, data: TagUpdate, uow: Uow) -> TagView:
    """Rename or recolour a tag."""
    return await tags.update(uow, tag_id, data)


@routes.delete("/tags/{tag_id}", status_code=204)
async def delete_tag(tag_id: UUID, uow: Uow) -> None:
    """Delete a tag; its contacts stay."""
    await tags.remove(uow, tag_id)


@routes.get("/{contact_id}")
async def show(contact_id: UUID, uow: Uow) -> ContactView:
    """One contact."""
    return await contacts.get(uow, contact_id)


@routes.patch("/{contact_id}")
async def update(contact_id: UUID, data: ContactUpdate, uow: Uow) -> ContactView:
    """Change what is given; `tags` replaces all tags, an attribute of null is removed."""
    return await contacts.update(uow, contact_id, data)


@routes.delete("/{contact_id}", status_code=204)
async def delete(contact_id: UUID, uow: Uow) -> None:
    """Delete a contact; `POST contacts/bulk` with `restore` brings it back within 30 days."""
    uow.require("contacts.delete")
    await contacts.get(uow, contact_id)
    await contacts.delete(uow, Selection(ids=[contact_id]))


@routes.post("/{contact_id}/tags")
async def add_tags(contact_id: UUID, data: TagNames, uow: Uow) -> ContactView:
    """Put tags on a contact; missing ones are made."""
    uow.require("contacts.write")
    await contacts.get(uow, contact_id)
    await contacts.tag(uow, Selection(ids=[contact_id]), data.tags)
    return await contacts.get(uow, contact_id)


@routes.delete("/{contact_id}/tags")
async def remove_tags(contact_id: UUID, uow: Uow, some: SomeTags) -> ContactView:
    """Take tags (`?tag=name`, repeated) off a contact."""
    uow.require("contacts.write")
    await contacts.get(uow, contact_id)
    where = await _filter(uow, "", some, "")
    await contacts.untag(uow, Selection(ids=[contact_id]), where.tags)
    return await contacts.get(uow, contact_id)
