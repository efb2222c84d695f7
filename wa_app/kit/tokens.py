"""Signed tokens of the API (JWT, HS256): short-lived access, rotating refresh.

The signature says that we issued a token; whether it still counts is for the session's row
to say, so that revoking acts at once. The key is derived from `SAPA_SECRET_KEY` under a
label of its own; when that lists several keys, the first signs and all verify.
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal
from uuid import UUID

import jwt

from wa_app.config import get_settings
from wa_app.errors import NotSignedIn
from wa_app.kit.secrets import new_token

ACCESS_S = 15 * 60
REFRESH_DAYS = 30
_ALGORITHM = "HS256"
_LEEWAY_S = 5

Use = Literal["access", "refresh"]


@dataclass(frozen=True, slots=True)
class Claims:
    """Whom a token speaks for."""

    session_id: UUID
    user_id: UUID
    tenant_id: UUID


def issue(use: Use, claims: Claims) -> str:
    """A signed token. Two calls never give the same one."""
    now = datetime.now(UTC)
    lifetime = timedelta(seconds=ACCESS_S) if use == "access" else timedelta(days=REFRESH_DAYS)
    body = {
        "iss": "sapa", "aud": use, "iat": now, "exp": now + lifetime, "jti": new_token(),
        "sid": str(claims.session_id), "sub": str(claims.user_id), "tenant": str(claims.tenant_id),
    }  # fmt: skip
    return jwt.encode(body, _keys()[0], algorithm=_ALGORITHM)


def read(use: Use, token: str) -> Claims:
    """The claims of a token that we issued for this use and that has not run out. Raises `NotSignedIn`."""
    for key in _keys():
        try:
            body = jwt.decode(
                token, key, algorithms=[_ALGORITHM], audience=use, issuer="sapa", leeway=_LEEWAY_S,
                options={"require": ["exp", "iat", "sub", "aud", "iss"]},
            )  # fmt: skip
            return Claims(UUID(body["sid"]), UUID(body["sub"]), UUID(body["tenant"]))
        except jwt.InvalidSignatureError:
            continue
        except (jwt.InvalidTokenError, KeyError, ValueError) as error:
            raise NotSignedIn from error
    raise NotSignedIn


def _keys() -> list[bytes]:
    secrets = [key for key in get_settings().secret_key.split(",") if key] or [""]
    return [hashlib.sha256(b"sapa:jwt:" + key.encode()).digest() for key in secrets]
