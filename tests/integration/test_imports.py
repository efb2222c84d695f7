"""Imports on a real database: what comes in, what is refused, crashes, cancelling, limits, tenants apart."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from tests.fixtures.tenants import add_file, make_tenant
from wa_app import db
from wa_app.config import Settings, get_settings
from wa_app.db import system_unit_of_work, unit_of_work
from wa_app.errors import Conflict, Forbidden, Invalid, NotFound
from wa_app.kit.ids import new_id
from wa_app.schemas.contacts import ContactCreate, ContactFilter, ImportRequest, ImportView, Selection
from wa_app.schemas.principal import Principal
from wa_app.services import contacts, imports
from wa_app.services.imports import prepare, running

HEAD = "nama_lengkap;No HP / WA;Kota;kategori;Terakhir belanja;Total belanja;surel\n"
FILE = HEAD + (
    "Siti Rahmawati;0812-0000-3312;Bandung;reseller; 14/10/2026;Rp 1.250.000;siti@contoh.id\n"
    'Bambang;62813 0000 418;Sleman;"batik; kopi";31/02/2026;Rp 385.000;bukan surel\n'
    "Ganda;+62 812 0000 3312;;;;;\n"
    "Yusuf;0812-00;;;;;\n"
    "Ayu;6.28E+12;;;;;\n"
)


@pytest.fixture(autouse=True)
async def _connections(settings: Settings) -> AsyncIterator[None]:
    yield
    await db.dispose()


@pytest.fixture
async def me() -> Principal:
    return await make_tenant()


@pytest.fixture
def put(me: Principal) -> Callable[..., Any]:
    async def store(content: str | bytes, name: str = "pelanggan.csv", owner: Principal = me) -> UUID:
        folder = get_settings().data / "files"
        folder.mkdir(parents=True, exist_ok=True)
        key = str(new_id())
        body = content.encode() if isinstance(content, str) else content
        (folder / key).write_bytes(body)
        return await add_file(owner, name, key, len(body))

    return store


async def start(me: Principal, file_id: UUID, **options: Any) -> UUID:
    async with unit_of_work(me) as uow:
        return (await imports.request(uow, ImportRequest(file_id=file_id, **options))).id


async def done(me: Principal, file_id: UUID, **options: Any) -> ImportView:
    job_id = await start(me, file_id, **options)
    await imports.run(me, job_id)
    return await status(me, job_id)


async def status(me: Principal, job_id: UUID) -> ImportView:
    async with unit_of_work(me) as uow:
        return await imports.get(uow, job_id)


def counts(view: ImportView) -> tuple[int | None, ...]:
    return (view.total, view.processed, view.created, view.updated, view.skipped, view.failed)


async def people(me: Principal) -> dict[str, Any]:
    async with unit_of_work(me) as uow:
        return {row.phone: row for row in (await contacts.list_(uow, limit=200)).items}


async def errors(me: Principal, job_id: UUID) -> list[str]:
    whole = b"".join([part async for part in imports.errors_csv(me, job_id)])
    return whole.decode("utf-8-sig").splitlines()


async def test_brings_in_people_and_says_what_it_left_out(me: Principal, put: Callable[..., Any]) -> None:
    view = await done(me, await put(FILE), tags=["Pameran"], consent=True)
    assert (view.status, counts(view)) == ("done", (5, 5, 2, 0, 1, 2))
    assert (view.duplicates, view.warnings) == (1, 2)
    found = await people(me)
    siti, bambang = found["+6281200003312"], found["+628130000418"]
    assert (siti.name, siti.city, siti.source) == ("Siti Rahmawati", "Bandung", "import")
    assert siti.attributes == {"terakhir_belanja": "2026-10-14", "total_belanja": 1250000, "email": "siti@contoh.id"}
    assert [tag.name for tag in bambang.tags] == ["batik", "kopi", "Pameran"]
    assert bambang.attributes == {"total_belanja": 385000}
    assert (await errors(me, view.id))[1:] == [
        "3,Terakhir belanja,31/02/2026,value_not_date",
        "3,surel,bukan surel,value_not_email",
        "5,No HP / WA,0812-00,phone_too_short",
        "6,No HP / WA,6.28E+12,phone_scientific",
    ]
    async with unit_of_work(me) as uow:
        assert [row.name for row in (await contacts.list_(uow, ContactFilter(q="3312 siti"))).items] == [
            "Siti Rahmawati"
        ]
        assert (await contacts.consents(uow, siti.id))[0].source == "import"
        assert [job.id for job in await imports.recent(uow)] == [view.id]


@pytest.mark.parametrize(
    ("mode", "created", "updated", "skipped", "name", "city", "poin", "tagged"),
    [
        ("skip", 1, 0, 2, "Siti", "", "1", False),
        ("fill", 1, 1, 1, "Siti", "Malang", "1", True),
        ("update", 1, 1, 1, "Siti R", "Malang", "2", True),
    ],
)
async def test_known_people(
    me: Principal, put: Callable[..., Any], mode: str, created: int, updated: int, skipped: int, name: str, city: str,
    poin: str, tagged: bool,
) -> None:  # fmt: skip
    async with unit_of_work(me) as uow:
        await contacts.create(uow, ContactCreate(phone="081200003312", name="Siti", attributes={"poin": "1"}))
        same = ContactCreate(phone="081200003313", name="Budi", city="Kota", tags=["b"], attributes={"poin": "5"})
        await contacts.create(uow, same)
    body = "nama,hp,kota,poin\nSiti R,081200003312,Malang,2\nBudi,081200003313,Kota,5\nBaru,081200003314,,\n"
    view = await done(me, await put(body), on_duplicate=mode, tags=["b"], mapping=MAPPING)
    assert counts(view) == (3, 3, created, updated, skipped, 0)
    siti = (await people(me))["+6281200003312"]
    assert (siti.name, siti.city, siti.attributes["poin"]) == (name, city, poin)
    assert bool(siti.tags) is tagged


MAPPING = {"nama": "name", "hp": "phone", "kota": "city", "poin": "attribute:poin"}


async def test_deleted_people_come_back_as_new(me: Principal, put: Callable[..., Any]) -> None:
    async with unit_of_work(me) as uow:
        old, _ = await contacts.create(uow, ContactCreate(phone="081200003312", name="Lama", tags=["lama"]))
        await contacts.delete(uow, Selection(ids=[old.id]))
    view = await done(me, await put("nama,hp\nBaru,081200003312\n"), tags=["baru"])
    assert counts(view) == (1, 1, 1, 0, 0, 0)
    found = (await people(me))["+6281200003312"]
    assert (found.id, found.name, [tag.name for tag in found.tags]) == (old.id, "Baru", ["baru"])


async def test_dry_run_counts_and_writes_nothing(me: Principal, put: Callable[..., Any]) -> None:
    async with unit_of_work(me) as uow:
        await contacts.create(uow, ContactCreate(phone="081200003312"))
    view = await done(me, await put(FILE), dry_run=True, on_duplicate="update", tags=["x"])
    assert (view.status, counts(view)) == ("done", (5, 5, 1, 1, 1, 2))
    assert len(await people(me)) == 1
    assert len(await errors(me, view.id)) == 5
    async with unit_of_work(me) as uow:
        assert await imports.recent(uow) == []


async def test_analysis_and_preview_show_the_consequences(me: Principal, put: Callable[..., Any]) -> None:
    file_id = await put(FILE)
    async with unit_of_work(me) as uow:
        await contacts.create(uow, ContactCreate(phone="08130000418", tags=["Kopi"]))
        found = await imports.analyse(uow, ImportRequest(file_id=file_id))
        mapping = {column.name: column.target for column in found.columns}
        shown = await imports.preview(uow, ImportRequest(file_id=file_id, mapping=mapping))
    assert (found.encoding, found.delimiter, found.has_header) == ("utf-8", ";", True)
    assert mapping == {
        "nama_lengkap": "name", "No HP / WA": "phone", "Kota": "city", "kategori": "tags",
        "Terakhir belanja": "attribute:terakhir_belanja:date_dmy", "Total belanja": "attribute:total_belanja:number",
        "surel": "email",
    }  # fmt: skip
    assert (shown.rows, shown.is_whole, shown.new, shown.existing) == (5, True, 1, 1)
    assert (shown.duplicates, shown.failed, shown.warnings) == (1, 2, 2)
    assert shown.new_tags == ["reseller", "batik"]
    assert (shown.columns["Kota"], shown.columns["Terakhir belanja"]) == (2, 1)
    assert [(s.raw_phone, s.phone) for s in shown.samples[:1]] == [("0812-0000-3312", "+6281200003312")]
    assert [(s.row, s.code) for s in shown.errors][-1] == (6, "phone_scientific")


async def test_bad_files_and_mappings_are_refused_in_words(me: Principal, put: Callable[..., Any]) -> None:
    picture = await put(b"\x89PNG\r\n\x1a\n" + bytes(200))
    good = await put("nama,hp\nSiti,081200003312\n")
    cases: list[tuple[ImportRequest, str]] = [
        (ImportRequest(file_id=picture), "table_is_picture"),
        (ImportRequest(file_id=await put("nama,kota\nSiti,Malang\n")), "mapping_needs_phone"),
        (ImportRequest(file_id=good, mapping={"hp": "phone", "x": "name"}), "mapping_no_column"),
        (ImportRequest(file_id=good, mapping={"hp": "phone", "nama": "foo"}), "mapping_unknown_field"),
        (ImportRequest(file_id=good, mapping={"hp": "phone", "nama": "phone"}), "mapping_twice"),
        (ImportRequest(file_id=good, region="XX"), "region_unknown"),
    ]
    for request, code in cases:
        async with unit_of_work(me) as uow:
            with pytest.raises(Invalid) as refused:
                await imports.request(uow, request)
        assert refused.value.fields[0].code == code
    assert await people(me) == {}


async def test_a_file_that_breaks_at_its_end_changes_nothing(me: Principal, put: Callable[..., Any]) -> None:
    body = "nama,hp\n" + "".join(f"N{n},0812{n:08}\n" for n in range(500)) + 'X,"0812\n' + "y,1\n" * 300
    view = await done(me, await put(body))
    assert (view.status, view.error_code, view.error_args) == ("failed", "table_quote_open", {"row": 502})
    assert await people(me) == {}


async def test_too_many_tags_are_taken_for_a_wrong_column(me: Principal, put: Callable[..., Any]) -> None:
    body = "hp,tag\n" + "".join(f"0812{n:08},tag {n}\n" for n in range(400))
    view = await done(me, await put(body))
    assert (view.status, view.error_code) == ("failed", "import_too_many_tags")


async def test_fifty_thousand_wrong_rows(me: Principal, put: Callable[..., Any]) -> None:
    body = "nama,hp\n" + "".join(f"N{n},0812-{n % 10}\n" for n in range(50_000)) + "Siti,081200003312\n"
    view = await done(me, await put(body))
    assert (view.status, counts(view)) == ("done", (50_001, 50_001, 1, 0, 0, 50_000))
    lines = await errors(me, view.id)
    assert len(lines) == 50_001
    assert lines[-1] == "50001,hp,0812-9,phone_too_short"


def rows(count: int) -> str:
    return "nama,hp,kota\n" + "".join(f"Orang {n},0812{n:08},Malang\n" for n in range(count))


async def expire_lease(job_id: UUID) -> None:
    async with system_unit_of_work() as uow:
        await uow.session.execute(
            text("UPDATE import_jobs SET lease_until = now() - interval '1 second' WHERE id = :id"), {"id": job_id}
        )


@pytest.mark.parametrize("is_spool_lost", [False, True])
async def test_a_run_that_dies_is_resumed_without_duplicates(
    me: Principal, put: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, is_spool_lost: bool
) -> None:
    monkeypatch.setattr(prepare, "CHUNK_ROWS", 100)
    monkeypatch.setattr(running, "ABREAST", 1)
    job_id = await start(me, await put(rows(350)), tags=["batch"])
    real_step = running._step

    async def die_in_the_third(*args: Any) -> None:
        if (await real_step(*args)) is None and args[1].stop.is_set():
            raise ConnectionError("killed")
        steps.append(1)
        if len(steps) == 2:
            args[1].stop.set()

    steps: list[int] = []
    monkeypatch.setattr(running, "_step", die_in_the_third)
    with pytest.raises(ExceptionGroup, match="unhandled"):
        await imports.run(me, job_id)
    monkeypatch.setattr(running, "_step", real_step)
    halfway = await status(me, job_id)
    assert (halfway.status, halfway.created, halfway.processed) == ("running", 200, 200)

    await imports.run(me, job_id)
    assert (await status(me, job_id)).created == 200, "the lease is still held"
    await expire_lease(job_id)
    if is_spool_lost:
        for file in (get_settings().data / "imports" / str(job_id)).iterdir():
            file.unlink()
    async with system_unit_of_work() as uow:
        await uow.session.execute(text("UPDATE import_jobs SET created_at = now() - interval '1 minute'"))
        assert await imports.wake(uow) >= 1
    await imports.run(me, job_id)
    view = await status(me, job_id)
    assert (view.status, counts(view)) == ("done", (350, 350, 350, 0, 0, 0))
    async with unit_of_work(me) as uow:
        assert await contacts.count(uow, Selection(filter=ContactFilter())) == 350
        tagged = (await uow.session.execute(text("SELECT count(*) FROM contact_tags"))).scalar_one()
    assert tagged == 350
    assert not (get_settings().data / "imports" / str(job_id)).exists()


async def test_cancelling_stops_at_the_next_chunk(
    me: Principal, put: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prepare, "CHUNK_ROWS", 100)
    monkeypatch.setattr(running, "ABREAST", 1)
    job_id = await start(me, await put(rows(350)))
    real = running._merge_chunk

    async def cancel_after_first(this: Any, number: int, *args: Any) -> None:
        await real(this, number, *args)
        if number == 0:
            async with unit_of_work(me) as uow:
                await imports.cancel(uow, job_id)

    monkeypatch.setattr(running, "_merge_chunk", cancel_after_first)
    await imports.run(me, job_id)
    view = await status(me, job_id)
    assert (view.status, view.created, len(await people(me))) == ("cancelled", 100, 100)
    async with unit_of_work(me) as uow:
        with pytest.raises(Conflict):
            await imports.cancel(uow, job_id)
    await imports.run(me, job_id)
    assert len(await people(me)) == 100


async def test_a_package_without_room_refuses_before_the_first_row(put: Callable[..., Any]) -> None:
    async with system_unit_of_work() as uow:
        await uow.session.execute(
            text("""INSERT INTO packages (key, name, limits) VALUES ('few_contacts', 'Few', '{"contacts": 120}')""")
        )
    small = await make_tenant(package="few_contacts")
    view = await done(small, await put(rows(121), owner=small))
    assert (view.status, view.error_code, view.error_args) == ("failed", "contacts_limit_reached", {"limit": 120})
    assert await people(small) == {}
    assert (await done(small, await put(rows(120), owner=small))).created == 120


async def test_excel_is_read_exactly(me: Principal, put: Callable[..., Any], tmp_path: Path) -> None:
    import openpyxl

    book = openpyxl.Workbook()
    for row in (["Nama", "Nomor"], ["Siti", 6281200003312], ["Budi", "6.28E+12"], ["'=1+1", 81200003313]):
        book.active.append(row)
    book.save(tmp_path / "a.xlsx")
    view = await done(me, await put((tmp_path / "a.xlsx").read_bytes(), "a.xlsx"))
    assert counts(view) == (3, 3, 2, 0, 0, 1)
    assert set(await people(me)) == {"+6281200003312", "+6281200003313"}


async def test_other_tenants_find_nothing(me: Principal, put: Callable[..., Any]) -> None:
    file_id = await put(FILE)
    job_id = await start(me, file_id)
    stranger = await make_tenant()
    async with unit_of_work(stranger) as uow:
        for call in (
            imports.get(uow, job_id),
            imports.cancel(uow, job_id),
            imports.analyse(uow, ImportRequest(file_id=file_id)),
            imports.preview(uow, ImportRequest(file_id=file_id)),
            imports.request(uow, ImportRequest(file_id=file_id)),
        ):
            with pytest.raises(NotFound):
                await call
    with pytest.raises(NotFound):
        await errors(stranger, job_id)
    await imports.run(stranger, job_id)
    assert (await status(me, job_id)).status == "queued"
    weak = Principal(me.tenant_id, None, frozenset({"contacts.read"}))
    async with unit_of_work(weak) as uow:
        with pytest.raises(Forbidden):
            await imports.request(uow, ImportRequest(file_id=file_id))


async def test_chunks_side_by_side_lose_and_double_nothing(
    me: Principal, put: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prepare, "CHUNK_ROWS", 70)
    view = await done(me, await put(rows(500) + rows(500)), tags=["batch"])
    assert (view.status, counts(view)) == ("done", (1001, 1001, 500, 0, 500, 1))
    async with unit_of_work(me) as uow:
        assert await contacts.count(uow, Selection(filter=ContactFilter())) == 500
