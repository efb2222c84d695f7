"""Lists: a limit, an opaque cursor, and what comes back.

A cursor is the position after the last item, packed and signed, so that a service can
trust its parts and a client cannot depend on them.
"""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from typing import Annotated, Any, Self
from uuid import UUID

import orjson
from fastapi import Depends, Query

from wa_app.config import get_settings
from wa_app.errors import FieldError, Invalid
from wa_app.schemas.paging import Page

__all__ = ["Listing", "ListingDep", "Page", "pack", "unpack", "unpack_id"]

MAX_LIMIT = 200
_SIGNATURE = 8

def _sign(body: bytes) -> bytes:
    key = b"sapa:cursor:" + get_settings().secret_key.encode()
    return hmac.new(key, body, hashlib.sha256).digest()[:_SIGNATURE]


def pack(*position: Any) -> str:
    """A cursor for a position: ids, times, numbers, texts, in the order of the sort."""
    body = orjson.dumps(position, default=str)
    return base64.urlsafe_b64encode(_sign(body) + body).rstrip(b"=").decode()


def unpack(cursor: str) -> list[Any]:
    """The position in a cursor. Raises Invalid on field `cursor` when we did not make it."""
    try:
        raw = base64.urlsafe_b64decode(cursor.encode() + b"=" * (-len(cursor) % 4))
        body = raw[_SIGNATURE:]
        if not hmac.compare_digest(raw[:_SIGNATURE], _sign(body)):
            raise ValueError
        position = orjson.loads(body)
    except ValueError:
        raise Invalid(FieldError("cursor", "cursor_invalid")) from None
    return list(position)


def unpack_id(cursor: str | None) -> UUID | None:
    """The id in a cursor of a list that is sorted by id; None for the first page."""
    if cursor is None:
        return None
    position = unpack(cursor)
    try:
        return UUID(position[0])
    except (ValueError, TypeError, IndexError, AttributeError):
        raise Invalid(FieldError("cursor", "cursor_invalid")) from None


@dataclass(frozen=True)
class Listing:
    """What a client asks of a list: `?limit=50&cursor=…&q=…&sort=…`."""

    limit: int
    cursor: str | None
    q: str
    sort: str

    @classmethod
    def read(
        cls,
        limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = 50,
        cursor: Annotated[str | None, Query(max_length=500)] = None,
        q: Annotated[str, Query(max_length=200)] = "",
        sort: Annotated[str, Query(max_length=50)] = "",
    ) -> Self:
        return cls(limit, cursor or None, q.replace("\x00", "").strip(), sort)

    @property
    def after_id(self) -> UUID | None:
        return unpack_id(self.cursor)


ListingDep = Annotated[Listing, Depends(Listing.read)]
