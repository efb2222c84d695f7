"""From a vendor's status, headers and body to one of our eight classes."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from wa_app.ai.gateway.shapes import Fault, Why
from wa_app.kit.clock import utc_now

_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|h|m|s)")
_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_TOO_LONG: Final = re.compile(
    r"context[ _]length|maximum context|prompt is too long|token count .* exceeds|too many tokens|input is too long", re.I
)
_REFUSED_WORDS: Final = re.compile(r"content[ _](?:policy|filter|management)|safety", re.I)
_LAST_LEFT: Final = re.compile(r"^x-ratelimit-remaining-(requests|tokens)$")
MAX_HINT_S: Final = 3600.0
UNREACHABLE: Final = "unreachable"
TIMEOUT: Final = "timeout"


def seconds_of(text: str) -> float | None:
    """A vendor's duration in seconds: `12`, `1m26.4s`, `120ms`, or a moment in RFC 3339.

    >>> seconds_of("1m26.4s")
    86.4
    >>> seconds_of("soon") is None
    True
    """
    plain = text.strip()
    try:
        return max(0.0, float(plain))
    except ValueError:
        pass
    if parts := _DURATION.findall(plain):
        return sum(float(number) * _UNITS[unit] for number, unit in parts) if _DURATION.sub("", plain) == "" else None
    try:
        at = datetime.fromisoformat(plain)
    except ValueError:
        return None
    return max(0.0, (at - utc_now()).total_seconds()) if at.tzinfo else None


def hint_of(headers: Mapping[str, str]) -> float | None:
    """How long the vendor asks us to wait, None when it does not say."""
    lower = {name.lower(): value for name, value in headers.items()}
    if (ms := seconds_of(lower.get("retry-after-ms", ""))) is not None:
        return min(MAX_HINT_S, ms / 1000)
    if (wait := seconds_of(lower.get("retry-after", ""))) is not None:
        return min(MAX_HINT_S, wait)
    resets = [
        seconds_of(lower.get(name.replace("remaining", "reset"), "")) or 0.0
        for name, left in lower.items()
        if _LAST_LEFT.match(name) and left.strip() == "0"
    ]
    return min(MAX_HINT_S, max(resets)) if resets else None


def fault_of_status(status: int, body: Any, headers: Mapping[str, str]) -> Fault:
    """The class of an HTTP answer of OpenAI's family or Anthropic."""
    error = _error(body)
    message = str(error.get("message") or "")
    code, kind = str(error.get("code") or ""), str(error.get("type") or "")
    why, detail, retry = _classed(status, code, kind, message)
    return Fault(why, detail, hint_s=hint_of(headers) if why is Why.THROTTLE else None, retry=retry, message=message)


def _error(body: Any) -> Mapping[str, Any]:
    """The inner error object. The OpenAI SDK has unwrapped it already, Anthropic's has not."""
    if isinstance(body, Mapping):
        inner = body.get("error", body)
        if isinstance(inner, Mapping):
            return inner
        return {"message": str(inner)}
    return {"message": str(body or "")}


def _classed(status: int, code: str, kind: str, message: str) -> tuple[Why, str, bool]:
    detail = str(status)
    if status == 429:
        spent = "insufficient_quota" in (code, kind)
        return (Why.EXHAUSTED if spent else Why.THROTTLE), detail, False
    if status == 402 or kind == "billing_error":
        return Why.EXHAUSTED, detail, False
    if status in (401, 403):
        return Why.KEY, detail, False
    if status == 404:
        return Why.CONFIG, "model" if "model" in (code + message).lower() else detail, False
    if status == 413 or code == "context_length_exceeded":
        return Why.CONTEXT, detail, False
    if status in (408, 409) or status >= 500:
        return Why.UPSTREAM, detail, True
    if _TOO_LONG.search(message):
        return Why.CONTEXT, detail, False
    if code in ("content_policy_violation", "content_filter") or _REFUSED_WORDS.search(code):
        return Why.BLOCKED, detail, False
    if 300 <= status < 400:
        return Why.CONFIG, "redirect", False
    # Groq's model did not manage its own form: the same question may well do the second time.
    return Why.REQUEST, code[:40] or detail, code in ("tool_use_failed", "json_validate_failed")


def unreachable(error: BaseException) -> Fault:
    """A connection that did not come to be, or broke off."""
    slow = "timeout" in type(error).__name__.lower()
    return Fault(Why.UPSTREAM, TIMEOUT if slow else UNREACHABLE, retry=not slow)
