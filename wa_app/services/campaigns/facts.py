"""A look at the people of an audience, set-based: consent, strangers, known numbers, empty variables.

Counting consents, numbers and variables of a million people at every save would take seconds, so of
a large audience an even sample is looked at; which contacts fall into it depends on their ids alone.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import text

from wa_app.db import TenantUnitOfWork
from wa_app.schemas.campaigns import AudienceCount, Target
from wa_app.schemas.preflight import AudienceFacts, EmptyVariable
from wa_app.sending import audience, variety
from wa_app.sending.numbers import FRESH_DAYS
from wa_app.sending.rendering import BUILT_IN, Template, canonical, contact_values

LOOK_AT = 20_000
"""People looked at; of more, every k-th."""
EXAMPLES = 3
VALUES = 400
"""People whose values are compared, to see how alike the messages are."""
MAX_VARIABLES = 20

_PEOPLE = """
    WITH blocked AS MATERIALIZED ({blocked}), people AS MATERIALIZED (
        SELECT c.id, c.name, c.phone, c.city, c.attributes, c.last_inbound_at FROM contacts c
        WHERE {where} AND (:every = 1 OR uuid_hash(c.id) % :every = 0)
          AND NOT EXISTS (SELECT 1 FROM blocked b WHERE b.id = c.id)
    )
"""
_FACTS = """{people}
    SELECT count(*) AS looked_at,
        count(*) FILTER (WHERE p.last_inbound_at IS NULL) AS strangers,
        count(*) FILTER (WHERE NOT EXISTS (SELECT 1 FROM consents k WHERE k.tenant_id = :tenant
            AND k.contact_id = p.id AND k.kind = 'opt_in')) AS no_consent,
        count(n.hash) AS known, count(*) FILTER (WHERE NOT n.is_there) AS missing,
        count(n.chat_id) - count(DISTINCT n.chat_id) AS duplicates {columns}
    FROM people p
    LEFT JOIN contact_identities i ON i.tenant_id = :tenant AND i.kind = 'phone' AND i.value = p.phone
    LEFT JOIN number_checks n ON n.tenant_id = :tenant AND n.hash = i.hash
        AND n.checked_at > now() - interval '{days} days'
"""
_VALUES = """{people}
    SELECT p.name, p.phone, p.city, p.attributes FROM people p ORDER BY uuid_hash(p.id) LIMIT :n
"""


async def look(
    uow: TenantUnitOfWork, target: Target, people: AudienceCount, templates: Sequence[Template],
    attributes: frozenset[str],
) -> AudienceFacts:  # fmt: skip
    """What is to be said about these people and the ways the message is written."""
    if target.is_empty or people.sendable <= 0:
        return AudienceFacts(
            people=0, looked_at=0, is_sample=False, no_consent=0, strangers=0, duplicates=0, numbers_known=0,
            numbers_missing=0,
        )  # fmt: skip
    every = _every(people.total)
    variables = _conditions(templates, attributes)
    columns = "".join(_column(at, condition) for at, (_, _, condition, _) in enumerate(variables))
    where, values = await _audience(uow, target, every)
    for at, (_, _, _, keys) in enumerate(variables):
        values[f"keys{at}"] = keys
    query = text(_FACTS.format(people=_people(where), columns=columns, days=FRESH_DAYS))
    row = (await uow.session.execute(query, values)).one()._asdict()
    scale = people.sendable / row["looked_at"] if every > 1 and row["looked_at"] else 1.0
    return AudienceFacts(
        people=people.sendable, looked_at=row["looked_at"], is_sample=every > 1,
        no_consent=round(row["no_consent"] * scale), strangers=round(row["strangers"] * scale),
        duplicates=round(row["duplicates"] * scale), numbers_known=row["known"], numbers_missing=row["missing"],
        empty=_empty(variables, row, scale),
    )  # fmt: skip


async def values_of(uow: TenantUnitOfWork, target: Target, people: int) -> list[dict[str, str]]:
    """What the variables of some people stand for, drawn evenly from the audience."""
    if target.is_empty:
        return []
    where, values = await _audience(uow, target, _every(people))
    query = text(_VALUES.format(people=_people(where)))
    rows = await uow.session.execute(query, values | {"n": VALUES})
    return [contact_values(row.name, row.phone, {**(row.attributes or {}), "city": row.city}) for row in rows]


def _people(where: str) -> str:
    return _PEOPLE.format(where=where, blocked=audience.BLOCKED)


def _every(total: int) -> int:
    return max(1, -(-total // LOOK_AT))


async def _audience(uow: TenantUnitOfWork, target: Target, every: int) -> tuple[str, dict[str, Any]]:
    where, values = await audience.condition(uow, uow.tenant_id, target)
    return where, values | {"every": every, "tenant": uow.tenant_id}


Condition = tuple[str, bool, str, list[str]]
"""Name of a variable, whether it has a fallback, when it is empty, and the attributes it may come from."""


def _conditions(templates: Sequence[Template], attributes: frozenset[str]) -> list[Condition]:
    filled: dict[str, bool] = {}
    for template in templates:
        for name, has_fallback in variety.empty_variables(template).items():
            filled[name] = filled.get(name, True) and has_fallback
    found: list[Condition] = []
    for name, has_fallback in list(filled.items())[:MAX_VARIABLES]:
        keys = sorted(key for key in attributes if canonical(key) == name)
        if name not in BUILT_IN and not keys:
            # Nobody has it: the text's own checks say that it is unknown.
            continue
        found.append((name, has_fallback, _BUILT_IN.get(name, _ATTRIBUTE), keys))
    return found


_ATTRIBUTE = (
    "NOT EXISTS (SELECT 1 FROM unnest(CAST(:keys{at} AS text[])) k WHERE COALESCE(p.attributes ->> k, '') <> '')"
)
_BUILT_IN = {
    "name": "btrim(p.name) = ''", "first_name": "btrim(p.name) = ''", "phone": "p.phone IS NULL", "city": "p.city = ''",
}  # fmt: skip


def _column(at: int, condition: str) -> str:
    test = condition.format(at=at)
    who = "COALESCE(NULLIF(p.name, ''), p.phone)"
    return (
        f", count(*) FILTER (WHERE {test}) AS n{at}"
        f", (array_agg({who}) FILTER (WHERE {test} AND {who} IS NOT NULL))[1:{EXAMPLES}] AS e{at}"
    )


def _empty(variables: Sequence[Condition], row: Mapping[str, Any], scale: float) -> list[EmptyVariable]:
    return [
        EmptyVariable(
            name=name, contacts=round(row[f"n{at}"] * scale), has_fallback=has_fallback, examples=row[f"e{at}"] or []
        )
        for at, (name, has_fallback, _, _) in enumerate(variables)
        if row[f"n{at}"]
    ]
