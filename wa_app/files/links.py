"""Addresses that give a file to anybody who holds them, until they expire.

Tenant, file, part and expiry are signed together, so none can be exchanged for another's, and a wrong
signature gets the same answer as a file that is not there.
"""

import hashlib
import hmac
import time
from typing import Literal
from urllib.parse import urlencode
from uuid import UUID

from wa_app.config import get_settings
from wa_app.errors import NotFound

LINK_S = 3600
"""How long a link works, in seconds, when nobody says otherwise."""
Part = Literal["original", "thumb", "send"]
"""The file itself, the small picture, or the form in which it leaves."""


def link(tenant_id: UUID, file_id: UUID, expires: int, part: Part = "original") -> str:
    """An address that works until `expires` (seconds since 1970)."""
    values = {"tenant": tenant_id, "expires": expires, "signature": _sign(tenant_id, file_id, expires, part)}
    query = urlencode(values if part == "original" else {**values, "part": part})
    return f"{get_settings().base_url}/api/v1/files/{file_id}/content?{query}"


def thumb_link(tenant_id: UUID, file_id: UUID) -> str:
    """An address of the small picture that stays the same for an hour, so that browsers keep what they have."""
    now = int(time.time())
    return link(tenant_id, file_id, now - now % LINK_S + 2 * LINK_S, "thumb")


def check_link(tenant_id: UUID, file_id: UUID, expires: int, signature: str, part: Part = "original") -> None:
    """Raise NotFound unless the link is ours and still good."""
    good = hmac.compare_digest(_sign(tenant_id, file_id, expires, part).encode(), signature.encode())
    if not good or expires < time.time():
        raise NotFound("link_expired")


def _sign(tenant_id: UUID, file_id: UUID, expires: int, part: Part) -> str:
    key = b"sapa:file-link:" + get_settings().secret_key.encode()
    return hmac.new(key, f"{tenant_id}/{file_id}/{expires}/{part}".encode(), hashlib.sha256).hexdigest()
