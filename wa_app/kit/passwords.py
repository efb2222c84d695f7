"""Passwords: bcrypt, always off the event loop, at most a few at once."""

import asyncio
import hashlib
from base64 import b64encode
from functools import lru_cache

import bcrypt

from wa_app.errors import FieldError

MIN_LENGTH = 10
MAX_LENGTH = 200
ROUNDS = 12
_COMMON = frozenset(
    ["1234567890", "0123456789", "12345678910", "qwertyuiop", "password123", "password1234", "passwordpassword", "bismillah123", "indonesia123", "sayang1234", "iloveyou123", "administrator", "rahasia123", "katasandi123", "whatsapp123"]
)


@lru_cache
def _gate(loop_id: int) -> asyncio.Semaphore:
    # bcrypt takes a core for 0.2 s; more at once would starve the other threads of the process.
    return asyncio.Semaphore(4)


def problem(password: str, email: str = "") -> FieldError | None:
    """Why a new password is refused, or None. Length counts (NIST SP 800-63B), composition does not."""
    if len(password) < MIN_LENGTH:
        return FieldError("password", "password_too_short", {"min": MIN_LENGTH})
    if len(password) > MAX_LENGTH:
        return FieldError("password", "password_too_long", {"max": MAX_LENGTH})
    folded = password.lower()
    if folded in _COMMON or len(set(folded)) < 4 or (email and folded == email.lower()):
        return FieldError("password", "password_too_common")
    return None


def _prepared(password: str) -> bytes:
    # bcrypt reads 72 bytes and stops at NUL: a digest in base64 keeps every character of longer ones.
    return b64encode(hashlib.sha256(password.encode()).digest())


async def hash_password(password: str, *, rounds: int = ROUNDS) -> str:
    """A salted bcrypt hash."""
    async with _gate(id(asyncio.get_running_loop())):
        return (await asyncio.to_thread(bcrypt.hashpw, _prepared(password), bcrypt.gensalt(rounds))).decode()


async def verify_password(password: str, hashed: str | None) -> bool:
    """Whether the password fits. With no hash (unknown account) it takes just as long and says no."""
    async with _gate(id(asyncio.get_running_loop())):
        fits = await asyncio.to_thread(bcrypt.checkpw, _prepared(password), (hashed or _dummy()).encode())
    return fits and hashed is not None


@lru_cache
def _dummy() -> str:
    return bcrypt.hashpw(b"nobody", bcrypt.gensalt(ROUNDS)).decode()
