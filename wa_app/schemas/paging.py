"""A page of a list, read by key and not by offset."""

from typing import Generic, TypeVar
from uuid import UUID

from pydantic import BaseModel

from wa_app.errors import FieldError, Invalid

Item = TypeVar("Item")


class Page(BaseModel, Generic[Item]):
    """One page of a list: items, where the next begins (None at the end), how many in all.

    `total` is None where counting would cost more than the page.
    """

    items: list[Item]
    next_cursor: str | None = None
    total: int | None = None
    total_is_estimate: bool = False


def cursor_id(cursor: str | None) -> UUID | None:
    """The id in a cursor. Raises Invalid when it is none of ours."""
    if not cursor:
        return None
    try:
        return UUID(cursor)
    except ValueError:
        raise Invalid(FieldError("cursor", "cursor_invalid")) from None
