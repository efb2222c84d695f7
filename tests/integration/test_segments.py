"""What each rule of a segment means, negations and empty fields included; nobody reaches another tenant."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from sqlalchemy import text

from tests.fixtures.audience import Town, add_device, make_town
from tests.fixtures.segments import rules as any_rules
from tests.fixtures.segments import trees
from wa_app.db import system_unit_of_work, unit_of_work
from wa_app.errors import AppError, Conflict, Forbidden, Invalid, NotFound, Unavailable
from wa_app.kit.ids import new_id
from wa_app.schemas.campaigns import CampaignCreate, Target
from wa_app.schemas.contacts import ContactFilter, Selection
from wa_app.schemas.principal import Principal
from wa_app.schemas.segments import PreviewRequest, Rules, SegmentCreate, SegmentUpdate
from wa_app.sending import audience, planning
from wa_app.sending.rules import sql as sql_of
from wa_app.services import campaigns, contacts, segments, tags

pytestmark = pytest.mark.usefixtures("settings")


async def run_sql(statement: str, **values: object) -> None:
    async with system_unit_of_work() as uow:
        await uow.session.execute(text(statement), values)


class Place:
    """A tenant with a handful of named people."""

    def __init__(self, town: Town) -> None:
        self.town, self.t = town, town.tenant_id
        self.ids: dict[str, UUID] = {}

    async def person(self, name: str, **columns: object) -> UUID:
        self.ids[name] = new_id()
        columns = {"id": self.ids[name], "tenant_id": self.t, "name": name, **columns}
        places = ", ".join(f"CAST(:{key} AS jsonb)" if key == "attributes" else f":{key}" for key in columns)
        await run_sql(f"INSERT INTO contacts ({', '.join(columns)}) VALUES ({places})", **columns)
        return self.ids[name]

    async def tag(self, name: str, *people: str) -> UUID:
        async with unit_of_work(self.town.principal) as uow:
            tag_id = next(iter((await tags.ensure(uow, [name])).values()))
        for one in people:
            await run_sql(
                "INSERT INTO contact_tags (tenant_id, tag_id, contact_id) VALUES (:t, :g, :c)",
                t=self.t, g=tag_id, c=self.ids[one],
            )  # fmt: skip
        return tag_id

    async def campaign(self, name: str = "Promo", *, days_ago: int = 1) -> UUID:
        campaign_id = new_id()
        await run_sql(
            "INSERT INTO campaigns (id, tenant_id, name, status, started_at, planned_at) VALUES "
            "(:id, :t, :name, 'COMPLETED', now() - make_interval(days => :d), now())",
            id=campaign_id, t=self.t, name=name, d=days_ago,
        )  # fmt: skip
        return campaign_id

    async def row(self, campaign: UUID | None, who: str, state: str, *, days_ago: float = 1) -> None:
        """A row of the ledger as the lanes would have left it."""
        sent, read = state in ("sent", "delivered", "read", "played"), state in ("read", "played")
        arrived = read or state == "delivered"
        await run_sql(
            "INSERT INTO outbound_messages (tenant_id, kind, state, dedupe_key, campaign_id, contact_id, sent_at, "
            "delivered_at, read_at) "
            "VALUES (:t, :kind, :state, :key, :c, :p, CASE WHEN :sent THEN now() - make_interval(secs => :s) END, "
            "CASE WHEN :arrived THEN now() - make_interval(secs => :s) END, CASE WHEN :read THEN now() - make_interval(secs => :s) END)",
            t=self.t, kind="campaign" if campaign else "manual", state=state, key=str(new_id()), c=campaign,
            p=self.ids[who], sent=sent, arrived=arrived, read=read, s=days_ago * 86400,
        )  # fmt: skip

    async def wrote(self, who: str, *, days_ago: float) -> None:
        """A message of theirs, stored as the intake does."""
        from wa_app.inbound import conversations

        async with system_unit_of_work() as system:
            device = (await system.session.execute(text("SELECT id FROM devices WHERE tenant_id = :t"), {"t": self.t})).scalars().first()
            at = (await system.session.execute(text("SELECT now() - make_interval(secs => :s)"), {"s": days_ago * 86400})).scalar_one()
        async with unit_of_work(self.town.principal) as uow:
            conn = await uow.driver()
            conversation = await conn.fetchval(
                conversations._CONVERSATION, new_id(), self.t, self.ids[who], device, "chat", 0, at, at
            )
            await conn.execute(
                "INSERT INTO messages (tenant_id, conversation_id, device_id, contact_id, direction, sender, timestamp) "
                "VALUES ($1, $2, $3, $4, 'INBOUND', 'contact', $5)", self.t, conversation, device, self.ids[who], at,
            )  # fmt: skip
            await conversations._touch(conn, self.t, conversation, self.ids[who], at, received=True)

    async def found(self, *rules: dict[str, Any], match: str = "all") -> str:
        """Initials of whom the rules mean, in order."""
        async with unit_of_work(self.town.principal) as uow:
            result = await segments.preview(uow, PreviewRequest.model_validate(
                {"rules": {"match": match, "rules": rules}, "sample": 50}
            ))  # fmt: skip
        assert result.count == len(result.sample)
        return "".join(sorted(one.name[0] for one in result.sample))

    async def both(self, rule: dict[str, Any]) -> str:
        """The same rule at the top and below an `any`, which are compiled in different ways."""
        top = await self.found(rule)
        nobody = {"field": "name", "op": "is", "value": "nobody at all"}
        assert await self.found({"match": "any", "rules": [rule, nobody]}) == top
        return top


@pytest.fixture
async def place() -> Place:
    return Place(await make_town(devices=1))


async def people(place: Place, *names: str) -> None:
    for name in names:
        await place.person(name)


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


async def test_lists_exports_and_bulk_actions_cover_a_segment(place: Place) -> None:
    await everybody(place)
    malang = await make(place)
    where = ContactFilter(segment_id=malang)
    async with unit_of_work(place.town.principal) as uow:
        page = await contacts.list_(uow, where, limit=1)
        assert ([one.name for one in page.items], page.total) == (["Budi"], 2)
        page = await contacts.list_(uow, where, limit=1, cursor=page.next_cursor)
        assert ([one.name for one in page.items], page.next_cursor) == (["Ani"], None)
        await run_sql("UPDATE contacts SET search_text = lower(name) WHERE tenant_id = :t", t=place.t)
        found = await contacts.list_(uow, ContactFilter(q="ani", segment_id=malang))
        assert ([one.name for one in found.items], found.total) == (["Ani"], 1)
        assert (await contacts.list_(uow, ContactFilter(q="citra", segment_id=malang))).items == []
        assert await contacts.tag(uow, Selection(filter=where), ["Kota"]) == 2
        assert (await contacts.list_(uow, ContactFilter(tags=[(await tags.list_(uow))[0].id], segment_id=malang))).total == 2
        with pytest.raises(NotFound):
            await contacts.list_(uow, ContactFilter(segment_id=new_id()))
    csv = b"".join([part async for part in contacts.export_csv(place.town.principal, where)]).decode("utf-8-sig")
    assert [line.split(",")[0] for line in csv.splitlines()] == ["name", "Budi", "Ani"]


def rules(*given: dict[str, Any]) -> Rules:
    return Rules.model_validate({"rules": given})


CITY = {"field": "city", "op": "is", "value": "Malang"}


async def test_other_tenants_neither_count_nor_lend_their_tags(place: Place) -> None:
    other = Place(await make_town(devices=1))
    await place.person("Ani", city="Malang")
    await other.person("Budi", city="Malang")
    theirs = await other.tag("VIP", "Budi")
    campaign = await other.campaign()
    await other.row(campaign, "Budi", "read")
    assert await place.found(CITY) == "A"
    for rule, code in (
        ({"field": "tags", "tag_ids": [str(theirs)]}, "rule_tag_unknown"),
        ({"field": "campaign", "campaign_ids": [str(campaign)]}, "rule_campaign_unknown"),
        ({"field": "device", "device_id": str(new_id())}, "rule_device_unknown"),
    ):
        with pytest.raises(Invalid) as refused:
            await place.found(CITY, rule)
        assert [(one.code, one.args["rule"]) for one in refused.value.fields] == [(code, "2")]
    # Even where a rule slips past the check, the other tenant's rows are not seen.
    async with unit_of_work(place.town.principal) as uow:
        for rule in ({"field": "tags", "tag_ids": [str(theirs)]}, {"field": "campaign", "campaign_ids": [str(campaign)]},
                     {"field": "activity", "what": "received"}):  # fmt: skip
            assert await audience.size(uow, place.t, Target(filter=rules(rule))) == 0
    async with unit_of_work(other.town.principal) as uow:
        mine = await segments.create(uow, SegmentCreate(name="Rahasia", rules=rules(CITY)))
    async with unit_of_work(place.town.principal) as uow:
        for verb in (segments.get, segments.remove, segments.counted, segments.duplicate):
            with pytest.raises(NotFound):
                await verb(uow, mine.id)
        assert await audience.size(uow, place.t, Target(segment_id=mine.id)) == 0
        assert await audience.size(uow, place.t, Target(all=True, exclude_segment_ids=[mine.id])) == 0


async def make(place: Place, name: str = "Malang", *given: dict[str, Any]) -> UUID:
    async with unit_of_work(place.town.principal) as uow:
        return (await segments.create(uow, SegmentCreate(name=name, rules=rules(*(given or (CITY,)))))).id


async def test_life_of_a_segment(place: Place) -> None:
    await place.person("Ani", city="Malang")
    made = await make(place)
    async with unit_of_work(place.town.principal) as uow:
        assert (await segments.counted(uow, made)).count == 1
        with pytest.raises(Conflict, match="segment_exists"):
            await segments.create(uow, SegmentCreate(name="MALANG", rules=rules(CITY)))
        copy = await segments.duplicate(uow, made)
        assert copy.name == "Malang (2)"
        changed = await segments.update(uow, made, SegmentUpdate(rules=rules(CITY, {"field": "name", "op": "is_set"})))
        assert changed.count is None
        await segments.remove(uow, made)
        assert [one.name for one in (await segments.list_(uow)).items] == ["Malang (2)"]
        assert (await segments.create(uow, SegmentCreate(name="Malang", rules=rules(CITY)))).name == "Malang"
        assert (await segments.restore(uow, made)).name == "Malang (3)"
        assert len((await segments.list_(uow)).items) == 3


async def campaign(place: Place, **target: Any) -> UUID:
    async with unit_of_work(place.town.principal) as uow:
        made = await campaigns.create(uow, CampaignCreate(
            name="Promo Malang", message_template="{Halo|Hai} {{name}}", target=Target.model_validate(target)
        ))  # fmt: skip
        return made.id


async def planned(campaign_id: UUID) -> Sequence[str]:
    async with system_unit_of_work() as uow:
        query = text(
            "SELECT c.name FROM outbound_messages o JOIN contacts c ON c.id = o.contact_id "
            "WHERE o.campaign_id = :c ORDER BY c.name"
        )
        return list((await uow.session.execute(query, {"c": campaign_id})).scalars())


async def everybody(place: Place) -> None:
    for n, (name, city) in enumerate((("Ani", "Malang"), ("Budi", "Malang"), ("Citra", "Batu")), 1):
        await place.person(name, city=city, phone=f"+62812{n:08d}")


async def test_a_campaign_goes_to_a_segment_without_the_excluded_one(place: Place) -> None:
    await everybody(place)
    malang, budi = await make(place), await make(place, "Budi", {"field": "name", "op": "is", "value": "Budi"})
    one = await campaign(place, segment_id=str(malang), exclude_segment_ids=[str(budi)])
    async with unit_of_work(place.town.principal) as uow:
        await campaigns.start(uow, one)
    assert await planning.plan(place.t, one, chunk=1) == 1
    assert await planned(one) == ["Ani"]


async def test_live_is_looked_up_at_planning_and_frozen_when_it_was_scheduled(place: Place) -> None:
    await everybody(place)
    malang = await make(place)
    made = {kind: await campaign(place, segment_id=str(malang), frozen=kind == "frozen") for kind in ("live", "frozen")}
    for one in made.values():
        async with unit_of_work(place.town.principal) as uow:
            await run_sql("UPDATE campaigns SET scheduled_at = now() + interval '1 hour' WHERE id = :c", c=one)
            await campaigns.start(uow, one)
    assert await planning.freeze_due(place.t, made["frozen"])
    assert not await planning.freeze_due(place.t, made["frozen"])
    assert not await planning.freeze_due(place.t, made["live"])
    await run_sql("UPDATE contacts SET city = 'Batu' WHERE id = :id", id=place.ids["Ani"])
    await run_sql("UPDATE contacts SET city = 'Malang' WHERE id = :id", id=place.ids["Citra"])
    for one in made.values():
        await planning.plan(place.t, one)
    assert await planned(made["live"]) == ["Budi", "Citra"]
    assert await planned(made["frozen"]) == ["Ani", "Budi"]
    async with system_unit_of_work() as uow:
        await planning.forget_members(uow)
        left = text("SELECT count(*) FROM campaign_members WHERE campaign_id = :c")
        assert (await uow.session.execute(left, {"c": made["frozen"]})).scalar_one() == 2
        await run_sql("UPDATE campaigns SET planned_at = now() - interval '2 days' WHERE id = :c", c=made["frozen"])
        assert await planning.forget_members(uow) >= 2
        assert (await uow.session.execute(left, {"c": made["frozen"]})).scalar_one() == 0


async def test_a_frozen_audience_is_forgotten_when_the_target_changes(place: Place) -> None:
    from wa_app.schemas.campaigns import CampaignUpdate

    await everybody(place)
    malang = await make(place)
    one = await campaign(place, segment_id=str(malang), frozen=True)
    async with unit_of_work(place.town.principal) as uow:
        await run_sql("UPDATE campaigns SET scheduled_at = now() + interval '1 hour' WHERE id = :c", c=one)
        await campaigns.start(uow, one)
        assert "campaign.freeze" in [job.actor for job in uow._jobs]
        uow._jobs.clear()
    await planning.freeze_due(place.t, one)
    async with unit_of_work(place.town.principal) as uow:
        await campaigns.update(uow, one, CampaignUpdate(target=Target(all=True, frozen=True)))
        assert "campaign.freeze" in [job.actor for job in uow._jobs]
        uow._jobs.clear()
    # The message is lost; the sweep finds it once it is old enough.
    await run_sql("UPDATE campaigns SET updated_at = now() - interval '1 minute' WHERE id = :c", c=one)
    async with system_unit_of_work() as uow:
        await campaigns.start_due(uow)
        assert ("campaign.freeze", str(one)) in [(job.actor, job.kwargs.get("campaign_id")) for job in uow._jobs]
        uow._jobs.clear()
    assert await planning.plan(place.t, one) == 3


async def test_a_segment_that_waits_for_a_campaign_cannot_be_deleted(place: Place) -> None:
    await everybody(place)
    malang = await make(place)
    one = await campaign(place, all=True, exclude_segment_ids=[str(malang)])
    async with unit_of_work(place.town.principal) as uow:
        assert (await segments.get(uow, malang)).campaigns == 1
        with pytest.raises(Conflict, match="segment_in_use"):
            await segments.remove(uow, malang)
        await campaigns.start(uow, one)
    assert await planning.plan(place.t, one) == 1
    async with unit_of_work(place.town.principal) as uow:
        await segments.remove(uow, malang)
        with pytest.raises(AppError) as refused:
            await campaigns.create(uow, CampaignCreate(name="Lagi", target=Target(segment_id=malang)))
    assert [one.code for one in refused.value.fields] == ["segment_unknown"]  # type: ignore[attr-defined]


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


async def test_needs_the_verbs(place: Place) -> None:
    reader = Principal(place.t, None, frozenset({"contacts.read"}))
    malang = await make(place)
    async with unit_of_work(reader) as uow:
        assert (await segments.get(uow, malang)).name == "Malang"
        for verb in (segments.remove, segments.restore, segments.duplicate):
            with pytest.raises(Forbidden):
                await verb(uow, malang)
        with pytest.raises(Forbidden):
            await segments.create(uow, SegmentCreate(name="x", rules=rules(CITY)))
    async with unit_of_work(Principal(place.t, None, frozenset())) as uow:
        for read in (segments.get, segments.counted):
            with pytest.raises(Forbidden):
                await read(uow, malang)
