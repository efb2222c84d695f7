"""Counting and sampling segments live, in a tenant with a million contacts and a million rows of the ledger.

The ratio is the slowest count over a plain count of all contacts. Options: `n` (contacts and
rows, 1,000,000), `plan` (also plan a campaign to a segment: 0 or 1).
"""

import time
from typing import Any

from bench.harness import Bench, Result
from wa_app.kit.ids import new_id
from wa_app.schemas.principal import Principal

NEEDS = ("postgres", "redis")
COUNT_S, LOOK_S = 1.0, 1.3
# The page asks for both at once: size and sample in one pass.

_CONTACTS = """
INSERT INTO contacts (id, tenant_id, name, phone, city, attributes, last_inbound_at, last_replied_at, created_at)
SELECT uuidv7(), $1, 'Orang ' || n, '+62' || (81200000000 + n), (ARRAY['Malang', 'Batu', 'Jakarta', 'Bandung', ''])[1 + n % 5],
  jsonb_build_object('poin', n % 1000, 'kelas', (ARRAY['emas', 'perak'])[1 + n % 2], 'ulang', '19' || 60 + n % 40 || '-05-17'),
  CASE WHEN n % 10 = 0 THEN now() - (n % 300) * interval '1 day' END,
  CASE WHEN n % 20 = 0 THEN now() - (n % 300) * interval '1 day' END, now() - (n % 700) * interval '1 day'
FROM generate_series($2::bigint, $3::bigint) n
"""
_TAGS = "INSERT INTO contact_tags (tenant_id, tag_id, contact_id) SELECT $1, $2, id FROM contacts WHERE tenant_id = $1 AND hashtext(phone) % $3 = 0"
_ROWS = """
INSERT INTO outbound_messages (id, tenant_id, kind, state, dedupe_key, campaign_id, contact_id, identity_kind,
  identity_value, body, sent_at, delivered_at, read_at)
SELECT uuidv7(), $1, 'campaign', CASE n % 10 WHEN 0 THEN 'failed' WHEN 1 THEN 'sent' WHEN 2 THEN 'delivered' ELSE 'read' END,
  'c' || n, ($2::uuid[])[1 + n % 4], id, 'phone', phone, repeat('Halo, apa kabar? ', 8),
  CASE WHEN n % 10 > 0 THEN now() - (n % 90) * interval '1 day' END,
  CASE WHEN n % 10 > 1 THEN now() - (n % 90) * interval '1 day' END,
  CASE WHEN n % 10 > 2 THEN now() - (n % 90) * interval '1 day' END
FROM (SELECT id, phone, row_number() OVER () AS n FROM contacts WHERE tenant_id = $1) s
"""


async def _fill(env: Bench, n: int) -> tuple[Principal, dict[str, Any]]:
    import asyncpg

    from wa_app.db import system_unit_of_work
    from wa_app.kit.secrets import encrypt, new_token
    from wa_app.models.identity import Tenant

    tenant = Tenant(name="Bench", identity_key=encrypt(new_token()))
    async with system_unit_of_work() as uow:
        uow.session.add(tenant)
    connection = await asyncpg.connect(env.superuser_url, timeout=60)
    await connection.execute("SET session_replication_role = replica")
    await connection.execute("DROP INDEX ix_contacts_search")
    for first in range(1, n + 1, 250_000):
        await connection.execute(_CONTACTS, tenant.id, first, min(first + 249_999, n))
    tags = {name: new_id() for name in ("Pelanggan", "VIP")}
    for (name, tag_id), share in zip(tags.items(), (2, 20), strict=True):
        await connection.execute(
            "INSERT INTO tags (id, tenant_id, name, folded, color) VALUES ($1, $2, $3, $4, 'teal')",
            tag_id, tenant.id, name, name.lower(),
        )  # fmt: skip
        await connection.execute(_TAGS, tenant.id, tag_id, share)
    campaigns = [new_id() for _ in range(4)]
    for number, one in enumerate(campaigns):
        await connection.execute(
            "INSERT INTO campaigns (id, tenant_id, name, status, started_at, planned_at) VALUES "
            "($1, $2, 'C', 'COMPLETED', now() - make_interval(days => $3), now())", one, tenant.id, number * 20,
        )  # fmt: skip
    env.say(f"filled {n} contacts")
    await connection.execute(_ROWS, tenant.id, campaigns)
    await connection.execute("VACUUM ANALYZE contacts, contact_tags, outbound_messages")
    env.say(f"filled {n} rows of the ledger")
    await connection.close()
    return Principal.system(tenant.id), {"tags": tags, "campaigns": campaigns}


def _cases(ids: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Rules as people write them, one and several together."""
    city = {"field": "city", "op": "is", "value": "Malang"}
    vip = {"field": "tags", "op": "any", "tag_ids": [str(ids["tags"]["VIP"])]}
    buyers = {"field": "tags", "op": "none", "tag_ids": [str(ids["tags"]["Pelanggan"])]}
    unread = {"field": "campaign", "state": "not_read", "campaign_ids": [str(ids["campaigns"][0])]}
    read = {"field": "activity", "what": "read", "days": 30}
    return {
        "city": [city],
        "name": [{"field": "name", "op": "contains", "value": "99 7"}],
        "attribute": [{"field": "attribute", "key": "kelas", "op": "is", "value": "emas"}],
        "number": [{"field": "attribute", "key": "poin", "op": "gt", "value": "900"}],
        "day": [{"field": "attribute", "key": "ulang", "op": "before", "value": "1970-01-01"}],
        "tag": [vip], "no_tag": [buyers],
        "wrote": [{"field": "activity", "what": "wrote", "days": 30}],
        "not_wrote": [{"field": "activity", "what": "wrote", "did": False}],
        "received": [{"field": "activity", "what": "received", "days": 7}],
        "read_30": [read], "not_read": [{"field": "activity", "what": "read", "did": False}],
        "campaign_unread": [unread], "campaign_any": [{"field": "campaign", "state": "read", "days": 30}],
        "all_of": [city, vip, read], "any_of": [{"match": "any", "rules": [vip, read, city]}],
        "mixed": [{"match": "any", "rules": [unread, vip]}, buyers],
    }  # fmt: skip


async def _measure(principal: Principal, cases: dict[str, list[dict[str, Any]]], env: Bench) -> dict[str, tuple[float, float, int]]:
    from wa_app.db import unit_of_work
    from wa_app.schemas.campaigns import Target
    from wa_app.schemas.segments import Rules
    from wa_app.sending import audience

    found = {}
    for name, given in cases.items():
        target = Target(filter=Rules.model_validate({"rules": given}))
        async with unit_of_work(principal) as uow:
            await audience.size(uow, principal.tenant_id, target)
            begin = time.perf_counter()
            size = await audience.size(uow, principal.tenant_id, target)
            middle = time.perf_counter()
            await audience.look(uow, principal.tenant_id, target, 10)
            end = time.perf_counter()
        found[name] = (middle - begin, end - middle, size)
        env.say(f"{name:<16} {size:>9}  count {middle - begin:.3f} s  with sample {end - middle:.3f} s")
        if env.option("explain", "") in (name, "all"):
            await _explain(principal, target, env)
    return found


async def _explain(principal: Principal, target: Any, env: Bench) -> None:
    from sqlalchemy import text

    from wa_app.db import unit_of_work
    from wa_app.sending import audience

    async with unit_of_work(principal) as uow:
        where, values = await audience.condition(uow, principal.tenant_id, target)
        rows = await uow.session.execute(text(f"EXPLAIN (ANALYZE, BUFFERS, COSTS OFF) SELECT count(*) FROM contacts c WHERE {where}"), values)
        env.say("\n".join(rows.scalars()))


async def _plan(principal: Principal, cases: dict[str, list[dict[str, Any]]]) -> tuple[float, int]:
    """Seconds to plan a campaign to the mixed segment, chunk by chunk."""
    from wa_app.db import unit_of_work
    from wa_app.schemas.campaigns import CampaignCreate, Target
    from wa_app.schemas.segments import Rules
    from wa_app.sending import planning
    from wa_app.services import campaigns

    async with unit_of_work(principal) as uow:
        target = Target(filter=Rules.model_validate({"rules": cases["mixed"]}))
        made = await campaigns.create(uow, CampaignCreate(name="Bench", message_template="Hai", target=target))
        row = await uow.session.get(__import__("wa_app.models.outbound", fromlist=["Campaign"]).Campaign, made.id)
        row.status = "PENDING"
    begin = time.perf_counter()
    planned = await planning.plan(principal.tenant_id, made.id)
    return time.perf_counter() - begin, planned


async def run(env: Bench) -> Result:
    n = env.option("n", 1_000_000)
    principal, ids = await _fill(env, n)
    cases = _cases(ids)
    plain = (await _measure(principal, {"all": [{"field": "name", "op": "is_set"}]}, env))["all"][0]
    found = await _measure(principal, cases, env)
    count, sample = max(one[0] for one in found.values()), max(one[1] for one in found.values())
    figures: dict[str, float | int | str] = {
        "baseline_seconds": plain, "count_seconds": count, "look_seconds": sample, "rows": n,
        **{f"{name}_s": one[0] for name, one in found.items()},
    }  # fmt: skip
    if env.option("plan", 1):
        figures["plan_seconds"], figures["planned"] = await _plan(principal, cases)
    return Result("segments", count / plain, figures, count < COUNT_S and sample < LOOK_S)
