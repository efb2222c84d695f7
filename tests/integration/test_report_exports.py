"""Reports as files: CSV and PDF, resumed, cancelled, let go."""

import asyncio
import csv
import io
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from tests.fixtures.audience import Town
from tests.fixtures.report_towns import (
    START,
    finished,
    opened_town,
    sql,
)
from wa_app.config import Settings
from wa_app.db import system_unit_of_work, unit_of_work
from wa_app.errors import Conflict, Forbidden
from wa_app.files import file_store
from wa_app.kit.ids import new_id
from wa_app.models.outbound import MessageState
from wa_app.schemas.principal import ALL_VERBS, Principal
from wa_app.schemas.reports import ExportRequest, Report
from wa_app.services.campaigns import jobs
from wa_app.services.reports import exporting, pdf


@pytest.fixture
async def town(settings: Settings) -> AsyncIterator[Town]:
    async with opened_town(settings) as made:
        yield made


LOGS = sys.modules["wa_app.services.campaigns.logs"]
"""The module: the package gives its name to a function."""


# Files
async def ask(town: Town, campaign: UUID, **data: Any) -> UUID:
    async with unit_of_work(town.principal) as uow:
        return (await exporting.request(uow, campaign, ExportRequest(**data))).id


async def job_view(town: Town, campaign: UUID, job: UUID) -> Any:
    async with unit_of_work(town.principal) as uow:
        return await exporting.get(uow, campaign, job)


async def content(town: Town, job: UUID) -> bytes:
    query = "SELECT f.storage_key FROM files f JOIN campaign_jobs j ON j.file_id = f.id WHERE j.id = :j"
    key = (await sql(query, j=job)).scalar_one()
    return b"".join([chunk async for chunk in file_store().read(key)])


def rows_of(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"))))


async def test_csv_holds_every_row_and_runs_nothing(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LOGS, "EXPORT_PAGE", 30)
    campaign = await finished(town)
    await sql("UPDATE contacts SET name = '=cmd|calc' WHERE id IN (SELECT id FROM contacts WHERE tenant_id = :t ORDER BY id LIMIT 1)", t=town.tenant_id)
    job = await ask(town, campaign, kind="csv")
    await exporting.run(town.tenant_id, job)
    view = await job_view(town, campaign, job)
    assert (view.status, view.total, view.processed) == ("done", 200, 200)
    assert view.file_name == "Promo.csv"
    assert view.url is not None
    assert view.expires_at > datetime.now(UTC)
    rows = rows_of(await content(town, job))
    assert len(rows) == len({row["phone"] for row in rows}) == 200
    assert all(not value.startswith(("=", "+", "-", "@")) for row in rows for value in row.values())
    assert sum(row["status"] == "failed" for row in rows) == 20
    assert not exporting._spool(job).exists()


async def test_an_export_of_some_states_has_only_those(town: Town) -> None:
    campaign = await finished(town)
    job = await ask(town, campaign, kind="csv", status=[MessageState.FAILED])
    await exporting.run(town.tenant_id, job)
    rows = rows_of(await content(town, job))
    assert {row["status"] for row in rows} == {"failed"}
    assert (await job_view(town, campaign, job)).total == len(rows) == 20


@pytest.mark.parametrize("spool_is_lost", [False, True])
async def test_a_killed_export_goes_on_without_doubles(
    town: Town, monkeypatch: pytest.MonkeyPatch, spool_is_lost: bool
) -> None:
    monkeypatch.setattr(LOGS, "EXPORT_PAGE", 30)
    campaign = await finished(town)
    job = await ask(town, campaign, kind="csv")
    real, calls = exporting._append, 0

    def dies(spool: Any, data: bytes) -> int:
        nonlocal calls
        calls += 1
        size = real(spool, data)
        if calls == 4:
            raise RuntimeError("killed")
        return size

    monkeypatch.setattr(exporting, "_append", dies)
    with pytest.raises(RuntimeError):
        await exporting.run(town.tenant_id, job)
    left = await job_view(town, campaign, job)
    assert (left.status, left.processed) == ("running", 90)
    if spool_is_lost:
        exporting._spool(job).unlink()
    monkeypatch.setattr(exporting, "_append", real)
    await sql("UPDATE campaign_jobs SET due_at = now() - interval '1 minute' WHERE id = :j", j=job)
    async with system_unit_of_work() as uow:
        await jobs.wake(uow)
        assert [one.actor for one in uow._jobs if one.kwargs["job_id"] == str(job)] == ["report.export"]
    await exporting.run(town.tenant_id, job)
    view = await job_view(town, campaign, job)
    assert (view.status, view.processed) == ("done", 200)
    rows = rows_of(await content(town, job))
    assert len(rows) == len({row["phone"] for row in rows}) == 200


async def test_cancel_leaves_no_file(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LOGS, "EXPORT_PAGE", 10)
    campaign = await finished(town)
    job = await ask(town, campaign, kind="csv")
    running = asyncio.create_task(exporting.run(town.tenant_id, job))
    async with unit_of_work(town.principal) as uow:
        await exporting.cancel(uow, campaign, job)
    await running
    view = await job_view(town, campaign, job)
    assert (view.status, view.url) == ("cancelled", None)
    assert not exporting._spool(job).exists()
    async with unit_of_work(town.principal) as uow:
        with pytest.raises(Conflict):
            await exporting.cancel(uow, campaign, job)


async def test_the_same_wish_twice_is_one_job(town: Town) -> None:
    campaign = await finished(town)
    assert await ask(town, campaign, kind="csv") == await ask(town, campaign, kind="csv")
    assert await ask(town, campaign, kind="pdf") != await ask(town, campaign, kind="pdf", language="en")


async def test_people_s_numbers_need_the_right_to_export(town: Town) -> None:
    campaign = await finished(town)
    job = await ask(town, campaign, kind="csv")
    reader = Principal(town.tenant_id, None, ALL_VERBS - {"contacts.export"})
    async with unit_of_work(reader) as uow:
        with pytest.raises(Forbidden):
            await exporting.request(uow, campaign, ExportRequest(kind="csv"))
        with pytest.raises(Forbidden):
            await exporting.get(uow, campaign, job)
        assert await exporting.recent(uow, campaign) == []
        assert (await exporting.request(uow, campaign, ExportRequest(kind="pdf"))).status == "queued"


async def test_old_files_are_let_go(town: Town) -> None:
    campaign = await finished(town)
    job = await ask(town, campaign, kind="pdf")
    await exporting.run(town.tenant_id, job)
    assert (await job_view(town, campaign, job)).url
    await sql("UPDATE campaign_jobs SET finished_at = now() - interval '8 days' WHERE id = :j", j=job)
    async with system_unit_of_work() as uow:
        await exporting.forget(uow)
    view = await job_view(town, campaign, job)
    assert (view.status, view.url) == ("done", None)


@pytest.mark.parametrize("language", ["id", "en"])
async def test_pdf_has_the_figures_in_words(town: Town, language: str) -> None:
    await finished(town, "Kemarin", START - timedelta(days=1))
    campaign = await finished(town, "Promo 🎉 Gajian")
    job = await ask(town, campaign, kind="pdf", language=language)
    await exporting.run(town.tenant_id, job)
    data = await content(town, job)
    assert data.startswith(b"%PDF-")
    words, pages = text_of(data)
    assert 1 <= pages <= 3
    expected = {"id": ("Laporan siaran", "Terkirim", "42,9%"), "en": ("Broadcast report", "Sent", "42.9%")}[language]
    for one in (*expected, "Promo Gajian", "Kemarin", "Perangkat 1"):
        assert one in words, one


def text_of(data: bytes) -> tuple[str, int]:
    """Words of a PDF, and its number of pages."""
    import pypdfium2

    document = pypdfium2.PdfDocument(data)
    try:
        found = []
        for page in document:
            text_page = page.get_textpage()
            found.append(text_page.get_text_range())
            text_page.close()
            page.close()
        return " ".join("\n".join(found).split()), len(found)
    finally:
        document.close()


def test_pdf_never_fails_on_any_report() -> None:
    empty = Report.model_validate({
        "id": new_id(), "name": "\u202e" + "x" * 400, "status": "PROCESSING", "started_at": None, "finished_at": None,
        "time_zone": "Asia/Jakarta", "total": 0, "funnel": dict.fromkeys(("planned", "sent", "delivered", "read", "replied"), 0),
        "skipped": 0, "failed": 0, "unknown": 0, "cancelled": 0, "waiting": 0, "opted_out": 0, "seconds": None,
        "per_minute": None, "median_read_s": None, "devices": [], "reasons": [], "hours": [], "variants": [], "previous": None,
        "resend_of": None, "resends": [], "as_of": None, "is_fresh": True,
    })  # fmt: skip
    assert text_of(pdf.render(empty, "", "id", START))[1] == 1
    many = Report.model_validate(empty.model_dump() | {
        "hours": [{"at": START + timedelta(hours=n), "sent": n, "read": n // 2} for n in range(700)],
        "devices": [{"device_id": new_id(), "name": f"D{n}" * 30, "taken": n, "arrived": n, "delivered": 0, "read": 0, "failed": 0, "unknown": 0}
                    for n in range(60)],
        "reasons": [{"state": "failed", "code": f"code_{n}", "n": n} for n in range(40)],
    })  # fmt: skip
    assert text_of(pdf.render(many, "Toko", "en", START))[1] <= 3
