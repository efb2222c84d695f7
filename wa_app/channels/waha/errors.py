"""From an answer of WAHA, or none, to one of our error classes.

Bodies of 500 answers echo our own request, so they are read for a few words and
never kept: the detail of an error is a short phrase of ours.
"""

import aiohttp
import httpx

from wa_app.channels.port import (
    AccessRefused,
    AccountRestricted,
    ChannelError,
    ContactUnusable,
    DeviceTrouble,
    NotSent,
    OutcomeUnknown,
    Refused,
    RetryLater,
    Unsupported,
)
from wa_app.channels.waha.events import loads
from wa_app.channels.waha.models import STATUSES, Json, as_map, as_number

_READ_AT_MOST = 65_536
_NO_PERSON = ("no lid found for", "no lid for user", "invalid wid", "not on whatsapp", "number not registered")
_TOO_FAST = ("rate-overlimit", "error 429", "too many requests")
_NEVER_STARTED = ("detached frame", "error 400", "error 401")
_BROKEN = ("session closed", "target closed", "timeout", "timed out", "deadline exceeded", "connection closed")
_NO_SESSION = ("does not exist", "not found", "doesn't exist", "not exist")


def classify(status: int, body: bytes, *, sending: bool, retry_after: str | None = None) -> ChannelError:
    """The error for an answer that is not 2xx. `sending`: the call would have put a message out."""
    words = _words(body)
    wait_s = as_number(retry_after)
    if status in (401, 403):
        return AccessRefused(f"http {status}")
    if status == 404:
        return DeviceTrouble("session not found")
    if status == 429:
        return RetryLater("http 429", retry_after_s=wait_s or 60.0)
    if status == 501:
        return Unsupported("engine cannot")
    if status == 422:
        return _unprocessable(as_map(loads(body[:_READ_AT_MOST])), words)
    if status >= 500:
        return _server_error(status, words, sending=sending, wait_s=wait_s)
    return Refused(f"http {status}")


def _unprocessable(body: Json, words: str) -> ChannelError:
    if "status" in body and "expected" in body:
        word = body.get("status")
        known = STATUSES.get(word) if isinstance(word, str) else None
        return DeviceTrouble(f"session is {known or 'in another state'}", status=known)
    if "not implemented" in words or "not supported" in words or "plus version" in words:
        return Unsupported("engine cannot")
    if any(phrase in words for phrase in _NO_PERSON):
        return ContactUnusable("not on whatsapp")
    if "session" in words and any(phrase in words for phrase in _NO_SESSION):
        return DeviceTrouble("session not found")
    if "session status" in words or "scan_qr_code" in words:
        return DeviceTrouble("session in another state")
    return Refused("http 422")


def _server_error(status: int, words: str, *, sending: bool, wait_s: float | None) -> ChannelError:
    if any(phrase in words for phrase in _NO_PERSON):
        return ContactUnusable("no lid for the number")
    if "error 463" in words:
        return AccountRestricted("error 463")
    if any(phrase in words for phrase in _TOO_FAST):
        return RetryLater("rate-overlimit", retry_after_s=wait_s or 60.0)
    if any(phrase in words for phrase in _NEVER_STARTED):
        return DeviceTrouble("session broken")
    if any(phrase in words for phrase in _BROKEN):
        return OutcomeUnknown("session broken", device_suspect=True) if sending else DeviceTrouble("session broken")
    if status == 503 and wait_s is not None:
        return RetryLater("http 503", retry_after_s=wait_s)
    return OutcomeUnknown(f"http {status}") if sending else RetryLater(f"http {status}", retry_after_s=10.0)


def from_transport(error: httpx.TransportError, *, sending: bool) -> ChannelError:
    """The error for a call that got no whole answer.

    The aiohttp transport calls a connection lost after writing `ConnectTimeout`, so
    the original exception decides: only a connection that was never made is NotSent.
    """
    cause = error.__cause__
    if isinstance(cause, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError):
        return NotSent("no connection")
    if cause is None and isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout):
        return NotSent("no connection")
    if sending:
        return OutcomeUnknown("no answer")
    return RetryLater("no answer", retry_after_s=10.0)


def _words(body: bytes) -> str:
    """The phrases of an error body, in lower case: message and details, never the echoed request."""
    value = as_map(loads(body[:_READ_AT_MOST]))
    exception = as_map(value.get("exception"))
    parts = [value.get("message"), value.get("error"), exception.get("message"), exception.get("details")]
    flat = [item for part in parts for item in (part if isinstance(part, list) else [part])]
    return " ".join(item for item in flat if isinstance(item, str))[:4000].lower()
