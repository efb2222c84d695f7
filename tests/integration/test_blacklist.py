"""The list of people not to be written to: aliases, many at once, files in and out, people whom WhatsApp does not know."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from tests.fixtures.api import Signed
from tests.fixtures.audience import make_town
from wa_app import db
from wa_app.config import Settings
from wa_app.db import system_unit_of_work, unit_of_work
from wa_app.errors import Forbidden, NotFound
from wa_app.kit.ids import new_id
from wa_app.models.people import IdentityKind, SuppressionReason, SuppressionScope
from wa_app.schemas.blacklist import BlacklistAdd, BlacklistFilter, BlacklistImport, BlacklistMany, IdentityInput
from wa_app.schemas.contacts import ContactCreate, ImportView
from wa_app.schemas.principal import Principal
from wa_app.services import blacklist, contacts, files, identities, imports
from wa_app.services.blacklist import blocking
from wa_app.services.imports import blacklist as importing
from wa_app.services.imports import prepare, running


@pytest.fixture(autouse=True)
async def _connections(settings: Settings) -> AsyncIterator[None]:
    yield
    await db.dispose()


@pytest.fixture
def me(signed: Signed) -> Principal:
    return signed.principal


async def entries(me: Principal, **where: Any) -> list[Any]:
    async with unit_of_work(me) as uow:
        return (await blacklist.list_(uow, BlacklistFilter(**where), limit=200))[0]


async def put(me: Principal, body: str, name: str = "jangan.csv") -> UUID:
    async def chunks() -> AsyncIterator[bytes]:
        yield body.encode()

    return (await files.store(me, name, chunks())).id


async def brought_in(me: Principal, body: str, **options: Any) -> ImportView:
    data = BlacklistImport(file_id=await put(me, body), **options)
    async with unit_of_work(me) as uow:
        job = await importing.request(uow, data)
    await imports.run(me, job.id)
    async with unit_of_work(me) as uow:
        return await imports.get(uow, job.id)


async def person(me: Principal, phone: str, lid: str | None = None, name: str = "Sari") -> UUID:
    async with unit_of_work(me) as uow:
        return (await contacts.create(uow, ContactCreate(phone=phone, lid=lid, name=name)))[0].id


async def test_many_numbers_at_once_with_all_aliases(me: Principal) -> None:
    await person(me, "+6281200003312", "99887766554433")
    async with unit_of_work(me) as uow:
        done = await blacklist.add_many(uow, BlacklistMany(
            phones=["0812-0000-3312", "+62 813 0000 418 2", "abc", " ", "081200003312"], note="=cmd()",
        ))  # fmt: skip
    assert (done.added, done.already, [one.value for one in done.refused]) == (2, 0, ["abc"])
    assert sorted(one.kind for one in await entries(me)) == ["lid", "phone", "phone"]
    async with unit_of_work(me) as uow:
        again = await blacklist.add_many(uow, BlacklistMany(phones=["081200003312"], scope=SuppressionScope.ALL))
    assert (again.added, again.changed, again.already) == (0, 1, 0)
    assert [(one.value, one.scope) for one in await entries(me, q="0812 0000 3312")] == [("+6281…312", "all")]
    assert [one.kind for one in await entries(me, q="99887766554433")] == ["lid"]
    found = (await entries(me, q="0812 0000 3312"))[0]
    assert (found.contact_name, found.created_by_name, found.source) == ("Sari", "Sari", "manual")


async def test_filters_and_paging(me: Principal) -> None:
    numbers = [f"08120000{n:04d}" for n in range(1, 61)]
    async with unit_of_work(me) as uow:
        await blacklist.add_many(uow, BlacklistMany(phones=numbers[:40], reason=SuppressionReason.SPAM_REPORT))
        await blacklist.add_many(uow, BlacklistMany(phones=numbers[40:], scope=SuppressionScope.ALL))
        seen: list[UUID] = []
        after, more = None, True
        while more:
            rows, more, total = await blacklist.list_(uow, BlacklistFilter(), after=after, limit=25)
            seen += [row.id for row in rows]
            after = rows[-1].id
        assert total == 60
        assert len(set(seen)) == 60
        assert seen == sorted(seen, reverse=True)
    assert len(await entries(me, reason="SPAM_REPORT")) == 40
    assert len(await entries(me, scope="all")) == 20
    assert len(await entries(me, reason="SPAM_REPORT", scope="all")) == 0


async def test_taking_one_alias_off_takes_off_the_person(me: Principal) -> None:
    await person(me, "+6281200003312", "99887766554433")
    async with unit_of_work(me) as uow:
        await blacklist.add(uow, BlacklistAdd(identity=IdentityInput(kind=IdentityKind.LID, value="99887766554433")))
    rows = await entries(me)
    assert len(rows) == 2
    async with unit_of_work(me) as uow:
        assert await blacklist.remove(uow, str(rows[0].id)) == 2
        with pytest.raises(NotFound):
            await blacklist.remove(uow, str(rows[0].id))
        verbs = (await uow.session.execute(text("SELECT verb, detail FROM audit_log ORDER BY id"))).all()
    assert verbs[-1].verb == "blacklist.remove"
    assert verbs[-1].detail["entries"] == 2


FILE = (
    "Nama;Nomor WA;Alasan;Catatan\n"
    "Siti;0812-0000-3312;spam_report;marah\n"
    "Budi;62813 0000 4182;;\n"
    "Budi lagi;081300004182;;\n"
    "Rusak;0812-00;;\n"
    "Baru;+62 877 0000 1234;keliru;=HYPERLINK()\n"
)


async def test_a_file_comes_in_with_reasons_notes_and_row_errors(me: Principal) -> None:
    contact_id = await person(me, "+6281200003312", "99887766554433")
    view = await brought_in(me, FILE, reason="MANUAL", note="dari toko lama")
    assert view.kind == "blacklist"
    assert (view.status, view.total, view.created, view.skipped, view.failed) == ("done", 5, 3, 1, 1)
    found = {(one.kind.value, one.value): one for one in await entries(me)}
    assert {key[0] for key in found} == {"phone", "lid"}
    siti, budi, new = (found["phone", value] for value in ("+6281…312", "+6281…182", "+6287…234"))
    assert (siti.reason, siti.note, siti.source) == ("SPAM_REPORT", "marah", "import")
    assert (budi.reason, budi.note) == ("MANUAL", "dari toko lama")
    assert (new.reason, new.note) == ("MANUAL", "=HYPERLINK()")
    async with unit_of_work(me) as uow:
        consents = await contacts.consents(uow, contact_id)
    assert [(one.kind, one.evidence.startswith("jangan.csv")) for one in consents] == [("opt_out", True)]
    errors = b"".join([part async for part in imports.errors_csv(me, view.id)]).decode("utf-8-sig")
    assert "5,Nomor WA,0812-00," in errors

    again = await brought_in(me, FILE, scope="all")
    assert (again.created, again.updated, again.skipped) == (0, 3, 1)
    assert {one.scope for one in await entries(me)} == {SuppressionScope.ALL}


async def test_a_dry_run_counts_and_writes_nothing(me: Principal) -> None:
    async with unit_of_work(me) as uow:
        await blacklist.add(uow, BlacklistAdd(phone="081300004182"))
    view = await brought_in(me, FILE, dry_run=True)
    assert (view.status, view.created, view.skipped, view.failed) == ("done", 2, 2, 1)
    assert len(await entries(me)) == 1
    async with unit_of_work(me) as uow:
        assert await importing.recent(uow) == []


async def test_an_import_that_dies_is_resumed(me: Principal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepare, "CHUNK_ROWS", 20)
    monkeypatch.setattr(running, "ABREAST", 1)
    body = "nomor\n" + "".join(f"0812000{n:05d}\n" for n in range(100, 200))
    file_id = await put(me, body)
    async with unit_of_work(me) as uow:
        job = await importing.request(uow, BlacklistImport(file_id=file_id))
    real = running._step
    steps: list[int] = []

    async def die(*args: Any) -> None:
        await real(*args)
        steps.append(1)
        if len(steps) == 3:
            raise ConnectionError("killed")

    monkeypatch.setattr(running, "_step", die)
    with pytest.raises(ExceptionGroup):
        await imports.run(me, job.id)
    monkeypatch.setattr(running, "_step", real)
    assert len(await entries(me)) == 40, "the chunk that died is not there"
    async with system_unit_of_work() as uow:
        await uow.session.execute(text("UPDATE import_jobs SET lease_until = now() - interval '1 second'"))
    await imports.run(me, job.id)
    async with unit_of_work(me) as uow:
        view = await imports.get(uow, job.id)
    assert (view.status, view.created, view.processed) == ("done", 100, 100)
    assert len(await entries(me)) == 100


async def test_the_export_disarms_formulas_and_keeps_no_number(me: Principal) -> None:
    await person(me, "+6281200003312", name="=SUM(A1)")
    async with unit_of_work(me) as uow:
        await blacklist.add(uow, BlacklistAdd(phone="081200003312", note="@evil"))
    body = b"".join([part async for part in blacklist.export_csv(me, BlacklistFilter())]).decode("utf-8-sig")
    lines = body.splitlines()
    assert lines[0].startswith("identity,value,contact,scope,reason,source")
    assert len(lines) == 2
    assert "'=SUM(A1)" in lines[1]
    assert "'@evil" in lines[1]
    assert "81200003312" not in body


async def test_masks_of_sql_and_python_agree(me: Principal) -> None:
    pairs = [(IdentityKind.PHONE, "+6281200003312"), (IdentityKind.PHONE, "+12345678"), (IdentityKind.LID, "99887766554433")]
    expression = blocking.MASKED.format(kind="CAST(:kind AS text)", value="CAST(:value AS text)")
    async with unit_of_work(me) as uow:
        for kind, value in pairs:
            made = await uow.session.scalar(text(f"SELECT {expression}"), {"kind": kind.value, "value": value})
            assert made == identities.masked(kind, value)


async def test_people_whom_whatsapp_does_not_know_are_offered(me: Principal) -> None:
    one, two = await person(me, "+6281200000011"), await person(me, "+6281200000021")
    rows = (
        "INSERT INTO outbound_messages (id, tenant_id, kind, state, error_code, dedupe_key, contact_id, identity_kind, "
        "identity_value) VALUES (:id, :t, 'campaign', 'failed', :code, :key, :c, 'phone', :v)"
    )
    async with unit_of_work(me) as uow:
        for contact, value, code in ((one, "+6281200000011", "contact_unusable"), (two, "+6281200000021", "not_sent")):
            await uow.session.execute(text(rows), {
                "id": new_id(), "t": me.tenant_id, "code": code, "key": value, "c": contact, "v": value,
            })  # fmt: skip
        assert [found.contact_id for found in await blacklist.unreachable(uow)] == [one]
        assert (await blacklist.add_unreachable(uow)).added == 1
        assert await blacklist.unreachable(uow) == []
    assert [(found.reason, found.source) for found in await entries(me)] == [("BOUNCE", "delivery")]


async def test_the_calls_of_the_api(client: httpx.AsyncClient, other: Signed, me: Principal) -> None:
    made = await client.post("/api/v1/blacklist", json={"phone": "081200003312", "reason": "UNSUBSCRIBE"})
    assert (made.status_code, made.json()["value"]) == (201, "+6281…312")
    many = await client.post("/api/v1/blacklist/bulk", json={"phones": ["081300004182", "x"]})
    assert many.json() | {"refused": []} == {"added": 1, "changed": 0, "already": 0, "refused": []}
    listed = (await client.get("/api/v1/blacklist", params={"reason": "UNSUBSCRIBE"})).json()
    assert listed["total"] == 1
    exported = await client.get("/api/v1/blacklist/export")
    assert exported.headers["content-type"].startswith("text/csv")
    assert len(exported.text.splitlines()) == 3
    file_id = str(await put(me, FILE))
    job = await client.post("/api/v1/blacklist/import", json={"file_id": file_id})
    assert (job.status_code, job.json()["kind"]) == (202, "blacklist")
    wrong = await client.post("/api/v1/blacklist/import", json={"file_id": file_id, "column": "nope"})
    assert wrong.json()["errors"][0]["field"] == "column"
    foreign = await client.post("/api/v1/blacklist/import", json={"file_id": str(await put(other.principal, FILE))})
    assert foreign.status_code == 404
    assert (await client.delete("/api/v1/blacklist/081200003312")).status_code == 204


async def test_who_may_only_read_adds_nobody(me: Principal) -> None:
    town = await make_town()
    reader = Principal(town.tenant_id, None, frozenset({"blacklist.read", "contacts.import"}))
    async with unit_of_work(reader) as uow:
        assert (await blacklist.list_(uow))[2] == 0
        for verb in (
            blacklist.add(uow, BlacklistAdd(phone="081200003312")),
            blacklist.add_many(uow, BlacklistMany(phones=["081200003312"])),
            blacklist.add_unreachable(uow),
            importing.request(uow, BlacklistImport(file_id=new_id())),
        ):
            with pytest.raises(Forbidden):
                await verb
