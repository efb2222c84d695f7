"""Secrets at rest (Fernet, with rotation), random tokens and their digests."""

import hashlib
import secrets
from base64 import urlsafe_b64encode
from functools import lru_cache

from cryptography.fernet import Fernet, MultiFernet

from wa_app.config import get_settings


@lru_cache
def _fernet(keys: str) -> MultiFernet:
    derived = [hashlib.sha256(b"sapa:at-rest:" + key.encode()).digest() for key in keys.split(",") if key]
    return MultiFernet([Fernet(urlsafe_b64encode(key)) for key in derived])


def encrypt(plain: str) -> str:
    """Ciphertext for a column. `SAPA_SECRET_KEY` may list keys by comma: the first encrypts, all decrypt."""
    return _fernet(get_settings().secret_key).encrypt(plain.encode()).decode()


def decrypt(cipher: str) -> str:
    """The plain text. Raises `cryptography.fernet.InvalidToken` when no key fits."""
    return _fernet(get_settings().secret_key).decrypt(cipher.encode()).decode()


def new_token() -> str:
    """256 random bits for a URL, a cookie or a header."""
    return secrets.token_urlsafe(32)


def digest(token: str) -> bytes:
    """SHA-256 of a random token: what the database keeps instead of it."""
    return hashlib.sha256(token.encode()).digest()
