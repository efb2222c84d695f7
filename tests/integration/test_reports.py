"""The report says what the ledger says; its files are made in the background and survive a crash."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
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
from wa_app.errors import Conflict, Invalid, NotFound
from wa_app.kit.ids import new_id
from wa_app.schemas.campaigns import CampaignCreate, Target
from wa_app.schemas.reports import Report
from wa_app.sending import ledger
from wa_app.services import campaigns
from wa_app.services.campaigns import reports, resending, snapshots


@pytest.fixture
async def town(settings: Settings) -> AsyncIterator[Town]:
    async with opened_town(settings) as made:
        yield made


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


async def test_resend_takes_the_text_that_won(town: Town) -> None:
    campaign = await finished(town)
    await sql("INSERT INTO campaign_variants (tenant_id, campaign_id, position, name, message_template, share) "
              "SELECT :t, :c, n, '', CASE n WHEN 0 THEN 'A' ELSE 'B menang' END, 50 FROM generate_series(0, 1) n",
              t=town.tenant_id, c=campaign)  # fmt: skip
    await sql("UPDATE campaigns SET variant_count = 2, winner = 1, winner_at = now(), winner_how = 'rule', track_links = true "
              "WHERE id = :c", c=campaign)  # fmt: skip
    async with unit_of_work(town.principal) as uow:
        draft = await resending.resend(uow, campaign)
    assert (draft.message_template, draft.track_links, draft.variants) == ("B menang", True, [])


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
