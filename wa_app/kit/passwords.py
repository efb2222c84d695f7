"""Passwords: bcrypt, always off the event loop, at most a few at once."""

import asyncio
import hashlib
from base64 import b64encode
from functools import lru_cache
from weakref import WeakKeyDictionary

import bcrypt

from wa_app.errors import FieldError

MIN_LENGTH = 10
MAX_LENGTH = 200
ROUNDS = 12
AT_ONCE = 4
"""bcrypt takes a core for 0.2 s; more at once would starve the other threads of the process."""
_STEMS = frozenset(
    [
        "password", "passwordpassword", "passw0rd", "qwerty", "qwertyuiop", "qwertyuiopasdfghjkl", "asdfghjkl",
        "zxcvbnm", "letmein", "welcome", "iloveyou", "administrator", "admin", "adminadmin", "superman", "sunshine",
        "football", "princess", "dragon", "monkey", "abcdefghij", "abcdefghijk", "changeme", "whatsapp", "facebook",
        "instagram", "bismillah", "indonesia", "indonesiaraya", "indonesiamerdeka", "sayang", "sayangku", "akusayangkamu",
        "rahasia", "katasandi", "sandi", "jakarta", "surabaya", "bandung", "merdeka", "garuda", "persib", "persija",
        "assalamualaikum", "alhamdulillah", "sapa", "sapasapa", "testtest", "passwordtest",
    ]
)  # fmt: skip
"""Words that stay easy to guess with digits or marks around them ("Password123!")."""
_gates: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()


def _gate() -> asyncio.Semaphore:
    return _gates.setdefault(asyncio.get_running_loop(), asyncio.Semaphore(AT_ONCE))


def problem(password: str, email: str = "") -> FieldError | None:
    """Why a new password is refused, or None. Length counts (NIST SP 800-63B), composition does not."""
    if len(password) < MIN_LENGTH:
        return FieldError("password", "password_too_short", {"min": MIN_LENGTH})
    if len(password) > MAX_LENGTH:
        return FieldError("password", "password_too_long", {"max": MAX_LENGTH})
    if _is_common(password.lower(), email.lower()):
        return FieldError("password", "password_too_common")
    return None


def _is_common(folded: str, email: str) -> bool:
    stem = folded.strip("0123456789!?@#$%^&*()-_=+.,:;'\" ")
    if email and (folded == email or stem == email.partition("@")[0]):
        return True
    return stem in _STEMS or not stem or len(set(folded)) < 4


def _prepared(password: str) -> bytes:
    # bcrypt reads 72 bytes and stops at NUL: a digest in base64 keeps every character of longer ones.
    return b64encode(hashlib.sha256(password.encode()).digest())


async def hash_password(password: str, *, rounds: int = ROUNDS) -> str:
    """A salted bcrypt hash."""
    async with _gate():
        return (await asyncio.to_thread(bcrypt.hashpw, _prepared(password), bcrypt.gensalt(rounds))).decode()


async def verify_password(password: str, hashed: str | None) -> bool:
    """Whether the password fits. With no hash (unknown account) it takes just as long and says no."""
    async with _gate():
        fits = await asyncio.to_thread(bcrypt.checkpw, _prepared(password), (hashed or _dummy()).encode())
    return fits and hashed is not None


@lru_cache
def _dummy() -> str:
    return bcrypt.hashpw(b"nobody", bcrypt.gensalt(ROUNDS)).decode()
