"""Structured logs of every process: one line per event, with tenant and correlation id, without secrets.

`configure_logging("web")` is called once per process, before the first line. In development
lines are coloured text, elsewhere JSON. Events are short dotted names (`lane.lost`), facts are
fields. Phones, tokens and keys are masked on the way out, whoever wrote them.
"""

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog

from wa_app.config import get_settings

SECRET_NAMES = re.compile(
    r"(password|passwd|secret|token|authorization|api_?key|cookie|signature|hmac|qr|pairing|dsn)", re.IGNORECASE
)
PHONE_NAMES = frozenset({"phone", "to", "recipient", "number", "chat_id", "identity_value", "jid", "msisdn"})
SECRET_TEXT = re.compile(
    r"sapa_live_[A-Za-z0-9_-]+|eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*|(?<=://)[^/\s:@]*:[^/\s@]+(?=@)"
    r"|(?i:bearer\s+)\S+"
)
PHONE_TEXT = re.compile(r"(?<![\w.:-])\+?(?:\d[ .-]?){9,14}\d(?![\w:-])|\d{8,20}(?=@(?:c\.us|s\.whatsapp\.net|lid))")
HIDDEN = "***"
_NOISY = ("httpx", "httpcore", "asyncio", "aiohttp", "urllib3", "chromadb", "apscheduler")


def mask_phone(text: str) -> str:
    """A number that a person can recognise and nobody can call.

    >>> mask_phone("+6281234567890")
    '+6281***890'
    """
    digits = re.sub(r"\D", "", text)
    return f"{'+' if text.startswith('+') else ''}{digits[:4]}***{digits[-3:]}" if len(digits) > 7 else HIDDEN


def scrub_text(text: str) -> str:
    """Free text without tokens, credentials in addresses and phone numbers."""
    return PHONE_TEXT.sub(lambda found: mask_phone(found.group()), SECRET_TEXT.sub(HIDDEN, text))


def scrub(value: Any, name: str = "") -> Any:
    """A value as it may be written down, by the name of its field and by its look."""
    if value is None or isinstance(value, bool | float):
        return value
    if SECRET_NAMES.search(name):
        return HIDDEN
    if name.lower() in PHONE_NAMES:
        return mask_phone(str(value))
    if isinstance(value, Mapping):
        return {key: scrub(inner, str(key)) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [scrub(inner) for inner in value]
    if isinstance(value, str):
        return scrub_text(value)
    return value


def _redact(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for name in list(event):
        if name not in ("timestamp", "level", "logger", "tenant_id", "correlation_id"):
            event[name] = scrub(event[name], name)
    return event


def _processors() -> list[Any]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        structlog.processors.UnicodeDecoder(),
        _redact,
    ]


def configure_logging(process: str, *, level: int = logging.INFO) -> None:
    """Set structlog and the standard library up to write the same lines to stderr."""
    colours = get_settings().env == "dev" and sys.stderr.isatty()
    last: Any = structlog.dev.ConsoleRenderer() if colours else structlog.processors.JSONRenderer(default=str)
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_processors(),
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, last],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level, *_processors(), structlog.stdlib.ProcessorFormatter.wrap_for_formatter
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(process=process)
    _watch_errors(process)


def _watch_errors(process: str) -> None:
    """Send surprises to Sentry when a DSN is set; nothing leaves this machine otherwise."""
    if not (dsn := get_settings().sentry_dsn):
        return
    import sentry_sdk

    def before_send(event: Any, _: Any) -> Any:
        return scrub(event)

    sentry_sdk.init(dsn=dsn, environment=get_settings().env, send_default_pii=False, before_send=before_send,
                    max_request_body_size="never")
    sentry_sdk.set_tag("process", process)


def correlation_id() -> str | None:
    """The id of the request, event or message this code works for."""
    found = structlog.contextvars.get_contextvars().get("correlation_id")
    return str(found) if found else None
