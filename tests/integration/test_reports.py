"""The report says what the ledger says; its files are made in the background and survive a crash."""

import asyncio
import csv
import io
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from tests.fixtures.audience import Town, make_town
from wa_app import db
from wa_app.config import Settings
from wa_app.db import system_unit_of_work, unit_of_work
from wa_app.errors import Conflict, Forbidden, Invalid, NotFound
from wa_app.files import file_store
from wa_app.kit.ids import new_id
from wa_app.models.outbound import MessageState
from wa_app.schemas.campaigns import CampaignCreate, Target
from wa_app.schemas.principal import ALL_VERBS, Principal
from wa_app.schemas.reports import ExportRequest, Report
from wa_app.sending import ledger
from wa_app.services import campaigns
from wa_app.services.campaigns import jobs, reports, resending, snapshots
from wa_app.services.reports import exporting, pdf

LOGS = sys.modules["wa_app.services.campaigns.logs"]
"""The module: the package gives its name to a function."""
START = datetime(2026, 11, 20, 2, 5, tzinfo=UTC)
CODES = ("timeout", "contact_unusable", "not_on_whatsapp", "device_trouble")

_ROWS = text("""
    INSERT INTO outbound_messages (tenant_id, kind, state, dedupe_key, campaign_id, contact_id, identity_kind,
        identity_value, device_id, body, error_code, created_at, claimed_at, sent_at, delivered_at, read_at)
    SELECT :t, 'campaign', p.state, 'c:' || CAST(:c AS text) || ':phone:' || p.phone, CAST(:c AS uuid), p.id, 'phone', p.phone,
        CASE WHEN p.state <> 'skipped' THEN (CAST(:devices AS uuid[]))[1 + p.n % 2] END, '=1+1 halo, ' || p.name,
        CASE p.state WHEN 'failed' THEN (CAST(:codes AS text[]))[1 + (p.n / 10) % 4] WHEN 'skipped' THEN 'suppressed'
            WHEN 'unknown' THEN 'undecided' END,
        CAST(:start AS timestamptz), CAST(:start AS timestamptz), CASE WHEN p.state IN ('sent', 'delivered', 'read', 'played') THEN p.at END,
        CASE WHEN p.state IN ('delivered', 'read', 'played') THEN p.at + interval '5 seconds' END,
        CASE WHEN p.state IN ('read', 'played') THEN p.at + make_interval(mins => (p.n % 90)::int) END
    FROM (SELECT c.id, c.phone, c.name, n.n, CAST(:start AS timestamptz) + n.n * interval '20 seconds' AS at,
            (ARRAY['failed', 'skipped', 'unknown', 'sent', 'sent', 'delivered', 'delivered', 'read', 'read', 'played'])[1 + n.n % 10] AS state
          FROM (SELECT id, row_number() OVER (ORDER BY id) AS n FROM contacts WHERE tenant_id = :t) n
          JOIN contacts c ON c.id = n.id) p
""")
_BOOK = text("""
    INSERT INTO campaign_counters (tenant_id, campaign_id, device_id, state, n)
    SELECT tenant_id, campaign_id, COALESCE(device_id, '00000000-0000-0000-0000-000000000000'), state, count(*)
    FROM outbound_messages WHERE campaign_id = :c GROUP BY 1, 2, 3, 4
""")


async def sql(query: str, **values: Any) -> Any:
    async with system_unit_of_work() as uow:
        return await uow.session.execute(text(query), values)


async def finished(town: Town, name: str = "Promo", start: datetime = START) -> UUID:
    """A campaign that has gone out to everybody, with every state a row can end in."""
    async with unit_of_work(town.principal) as uow:
        campaign = (await campaigns.create(uow, CampaignCreate(
            name=name, message_template="{Halo|Hai} {{name}}", target=Target(all=True)
        ))).id  # fmt: skip
    async with system_unit_of_work() as uow:
        devices = (await uow.session.execute(text("SELECT id FROM devices WHERE tenant_id = :t ORDER BY id"), {"t": town.tenant_id})).scalars().all()
        values = {"t": town.tenant_id, "c": str(campaign), "devices": list(devices), "codes": list(CODES), "start": start}
        await uow.session.execute(_ROWS, values)
        await uow.session.execute(_BOOK, {"c": campaign})
        await uow.session.execute(
            text("UPDATE campaigns SET status = 'COMPLETED', started_at = :s, planned_at = :s, finished_at = :e WHERE id = :c"),
            {"s": start, "e": start + timedelta(hours=2), "c": campaign},
        )
    return campaign


async def reply(town: Town, number: int, at: datetime) -> None:
    """The number-th contact writes to us."""
    conversation = new_id()
    await sql("INSERT INTO conversations (id, tenant_id, contact_id, device_id, chat_id, last_message_at, last_inbound_at) SELECT :id, :t, "
              "(SELECT id FROM contacts WHERE tenant_id = :t ORDER BY id OFFSET :n LIMIT 1), "
              "(SELECT id FROM devices WHERE tenant_id = :t ORDER BY id LIMIT 1), 'x' || :n, CAST(:at AS timestamptz), CAST(:at AS timestamptz)",
              id=conversation, t=town.tenant_id, n=number - 1, at=at)  # fmt: skip
    await sql("INSERT INTO messages (tenant_id, conversation_id, contact_id, device_id, direction, sender, timestamp, provider_message_id) "
              "SELECT tenant_id, id, contact_id, device_id, 'INBOUND', 'contact', CAST(:at AS timestamptz), id::text FROM conversations WHERE id = :c",
              c=conversation, at=at)  # fmt: skip


async def read_report(town: Town, campaign: UUID) -> Report:
    async with unit_of_work(town.principal) as uow:
        return await reports.report(uow, campaign)


@pytest.fixture
async def town(settings: Settings) -> AsyncIterator[Town]:
    yield await make_town(contacts=200, devices=2)
    await db.dispose()


async def test_every_figure_is_the_ledgers(town: Town) -> None:
    campaign = await finished(town)
    await reply(town, 3, START + timedelta(hours=1, minutes=30))
    await reply(town, 13, START + timedelta(days=5))
    found = await read_report(town, campaign)
    rows = (await sql("SELECT state, error_code, device_id, sent_at, read_at FROM outbound_messages WHERE campaign_id = :c", c=campaign)).all()
    by_state = {state: sum(row.state == state for row in rows) for state in {row.state for row in rows}}
    assert found.total == len(rows) == 200
    seen = by_state["read"] + by_state["played"]
    assert found.funnel.read == seen
    assert found.funnel.delivered == seen + by_state["delivered"]
    assert found.funnel.sent == found.funnel.delivered + by_state["sent"]
    assert (found.failed, found.skipped, found.unknown) == (by_state["failed"], by_state["skipped"], by_state["unknown"])
    for state in ("failed", "skipped", "unknown"):
        codes = {row.error_code for row in rows if row.state == state}
        assert {(one.code, one.n) for one in found.reasons if one.state == state} == {
            (code, sum(row.state == state and row.error_code == code for row in rows)) for code in codes
        }  # fmt: skip
    assert sum(hour.sent for hour in found.hours) == found.funnel.sent
    assert sum(hour.read for hour in found.hours) == seen
    assert {hour.at: hour.sent for hour in found.hours if hour.sent} == {
        at: sum(row.sent_at is not None and row.sent_at.replace(minute=0, second=0) == at for row in rows)
        for at in {row.sent_at.replace(minute=0, second=0) for row in rows if row.sent_at}
    }  # fmt: skip
    waits = sorted((row.read_at - row.sent_at).total_seconds() for row in rows if row.read_at)
    assert found.median_read_s == waits[(len(waits) - 1) // 2]
    assert sum(one.taken for one in found.devices) == 180
    for one in found.devices:
        assert one.failed == sum(row.device_id == one.device_id and row.state == "failed" for row in rows)
        assert one.read == sum(row.device_id == one.device_id and row.state in ("read", "played") for row in rows)
    assert found.is_fresh


async def test_a_reply_counts_once_and_only_in_time(town: Town) -> None:
    campaign = await finished(town)
    sent = (await sql("SELECT n FROM (SELECT contact_id, row_number() OVER (ORDER BY contact_id) AS n, sent_at FROM outbound_messages "
                      "WHERE campaign_id = :c) x WHERE sent_at IS NOT NULL ORDER BY n LIMIT 3", c=campaign)).scalars().all()  # fmt: skip
    await reply(town, sent[0], START + timedelta(hours=2, minutes=30))
    await reply(town, sent[1], START + timedelta(days=4))
    found = await read_report(town, campaign)
    assert found.funnel.replied == 1
    assert [(hour.at, hour.replied) for hour in found.hours if hour.replied] == [(START.replace(minute=0) + timedelta(hours=2), 1)]


async def test_opt_outs_and_the_campaign_before(town: Town) -> None:
    before = await finished(town, "Kemarin", START - timedelta(days=1))
    campaign = await finished(town, "Hari ini")
    await sql("INSERT INTO suppressions (tenant_id, kind, hash, masked, reason, campaign_id) SELECT tenant_id, 'phone', hash, 'x', "
              "'UNSUBSCRIBE', CAST(:c AS uuid) FROM contact_identities WHERE tenant_id = :t ORDER BY contact_id LIMIT 4",
              t=town.tenant_id, c=campaign)  # fmt: skip
    found = await read_report(town, campaign)
    assert found.opted_out == 4
    assert found.previous is not None
    assert (found.previous.id, found.previous.sent, found.previous.read_share) == (before, 140, round(60 / 140, 4))
    assert (await read_report(town, before)).previous is None


async def test_a_large_campaign_is_counted_in_the_background(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "INLINE", 50)
    campaign = await finished(town)
    first = await read_report(town, campaign)
    assert (first.is_fresh, first.hours, first.as_of) == (False, [], None)
    assert first.funnel.sent == 140
    await snapshots.compute(town.tenant_id, campaign)
    second = await read_report(town, campaign)
    assert second.is_fresh
    assert sum(hour.sent for hour in second.hours) == 140
    async with unit_of_work(town.principal) as uow:
        await ledger.book(await uow.driver(), town.tenant_id, ledger.Deltas({(campaign, UUID(int=0), "sent"): 1}))
    third = await read_report(town, campaign)
    assert (third.is_fresh, third.as_of, third.funnel.sent) == (False, second.as_of, 141)
    await sql("UPDATE campaign_reports SET computed_at = now() - interval '1 hour' WHERE campaign_id = :c", c=campaign)
    await read_report(town, campaign)
    wanted = (await sql("SELECT wanted_at FROM campaign_reports WHERE campaign_id = :c", c=campaign)).scalar_one()
    assert wanted is not None
    await sql("UPDATE campaign_reports SET wanted_at = now() - interval '2 minutes' WHERE campaign_id = :c", c=campaign)
    async with system_unit_of_work() as uow:
        assert await snapshots.wake(uow) >= 1


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


# Writing again, trying again


async def test_resend_writes_to_those_who_did_not_read(town: Town) -> None:
    campaign = await finished(town)
    rows = (await sql("SELECT contact_id, state, n FROM (SELECT contact_id, state, row_number() OVER (ORDER BY contact_id) AS n "
                      "FROM outbound_messages WHERE campaign_id = :c) x ORDER BY n", c=campaign)).all()  # fmt: skip
    silent = [row for row in rows if row.state in ("sent", "delivered")]
    await reply(town, silent[0].n, START + timedelta(hours=3))
    await sql("INSERT INTO suppressions (tenant_id, kind, hash, masked, reason) SELECT tenant_id, 'phone', hash, 'x', 'UNSUBSCRIBE' "
              "FROM contact_identities WHERE contact_id = :id", id=silent[1].contact_id)  # fmt: skip
    async with unit_of_work(town.principal) as uow:
        assert await resending.silent(uow, campaign) == len(silent) - 2
        draft = await resending.resend(uow, campaign)
        assert (draft.status, draft.resend_of, draft.message_template) == ("DRAFT", campaign, "{Halo|Hai} {{name}}")
        assert (await campaigns.count(uow, draft.target)).sendable == len(silent) - 2
        people = {one.id for one in await campaigns.sample(uow, draft.target, 200)}
        assert people == {row.contact_id for row in silent[2:]}
        assert (await campaigns.preflight(uow, await campaigns.find(uow, draft.id))).errors == []
        assert (await reports.report(uow, campaign)).resends == [draft.id]
        assert (await reports.report(uow, draft.id)).resend_of == campaign


async def test_nothing_to_resend_before_it_has_gone_out(town: Town) -> None:
    async with unit_of_work(town.principal) as uow:
        draft = await campaigns.create(uow, CampaignCreate(name="Baru", message_template="hai", target=Target(all=True)))
        with pytest.raises(Conflict, match="nothing_sent_yet"):
            await resending.resend(uow, draft.id)
        with pytest.raises(NotFound):
            await resending.resend(uow, new_id())


async def states(campaign: UUID) -> dict[tuple[str, str | None], int]:
    rows = await sql("SELECT state, error_code, count(*) AS n FROM outbound_messages WHERE campaign_id = :c GROUP BY 1, 2", c=campaign)
    return {(row.state, row.error_code): row.n for row in rows}


async def test_retry_takes_only_the_chosen_reasons(town: Town) -> None:
    campaign = await finished(town)
    async with unit_of_work(town.principal) as uow:
        offered = {one.code: one.n for one in await reports.reasons(uow, campaign) if one.state == "failed" and one.may_retry}
        assert offered == {"timeout": 5, "device_trouble": 5}
        assert await campaigns.retry_failed(uow, campaign, reasons=["timeout"]) == 5
    found = await states(campaign)
    assert found["planned", None] == 5
    assert ("failed", "timeout") not in found
    assert (found["failed", "device_trouble"], found["unknown", "undecided"]) == (5, 20)
    async with unit_of_work(town.principal) as uow:
        counted = (await campaigns.get(uow, campaign)).counts
        assert (counted.planned, counted.failed, counted.total) == (5, 15, 200)
        assert (await campaigns.get(uow, campaign)).status == "PROCESSING"


async def test_retry_of_unknown_alone_leaves_the_failed(town: Town) -> None:
    campaign = await finished(town)
    await sql("UPDATE outbound_messages SET error_code = 'not_sent' WHERE campaign_id = :c AND error_code = 'timeout'", c=campaign)
    async with unit_of_work(town.principal) as uow:
        assert await campaigns.retry_failed(uow, campaign, reasons=[], include_unknown=True) == 20
    found = await states(campaign)
    assert (found["planned", None], found["failed", "not_sent"]) == (20, 5)


async def test_reasons_that_cannot_be_helped_are_refused(town: Town) -> None:
    campaign = await finished(town)
    async with unit_of_work(town.principal) as uow:
        with pytest.raises(Invalid):
            await campaigns.retry_failed(uow, campaign, reasons=["timeout", "not_on_whatsapp"])
        with pytest.raises(Conflict):
            await campaigns.retry_failed(uow, campaign, reasons=["never_seen"])
