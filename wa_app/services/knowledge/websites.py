"""A page of a website as a document."""

from dataclasses import dataclass
from importlib import import_module

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
    # Loaded by the workers that fetch, not by everybody who lists documents.
    web = import_module("wa_app.ai.reading.web")
    try:
        _, title, document = await web.fetch(url)
    except Invalid as error:
        if error.code in AWAY:
            raise Unavailable(error.code) from error
        raise
    return Website(title, document)
