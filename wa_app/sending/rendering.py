"""What one person will read: a template, the values of a contact and a seed become a text.

The same template, values and seed always give the same text, on every machine and
Python version, so that a row that is planned, previewed and sent reads the same.
Values are put in as they are: braces in a person's name are never read as a template.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from hashlib import blake2b

from wa_app.sending.spintax import Choice, If, Node, Parsed, Problem, Text, Token, Variable, normal_name, parse_nodes

ALIASES: Mapping[str, str] = {
    "nama": "name",
    "nama_lengkap": "name",
    "full_name": "name",
    "nama_depan": "first_name",
    "panggilan": "first_name",
    "telepon": "phone",
    "nomor": "phone",
    "no_hp": "phone",
    "hp": "phone",
    "kota": "city",
    "surel": "email",
}
"""Indonesian names of the built-in values."""
BUILT_IN = frozenset({"name", "first_name", "phone", "city", "email"})
"""Variables that every contact has, empty or not; the rest are its attributes."""

MOST_VARIANTS = 10**15
"""More ways are counted as this many: a text can have so many that neither JSON nor a browser holds the number."""

# PostgreSQL text holds no NUL and UTF-8 no lone surrogate; both come in by pasted or imported text.
_UNSENDABLE = re.compile("[\x00\ud800-\udfff]")


@dataclass(frozen=True)
class Template:
    """A parsed message template; see `wa_app.sending.spintax` for the language."""

    source: str
    parsed: Parsed

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What is wrong with the text itself, in order of place."""
        return self.parsed.problems

    @property
    def errors(self) -> tuple[Problem, ...]:
        """The problems that keep a campaign from starting."""
        return tuple(p for p in self.parsed.problems if p.severity == "error")

    @property
    def tokens(self) -> tuple[Token, ...]:
        """The source in pieces for highlighting, without gaps."""
        return self.parsed.tokens

    @cached_property
    def variables(self) -> tuple[str, ...]:
        """Names of the variables, built-in ones in English, each once, in order of first use."""
        names = (canonical(v.name) for v in self.parsed.variables if v.literal is None or _is_built_in(v.name))
        return tuple(dict.fromkeys(names))

    @cached_property
    def variants(self) -> int:
        """How many ways there are through the choices, exact up to `MOST_VARIANTS`; 1 without choices."""
        return _count(self.parsed.nodes)

    def unknown(self, known: Iterable[str]) -> tuple[Problem, ...]:
        """A `variable_unknown` problem for each use of a name that is not built in or in `known`."""
        names = BUILT_IN.union(canonical(name) for name in known)
        found = []
        for variable in self.parsed.variables:
            if variable.literal is None and canonical(variable.name) not in names:
                found.append(self._unknown_problem(variable))
        return tuple(found)

    def _unknown_problem(self, variable: Variable) -> Problem:
        before = self.source[: variable.start]
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        end = variable.start + 2 + len(variable.name)
        return Problem("variable_unknown", variable.start, end, line, column, args=(("name", variable.name),))

    @property
    def asks_tags(self) -> bool:
        """Whether it can only be rendered with the contact's tags at hand."""
        return self.parsed.asks_tags

    def render(self, values: Mapping[str, str], seed: bytes, tags: Collection[str] = ()) -> str:
        """The text for one row. Never raises; `seed` is best the row's id or dedupe key.

        `tags` are the contact's, folded; needed only by a template that `asks_tags`.
        """
        folded = {canonical(key): value for key, value in values.items() if value}
        out: list[str] = []
        _write(self.parsed.nodes, _Facts(folded, tags, _draws(seed)), out)
        return _UNSENDABLE.sub("", "".join(out))


@lru_cache(maxsize=256)
def parse(template: str) -> Template:
    """Read a template. Never raises: look at `problems`."""
    return Template(template, parse_nodes(template))


@lru_cache(maxsize=4096)
def canonical(name: str) -> str:
    """The key under which a variable's value is looked up: `Nama` is `name`."""
    folded = normal_name(name)
    return ALIASES.get(folded, folded)


def contact_values(
    name: str | None, phone: str | None, attributes: Mapping[str, object] | None = None
) -> dict[str, str]:
    """The values of a contact as `Template.render` takes them; attributes never hide built-in ones."""
    values = {canonical(key): str(value) for key, value in (attributes or {}).items() if value is not None}
    clean = (name or "").strip()
    return values | {"name": clean, "first_name": clean.split(" ", 1)[0], "phone": phone or ""}


def _is_built_in(name: str) -> bool:
    return canonical(name) in BUILT_IN


def _count(nodes: tuple[Node, ...]) -> int:
    total = 1
    for node in nodes:
        if isinstance(node, Choice):
            total *= sum(_count(option) for option in node.options)
        elif isinstance(node, If):
            total *= sum(_count(nodes) for _, nodes in node.branches) + _count(node.otherwise)
        elif isinstance(node, Variable):
            total *= _count(node.fallback)
        # Bounded on the way: thousands of digits would be multiplied otherwise.
        total = min(total, MOST_VARIANTS)
    return total


def _draws(seed: bytes) -> Iterator[int]:
    """Endless 64-bit numbers out of a seed of any length."""
    key, counter = blake2b(seed, digest_size=32).digest(), 0
    while True:
        block = blake2b(counter.to_bytes(8, "big"), key=key, digest_size=64).digest()
        yield from (int.from_bytes(block[i : i + 8], "big") for i in range(0, 64, 8))
        counter += 1


@dataclass(slots=True)
class _Facts:
    """What one rendering reads from; the draws are used up in order of place."""

    values: Mapping[str, str]
    tags: Collection[str]
    draws: Iterator[int]


def _write(nodes: tuple[Node, ...], facts: _Facts, out: list[str]) -> None:
    for node in nodes:
        if isinstance(node, Text):
            out.append(node.value)
        elif isinstance(node, Choice):
            _write(_drawn(node, next(facts.draws)), facts, out)
        elif isinstance(node, If):
            _write(_held(node, facts), facts, out)
        elif value := facts.values.get(canonical(node.name), ""):
            out.append(value)
        elif node.literal is not None and not _is_built_in(node.name):
            out.append(node.literal)
        else:
            _write(node.fallback, facts, out)


def _held(node: If, facts: _Facts) -> tuple[Node, ...]:
    """The branch for this contact."""
    for condition, nodes in node.branches:
        if condition is not None and condition.holds(facts.values, canonical(condition.name), facts.tags):
            return nodes
    return node.otherwise


def _drawn(choice: Choice, number: int) -> tuple[Node, ...]:
    """The option that a 64-bit number falls on, each as wide as its weight."""
    point = number * sum(choice.weights) >> 64
    for option, weight in zip(choice.options, choice.weights, strict=True):
        point -= weight
        if point < 0:
            return option
    return choice.options[-1]
