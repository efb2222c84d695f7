"""The contacts noun on a real database: identities, tags, lists, bulk, undo, tenants apart."""

from collections.abc import AsyncIterator
from uuid import UUID

import pytest
from sqlalchemy import text

from tests.fixtures.tenants import make_tenant
from wa_app import db
from wa_app.config import Settings
from wa_app.db import system_unit_of_work, unit_of_work
from wa_app.errors import Conflict, Forbidden, Invalid, NotFound
from wa_app.kit.ids import new_id
from wa_app.models.people import IdentityKind
from wa_app.schemas.contacts import ContactCreate, ContactFilter, ContactUpdate, Selection, TagCreate, TagUpdate
from wa_app.schemas.principal import Principal
from wa_app.services import contacts, identities, tags

pytestmark = pytest.mark.asyncio


@pytest.fixture(autouse=True)
async def _connections(settings: Settings) -> AsyncIterator[None]:
    yield
    await db.dispose()


@pytest.fixture
async def me() -> Principal:
    return await make_tenant()


async def add(me: Principal, phone: str, name: str = "", *labels: str, **more: object) -> UUID:
    async with unit_of_work(me) as uow:
        data = ContactCreate(phone=phone, name=name, tags=list(labels), **more)
        return (await contacts.create(uow, data))[0].id


async def names(me: Principal, **where: object) -> list[str]:
    async with unit_of_work(me) as uow:
        return [row.name for row in (await contacts.list_(uow, ContactFilter(**where))).items]


async def test_creates_with_identities_tags_and_attributes(me: Principal) -> None:
    async with unit_of_work(me) as uow:
        data = ContactCreate(
            phone="0812-0000-3312", lid="99887766@lid", name=" Siti ", tags=["Reseller", "reseller", "kopi"],
            attributes={"poin": 12, "x": None}, time_zone="Asia/Makassar",
        )  # fmt: skip
        view, created = await contacts.create(uow, data)
    assert created
    assert (view.phone, view.name, view.attributes) == ("+6281200003312", "Siti", {"poin": 12})
    assert {(i.kind.value, i.value) for i in view.identities} == {("phone", "+6281200003312"), ("lid", "99887766")}
    assert [tag.name.lower() for tag in view.tags] == ["kopi", "reseller"]


async def test_refuses_bad_phones_and_takes_a_number_once(me: Principal) -> None:
    await add(me, "081200003312", "Siti")
    async with unit_of_work(me) as uow:
        with pytest.raises(Invalid) as bad:
            await contacts.create(uow, ContactCreate(phone="0812-00"))
        assert bad.value.fields[0].code == "phone_too_short"
        with pytest.raises(Invalid):
            await contacts.create(uow, ContactCreate(name="nobody"))
        with pytest.raises(Conflict, match="contact_exists"):
            await contacts.create(uow, ContactCreate(phone="+62 812 0000 3312"))
        view, created = await contacts.create(
            uow, ContactCreate(phone="6281200003312", city="Malang", tags=["vip"], upsert=True)
        )
    assert (created, view.name, view.city, view.tags[0].name) == (False, "Siti", "Malang", "vip")


async def test_search_finds_by_name_number_and_place(me: Principal) -> None:
    await add(me, "081200003312", "Siti Rahmawati", city="Bandung")
    await add(me, "081300004418", "José Álvarez", "vip")
    for query in (
        "siti",
        "RAHMA",
        "0812",
        "62812",
        "812000",
        "3312",
        "+62 812-0000-3312",
        "0812 0000",
        "6281200003312",
        "620812",
        "bandung siti",
    ):
        assert await names(me, q=query) == ["Siti Rahmawati"], query
    assert await names(me, q="jose alvarez") == ["José Álvarez"]
    assert await names(me, q="' | ! & :*") == []
    assert await names(me, q="tidak") == []
    assert len(await names(me)) == 2


async def test_filters_by_tag_and_source_and_pages_by_key(me: Principal) -> None:
    for n in range(5):
        await add(me, f"08120000331{n}", f"N{n}", "genap" if n % 2 == 0 else "ganjil")
    async with unit_of_work(me) as uow:
        ids = {tag.name: tag.id for tag in await tags.list_(uow)}
        assert {tag.name: tag.contacts for tag in await tags.list_(uow)} == {"ganjil": 2, "genap": 3}
        first = await contacts.list_(uow, limit=2)
        second = await contacts.list_(uow, cursor=first.next_cursor, limit=2)
        third = await contacts.list_(uow, cursor=second.next_cursor, limit=2)
        searched = await contacts.list_(uow, ContactFilter(q="N"), limit=2)
        rest = await contacts.list_(uow, ContactFilter(q="N"), cursor=searched.next_cursor, limit=9)
        even = await contacts.list_(uow, ContactFilter(tags=[ids["genap"]]), limit=2)
        last = await contacts.list_(uow, ContactFilter(tags=[ids["genap"]]), cursor=even.next_cursor)
        assert await contacts.sources(uow) == ["manual"]
        with pytest.raises(Invalid):
            await contacts.list_(uow, cursor="x")
    assert [row.name for page in (first, second, third) for row in page.items] == ["N4", "N3", "N2", "N1", "N0"]
    assert (first.total, first.total_is_estimate, third.next_cursor) == (5, False, None)
    assert [row.name for page in (searched, rest) for row in page.items] == ["N4", "N3", "N2", "N1", "N0"]
    assert [row.name for page in (even, last) for row in page.items] == ["N4", "N2", "N0"]
    assert await names(me, tags=list(ids.values())) == ["N4", "N3", "N2", "N1", "N0"]
    assert await names(me, q="N", tags=[ids["ganjil"]], source="manual") == ["N3", "N1"]
    assert await names(me, source="import") == []


async def test_updates_what_is_given(me: Principal) -> None:
    one = await add(me, "081200003312", "Siti", "a", attributes={"poin": 1, "kelas": "x"})
    other = await add(me, "081200003313", "Budi")
    async with unit_of_work(me) as uow:
        view = await contacts.update(
            uow, one, ContactUpdate(phone="081200003399", tags=["b"], attributes={"poin": 2, "kelas": None})
        )
        assert (view.name, view.phone, view.attributes) == ("Siti", "+6281200003399", {"poin": 2})
        assert [tag.name for tag in view.tags] == ["b"]
        with pytest.raises(Conflict):
            await contacts.update(uow, one, ContactUpdate(phone="081200003313"))
        with pytest.raises(Invalid):
            await contacts.update(uow, one, ContactUpdate(time_zone="Mars/Base"))
    assert await names(me, q="3399") == ["Siti"]
    assert await names(me, q="3312") == []
    assert other


async def test_deleting_can_be_undone_and_the_number_comes_back(me: Principal) -> None:
    ids = [await add(me, f"08120000331{n}", f"N{n}", "vip") for n in range(3)]
    async with unit_of_work(me) as uow:
        count, moment = await contacts.delete(uow, Selection(filter=ContactFilter(q="N")))
        assert count == 3
        with pytest.raises(NotFound):
            await contacts.get(uow, ids[0])
    assert await names(me) == []
    async with unit_of_work(me) as uow:
        view, created = await contacts.create(uow, ContactCreate(phone="081200003310", name="Baru"))
        assert (view.id, created, view.tags) == (ids[0], True, [])
        assert await contacts.restore(uow, moment=moment) == 2
    assert await names(me) == ["N2", "N1", "Baru"]
    async with unit_of_work(me) as uow:
        assert (await contacts.delete(uow, Selection(ids=[ids[1]])))[0] == 1
        taken = await contacts.update(uow, ids[2], ContactUpdate(phone="081200003311"))
        assert taken.phone == "+6281200003311"
        assert await contacts.restore(uow, ids=[ids[1]]) == 1
        assert (await contacts.get(uow, ids[1])).phone is None


async def test_bulk_tags_by_filter(me: Principal) -> None:
    for n in range(3):
        await add(me, f"08120000331{n}", f"N{n}")
    async with unit_of_work(me) as uow:
        everybody = Selection(filter=ContactFilter())
        assert await contacts.count(uow, everybody) == 3
        assert await contacts.tag(uow, everybody, ["promo", "PROMO"]) == 3
        assert await contacts.tag(uow, everybody, ["promo"]) == 0
        promo = (await tags.list_(uow))[0]
        assert await contacts.untag(uow, Selection(filter=ContactFilter(q="N1")), [promo.id]) == 1
        renamed = await tags.update(uow, promo.id, TagUpdate(name="Promo", color="rose"))
        assert (renamed.name, renamed.color) == ("Promo", "rose")
        with pytest.raises(Invalid):
            await tags.update(uow, promo.id, TagUpdate(color="#123456"))
        with pytest.raises(Conflict):
            await tags.create(uow, TagCreate(name="pROMO"))
        await tags.remove(uow, promo.id)
        assert await tags.list_(uow) == []
        assert await contacts.count(uow, everybody) == 3


async def test_export_is_safe_and_covers_the_filter(me: Principal) -> None:
    await add(me, "081200003312", '=HYPERLINK("http://x")', "vip", attributes={"poin": 3})
    await add(me, "081200003313", "Budi")
    whole = b"".join([part async for part in contacts.export_csv(me, ContactFilter())]).decode("utf-8-sig")
    lines = whole.splitlines()
    assert lines[0] == "name,phone,city,tags,source,created_at,poin"
    assert lines[1].startswith("Budi,'+6281200003313,,,manual,")
    assert lines[2].startswith('"\'=HYPERLINK(""http://x"")",')
    assert lines[2].endswith(",3")
    some = b"".join([part async for part in contacts.export_csv(me, ContactFilter(q="budi"))]).decode("utf-8-sig")
    assert len(some.splitlines()) == 2


async def test_other_tenants_find_nothing(me: Principal) -> None:
    mine = await add(me, "081200003312", "Siti", "vip")
    stranger = await make_tenant()
    async with unit_of_work(me) as uow:
        tag_id = (await tags.list_(uow))[0].id
        key = await identities.tenant_key(uow)
    async with unit_of_work(stranger) as uow:
        assert await identities.tenant_key(uow) != key
        assert await identities.find_contact(uow, IdentityKind.PHONE, "+6281200003312") is None
        for call in (
            contacts.get(uow, mine),
            contacts.update(uow, mine, ContactUpdate(name="x")),
            tags.update(uow, tag_id, TagUpdate(name="x")),
            tags.remove(uow, tag_id),
        ):
            with pytest.raises(NotFound):
                await call
        selection = Selection(ids=[mine, new_id()])
        assert (await contacts.delete(uow, selection))[0] == 0
        assert await contacts.tag(uow, selection, ["a"]) == 0
        assert await contacts.restore(uow, ids=[mine]) == 0
        assert (await contacts.list_(uow, ContactFilter(q="siti"))).items == []
        assert (await contacts.list_(uow, ContactFilter(tags=[tag_id]))).items == []
        view, created = await contacts.create(uow, ContactCreate(phone="081200003312", name="Lain"))
        assert created
        assert view.id != mine
    assert await names(me) == ["Siti"]


async def test_every_verb_is_checked(me: Principal) -> None:
    mine = await add(me, "081200003312", "Siti")
    weak = Principal(me.tenant_id, None, frozenset({"contacts.read"}))
    async with unit_of_work(weak) as uow:
        assert (await contacts.get(uow, mine)).name == "Siti"
        for call in (
            contacts.create(uow, ContactCreate(phone="081200003313")),
            contacts.update(uow, mine, ContactUpdate(name="x")),
            contacts.delete(uow, Selection(ids=[mine])),
            contacts.tag(uow, Selection(ids=[mine]), ["a"]),
        ):
            with pytest.raises(Forbidden):
                await call
    with pytest.raises(Forbidden):
        async for _ in contacts.export_csv(weak, ContactFilter()):
            pass


async def test_validates_phones_for_forms(me: Principal) -> None:
    async with unit_of_work(me) as uow:
        good = await contacts.validate_phone(uow, "0812-0000-3312")
        bad = await contacts.validate_phone(uow, "6.28E+12")
        with pytest.raises(Invalid):
            await contacts.validate_phone(uow, "1", "XX")
    assert good == {
        "valid": True, "phone": "+6281200003312", "display": "+62 812-0000-3312", "region": "ID", "code": None,
    }  # fmt: skip
    assert (bad["valid"], bad["code"]) == (False, "phone_scientific")


async def test_purge_removes_what_can_no_longer_be_undone(me: Principal) -> None:
    old, fresh = await add(me, "081200003312", "Lama", "vip"), await add(me, "081200003313", "Baru")
    async with unit_of_work(me) as uow:
        await contacts.delete(uow, Selection(ids=[old, fresh]))
    async with system_unit_of_work() as uow:
        await uow.session.execute(
            text("UPDATE contacts SET deleted_at = now() - interval '31 days' WHERE id = :id"), {"id": old}
        )
        assert await contacts.purge(uow) >= 1
    async with unit_of_work(me) as uow:
        assert await contacts.restore(uow, ids=[old, fresh]) == 1
        assert await identities.find_contact(uow, IdentityKind.PHONE, "+6281200003312") is None


async def test_big_lists_are_counted_by_estimate(me: Principal) -> None:
    async with unit_of_work(me) as uow:
        await uow.session.execute(
            text(
                "INSERT INTO contacts (tenant_id, name, phone, search_text) SELECT :t, 'Orang ' || n, "
                "'+62812' || lpad(n::text, 8, '0'), 'orang ' || n FROM generate_series(1, 12000) n"
            ),
            {"t": me.tenant_id},
        )
    async with unit_of_work(me) as uow:
        page = await contacts.list_(uow)
        searched = await contacts.list_(uow, ContactFilter(q="orang"))
    assert (page.total_is_estimate, page.total >= 10_000) == (True, True)
    assert (searched.total, searched.total_is_estimate) == (10_000, True)


HOT = {
    "list": "SELECT c.id FROM contacts c WHERE c.tenant_id = :t AND c.deleted_at IS NULL AND c.id < :id "
    "ORDER BY c.id DESC LIMIT 51",
    "tagged": "SELECT c.id FROM contact_tags ct JOIN contacts c ON c.tenant_id = ct.tenant_id AND c.id = ct.contact_id "
    "WHERE ct.tenant_id = :t AND ct.tag_id = :id AND c.deleted_at IS NULL ORDER BY ct.contact_id DESC LIMIT 51",
    "identity": "SELECT contact_id FROM contact_identities WHERE tenant_id = :t AND kind = 'phone' AND value = '+628'",
    "tags of": "SELECT ct.tag_id FROM contact_tags ct WHERE ct.tenant_id = :t AND ct.contact_id = :id",
}


async def test_hot_queries_reach_an_index_under_row_level_security(me: Principal) -> None:
    other = await make_tenant()
    fill = text(
        "WITH made AS (INSERT INTO contacts (tenant_id, name, phone, search_text) SELECT :t, 'Orang', "
        "'+62813' || lpad(n::text, 8, '0'), 'orang' FROM generate_series(1, 20000) n RETURNING id, phone) "
        "INSERT INTO contact_identities (tenant_id, contact_id, kind, value, hash) "
        "SELECT :t, id, 'phone', phone, sha256(phone::bytea) FROM made"
    )
    for one in (other, me):
        async with unit_of_work(one) as uow:
            await uow.session.execute(fill, {"t": one.tenant_id})
    async with unit_of_work(me) as uow:
        for name, query in HOT.items():
            plan = (await uow.session.execute(text("EXPLAIN " + query), {"t": me.tenant_id, "id": new_id()})).scalars()
            words = "\n".join(plan)
            assert "Seq Scan" not in words, f"{name}:\n{words}"
            assert "Index" in words, name
