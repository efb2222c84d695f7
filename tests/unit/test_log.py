"""Log lines carry who and why, and no secrets."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from wa_app.kit import log


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    log.configure_logging("test")
    written = io.StringIO()
    root.handlers[0].setStream(written)  # type: ignore[attr-defined]
    yield written
    root.handlers[:] = before
    root.setLevel(level)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def last(lines: io.StringIO) -> dict[str, object]:
    return dict(json.loads(lines.getvalue().splitlines()[-1]))


def test_line_has_context(lines: io.StringIO) -> None:
    with structlog.contextvars.bound_contextvars(correlation_id="abc", tenant_id="t1"):
        structlog.get_logger("x").info("lane.lost", device="d1")
    line = last(lines)
    assert line["event"] == "lane.lost"
    assert (line["correlation_id"], line["tenant_id"], line["process"]) == ("abc", "t1", "test")
    assert line["level"] == "info"
    assert str(line["timestamp"]).endswith("Z")


def test_standard_library_lines_look_the_same(lines: io.StringIO) -> None:
    logging.getLogger("somebody").warning("sent to %s with sapa_live_abcdef", "+6281234567890")
    line = last(lines)
    assert "6281234567890" not in json.dumps(line)
    assert "sapa_live_abcdef" not in json.dumps(line)
    assert line["level"] == "warning"


@pytest.mark.parametrize(
    ("field", "value", "gone"),
    [
        ("phone", "+6281234567890", "234567"), ("chat_id", "6281234567890@c.us", "234567"),
        ("password", "rahasia", "rahasia"), ("api_key", "k-123", "k-123"), ("qr", "2@abc", "2@abc"),
        ("authorization", "Bearer abc", "abc"), ("headers", {"Cookie": "sapa_session=xyz"}, "xyz"),
        ("note", "hubungi 0812-3456-7890 ya", "3456"), ("url", "postgresql://sapa:pw12@db/x", "pw12"),
        ("text", "token eyJhbGciOiJI.eyJzdWIiOiIx.abc-def", "eyJzdWIi"),
        ("error", "no 6281234567890@s.whatsapp.net", "234567"),
    ],
)  # fmt: skip
def test_hides(lines: io.StringIO, field: str, value: object, gone: str) -> None:
    structlog.get_logger("x").info("event", **{field: value})
    assert gone not in json.dumps(last(lines))


@pytest.mark.parametrize("value", [
    "019ab3c4-1234-7abc-8def-0123456789ab", "2026-11-20T09:00:00.123456Z", "127.0.0.1:8000", "42", "1048576",
])  # fmt: skip
def test_leaves_alone(lines: io.StringIO, value: str) -> None:
    structlog.get_logger("x").info("event", value=value)
    assert last(lines)["value"] == value


def test_traceback_is_scrubbed(lines: io.StringIO) -> None:
    try:
        raise ValueError("bad number +6281234567890")
    except ValueError as error:
        structlog.get_logger("x").error("surprise", exc_info=error)
    line = last(lines)
    assert "ValueError" in str(line["exception"])
    assert "234567" not in str(line["exception"])
