"""The keyed hash under which an identity is suppressed."""

import hmac


def identity_hash(key: bytes, kind: str, value: str) -> bytes:
    """32 bytes that stand for one identity of one tenant; `value` in its stored form."""
    return hmac.digest(key, f"{kind}:{value}".encode(), "sha256")
