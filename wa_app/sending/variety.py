"""How alike the messages of a campaign are: many identical texts to strangers look like spam.

The measure is the number of people who read the same text as a person picked at random. With `c`, the
chance that two people get the same text, it is exactly `1 + (people - 1) * c`. Choices are drawn
independently, so `c` is a product over the template's tree; the values of variables are compared
over a sample of the audience as they occur together.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from wa_app.sending.rendering import Template, canonical
from wa_app.sending.spintax import Choice, If, Node, Variable


def chance_of_same_choices(nodes: Sequence[Node]) -> float:
    """Chance that two draws take the same way through every choice; 1 without choices."""
    same = 1.0
    for node in nodes:
        if isinstance(node, Choice):
            total = sum(node.weights)
            same *= sum(
                (weight / total) ** 2 * chance_of_same_choices(option)
                for option, weight in zip(node.options, node.weights, strict=True)
            )
        elif isinstance(node, If):
            # Who falls into which branch is not known here: the least varied one counts.
            same *= max(chance_of_same_choices(branch) for branch in _branches(node))
    return same


def _branches(node: If) -> list[Sequence[Node]]:
    return [*(nodes for _, nodes in node.branches), node.otherwise]


def chance_of_same_values(template: Template, people: Sequence[Mapping[str, str]]) -> float:
    """Chance that two people of the audience have the same values for all variables of the template."""
    names = template.variables
    if not names or len(people) < 2:
        return 1.0
    rows = [{canonical(key): value for key, value in person.items()} for person in people]
    groups = Counter(tuple(row.get(name, "") for name in names) for row in rows)
    pairs = sum(n * (n - 1) for n in groups.values())
    return pairs / (len(people) * (len(people) - 1))


def people_per_text(
    texts: Sequence[tuple[float, Template]], people: int, sample: Sequence[Mapping[str, str]]
) -> int:
    """How many of `people` read the same text as one of them, that one included (expected, rounded).

    `texts` are the ways to write the campaign with their share of the people; two of them never read alike.
    """
    if people < 1:
        return 0
    same = sum(
        share**2 * chance_of_same_choices(template.parsed.nodes) * chance_of_same_values(template, sample)
        for share, template in texts
    )
    return max(1, round(1 + (people - 1) * same))


def empty_variables(template: Template) -> dict[str, bool]:
    """Variables of the template, and whether each of their uses says what to write when they are empty."""
    found: dict[str, bool] = {}
    for variable in _written(template.parsed.nodes):
        name = canonical(variable.name)
        if name in template.variables:
            found[name] = found.get(name, True) and bool(variable.fallback)
    return found


def _written(nodes: Sequence[Node]) -> Iterator[Variable]:
    """Variables whose value stands in the text; those that a condition only asks for do not."""
    for node in nodes:
        if isinstance(node, Variable):
            yield node
            yield from _written(node.fallback)
        elif isinstance(node, Choice):
            for option in node.options:
                yield from _written(option)
        elif isinstance(node, If):
            for branch in _branches(node):
                yield from _written(branch)
