"""What each rule of a segment means, negations and empty fields included; nobody reaches another tenant."""

from typing import Any
from uuid import UUID

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from sqlalchemy import text

from tests.fixtures.audience import add_device
from tests.fixtures.segment_places import (
    Place,
    made_place,
    people,
    run_sql,
)
from tests.fixtures.segments import rules as any_rules
from tests.fixtures.segments import trees
from wa_app.db import system_unit_of_work, unit_of_work
from wa_app.errors import Unavailable
from wa_app.kit.ids import new_id
from wa_app.schemas.campaigns import Target
from wa_app.schemas.segments import Rules
from wa_app.sending import audience
from wa_app.sending.rules import sql as sql_of
from wa_app.services import segments

pytestmark = pytest.mark.usefixtures("settings")


@pytest.fixture
async def place() -> Place:
    return await made_place()


async def test_tags(place: Place) -> None:
    await people(place, "Ani", "Budi", "Citra", "Dewi")
    vip = str(await place.tag("VIP", "Ani", "Budi"))
    kopi = str(await place.tag("Kopi", "Budi", "Citra"))
    assert await place.both({"field": "tags", "op": "any", "tag_ids": [vip, kopi]}) == "ABC"
    assert await place.both({"field": "tags", "op": "all", "tag_ids": [vip, kopi]}) == "B"
    assert await place.both({"field": "tags", "op": "none", "tag_ids": [vip, kopi]}) == "D"
    assert await place.both({"field": "tags", "op": "none", "tag_ids": [vip]}) == "CD"


async def test_text_fields_and_those_without_one(place: Place) -> None:
    await place.person("Ani", city="Malang", time_zone="Asia/Jakarta", source="import")
    await place.person("Budi", city="MALANG KOTA", source="manual")
    await place.person("Citra", source="manual")
    assert await place.both({"field": "city", "op": "is", "value": "malang"}) == "A"
    assert await place.both({"field": "city", "op": "is_not", "value": "Malang"}) == "BC"
    assert await place.both({"field": "city", "op": "contains", "value": "LANG"}) == "AB"
    assert await place.both({"field": "city", "op": "not_contains", "value": "lang"}) == "C"
    assert await place.both({"field": "city", "op": "starts_with", "value": "malang k"}) == "B"
    assert await place.both({"field": "city", "op": "is_set"}) == "AB"
    assert await place.both({"field": "city", "op": "not_set"}) == "C"
    assert await place.both({"field": "time_zone", "op": "is", "value": "Asia/Jakarta"}) == "A"
    assert await place.both({"field": "time_zone", "op": "is_not", "value": "Asia/Jakarta"}) == "BC"
    assert await place.both({"field": "time_zone", "op": "not_set"}) == "BC"
    assert await place.both({"field": "source", "op": "is", "value": "manual"}) == "BC"
    assert await place.both({"field": "name", "op": "contains", "value": "itr"}) == "C"


async def test_attributes_as_words_numbers_and_days(place: Place) -> None:
    await place.person("Ani", attributes='{"poin": 120, "ulang": "1990-05-17", "kelas": "Emas", "aktif": true}')
    await place.person("Budi", attributes='{"poin": "75,5", "ulang": "17/08/1985", "kelas": "perak"}')
    await place.person("Citra", attributes='{"poin": "banyak", "ulang": "besok", "kelas": ""}')
    await place.person("Dewi")

    async def rule(key: str, op: str, value: str = "") -> str:
        return await place.both({"field": "attribute", "key": key, "op": op, "value": value})

    assert await rule("kelas", "is", "emas") == "A"
    assert await rule("kelas", "is_not", "emas") == "BCD"
    assert await rule("kelas", "is_set") == "AB"
    assert await rule("kelas", "not_set") == "CD"
    assert await rule("aktif", "is", "true") == "A"
    assert await rule("poin", "gt", "100") == "A"
    assert await rule("poin", "lte", "75.5") == "B"
    assert await rule("poin", "lt", "1000") == "AB"
    assert await rule("ulang", "before", "1990-01-01") == "B"
    assert await rule("ulang", "after", "1985-08-16") == "AB"
    assert await rule("ulang", "after", "1990-05-17") == ""


HOSTILE = [
    "'; DROP TABLE contacts; --", "%", "_", "\\", "\\\\", "(((", "[a-z]+(", "{0}", "{{x}}", ":tenant", ":r1", "$1", "%s", "''",
    "\"", "é́", "🙂", "ؐ", "a" * 200, "' OR '1'='1", "\t", "null", "}{",
]  # fmt: skip


@pytest.mark.parametrize("evil", HOSTILE)
async def test_what_people_type_is_a_value_and_nothing_else(place: Place, evil: str) -> None:
    await place.person("Ani", city=evil.strip())
    await run_sql("UPDATE contacts SET attributes = jsonb_build_object(CAST(:k AS text), CAST(:v AS text)) WHERE id = :id",
                  k=evil.strip()[:60] or "x", v=evil, id=place.ids["Ani"])  # fmt: skip
    await place.person("Budi", city="Batu")
    if evil.strip():
        assert await place.both({"field": "city", "op": "is", "value": evil}) == "A"
        assert await place.both({"field": "city", "op": "contains", "value": evil}) == "A"
        assert await place.both({"field": "city", "op": "not_contains", "value": evil}) == "B"
        assert await place.both({"field": "attribute", "key": evil[:60], "op": "contains", "value": evil[:9]}) == "A"
        assert await place.both({"field": "attribute", "key": evil[:60], "op": "lt", "value": "5"}) == ""
        assert await place.both({"field": "attribute", "key": evil[:60], "op": "before", "value": "2026-01-01"}) == ""


async def test_created(place: Place) -> None:
    await place.person("Ani")
    await place.person("Budi")
    await run_sql("UPDATE contacts SET created_at = now() - interval '40 days' WHERE id = :id", id=place.ids["Budi"])
    assert await place.both({"field": "created", "op": "within", "days": 30}) == "A"
    assert await place.both({"field": "created", "op": "older", "days": 30}) == "B"


async def test_created_counts_days_in_the_tenants_zone(place: Place) -> None:
    await run_sql("UPDATE tenants SET time_zone = 'Asia/Jayapura' WHERE id = :t", t=place.t)
    # 20 November, 23:30 in Jayapura; 21 November, 00:30 there.
    for name, at in (("Ani", "2026-11-20 14:30+00"), ("Budi", "2026-11-20 15:30+00")):
        await place.person(name)
        await run_sql(f"UPDATE contacts SET created_at = '{at}' WHERE id = :id", id=place.ids[name])
    assert await place.both({"field": "created", "op": "before", "day": "2026-11-21"}) == "A"
    assert await place.both({"field": "created", "op": "after", "day": "2026-11-20"}) == "B"


async def test_activity(place: Place) -> None:
    await people(place, "Ani", "Budi", "Citra", "Dewi", "Eka")
    await place.row(None, "Ani", "read", days_ago=2)
    await place.row(None, "Budi", "delivered", days_ago=20)
    await place.row(None, "Citra", "failed")
    await place.row(None, "Citra", "planned")
    await place.wrote("Ani", days_ago=1)
    await place.wrote("Budi", days_ago=2)
    await place.wrote("Dewi", days_ago=40)

    async def rule(what: str, did: bool = True, days: int | None = None) -> str:
        return await place.both({"field": "activity", "what": what, "did": did, "days": days})

    assert await rule("wrote") == "ABD"
    assert await rule("wrote", False) == "CE"
    assert await rule("wrote", days=30) == "AB"
    assert await rule("wrote", False, 30) == "CDE"
    assert await rule("received") == "AB"
    assert await rule("received", days=7) == "A"
    assert await rule("received", False) == "CDE"
    assert await rule("received", False, 7) == "BCDE"
    assert await rule("read") == "A"
    assert await rule("read", False) == "BCDE"
    assert await rule("read", days=1) == ""
    # Budi wrote 18 days after ours: that is no reply.
    assert await rule("replied") == "A"
    assert await rule("replied", False, 30) == "BCDE"


async def test_campaign_history(place: Place) -> None:
    await people(place, "Ani", "Budi", "Citra", "Dewi", "Eka")
    new, old = await place.campaign("Baru"), await place.campaign("Lama", days_ago=90)
    await place.row(new, "Ani", "read", days_ago=2)
    await place.row(new, "Budi", "delivered", days_ago=2)
    await place.row(new, "Citra", "failed")
    await place.row(new, "Dewi", "skipped")
    await place.row(old, "Budi", "read", days_ago=90)
    await place.row(old, "Eka", "unknown", days_ago=90)
    await place.wrote("Ani", days_ago=1)

    async def rule(state: str, did: bool = True, **more: Any) -> str:
        return await place.both({"field": "campaign", "state": state, "did": did, **more})

    this = {"campaign_ids": [str(new)]}
    assert await rule("any", **this) == "ABCD"
    assert await rule("any", False, **this) == "E"
    assert await rule("sent", **this) == "AB"
    assert await rule("delivered", **this) == "AB"
    assert await rule("read", **this) == "A"
    assert await rule("read", False, **this) == "BCDE"
    assert await rule("failed", **this) == "C"
    assert await rule("unknown") == "E"
    assert await rule("replied", **this) == "A"
    assert await rule("not_replied", **this) == "B"
    assert await rule("not_read", **this) == "B"
    assert await rule("not_read", False, **this) == "ACDE"
    # Budi read one of the two.
    assert await rule("not_read", campaign_ids=[str(new), str(old)]) == ""
    assert await rule("read") == "AB"
    assert await rule("any", days=30) == "ABCD"
    assert await rule("read", days=30) == "A"
    link = new_id()
    await run_sql("INSERT INTO links (id, tenant_id, campaign_id, code, url, url_hash) VALUES (:id, :t, :c, :code, 'https://x.id', :hash)",
                  id=link, t=place.t, c=new, code=link.hex, hash=link.bytes)  # fmt: skip
    for who, is_bot in (("Ani", False), ("Budi", True)):
        await run_sql(
            "INSERT INTO link_clicks (tenant_id, link_id, campaign_id, contact_id, visitor, is_bot) VALUES (:t, :l, :c, :p, 'v', :bot)",
            t=place.t, l=link, c=new, p=place.ids[who], bot=is_bot,
        )  # fmt: skip
    assert await rule("clicked", **this) == "A"
    assert await rule("clicked", days=30) == "A"
    assert await rule("not_clicked", **this) == "B"


async def test_consent_is_the_last_word_and_a_block_binds_the_person(place: Place) -> None:
    await people(place, "Ani", "Budi", "Citra")
    for who, kind, ago in (("Ani", "opt_out", 9), ("Ani", "opt_in", 1), ("Budi", "opt_in", 9), ("Budi", "opt_out", 1)):
        await run_sql(
            "INSERT INTO consents (tenant_id, contact_id, kind, source, evidence, created_at) VALUES "
            "(:t, :c, :kind, 'test', '', now() - make_interval(days => :ago))",
            t=place.t, c=place.ids[who], kind=kind, ago=ago,
        )  # fmt: skip
    await run_sql(
        "INSERT INTO contact_identities (tenant_id, contact_id, kind, value, hash) VALUES "
        "(:t, :c, 'phone', '+62811', 'h1'), (:t, :c, 'lid', '99', 'h2')", t=place.t, c=place.ids["Citra"],
    )  # fmt: skip
    await run_sql("INSERT INTO suppressions (tenant_id, kind, hash, masked, reason) VALUES (:t, 'lid', 'h2', 'x', 'MANUAL')", t=place.t)
    assert await place.both({"field": "consent", "op": "opted_in"}) == "A"
    assert await place.both({"field": "consent", "op": "not_opted_in"}) == "BC"
    assert await place.both({"field": "consent", "op": "suppressed"}) == "C"
    assert await place.both({"field": "consent", "op": "not_suppressed"}) == "AB"


async def test_device(place: Place) -> None:
    async with system_unit_of_work() as uow:
        device = await add_device(uow, place.t, "Kedua")
    await place.person("Ani", preferred_device_id=device)
    await place.person("Budi")
    assert await place.both({"field": "device", "op": "is", "device_id": str(device)}) == "A"
    assert await place.both({"field": "device", "op": "is_not", "device_id": str(device)}) == "B"
    assert await place.both({"field": "device", "op": "is_set"}) == "A"
    assert await place.both({"field": "device", "op": "not_set"}) == "B"


async def test_groups_nest(place: Place) -> None:
    await place.person("Ani", city="Malang")
    await place.person("Budi", city="Batu")
    await place.person("Citra", city="Malang")
    vip = str(await place.tag("VIP", "Budi", "Citra"))
    malang, has_vip = {"field": "city", "op": "is", "value": "Malang"}, {"field": "tags", "op": "any", "tag_ids": [vip]}
    budi = {"field": "name", "op": "is", "value": "Budi"}
    assert await place.found(malang, has_vip) == "C"
    assert await place.found(malang, has_vip, match="any") == "ABC"
    assert await place.found(malang, {"match": "any", "rules": [budi, has_vip]}) == "C"
    assert await place.found(budi, {"match": "all", "rules": [malang, has_vip]}, match="any") == "BC"
    inner = {"match": "any", "rules": [{"match": "all", "rules": [malang, has_vip]}, budi]}
    assert await place.found(has_vip, inner) == "BC"


async def test_deleted_contacts_are_in_no_segment(place: Place) -> None:
    await people(place, "Ani", "Budi")
    await run_sql("UPDATE contacts SET deleted_at = now() WHERE id = :id", id=place.ids["Ani"])
    assert await place.found({"field": "city", "op": "not_set"}) == "B"


def collected(strategy: SearchStrategy[Any], count: int) -> list[dict[str, Any]]:
    """Examples of a strategy, the same each time, for a test that must await."""
    found: list[dict[str, Any]] = []

    @settings(max_examples=count, deadline=None, derandomize=True, database=None, phases=[Phase.generate])
    @given(strategy)
    def collect(one: dict[str, Any]) -> None:
        found.append(one)

    collect()
    return found


async def test_any_rules_run_and_hold_or_do_not_for_everybody(place: Place) -> None:
    """Nobody is neither in nor out (no NULL), and the top compiles to the same people as the inside of a group."""
    await place.person("Ani", city="Malang", attributes='{"poin": "12,5", "a": "2020-01-01", "x": null, "y": [1], "z": "NaN"}')
    await place.person("Budi", attributes='{"poin": 1e300, "a": "31/12/2019", "b": ""}')
    await people(place, "Citra", "Dewi")
    vip, promo = str(await place.tag("VIP", "Ani")), str(await place.campaign())
    await place.row(UUID(promo), "Ani", "read", days_ago=2)
    await place.row(UUID(promo), "Budi", "sent")
    await place.row(None, "Citra", "failed")
    await place.wrote("Ani", days_ago=1)
    some = any_rules(tags=st.just([vip]), campaigns=st.just([promo]))
    keys = st.sampled_from(["poin", "a", "b", "x", "y", "z"])
    known = some.flatmap(lambda rule: st.builds(lambda key: rule | {"key": key}, keys) if "key" in rule else st.just(rule))
    trees_found = collected(trees(known), 150)
    assert len(trees_found) >= 100
    async with unit_of_work(place.town.principal) as uow:
        for tree in trees_found:
            given_rules = Rules.model_validate(tree)
            inside = await audience.size(uow, place.t, Target(filter=given_rules))
            values: dict[str, Any] = {"tenant": place.t}
            outside = sql_of(given_rules, values, without=True)
            query = text(f"SELECT count(*) FROM contacts c WHERE c.tenant_id = :tenant AND {outside}")
            assert (await uow.session.execute(query, values)).scalar_one() == 4 - inside, tree
            nobody = {"field": "name", "op": "is", "value": "nobody at all"}
            nested = Rules.model_validate({"match": "any", "rules": [tree, nobody]})
            assert await audience.size(uow, place.t, Target(filter=nested)) == inside, tree


async def test_a_count_that_takes_too_long_says_so(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segments, "TIME_LIMIT_MS", 1)
    await run_sql(
        "INSERT INTO contacts (tenant_id, name, attributes) SELECT :t, 'Orang ' || n, '{\"a\": \"1\"}' FROM generate_series(1, 20000) n",
        t=place.t,
    )  # fmt: skip
    with pytest.raises(Unavailable, match="segment_too_slow"):
        await place.found({"field": "attribute", "key": "a", "op": "gt", "value": "5"})
