"""Plain text and Markdown in whatever encoding they come."""

import codecs
import re
from collections.abc import Iterator
from typing import Final

from wa_app.ai.parsing.shapes import MAX_TEXT, Job, Output, Refused

_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip
_CONTROL: Final = bytes(set(range(32)) - set(b"\t\r\n\x0c\x1a\x1b\x00"))
_HEADING: Final = re.compile(r"^ {0,3}(#{1,6})\s+(.+?)\s*#*\s*$")
_FENCE: Final = re.compile(r"^ {0,3}(```|~~~)")


def parse(job: Job, out: Output) -> None:
    """One piece of text, or of Markdown one per heading."""
    text = decoded(job.path.read_bytes()[: 4 * MAX_TEXT + 4])
    if job.mime != "text/markdown":
        out.text(0, 1, text)
        return
    for heading, body in sections(text):
        out.text(0, 1, body, heading)


def decoded(raw: bytes) -> str:
    """The text of some bytes: by its mark, as UTF-8 or UTF-16, else as Windows wrote it. Raises Refused."""
    for mark, name in _BOMS:
        if raw.startswith(mark):
            return _clean(raw.decode(name, "replace"))
    even, odd = raw[:65_536:2].count(0), raw[1:65_536:2].count(0)
    if max(even, odd) > len(raw[:65_536]) * 0.2:
        return _clean(raw.decode("utf-16-le" if odd > even else "utf-16-be", "replace"))
    head = raw[:65_536]
    if len(head) - len(head.translate(None, _CONTROL)) > max(4, len(head) * 0.02):
        raise Refused("file_unsupported", mime="application/octet-stream")
    try:
        return _clean(raw.decode("utf-8"))
    except UnicodeDecodeError:
        return _clean(raw.decode("cp1252", "replace"))


def _clean(text: str) -> str:
    return text.replace("\x00", "").replace("\r\n", "\n").replace("\r", "\n")


def sections(markdown: str) -> Iterator[tuple[str, str]]:
    """What stands under each heading, named by the headings above it: `Menu › Drinks`."""
    above: list[tuple[int, str]] = []
    body: list[str] = []
    is_code = False
    for line in markdown.split("\n"):
        is_code ^= bool(_FENCE.match(line))
        found = None if is_code else _HEADING.match(line)
        if found is None:
            body.append(line)
            continue
        yield from _section(above, body)
        level = len(found[1])
        above = [*(one for one in above if one[0] < level), (level, found[2])]
        body = []
    yield from _section(above, body)


def _section(above: list[tuple[int, str]], body: list[str]) -> Iterator[tuple[str, str]]:
    if text := "\n".join(body).strip():
        yield " › ".join(name for _, name in above), text
