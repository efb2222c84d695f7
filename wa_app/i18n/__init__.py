"""Texts of the product: flat catalogues `<language>/<noun>.json`, the same keys in each language.

Pages show texts through `wa_app.components.i18n.t`, which resolves them in the browser. This module
is for what the server writes itself: mails, problem+json, exported files.
"""

import json
from functools import lru_cache
from pathlib import Path

LANGUAGES = ("id", "en")
DEFAULT_LANGUAGE = "id"
FOLDER = Path(__file__).resolve().parent


@lru_cache
def catalogue(language: str) -> dict[str, str]:
    """All texts of one language, by key. A test holds that no key stands in two files."""
    texts: dict[str, str] = {}
    for path in sorted((FOLDER / language).glob("*.json")):
        texts |= json.loads(path.read_text("utf-8"))
    return texts


def translate(language: str, key: str, **args: str | int) -> str:
    """The text of `key` with its `{placeholders}` filled; the key itself when it is unknown.

    >>> translate("en", "app.name")
    'Sapa'
    """
    text = catalogue(language if language in LANGUAGES else DEFAULT_LANGUAGE).get(key, key)
    for name, value in args.items():
        text = text.replace("{" + name + "}", str(value))
    return text
