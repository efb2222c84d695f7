"""Ids: UUIDv7 (RFC 9562), so keys sort by time of creation."""

import hashlib
from datetime import datetime
from uuid import UUID

from uuid_utils.compat import uuid7

NIL = UUID(int=0)
"""Stands for "none yet" where a key column must not be NULL."""


def new_id() -> UUID:
    """A fresh UUIDv7."""
    return uuid7()


def id_floor(moment: datetime) -> UUID:
    """The smallest UUIDv7 a row made at `moment` or later can have.

    >>> from datetime import UTC
    >>> str(id_floor(datetime(2026, 11, 20, tzinfo=UTC)))
    '01a1f640-bc00-7000-8000-000000000000'
    """
    milliseconds = int(moment.timestamp() * 1000)
    return UUID(int=milliseconds << 80 | 0x7000 << 64 | 0x8000 << 48)


def named(name: str) -> UUID:
    """An id made of a name, always the same: PostgreSQL's `md5(name)::uuid`."""
    return UUID(bytes=hashlib.md5(name.encode(), usedforsecurity=False).digest())
