r"""Conditions of a message template, and how their tags pair up.

    {{#if city = "Malang"}} … {{else if tag "vip"}} … {{else}} … {{/if}}

A condition is `[not] name`, `[not] name set | empty`, `name = != > >= < <= value`,
`name contains value` or `[not] tag "name"`. Values stand in quotes or bare; `\"` is a quote.
Comparing ignores case and accents; numbers are compared as numbers, ISO dates by their order.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from wa_app.kit.folding import fold

NAME: Final = r"[^\W\d][\w \-]{0,62}"
MAX_TAG: Final = 400
"""Characters of one `{{…}}`; a longer one is no tag."""
MAX_BLOCKS: Final = 40
"""Blocks inside blocks."""

Operator = Literal["set", "=", "!=", ">", ">=", "<", "<=", "contains", "tag"]

_TAG = re.compile(
    r"\{\{\s*(?:(?P<start>#if)(?![\w])|(?P<elif>else\s+if)(?![\w])|(?P<else>else)(?=\s*\}\})|(?P<end>/if)(?=\s*\}\})"
    r"|(?P<odd>[#/]\s*\w*))(?P<rest>.*)\}\}", re.DOTALL,
)  # fmt: skip
_VALUE = r'"(?:[^"\\]|\\.)*"|“[^”]*”|[^\s"=!<>“][^"“”]*'
_CONDITION = re.compile(
    rf"\s+(?P<not>not\s+)?(?:tag\s+(?P<tag>{_VALUE})|(?P<name>{NAME}?)\s*"
    rf"(?:(?P<op>!=|>=|<=|=|>|<)\s*(?P<value>{_VALUE})|\s(?P<word>contains)\s+(?P<part>{_VALUE})"
    r"|\s(?P<is>set|empty)|))\s*", re.DOTALL,
)  # fmt: skip
_ESCAPE = re.compile(r'\\([{}|\[\]\\"])')
_NUMBER = re.compile(r"[+-]?\d{1,15}(?:[.,]\d{1,6})?", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d(?:[T ].*)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Condition:
    """One question about a contact. `name` is a variable as typed, or the tag for `tag`."""

    name: str
    operator: Operator
    value: str = ""
    negated: bool = False

    def holds(self, values: Mapping[str, str], key: str, tags: Collection[str]) -> bool:
        """Whether it is so; `key` is the canonical name of the variable, `tags` are folded. Never raises."""
        return self._holds(values.get(key, "").strip(), tags) is not self.negated

    def _holds(self, value: str, tags: Collection[str]) -> bool:
        match self.operator:
            case "tag":
                return fold(self.name) in tags
            case "set":
                return bool(value)
            case "contains":
                return fold(self.value) in fold(value)
            case "=":
                return _order(value, self.value) == 0
            case "!=":
                return _order(value, self.value) != 0
            case _:
                return self._compared(value)

    def _compared(self, value: str) -> bool:
        # Only numbers and dates have an order people agree on; words never are "more" than others.
        order = _order(value, self.value)
        if order is None:
            return False
        return {">": order > 0, ">=": order >= 0, "<": order < 0, "<=": order <= 0}[self.operator]


def _order(left: str, right: str) -> int | None:
    """-1, 0 or 1; for texts only 0 (the same) or None."""
    if _NUMBER.fullmatch(left) and _NUMBER.fullmatch(right):
        a, b = float(left.replace(",", ".")), float(right.replace(",", "."))
        return (a > b) - (a < b)
    if _DATE.fullmatch(left) and _DATE.fullmatch(right):
        return (left > right) - (left < right)
    return 0 if fold(left) == fold(right) else None


def parse_condition(source: str) -> Condition | None:
    """The condition after `#if`, None when it makes no sense."""
    hit = _CONDITION.fullmatch(source)
    if hit is None:
        return None
    negated = hit["not"] is not None
    if hit["tag"] is not None:
        return Condition(_plain(hit["tag"]), "tag", negated=negated)
    if hit["op"] is not None:
        return Condition(hit["name"], hit["op"], _plain(hit["value"]), negated)  # type: ignore[arg-type]
    if hit["word"] is not None:
        return Condition(hit["name"], "contains", _plain(hit["part"]), negated)
    return Condition(hit["name"], "set", negated=negated is not (hit["is"] == "empty"))


def _plain(value: str) -> str:
    text = value.strip()
    if text[:1] in ('"', "“"):
        text = text[1:-1]
    return _ESCAPE.sub(r"\1", text).strip()


@dataclass(frozen=True, slots=True)
class Tag:
    """A `{{…}}` that steers: start, elif, else, end, or odd (none of ours)."""

    kind: Literal["start", "elif", "else", "end", "odd"]
    start: int
    end: int
    condition: Condition | None = None


@dataclass(slots=True)
class Block:
    """An `{{#if}}` with its branches: the tag that opens each, then where `{{/if}}` stands."""

    tags: list[Tag]
    end: Tag | None = None
    dead: bool = False
    """Nested too deep: kept in line so that the others still pair."""


@dataclass(slots=True)
class Blocks:
    """What pairing found: blocks by the place where they begin, every tag, and what is wrong."""

    blocks: dict[int, Block] = field(default_factory=dict)
    tags: dict[int, Tag] = field(default_factory=dict)
    problems: list[tuple[str, Tag]] = field(default_factory=list)


def find_blocks(source: str, match: Mapping[int, int]) -> Blocks:
    """Pair the tags of a template. `match` pairs its braces; a block never reaches over one."""
    found = Blocks()
    if "{{" not in source:
        return found
    closes = set(match.values())
    stack: list[Block | None] = []
    skip = -1
    for hit in re.finditer(r"[{}]", source):
        pos = hit.start()
        if pos <= skip:
            continue
        if pos in closes:
            _leave_brace(found, stack)
        elif pos in match:
            tag = _tag_at(source, match, pos)
            if tag is None:
                stack.append(None)
                continue
            found.tags[pos] = tag
            _take(found, stack, tag)
            skip = tag.end - 1
    for open_ in stack:
        _unclosed(found, open_)
    return found


def _tag_at(source: str, match: Mapping[int, int], pos: int) -> Tag | None:
    close = match[pos]
    if match.get(pos + 1) != close - 1 or close - pos > MAX_TAG:
        return None
    hit = _TAG.fullmatch(source, pos, close + 1)
    if hit is None:
        return None
    kind = hit.lastgroup and next(name for name in ("start", "elif", "else", "end", "odd") if hit[name] is not None)
    condition = parse_condition(hit["rest"]) if kind in ("start", "elif") else None
    return Tag(kind, pos, close + 1, condition)  # type: ignore[arg-type]


def _take(found: Blocks, stack: list[Block | None], tag: Tag) -> None:
    top = stack[-1] if stack else None
    if tag.kind in ("odd", "start", "elif") and tag.condition is None:
        found.problems.append(("if_malformed", tag))
    if tag.kind == "start":
        block = Block([tag], dead=sum(one is not None for one in stack) >= MAX_BLOCKS)
        if block.dead:
            found.problems.append(("if_too_deep", tag))
        stack.append(block)
    elif tag.kind == "odd":
        return
    elif top is None:
        found.problems.append(("if_unopened", tag))
    elif tag.kind == "end":
        top.end = tag
        stack.pop()
        if not top.dead:
            found.blocks[top.tags[0].start] = top
    elif top.tags[-1].kind == "else":
        found.problems.append(("else_twice", tag))
    else:
        top.tags.append(tag)


def _leave_brace(found: Blocks, stack: list[Block | None]) -> None:
    """A brace closes: what was opened inside it must have ended inside it."""
    while stack and (open_ := stack.pop()) is not None:
        _unclosed(found, open_)


def _unclosed(found: Blocks, open_: Block | None) -> None:
    if open_ is not None:
        found.problems.append(("if_unclosed", open_.tags[0]))
