r"""Message templates: choices, variables and their escapes, parsed to a tree.

The language, which is also what the composer's help says:

    {Halo|Hai|Pagi}          one of the options; they nest, and an option may be empty
    {3::Halo|Hai}            an option may carry a weight of 1 to 9999; without one it weighs 1
    {{name}}  {{name|Kak}}   a variable, with what to write when it is empty (may hold choices)
    [name]    [name|Kak]     the same, the short form; upper case such as [PROMO] stays text
    {{#if city = "Malang"}}…{{else}}…{{/if}}   one text or the other (see `conditions`)
    \{ \} \| \[ \] \\        the sign itself; a backslash before anything else is a backslash

`{{` opens a variable only when both braces close together and a name follows, so
`{{a|b}|c}` is a choice inside a choice. Nothing here raises on any text: what makes no
sense is reported in `Parsed.problems`, with its place, and stands in the message as it was typed.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from wa_app.sending.conditions import NAME as _NAME
from wa_app.sending.conditions import Block, Blocks, Condition, find_blocks

MAX_LENGTH = 65_536
"""Characters of a template: what WhatsApp takes as one text message."""
MAX_DEPTH = 40
"""Braces inside braces; a person's template stays under six."""
MAX_PROBLEMS = 50

_SPECIAL = frozenset("{}|[]\\")
_VARIABLE = re.compile(rf"\{{\{{\s*({_NAME}?)\s*(?=\||\}}\}})")
_BRACKET = re.compile(rf"\[\s*({_NAME}?)\s*(?:\|([^\[\]{{}}|\\\n]*))?\]")
_OPENS_VARIABLE = re.compile(rf"\{{\{{\s*(?:[#/]|{_NAME})")
_WEIGHT = re.compile(r"([1-9]\d{0,3})::")
_PLAIN = re.compile(r"[^\\{}\[|]+")

Severity = Literal["error", "warning"]
TokenKind = Literal["text", "open", "pipe", "close", "weight", "variable", "escape", "block", "error"]


@dataclass(frozen=True, slots=True)
class Text:
    """Words that stand as they are."""

    value: str


@dataclass(frozen=True, slots=True)
class Variable:
    """A value of the contact. `literal` is what stays when the name may also be plain text."""

    name: str
    fallback: tuple["Node", ...]
    literal: str | None
    start: int


@dataclass(frozen=True, slots=True)
class Choice:
    """One of `options`, drawn in proportion to `weights`."""

    options: tuple[tuple["Node", ...], ...]
    weights: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class If:
    """The first branch whose condition holds, else `otherwise`. A condition of None never holds."""

    branches: tuple[tuple[Condition | None, tuple["Node", ...]], ...]
    otherwise: tuple["Node", ...]


Node = Text | Variable | Choice | If


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong at `start` (offset in characters; `line` and `column` count from 1).

    `code` is the key `error.<code>` of the language catalogues, `args` fill its text. An error
    keeps a campaign from starting, a warning does not.
    """

    code: str
    start: int
    end: int
    line: int
    column: int
    severity: Severity = "error"
    args: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Token:
    """A stretch of the source for highlighting; tokens cover the text without gaps."""

    kind: TokenKind
    start: int
    end: int
    text: str
    depth: int


@dataclass(frozen=True, slots=True)
class Parsed:
    nodes: tuple[Node, ...]
    tokens: tuple[Token, ...]
    problems: tuple[Problem, ...]
    variables: tuple[Variable, ...]
    asks_tags: bool = False
    """Whether a condition asks for a tag of the contact."""


def parse_nodes(source: str) -> Parsed:
    """Read a template. Never raises; problems are in the answer."""
    return _Parser(source).run()


def normal_name(name: str) -> str:
    """The form in which variable names are compared: `First Name` is `first_name`."""
    return re.sub(r"[\s\-]+", "_", name.strip()).casefold()


@dataclass(slots=True)
class _Parser:
    source: str
    tokens: list[Token] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    variables: list[Variable] = field(default_factory=list)
    match: dict[int, int] = field(default_factory=dict)
    lines: list[int] = field(default_factory=list)
    steering: Blocks = field(default_factory=Blocks)
    asks_tags: bool = False

    def run(self) -> Parsed:
        self.lines = [0, *(m.end() for m in re.finditer("\n", self.source))]
        if len(self.source) > MAX_LENGTH:
            self._problem("template_too_long", MAX_LENGTH, len(self.source), limit=str(MAX_LENGTH))
            return Parsed((Text(self.source),), (), tuple(self.problems), ())
        self._match_braces()
        self.steering = find_blocks(self.source, self.match)
        for code, tag in self.steering.problems:
            self._problem(code, tag.start, tag.end, text=self.source[tag.start : tag.end][:40])
        ((nodes, _),) = self._options(0, len(self.source), 0, split=False)
        problems = sorted(self.problems, key=lambda p: p.start)[:MAX_PROBLEMS]
        tokens = _joined(self.tokens)
        return Parsed(nodes, tokens, tuple(problems), tuple(self.variables), self.asks_tags)

    def _problem(self, code: str, start: int, end: int, severity: Severity = "error", **args: str) -> None:
        line = bisect_right(self.lines, start)
        column = start - self.lines[line - 1] + 1
        self.problems.append(Problem(code, start, end, line, column, severity, tuple(args.items())))

    def _token(self, kind: TokenKind, start: int, end: int, depth: int) -> None:
        self.tokens.append(Token(kind, start, end, self.source[start:end], depth))

    def _match_braces(self) -> None:
        """Pair the braces once, so that reading stays linear whatever is typed."""
        text, stack, pos = self.source, list[int](), 0
        while pos < len(text):
            sign = text[pos]
            if sign == "\\" and text[pos + 1 : pos + 2] in _SPECIAL:
                pos += 2
                continue
            if sign == "{":
                stack.append(pos)
            elif sign == "}":
                self._close_brace(stack, pos)
            pos += 1
        self._report_open(stack)

    def _close_brace(self, stack: list[int], pos: int) -> None:
        if not stack:
            self._problem("spintax_unopened", pos, pos + 1)
            return
        start = stack.pop()
        if len(stack) >= MAX_DEPTH:
            self._problem("spintax_too_deep", start, pos + 1, limit=str(MAX_DEPTH))
        else:
            self.match[start] = pos

    def _report_open(self, stack: Iterable[int]) -> None:
        reported = -2
        for start in stack:
            if start == reported + 1 and self.source[reported] == "{":
                reported = -2
                continue
            is_variable = _OPENS_VARIABLE.match(self.source, start) is not None
            self._problem("variable_unclosed" if is_variable else "spintax_unclosed", start, start + 1 + is_variable)
            reported = start if is_variable else -2

    def _options(self, pos: int, end: int, depth: int, *, split: bool) -> tuple[tuple[tuple[Node, ...], int], ...]:
        """The options between `pos` and `end` with their weights; without `split` one of them."""
        found: list[tuple[tuple[Node, ...], int]] = []
        while True:
            weight, pos = self._weight(pos, end, depth) if split else (1, pos)
            nodes, pos = self._sequence(pos, end, depth, split=split)
            found.append((nodes, weight))
            if pos >= end:
                return tuple(found)
            self._token("pipe", pos, pos + 1, depth)
            pos += 1

    def _weight(self, pos: int, end: int, depth: int) -> tuple[int, int]:
        hit = _WEIGHT.match(self.source, pos, end)
        if hit is None:
            return 1, pos
        self._token("weight", pos, hit.end(), depth)
        return int(hit[1]), hit.end()

    def _sequence(self, pos: int, end: int, depth: int, *, split: bool) -> tuple[tuple[Node, ...], int]:
        """Nodes from `pos` on, to `end` or to the bar that ends this option."""
        text, nodes, words = self.source, list[Node](), list[str]()
        while pos < end and not (split and text[pos] == "|"):
            node, after, plain = self._one(pos, end, depth)
            if node is None:
                words.append(plain)
            else:
                if words:
                    nodes.append(Text("".join(words)))
                    words = []
                nodes.append(node)
            pos = after
        if words:
            nodes.append(Text("".join(words)))
        return tuple(nodes), pos

    def _one(self, pos: int, end: int, depth: int) -> tuple[Node | None, int, str]:
        """What stands at `pos`: a node, or (as third) plain words; second is where it ends."""
        text = self.source
        if hit := _PLAIN.match(text, pos, end):
            self._token("text", pos, hit.end(), depth)
            return None, hit.end(), hit[0]
        sign = text[pos]
        if sign == "\\" and pos + 1 < end and text[pos + 1] in _SPECIAL:
            self._token("escape", pos, pos + 2, depth)
            return None, pos + 2, text[pos + 1]
        if sign == "{" and pos in self.match:
            if (tag := self.steering.tags.get(pos)) is not None:
                if pos in self.steering.blocks:
                    return *self._block(self.steering.blocks[pos], depth), ""
                self._token("error", pos, tag.end, depth)
                return None, tag.end, text[pos : tag.end]
            node, after = self._brace(pos, depth)
            return node, after, ""
        if sign == "[" and (hit := _BRACKET.match(text, pos, end)):
            return self._bracket(hit, depth), hit.end(), ""
        self._token("error" if sign in "{}" else "text", pos, pos + 1, depth)
        return None, pos + 1, sign

    def _brace(self, pos: int, depth: int) -> tuple[Node, int]:
        close = self.match[pos]
        if self.match.get(pos + 1) == close - 1 and (hit := _VARIABLE.match(self.source, pos)):
            return self._variable(hit, close, depth), close + 1
        self._token("open", pos, pos + 1, depth + 1)
        options = self._options(pos + 1, close, depth + 1, split=True)
        self._token("close", close, close + 1, depth + 1)
        if len(options) == 1:
            self._problem("spintax_single_option", pos, close + 1, "warning", text=self.source[pos + 1 : close][:40])
        return Choice(tuple(nodes for nodes, _ in options), tuple(weight for _, weight in options)), close + 1

    def _block(self, block: Block, depth: int) -> tuple[Node, int]:
        end = block.end or block.tags[-1]
        branches: list[tuple[Condition | None, tuple[Node, ...]]] = []
        otherwise: tuple[Node, ...] = ()
        for tag, after in zip(block.tags, [*block.tags[1:], end], strict=True):
            self._token("block", tag.start, tag.end, depth)
            nodes, _ = self._sequence(tag.end, after.start, depth, split=False)
            if tag.kind == "else":
                otherwise = nodes
            else:
                branches.append((tag.condition, nodes))
                self._ask(tag.condition, tag.start)
        self._token("block", end.start, end.end, depth)
        return If(tuple(branches), otherwise), end.end

    def _ask(self, condition: Condition | None, start: int) -> None:
        if condition is None:
            return
        if condition.operator == "tag":
            self.asks_tags = True
        else:
            self._keep(Variable(normal_name(condition.name), (), None, start))

    def _variable(self, hit: re.Match[str], close: int, depth: int) -> Variable:
        start, bar = hit.start(), hit.end()
        fallback: tuple[Node, ...] = ()
        if self.source[bar] == "|":
            self._token("variable", start, bar + 1, depth)
            ((fallback, _),) = self._options(bar + 1, close - 1, depth, split=False)
            self._token("variable", close - 1, close + 1, depth)
        else:
            self._token("variable", start, close + 1, depth)
        return self._keep(Variable(normal_name(hit[1]), fallback, None, start))

    def _bracket(self, hit: re.Match[str], depth: int) -> Variable:
        self._token("variable", hit.start(), hit.end(), depth)
        fallback = (Text(hit[2]),) if hit[2] else ()
        literal = hit[0] if hit[2] is None and hit[1] != hit[1].lower() else None
        return self._keep(Variable(normal_name(hit[1]), fallback, literal, hit.start()))

    def _keep(self, variable: Variable) -> Variable:
        self.variables.append(variable)
        return variable


def _joined(tokens: list[Token]) -> tuple[Token, ...]:
    """Neighbouring tokens of one kind and depth as one, so that a page draws fewer spans."""
    out: list[Token] = []
    for token in tokens:
        if out and token.kind == "text" == out[-1].kind and out[-1].depth == token.depth:
            last = out.pop()
            token = Token("text", last.start, token.end, last.text + token.text, token.depth)
        out.append(token)
    return tuple(out)
