"""Signed tokens: only ours, only for their use, only for their time, across a change of the key."""

from datetime import UTC, datetime, timedelta

import jwt
import pytest

from tests.fixtures.services import SECRET, environment
from wa_app.errors import NotSignedIn
from wa_app.kit import tokens
from wa_app.kit.ids import new_id

CLAIMS = tokens.Claims(new_id(), new_id(), new_id())


def test_token_says_whom_it_speaks_for() -> None:
    assert tokens.read("access", tokens.issue("access", CLAIMS)) == CLAIMS
    assert tokens.issue("refresh", CLAIMS) != tokens.issue("refresh", CLAIMS)


def test_token_is_good_for_one_use_only() -> None:
    with pytest.raises(NotSignedIn):
        tokens.read("access", tokens.issue("refresh", CLAIMS))


@pytest.mark.parametrize("spoil", ["key", "algorithm", "expiry", "claims", "text"])
def test_refuses_what_we_did_not_issue(spoil: str) -> None:
    now = datetime.now(UTC)
    body = {"iss": "sapa", "aud": "access", "iat": now, "exp": now + timedelta(minutes=1), "jti": "x",
            "sid": str(new_id()), "sub": str(new_id()), "tenant": str(new_id())}  # fmt: skip
    key: bytes | None
    key, algorithm = tokens._keys()[0], "HS256"
    if spoil == "key":
        key = b"x" * 32
    elif spoil == "algorithm":
        key, algorithm = None, "none"
    elif spoil == "expiry":
        body["exp"] = now - timedelta(minutes=1)
    elif spoil == "claims":
        del body["sid"]
    token = "no.token.at-all" if spoil == "text" else jwt.encode(body, key, algorithm=algorithm)
    with pytest.raises(NotSignedIn):
        tokens.read("access", token)


def test_old_key_verifies_after_a_change_and_not_after_its_removal() -> None:
    token = tokens.issue("access", CLAIMS)
    other = "another-secret-key-0123456789abcdef0123456789"
    with environment(SAPA_SECRET_KEY=f"{other},{SECRET}"):
        assert tokens.read("access", token) == CLAIMS
    with environment(SAPA_SECRET_KEY=other), pytest.raises(NotSignedIn):
        tokens.read("access", token)
