"""What segments are used for: lists, campaigns, frozen audiences, rights."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from tests.fixtures.audience import make_town
from tests.fixtures.segment_places import (
    Place,
    campaign,
    made_place,
    planned,
    rules,
    run_sql,
)
from wa_app.db import system_unit_of_work, unit_of_work
from wa_app.errors import AppError, Conflict, Forbidden, Invalid, NotFound
from wa_app.kit.ids import new_id
from wa_app.schemas.campaigns import CampaignCreate, Target
from wa_app.schemas.contacts import ContactFilter, Selection
from wa_app.schemas.principal import Principal
from wa_app.schemas.segments import SegmentCreate, SegmentUpdate
from wa_app.sending import audience, planning
from wa_app.services import campaigns, contacts, segments, tags

pytestmark = pytest.mark.usefixtures("settings")


@pytest.fixture
async def place() -> Place:
    return await made_place()


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
