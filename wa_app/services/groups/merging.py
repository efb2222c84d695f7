"""Members of groups become contacts, one batch in the caller's transaction.

Nobody in a group has agreed to anything: no consent is written, and who is suppressed stays so,
since suppression holds by identity.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from wa_app.db import TenantUnitOfWork
from wa_app.errors import Conflict, Invalid
from wa_app.schemas.contacts import ContactCreate
from wa_app.services import contacts
from wa_app.services.contacts import joining

SOURCE = "group"
MAX_TAG = 50


@dataclass(frozen=True, slots=True)
class Found:
    """A member as far as WhatsApp tells: a phone, a LID without its `@lid`, or both."""

    id: UUID
    phone: str | None
    lid: str | None
    groups: tuple[str, ...]


@dataclass(slots=True)
class Merged:
    """What a batch did. `without_phone` counts among created and known."""

    created: int = 0
    known: int = 0
    without_phone: int = 0
    skipped: int = 0


async def merge(uow: TenantUnitOfWork, found: Sequence[Found], tags: Sequence[str], *, by_group: bool) -> Merged:
    """Store members, or tag the contacts they are already. Raises LimitReached."""
    done = Merged()
    # In one order, so that two jobs with the same people wait for each other instead of deadlocking.
    for member in sorted(found, key=lambda one: (one.phone or "", one.lid or "")):
        names = [*tags, *(name.strip()[:MAX_TAG] for name in member.groups if by_group)]
        try:
            async with uow.session.begin_nested():
                created = await _store(uow, member, [name for name in names if name.strip()])
        except (Invalid, Conflict):
            # A number that is none, or that somebody took this very moment.
            done.skipped += 1
            continue
        done.created += created
        done.known += not created
        done.without_phone += member.phone is None
    return done


async def _store(uow: TenantUnitOfWork, member: Found, tags: list[str]) -> bool:
    pairs = [pair for pair in (("phone", member.phone), ("lid", member.lid)) if pair[1]]
    await joining.join_owners(uow, [(kind, value) for kind, value in pairs if value])
    data = ContactCreate(phone=member.phone, lid=member.lid, tags=tags, upsert=True)
    _, created = await contacts.create(uow, data, source=SOURCE)
    return created
