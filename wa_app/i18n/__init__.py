"""Texts of the product: flat catalogues `<language>/<noun>.json`, the same keys in each language.

Pages show texts through `wa_app.components.i18n.t`, which resolves them in the browser. This module
is for what the server writes itself: mails, problem+json, exported files.
"""

import json
import re
from functools import lru_cache
from pathlib import Path

LANGUAGES = ("id", "en")
DEFAULT_LANGUAGE = "id"
NAMED = re.compile(r"\{(\w+):([\w.]+)\}")
"""`{mood:insight.mood}`: the value of `mood` is a code, its text is `insight.mood.<code>`."""
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
    texts = catalogue(language if language in LANGUAGES else DEFAULT_LANGUAGE)
    text = texts.get(key, key)
    for name, value in args.items():
        text = text.replace("{" + name + "}", str(value))
    return NAMED.sub(lambda found: _named(texts, found[2], str(args[found[1]])) if found[1] in args else found[0], text)


def _named(texts: dict[str, str], family: str, value: str) -> str:
    """The texts of codes, `, ` between several; a code without one is shown as it is."""
    said = ""
    for code in value.split(", "):
        text = texts.get(f"{family}.{(code or 'none').replace(' ', '_')}", code)
        said = f"{said}{' ' if said.endswith('.') else ', '}{text}" if said else text
    return said
