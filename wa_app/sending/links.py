"""Short links: addresses in a text become `/link/{slug}`, personal to the message without a row per recipient.

A slug is the code of the link (5 signs) and a token of the message (8 signs), a keyed hash of its id that the claim
writes onto the row. Only addresses that we stored ourselves are ever led to.
"""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b, sha256
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

CODE_LENGTH: Final = 5
TOKEN_LENGTH: Final = 8
MAX_LINKS: Final = 2_000
"""Different addresses of one campaign; an address that differs by recipient makes many. Those beyond stay as they are."""
MAX_URL: Final = 2_048
_SIGNS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_URL = re.compile(r"(?<![\w@/.:])(?:https?://|www\.)[^\s<>\"'`{}|\\^]{1,2049}", re.IGNORECASE)
_TAIL = ".,;:!?*_~"
_CLOSING = {")": "(", "]": "["}
_SLUG = re.compile(rf"([0-9A-Za-z]{{{CODE_LENGTH}}})([0-9A-Za-z]{{{TOKEN_LENGTH}}})?")


def find_urls(text: str) -> list[tuple[int, int]]:
    """Where the addresses of a text stand, signs of the sentence around them left out."""
    found = []
    for hit in _URL.finditer(text):
        end = _trimmed(text, hit.start(), hit.end())
        if safe_url(text[hit.start() : end]) is not None:
            found.append((hit.start(), end))
    return found


def _trimmed(text: str, start: int, end: int) -> int:
    """The end without what closes the sentence: `(see https://a.b/c).` ends at `c`."""
    while end > start:
        last = text[end - 1]
        opening = _CLOSING.get(last)
        if last in _TAIL or (opening and text.count(opening, start, end) < text.count(last, start, end)):
            end -= 1
        else:
            break
    return end


def safe_url(url: str) -> str | None:
    """The address as it is stored, None when it must not be led to: other schemes, names with a password, odd signs."""
    full = f"https://{url}" if url[:4].lower() == "www." else url
    if len(full) > MAX_URL or not full.isprintable() or " " in full or "\\" in full:
        return None
    try:
        parts = urlsplit(full)
        port_is_fine = parts.port is None or parts.port > 0
    except ValueError:
        return None
    host = parts.hostname or ""
    if parts.scheme.lower() not in ("http", "https") or "." not in host.strip(".") or not port_is_fine:
        return None
    return None if parts.username is not None or parts.password is not None else full


def token(key: bytes, outbound_id: UUID) -> str:
    """What makes a link personal to a message; nobody can make one up without the tenant's key."""
    number = int.from_bytes(blake2b(outbound_id.bytes, digest_size=8, key=key[:64], person=b"link").digest(), "big")
    return "".join(_SIGNS[number // 62**place % 62] for place in range(TOKEN_LENGTH))


def read_slug(slug: str) -> tuple[str, str | None] | None:
    """Code and token of a slug; None when it is none of ours."""
    hit = _SLUG.fullmatch(slug)
    return (hit[1], hit[2]) if hit else None


def url_hash(url: str) -> bytes:
    return sha256(url.encode("utf-8", "surrogatepass")).digest()


def short_url(base: str, code: str, personal: str = "") -> str:
    """The address people see."""
    return f"{base}/link/{code}{personal}"


_KNOWN = "SELECT url, code FROM links WHERE tenant_id = $1 AND campaign_id = $2"
_ADD = """
INSERT INTO links AS l (tenant_id, campaign_id, code, url, url_hash) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT DO NOTHING RETURNING code
"""
_REAL = "SELECT code FROM links WHERE tenant_id = $1 AND code = ANY($2::text[])"
_FIND = "SELECT code FROM links WHERE tenant_id = $1 AND campaign_id = $2 AND url_hash = $3"


@dataclass(slots=True)
class LinkBook:
    """The links of one campaign as a lane knows them; new addresses are added in the lane's transaction.

    What a transaction has added is looked up again in the next one: it may have been rolled back.
    """

    tenant_id: UUID
    campaign_id: UUID
    base: str
    key: bytes
    codes: dict[str, str] | None = None
    added: list[str] = field(default_factory=list)

    async def prepare(self, conn: Any, texts: list[str]) -> None:
        """Have a code for every address of these texts."""
        if self.codes is None:
            rows = await conn.fetch(_KNOWN, self.tenant_id, self.campaign_id)
            self.codes = {row["url"]: row["code"] for row in rows}
        await self._confirm(conn, self.codes)
        wanted = {url for text in texts for url in _urls(text)} - self.codes.keys()
        # Always in the same order, so that two lanes cannot wait for each other.
        for url in sorted(wanted)[: max(MAX_LINKS - len(self.codes), 0)]:
            self.codes[url] = await self._add(conn, url)
            self.added.append(url)

    async def _confirm(self, conn: Any, codes: dict[str, str]) -> None:
        """Forget what never came to be because its transaction failed."""
        doubtful, self.added = self.added, []
        if doubtful:
            rows = await conn.fetch(_REAL, self.tenant_id, [codes[url] for url in doubtful])
            real = {row["code"] for row in rows}
            for url in doubtful:
                if codes[url] not in real:
                    del codes[url]

    async def _add(self, conn: Any, url: str) -> str:
        digest = url_hash(url)
        while True:
            code = "".join(secrets.choice(_SIGNS) for _ in range(CODE_LENGTH))
            made = await conn.fetchval(_ADD, self.tenant_id, self.campaign_id, code, url, digest)
            # Nothing made: another lane was first, or (one in a million) the code is taken.
            found: str | None = made or await conn.fetchval(_FIND, self.tenant_id, self.campaign_id, digest)
            if found is not None:
                return found

    def replace(self, text: str, outbound_id: UUID) -> tuple[str, str | None]:
        """The text with its addresses short and personal, and the token for the row (None: nothing replaced)."""
        places = [(a, b, code) for a, b in find_urls(text) if (code := self._code(text[a:b]))]
        if not places:
            return text, None
        personal, out, at = token(self.key, outbound_id), [], 0
        for start, end, code in places:
            out += [text[at:start], short_url(self.base, code, personal)]
            at = end
        return "".join((*out, text[at:])), personal

    def _code(self, url: str) -> str | None:
        codes: Mapping[str, str] = self.codes or {}
        return codes.get(safe_url(url) or "")


def _urls(text: str) -> set[str]:
    return {url for start, end in find_urls(text) if (url := safe_url(text[start:end])) is not None}
