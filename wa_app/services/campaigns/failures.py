"""Of which failures sending again can help."""

from typing import Final

NO_USE: Final = frozenset({
    "contact_unusable", "not_on_whatsapp", "unsupported", "contact_deleted", "suppressed", "empty_text", "no_identity",
})  # fmt: skip
"""Sending again changes nothing: the number cannot be reached, or must not be."""


def may_retry(state: str, code: str) -> bool:
    """Whether sending a row again can help. An unknown one may, at a person's word: it may have arrived."""
    return state == "unknown" or (state == "failed" and code not in NO_USE)
