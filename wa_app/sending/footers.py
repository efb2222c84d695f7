"""The line under a broadcast that says how to stop. It belongs to the tenant, a campaign only switches it on."""

from collections.abc import Mapping
from typing import Final

DEFAULT: Final[Mapping[str, str]] = {"id": "Balas STOP untuk berhenti", "en": "Reply STOP to unsubscribe"}
MAX_LENGTH: Final = 160


def footer_of(own: str | None, language: str) -> str:
    """A tenant's line: its own, else the default of the language its customers are written to in."""
    return (own or "").strip() or DEFAULT.get(language, DEFAULT["en"])


def with_footer(text: str, footer: str) -> str:
    """A message with the line under it; as it is when the line is empty or there already.

    >>> with_footer("Halo", "Balas STOP")
    'Halo\\n\\nBalas STOP'
    >>> with_footer("", "Balas STOP")
    'Balas STOP'
    """
    if not footer or footer in text:
        return text
    return f"{text.rstrip()}\n\n{footer}" if text.strip() else footer
