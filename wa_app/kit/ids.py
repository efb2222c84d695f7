"""Ids: UUIDv7 (RFC 9562), so keys sort by time of creation."""

from uuid import UUID

from uuid_utils.compat import uuid7

NIL = UUID(int=0)
"""Stands for "none yet" where a key column must not be NULL."""


def new_id() -> UUID:
    """A fresh UUIDv7."""
    return uuid7()
