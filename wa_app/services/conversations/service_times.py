"""How long customers waited for a first answer of a person, and until their case was closed."""

from collections.abc import Mapping
from typing import Any, Final

from wa_app.db import TenantUnitOfWork
from wa_app.schemas.principal import Verb
from wa_app.schemas.service_times import PersonTimes, ServiceTimes, Span, TeamTimes
from wa_app.services.conversations import settings

MAX_DAYS: Final = 366
MOST: Final = 200

_FIRST = "extract(epoch FROM answered_at - opened_at)"
_WHOLE = "extract(epoch FROM resolved_at - opened_at)"


def _span(what: str, name: str, target: int) -> str:
    return (
        f"count({what}) AS {name}_cases, percentile_cont(0.5) WITHIN GROUP (ORDER BY {what}) AS {name}_median, "
        f"percentile_cont(0.9) WITHIN GROUP (ORDER BY {what}) AS {name}_p90, "
        f"count(*) FILTER (WHERE {what} <= ${target}::int * 60) AS {name}_within"
    )


_OPENED = "FROM conversation_cases WHERE tenant_id = $1 AND opened_at > now() - make_interval(days => $2)"
_ALL = f"""
SELECT count(*) AS cases, {_span(_FIRST, "first", 3)}, {_span(_WHOLE, "whole", 4)},
  count(*) FILTER (WHERE resolved_at IS NULL AND answered_at IS NULL) AS unanswered,
  count(*) FILTER (WHERE resolved_at IS NULL) AS unresolved,
  count(*) FILTER (WHERE resolved_at IS NULL AND answered_at IS NULL AND $3::int > 0
    AND opened_at < now() - make_interval(mins => $3)) AS unanswered_late,
  count(*) FILTER (WHERE resolved_at IS NULL AND $4::int > 0 AND opened_at < now() - make_interval(mins => $4)) AS unresolved_late
{_OPENED}
"""
_BY_PERSON = f"""
WITH c AS MATERIALIZED (SELECT opened_at, answered_at, answered_by, resolved_at, resolved_by {_OPENED}),
a AS (SELECT answered_by AS who, {_span(_FIRST, "first", 3)} FROM c WHERE answered_by IS NOT NULL GROUP BY 1),
r AS (SELECT resolved_by AS who, {_span(_WHOLE, "whole", 4)} FROM c WHERE resolved_at IS NOT NULL AND resolved_by IS NOT NULL GROUP BY 1)
SELECT u.id AS user_id, u.name, a.*, r.* FROM memberships p JOIN users u ON u.id = p.user_id
LEFT JOIN a ON a.who = u.id LEFT JOIN r ON r.who = u.id
WHERE p.tenant_id = $1 AND ($5::uuid IS NULL OR p.user_id = $5) AND (a.who IS NOT NULL OR r.who IS NOT NULL)
ORDER BY coalesce(a.first_cases, 0) DESC, lower(u.name), u.id LIMIT $6
"""  # noqa: S608

# A conversation that went to another team takes its cases along: no case remembers whose it was.
_BY_TEAM = f"""
WITH c AS MATERIALIZED (SELECT conversation_id, opened_at, answered_at, resolved_at {_OPENED}),
x AS (SELECT v.team_id AS who, {_span(_FIRST, "first", 3)}, {_span(_WHOLE, "whole", 4)} FROM c
  JOIN conversations v ON v.tenant_id = $1 AND v.id = c.conversation_id WHERE v.team_id IS NOT NULL GROUP BY 1)
SELECT m.id AS team_id, m.name, x.* FROM teams m JOIN x ON x.who = m.id WHERE m.tenant_id = $1
ORDER BY x.first_cases DESC, m.folded, m.id LIMIT $5
"""  # noqa: S608


async def service_times(uow: TenantUnitOfWork, *, days: int = 30) -> ServiceTimes:
    """Figures of the cases that were opened within the last `days`, all in all and by person and team.

    Who may not see the team is shown totals and their own figures.
    """
    uow.require(Verb.MESSAGES_READ)
    wanted, held = max(1, min(days, MAX_DAYS)), await settings.in_force(uow)
    targets = (held.first_response_target_min, held.resolution_target_min)
    sees_all = uow.principal.may(Verb.TEAM_READ)
    only = None if sees_all else uow.principal.user_id
    conn = await uow.driver()
    row = await conn.fetchrow(_ALL, uow.tenant_id, wanted, *targets)
    people = await conn.fetch(_BY_PERSON, uow.tenant_id, wanted, *targets, only, MOST) if sees_all or only else []
    by_team = await conn.fetch(_BY_TEAM, uow.tenant_id, wanted, *targets, MOST) if sees_all else []
    return ServiceTimes(
        days=wanted, cases=row["cases"], first_response_target_min=targets[0], resolution_target_min=targets[1],
        unanswered=row["unanswered"], unanswered_late=row["unanswered_late"], unresolved=row["unresolved"],
        unresolved_late=row["unresolved_late"], first_response=_read(row, "first"), resolution=_read(row, "whole"),
        people=[PersonTimes(user_id=one["user_id"], **_both(one)) for one in people],
        teams=[TeamTimes(team_id=one["team_id"], **_both(one)) for one in by_team],
    )  # fmt: skip


def _both(row: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": row["name"], "first_response": _read(row, "first"), "resolution": _read(row, "whole")}


def _read(row: Mapping[str, Any], name: str) -> Span:
    return Span(
        cases=row[f"{name}_cases"] or 0, median_s=row[f"{name}_median"], p90_s=row[f"{name}_p90"], within_target=row[f"{name}_within"] or 0
    )
