"""`/api/v1/blacklist`: who is not to be written to."""

from wa_app.api.deps import Uow
from wa_app.api.paging import ListingDep, Page, pack
from wa_app.api.routing import router
from wa_app.services import blacklist
from wa_app.services.blacklist import BlacklistAdd, BlacklistEntry

routes = router("/blacklist", "blacklist")


@routes.get("")
async def list_entries(uow: Uow, listing: ListingDep) -> Page[BlacklistEntry]:
    """Entries, newest first; `q` is a whole phone number, as only hashes are kept."""
    items, more, total = await blacklist.list_(uow, q=listing.q, after=listing.after_id, limit=listing.limit)
    return Page(items=items, next_cursor=pack(items[-1].id) if more else None, total=total)


@routes.post("", status_code=201)
async def add(uow: Uow, body: BlacklistAdd) -> BlacklistEntry:
    """Stop messages to a person, over every alias."""
    return await blacklist.add(uow, body)


@routes.delete("/{entry}", status_code=204)
async def remove(uow: Uow, entry: str) -> None:
    """Take a person off: by the id of an entry or by phone."""
    await blacklist.remove(uow, entry)
