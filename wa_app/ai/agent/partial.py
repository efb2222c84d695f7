"""The beginning of `answer` in JSON that is still being written."""

import json
import re
from typing import Final

_START = re.compile(r'"answer"\s*:\s*"')
_ESCAPE_LENGTH: Final = 6


def answer_so_far(text: str) -> str:
    """What is readable of the answer by now; the text itself when it is no JSON.

    >>> answer_so_far('{"answer": "Halo, Ka'), answer_so_far("Halo"), answer_so_far('{"ans')
    ('Halo, Ka', 'Halo', '')
    """
    begun = text.lstrip()
    if not begun.startswith(("{", "```")):
        return text
    found = _START.search(text)
    if found is None:
        return ""
    return _unquoted(text[found.end() :])


def _unquoted(raw: str) -> str:
    """A JSON string up to its end or to where the text stops; half an escape is left for later."""
    place = 0
    while place < len(raw) and raw[place] != '"':
        if raw[place] == "\\":
            length = _ESCAPE_LENGTH if raw[place + 1 : place + 2] == "u" else 2
            if place + length > len(raw):
                break
            place += length
        else:
            place += 1
    try:
        decoded: str = json.loads(f'"{raw[:place]}"', strict=False)
    except ValueError:
        return ""
    return decoded.encode("utf-16", "surrogatepass").decode("utf-16", "ignore")
