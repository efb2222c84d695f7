"""Before the start: what each check sees, and what it costs nobody."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from bench.seeding import World
from tests.fixtures.audience import Town, make_town
from tests.fixtures.services import environment
from wa_app import db
from wa_app.channels import registry
from wa_app.config import Settings
from wa_app.db import system_unit_of_work, unit_of_work
from wa_app.errors import Conflict, Invalid, NotFound
from wa_app.kit import webprobe
from wa_app.schemas.broadcasts import VariantInput
from wa_app.schemas.campaigns import CampaignCreate, CampaignUpdate, Preflight, Target
from wa_app.schemas.opt_out import OptOutChange
from wa_app.schemas.principal import Principal
from wa_app.services import campaigns, opt_out, trials
from wa_app.services.campaigns import addresses, facts, jobs, lookups

WORDS = "{Halo|Hai} {{name}}, ada promo. Balas STOP untuk berhenti."


async def sql(query: str, **values: Any) -> Any:
    async with system_unit_of_work() as uow:
        return await uow.session.execute(text(query), values)


async def draft(town: Town, words: str = WORDS, **more: Any) -> UUID:
    async with unit_of_work(town.principal) as uow:
        data = CampaignCreate(name="Uji", message_template=words, target=Target(all=True), **more)
        return (await campaigns.create(uow, data)).id


async def looked(town: Town, campaign: UUID) -> Preflight:
    async with unit_of_work(town.principal) as uow:
        return await campaigns.preflight(uow, await campaigns.find(uow, campaign))


def codes(found: Preflight, level: str = "warning") -> set[str]:
    return {check.code for check in found.checks if check.level == level}


@pytest.fixture
async def town(settings: Settings) -> AsyncIterator[Town]:
    yield await make_town(contacts=30, devices=2)
    await db.dispose()


async def test_a_quiet_start_has_its_figures(town: Town) -> None:
    await sql("INSERT INTO consents (tenant_id, contact_id, kind, source, evidence) SELECT tenant_id, id, 'opt_in', 'form', '' "
              "FROM contacts WHERE tenant_id = :t", t=town.tenant_id)
    await sql("UPDATE contacts SET last_inbound_at = now() WHERE tenant_id = :t", t=town.tenant_id)
    await sql("""UPDATE devices SET created_at = now() - interval '90 days', pacing = '{"delay_min_s": 20, "delay_max_s": 40}'
              WHERE tenant_id = :t""", t=town.tenant_id)
    found = await looked(town, await draft(town))
    assert found.errors == []
    assert codes(found) == set()
    assert found.facts is not None
    assert (found.facts.people, found.facts.strangers, found.facts.no_consent) == (30, 0, 0)
    assert found.risk is not None
    assert (found.risk.level, found.risk.reasons) == ("low", [])
    assert found.people_per_text == 1
    assert found.estimate is not None
    assert [one.messages for one in found.estimate.devices] == [15, 15]
    assert found.seconds == pytest.approx(15 * 30, rel=0.15)


async def test_consent_strangers_and_opt_outs_are_counted(town: Town) -> None:
    await sql("INSERT INTO consents (tenant_id, contact_id, kind, source, evidence) SELECT tenant_id, id, 'opt_in', 'form', '' "
              "FROM contacts WHERE tenant_id = :t ORDER BY id LIMIT 10", t=town.tenant_id)
    await sql("UPDATE contacts SET last_inbound_at = now() WHERE id IN (SELECT id FROM contacts WHERE tenant_id = :t "
              "ORDER BY id DESC LIMIT 12)", t=town.tenant_id)
    await sql("INSERT INTO suppressions (tenant_id, kind, hash, masked, reason) SELECT tenant_id, 'phone', hash, 'x', 'MANUAL' "
              "FROM contact_identities WHERE tenant_id = :t ORDER BY contact_id LIMIT 3", t=town.tenant_id)
    found = await looked(town, await draft(town))
    assert found.facts is not None
    assert (found.facts.people, found.facts.no_consent, found.facts.strangers) == (27, 20, 15)
    assert "check_no_consent" in codes(found)
    assert {"strangers", "consent"} <= {one.code for one in found.risk.reasons if found.risk}  # type: ignore[union-attr]


async def test_empty_variables_name_people(town: Town) -> None:
    await sql("UPDATE contacts SET name = '' WHERE id IN (SELECT id FROM contacts WHERE tenant_id = :t ORDER BY id LIMIT 4)",
              t=town.tenant_id)
    await sql("""UPDATE contacts SET attributes = '{"Toko": "Berkah"}' WHERE id IN (SELECT id FROM contacts
              WHERE tenant_id = :t ORDER BY id DESC LIMIT 5)""", t=town.tenant_id)
    found = await looked(town, await draft(town, "Hai {{name}}, {{toko|Kak}} STOP"))
    assert found.facts is not None
    empty = {one.name: one for one in found.facts.empty}
    assert (empty["name"].contacts, empty["name"].has_fallback) == (4, False)
    assert set(empty["name"].examples) <= {f"+62812{n:08d}" for n in range(1, 5)}
    assert (empty["toko"].contacts, empty["toko"].has_fallback) == (25, True)
    assert "check_variable_empty" in codes(found)
    assert "check_variable_filled" in codes(found, "ok")


async def test_a_sample_is_projected_and_says_so(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facts, "LOOK_AT", 10)
    found = (await looked(town, await draft(town))).facts
    assert found is not None
    assert found.is_sample
    assert found.looked_at < 30
    assert (found.people, found.strangers, found.no_consent) == (30, 30, 30)


async def test_known_numbers_tell_the_missing_and_the_double(town: Town) -> None:
    await sql("INSERT INTO number_checks (tenant_id, hash, is_there, chat_id) SELECT tenant_id, hash, value NOT LIKE '%4', "
              "CASE WHEN value NOT LIKE '%4' THEN CASE WHEN value LIKE '%1' THEN 'same@c.us' ELSE value END END "
              "FROM contact_identities WHERE tenant_id = :t", t=town.tenant_id)
    found = await looked(town, await draft(town))
    assert found.facts is not None
    assert (found.facts.numbers_known, found.facts.numbers_missing, found.facts.duplicates) == (30, 3, 2)
    assert {"check_numbers_missing", "check_duplicates"} <= codes(found)
    await sql("UPDATE number_checks SET checked_at = now() - interval '31 days' WHERE tenant_id = :t", t=town.tenant_id)
    later = (await looked(town, await draft(town))).facts
    assert later is not None
    assert (later.numbers_known, later.duplicates) == (0, 0)


async def test_identical_texts_and_no_way_out_are_said(settings: Settings) -> None:
    many = await make_town(contacts=60)
    found = await looked(many, await draft(many, "{Halo|Hai}, ada promo"))
    assert found.people_per_text == 30 or found.people_per_text == 31
    assert {"check_identical", "check_footer_missing"} <= codes(found)
    assert {"variety", "footer"} <= {one.code for one in found.risk.reasons}  # type: ignore[union-attr]


async def test_every_way_to_write_it_is_looked_at(town: Town) -> None:
    """The second text of an A/B test has its own links, variables and way out."""
    await sql("UPDATE contacts SET city = '' WHERE tenant_id = :t", t=town.tenant_id)
    both = [
        VariantInput(message_template="{Hai|Halo} {{name}}. Balas STOP untuk berhenti.", share=50),
        VariantInput(message_template="Promo {{city}} di https://toko.example/b", share=50),
    ]
    campaign = await draft(town, "", variants=both)
    found = await looked(town, campaign)
    assert found.facts is not None
    assert [(one.name, one.contacts) for one in found.facts.empty] == [("city", 30)]
    assert [one.url for one in found.links] == ["https://toko.example/b"]
    assert found.variants == 3
    assert "check_footer_missing" in codes(found)
    assert {"link", "footer"} <= {one.code for one in found.risk.reasons}  # type: ignore[union-attr]
    async with unit_of_work(town.principal) as uow:
        await campaigns.update(uow, campaign, CampaignUpdate(footer=True))
    assert "check_footer_missing" not in codes(await looked(town, campaign))


async def test_the_way_out_is_the_tenants_own_word(town: Town) -> None:
    campaign = await draft(town, "{Halo|Hai} {{name}}, balas CUKUP bila tidak mau lagi")
    assert "check_footer_missing" in codes(await looked(town, campaign))
    async with unit_of_work(town.principal) as uow:
        await opt_out.change(uow, OptOutChange(opt_out_words=["cukup"]))
    assert "check_footer_missing" not in codes(await looked(town, campaign))
    # Whoever is told to write STOP stays on the list when the tenant does not listen to it.
    assert "check_footer_missing" in codes(await looked(town, await draft(town)))


async def test_devices_in_trouble_are_named(town: Town) -> None:
    await sql("UPDATE devices SET paused_until = now() + interval '10 minutes', pause_reason = 'device_trouble' "
              "WHERE tenant_id = :t AND name = 'Perangkat 1'", t=town.tenant_id)
    found = await looked(town, await draft(town))
    assert [c.args for c in found.checks if c.code == "check_device_paused"] == [{"name": "Perangkat 1", "minutes": 10}]


async def test_an_end_beyond_the_rows_lifetime_is_said(town: Town) -> None:
    await sql("""UPDATE devices SET pacing = '{"delay_min_s": 5, "delay_max_s": 9, "per_day": 0}' WHERE tenant_id = :t""", t=town.tenant_id)
    found = await looked(town, await draft(town))
    assert "check_never_done" in codes(found)
    assert found.estimate is not None
    assert found.estimate.late is None


async def test_links_are_asked_once_and_remembered(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    async def problem_of(url: str, *, loopback: bool) -> str | None:
        asked.append(url)
        return "status_404" if "gone" in url else None

    monkeypatch.setattr(webprobe, "problem_of", problem_of)
    words = "Lihat https://toko.test/ok, https://toko.test/gone. {{name}} https://toko.test/x/{{name}} STOP"
    campaign = await draft(town, words)
    first = await looked(town, campaign)
    assert [(link.url, link.state) for link in first.links] == [
        ("https://toko.test/ok", "pending"), ("https://toko.test/gone", "pending")
    ]  # fmt: skip
    assert await addresses.check(town.tenant_id) == 2
    assert await addresses.check(town.tenant_id) == 0
    second = await looked(town, campaign)
    assert [link.state for link in second.links] == ["ok", "dead"]
    assert [c.args for c in second.checks if c.code == "check_link_dead"] == [
        {"url": "https://toko.test/gone", "reason": "status_404"}
    ]  # fmt: skip
    await sql("UPDATE link_checks SET checked_at = now() - interval '1 hour' WHERE tenant_id = :t", t=town.tenant_id)
    await looked(town, campaign)
    assert await addresses.check(town.tenant_id) == 1
    assert asked.count("https://toko.test/gone") == 2


async def test_the_sweep_wakes_waiting_links(town: Town) -> None:
    await looked(town, await draft(town, "https://toko.test/wait STOP"))
    await sql("UPDATE link_checks SET asked_at = now() - interval '1 minute' WHERE tenant_id = :t", t=town.tenant_id)
    async with system_unit_of_work() as uow:
        await addresses.wake(uow)
        assert town.tenant_id in {UUID(job.kwargs["tenant_id"]) for job in uow._jobs}


async def test_start_refuses_errors_and_lets_advice_pass(town: Town) -> None:
    campaign = await draft(town, "{Halo|Hai}")
    async with unit_of_work(town.principal) as uow:
        assert (await campaigns.start(uow, campaign)).status == "PENDING"
    broken = await draft(town, "")
    async with unit_of_work(town.principal) as uow:
        with pytest.raises(Invalid):
            await campaigns.start(uow, broken)


# Looking up the numbers of an audience


async def make_draft(world: World) -> UUID:
    async with unit_of_work(Principal.system(world.tenant_id)) as uow:
        return (await campaigns.create(uow, CampaignCreate(name="Uji", message_template="hai", target=Target(all=True)))).id


async def begin(world: World, campaign: UUID) -> UUID:
    async with unit_of_work(Principal.system(world.tenant_id)) as uow:
        return (await lookups.request(uow, campaign)).id


async def job_row(world: World, job: UUID) -> Any:
    return (await world.fetch("SELECT * FROM campaign_jobs WHERE id = $1", job))[0]


async def test_the_numbers_of_an_audience_are_looked_up(world: World) -> None:
    await world.link(2)
    contacts = await world.add_contacts(12)
    await world.fetch("UPDATE contacts SET last_inbound_at = now() WHERE id = $1", contacts[0])
    campaign = await make_draft(world)
    job = await begin(world, campaign)
    assert await begin(world, campaign) == job
    await lookups.run(world.tenant_id, job, registry.channel)
    row = await job_row(world, job)
    assert (row["status"], row["total"], row["processed"]) == ("done", 11, 11)
    async with unit_of_work(Principal.system(world.tenant_id)) as uow:
        view = await jobs.get(uow, campaign, job)
        found = await campaigns.preflight(uow, await campaigns.find(uow, campaign))
    assert view.result == {"there": 11, "missing": 0, "strangers": 11, "is_sample": False}
    assert found.facts is not None
    assert found.facts.numbers_known == 11
    assert found.numbers is not None
    assert found.numbers.status == "done"


async def test_a_large_audience_is_sampled_and_says_so(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookups, "SAMPLE", 5)
    await world.link(1)
    await world.add_contacts(40)
    job = await begin(world, campaign := await make_draft(world))
    await lookups.run(world.tenant_id, job, registry.channel)
    async with unit_of_work(Principal.system(world.tenant_id)) as uow:
        view = await jobs.get(uow, campaign, job)
    assert (view.status, view.processed, view.result["is_sample"], view.result["strangers"]) == ("done", 5, True, 40)


async def test_a_job_stops_at_the_cap_and_goes_on_where_it_was(world: World) -> None:
    await world.link(1)
    await world.add_contacts(9)
    job = await begin(world, await make_draft(world))
    with environment(SAPA_NUMBER_CHECKS_PER_MINUTE="4"):
        await lookups.run(world.tenant_id, job, registry.channel)
        row = await job_row(world, job)
        assert (row["status"], row["processed"], row["total"]) == ("running", 4, 9)
        assert row["lease_owner"] is None
        await world.fetch("DELETE FROM device_usage WHERE tenant_id = $1", world.tenant_id)
        # As if the worker had died after the answer and before the count.
        await world.fetch("UPDATE campaign_jobs SET processed = 2, due_at = now() - interval '1 minute' WHERE id = $1", job)
        async with system_unit_of_work() as uow:
            assert await jobs.wake(uow) >= 1
            assert str(job) in {entry.kwargs["job_id"] for entry in uow._jobs}
        await lookups.run(world.tenant_id, job, registry.channel)
        assert (await job_row(world, job))["processed"] == 8
    asked = await world.fetch("SELECT count(*) AS n FROM number_checks WHERE tenant_id = $1", world.tenant_id)
    assert asked[0]["n"] == 8


async def test_a_number_without_an_answer_does_not_hold_the_job(world: World) -> None:
    await world.link(1)
    await world.add_contacts(2)
    await world.fetch("UPDATE devices SET session = 'gone-' || id WHERE tenant_id = $1", world.tenant_id)
    job = await begin(world, await make_draft(world))
    await lookups.run(world.tenant_id, job, registry.channel)
    row = await job_row(world, job)
    assert (row["status"], row["processed"]) == ("done", 2)
    assert await world.fetch("SELECT 1 FROM number_checks WHERE tenant_id = $1", world.tenant_id) == []


async def test_cancel_ends_a_job_at_its_next_step(world: World) -> None:
    await world.link(1)
    await world.add_contacts(8)
    job = await begin(world, campaign := await make_draft(world))
    running = asyncio.create_task(lookups.run(world.tenant_id, job, registry.channel))
    async with unit_of_work(Principal.system(world.tenant_id)) as uow:
        await jobs.cancel(uow, campaign, job)
    await running
    row = await job_row(world, job)
    assert row["status"] == "cancelled"
    assert row["finished_at"] - row["created_at"] < timedelta(seconds=20)
    async with unit_of_work(Principal.system(world.tenant_id)) as uow:
        with pytest.raises(Conflict):
            await jobs.cancel(uow, campaign, job)
        with pytest.raises(NotFound):
            await jobs.get(uow, campaign, campaign)


async def test_two_workers_do_not_share_a_job(world: World) -> None:
    await world.link(1)
    await world.add_contacts(6)
    job = await begin(world, await make_draft(world))
    await asyncio.gather(*(lookups.run(world.tenant_id, job, registry.channel) for _ in range(3)))
    row = await job_row(world, job)
    assert (row["status"], row["processed"]) == ("done", 6)
    used = await world.fetch("SELECT used FROM device_usage WHERE tenant_id = $1 AND period = 'check_day'", world.tenant_id)
    assert used[0]["used"] == 6


async def test_no_device_no_lookup(town: Town) -> None:
    async with unit_of_work(town.principal) as uow:
        with pytest.raises(Conflict):
            await lookups.request(uow, await draft(town))


# A test to oneself


async def test_a_test_message_reads_like_the_audience_and_counts_nowhere(town: Town) -> None:
    campaign = await draft(town, "Halo {{name}}")
    async with unit_of_work(town.principal) as uow:
        sent = await trials.send(uow, campaign, "0812-0000-0007")
        assert (sent.text, sent.campaign_id, sent.phone) == ("Halo Orang 7", None, "+6281200000007")
        other = await trials.send(uow, campaign, "0878 1234 5678")
        assert other.text is not None
        assert other.text.startswith("Halo Orang ")
        assert (await campaigns.stats(uow, campaign)).total == 0
        with pytest.raises(Invalid):
            await trials.send(uow, campaign, "123")


async def test_a_test_has_the_footer_the_tags_and_the_chosen_text(town: Town) -> None:
    both = [
        VariantInput(message_template="A {{#if tag VIP}}kursi depan{{else}}kursi biasa{{/if}}", share=50),
        VariantInput(message_template="B {{name}}", share=50),
    ]
    campaign = await draft(town, "", variants=both, footer=True)
    await sql("INSERT INTO tags (tenant_id, name, folded, color) VALUES (:t, 'VIP', 'vip', 'mist')", t=town.tenant_id)
    await sql("INSERT INTO contact_tags (tenant_id, contact_id, tag_id) SELECT c.tenant_id, c.id, t.id FROM contacts c, tags t "
              "WHERE c.tenant_id = :t AND t.tenant_id = :t AND c.phone = '+6281200000007'", t=town.tenant_id)
    async with unit_of_work(town.principal) as uow:
        line = (await opt_out.in_force(uow)).footer
        assert (await trials.send(uow, campaign, "+6281200000007")).text == f"A kursi depan\n\n{line}"
        assert (await trials.send(uow, campaign, "+6281200000008")).text == f"A kursi biasa\n\n{line}"
        assert (await trials.send(uow, campaign, "+6281200000008", letter="B")).text == f"B Orang 8\n\n{line}"
        with pytest.raises(Invalid) as refused:
            await trials.send(uow, campaign, "+6281200000008", letter="C")
        assert refused.value.fields[0].code == "variant_not_found"


async def test_a_test_counts_against_the_package(town: Town) -> None:
    await sql("INSERT INTO packages (key, name, limits) VALUES ('few_messages', 'Few', '{\"messages\": 1}') ON CONFLICT DO NOTHING")
    await sql("UPDATE tenants SET package_key = 'few_messages' WHERE id = :t", t=town.tenant_id)
    campaign = await draft(town)
    async with unit_of_work(town.principal) as uow:
        await trials.send(uow, campaign, "+6281200000007")
        with pytest.raises(Exception, match="messages_limit_reached"):
            await trials.send(uow, campaign, "+6281200000008")


