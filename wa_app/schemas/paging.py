"""A page of a list, read by key and not by offset."""

from typing import Generic, TypeVar
from uuid import UUID

from pydantic import BaseModel

from wa_app.errors import FieldError, Invalid

T = TypeVar("T")


class Page(BaseModel, Generic[T]):
    """Items, where the next page begins (None at the end), and how many there are in all, if known."""

    items: list[T]
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
