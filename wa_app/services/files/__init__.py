"""Files of a tenant: taken in piece by piece, kept once, described by a row, given out by links that expire."""

from wa_app.files.links import check_link, link
from wa_app.services.files.copies import local_copy
from wa_app.services.files.library import Kind, Served, count, delete, get, list_, served, show, uses, view
from wa_app.services.files.retention import tidy
from wa_app.services.files.storing import (
    StorageIsFull,
    TooLarge,
    Use,
    max_bytes,
    refuse_large,
    store,
)

__all__ = [
    "Kind", "Served", "StorageIsFull", "TooLarge", "Use", "check_link", "count", "delete", "get", "link", "list_", "local_copy",
    "max_bytes", "refuse_large", "served", "show", "store", "tidy", "uses", "view",
]  # fmt: skip
