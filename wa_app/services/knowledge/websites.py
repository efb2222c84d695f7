"""A page of a website as a document."""

from dataclasses import dataclass

from wa_app.errors import Invalid, Unavailable
from wa_app.schemas.reading import DocumentText

AWAY = frozenset({"page_timeout", "page_unreachable"})
"""Refusals of a fetch that may be over in a minute."""


@dataclass(frozen=True, slots=True)
class Website:
    title: str
    document: DocumentText


async def fetch(url: str) -> Website:
    """Title and text of a page. Raises Invalid for what may not be fetched or read, Unavailable when it does not answer."""
    # A library of its own, and nothing that a process without websites needs.
    from wa_app.ai.reading import web

    try:
        _, title, document = await web.fetch(url)
    except Invalid as error:
        if error.code in AWAY:
            raise Unavailable(error.code) from error
        raise
    return Website(title, document)
