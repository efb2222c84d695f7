"""Does an answer give away what only the model was told?"""

import base64
import binascii
import codecs
import hashlib
import hmac
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final
from uuid import UUID

from wa_app.ai.agent.neutral import plain
from wa_app.config import get_settings
from wa_app.kit.folding import words

OURS: Final = 8
"""So many words in a row that stand in our instructions and nowhere else are a leak."""
TENANTS: Final = 25
"""The same for what the tenant wrote: it may hold phrases that are meant to be said."""
_BLOB = re.compile(r"[A-Za-z0-9+/_\-]{24,}={0,2}")
_HEX = re.compile(r"\b(?:[0-9a-fA-F]{2}[\s:]?){16,}\b")
_SPACED = re.compile(r"\b(?:\w[\s.\-_]){6,}\w\b")
_TAGS = re.compile(r"[‹<]\s*/?\s*(?:documents?|customer|earlier)(?:_|\b)", re.IGNORECASE)


def canary(tenant_id: UUID, agent_id: UUID, version: int) -> str:
    """A word that stands in the instructions and means nothing: seen in an answer, it betrays that they were copied.

    The same for each call of one version, so that vendors can cache the instructions.
    """
    key = hashlib.sha256(b"sapa:canary:" + get_settings().secret_key.encode()).digest()
    return "SP" + hmac.new(key, f"{tenant_id}{agent_id}{version}".encode(), hashlib.sha256).hexdigest()[:16].upper()


def leak(answer: str, *, secret: str, ours: str, tenants: str, open_texts: Sequence[str]) -> str | None:
    """Why an answer gives something away (`canary, instructions, encoded, delimiters, blob`), or None.

    `ours` and `tenants` are the instructions; `open_texts` what may be said although it stands there too: facts,
    passages, the talk.
    """
    if _TAGS.search(answer):
        return "delimiters"
    hidden = [(n, _runs(text, n) - set().union(*(_runs(one, n) for one in open_texts), ())) for text, n in ((ours, OURS), (tenants, TENANTS))]
    for place, reading in enumerate(_readings(answer)):
        if secret.lower() in re.sub(r"\W", "", reading).lower():
            return "canary"
        if any(_runs(reading, n) & runs for n, runs in hidden):
            return "encoded" if place else "instructions"
    return "blob" if _has_blob(answer, open_texts) else None


def _runs(text: str, n: int) -> set[tuple[str, ...]]:
    found = words(plain(text))
    return {tuple(found[place : place + n]) for place in range(len(found) - n + 1)}


def _readings(answer: str) -> Iterator[str]:
    """The answer as it stands, then as somebody might have wrapped it: reversed, ROT13, spaced out, base64, hex."""
    clean = plain(answer)
    yield clean
    yield clean[::-1]
    yield " ".join(reversed(clean.split()))
    yield codecs.decode(clean, "rot13")
    if _SPACED.search(clean):
        yield re.sub(r"(?<=\w)[\s.\-_](?=\w\b)", "", re.sub(r"\s{2,}", "  ", clean))
    for blob in _BLOB.findall(clean):
        yield from _decoded(blob)
    for run in _HEX.findall(clean):
        yield bytes.fromhex(re.sub(r"[\s:]", "", run)).decode("utf-8", "ignore")


def _decoded(blob: str) -> Iterator[str]:
    try:
        yield base64.b64decode(blob + "=" * (-len(blob) % 4), altchars=b"-_" if set(blob) & {"-", "_"} else None).decode("utf-8", "ignore")
    except (binascii.Error, ValueError):
        return


def _has_blob(answer: str, open_texts: Iterable[str]) -> bool:
    """A long run of letters and digits that stands in no source: nothing a shop says."""
    known = "\n".join(open_texts)
    return any(len(blob) >= 32 and _is_mixed(blob) and blob not in known for blob in _BLOB.findall(plain(answer)))


def _is_mixed(blob: str) -> bool:
    return sum((any(c.isupper() for c in blob), any(c.islower() for c in blob), any(c.isdigit() for c in blob))) > 1
