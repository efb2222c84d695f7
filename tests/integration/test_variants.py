"""Variants from planning to the winner, against the real database and the sandbox."""

import asyncio
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from bench.seeding import World
from tests.fixtures.audience import Town, make_town, tag
from wa_app.channels import registry
from wa_app.db import system_unit_of_work, unit_of_work
from wa_app.errors import Conflict, Invalid
from wa_app.kit.ids import new_id
from wa_app.models.outbound import CampaignStatus
from wa_app.schemas.broadcasts import TestPhase, VariantInput
from wa_app.schemas.campaigns import CampaignCreate, CampaignUpdate, Target
from wa_app.schemas.principal import Principal
from wa_app.sending import files, lanes, planning
from wa_app.services import campaigns
from wa_app.services.campaigns import variants

pytestmark = pytest.mark.usefixtures("settings")


def written(*shares: int) -> list[VariantInput]:
    return [VariantInput(message_template=f"Varian {at} {{{{name}}}}", share=share) for at, share in enumerate(shares)]


async def started(who: Principal, shares: tuple[int, ...] = (50, 50), **more: Any) -> UUID:
    async with unit_of_work(who) as uow:
        made = await campaigns.create(uow, CampaignCreate(
            name="Uji", message_template="", target=Target(all=True), variants=written(*shares), **more
        ))  # fmt: skip
        await campaigns.start(uow, made.id)
        return made.id


async def run_sql(statement: str, **values: object) -> list[Any]:
    async with system_unit_of_work() as uow:
        found = await uow.session.execute(text(statement), values)
        return list(found.all()) if found.returns_rows else []


async def split(campaign_id: UUID) -> dict[tuple[str, int | None], int]:
    rows = await run_sql(
        "SELECT state, variant, count(*) AS n FROM outbound_messages WHERE campaign_id = :c GROUP BY 1, 2", c=campaign_id
    )
    return {(row.state, row.variant): row.n for row in rows}


async def counts(who: Principal, campaign_id: UUID) -> Any:
    async with unit_of_work(who) as uow:
        return (await campaigns.get(uow, campaign_id)).counts


async def test_shares_hold_in_every_chunk_and_do_not_follow_the_order_of_contacts() -> None:
    town = await make_town(contacts=600)
    campaign_id = await started(town.principal, (50, 30, 20))
    await planning.plan(town.tenant_id, campaign_id, chunk=200)
    assert await split(campaign_id) == {("planned", 0): 300, ("planned", 1): 180, ("planned", 2): 120}
    half = await run_sql(
        "SELECT count(*) FILTER (WHERE variant = 0) AS n FROM (SELECT variant FROM outbound_messages "
        "WHERE campaign_id = :c ORDER BY contact_id LIMIT 100) m", c=campaign_id,
    )  # fmt: skip
    # Contacts that were made one after another are mixed: half of the first hundred, not all of them.
    assert 30 <= half[0].n <= 70


async def test_a_planner_that_died_cuts_the_same_way_again(monkeypatch: pytest.MonkeyPatch) -> None:
    town = await make_town(contacts=150)
    campaign_id = await started(town.principal, (60, 40))
    real, seen = planning.insert_chunk, []

    async def dies(uow: Any, *args: Any) -> Any:
        done = await real(uow, *args)
        rows = await uow.session.execute(text("SELECT contact_id, variant FROM outbound_messages ORDER BY contact_id"))
        seen.append([tuple(row) for row in rows])
        if len(seen) == 2:
            raise RuntimeError("killed before the commit")
        return done

    monkeypatch.setattr(planning, "insert_chunk", dies)
    with pytest.raises(RuntimeError):
        await planning.plan(town.tenant_id, campaign_id, chunk=50)
    await run_sql("UPDATE campaigns SET lease_until = now() - interval '1 second' WHERE id = :c", c=campaign_id)
    await planning.plan(town.tenant_id, campaign_id, chunk=50)
    assert len(seen[1]) == 100
    assert seen[2] == seen[1]
    assert await split(campaign_id) == {("planned", 0): 90, ("planned", 1): 60}


async def test_skipped_people_do_not_bend_the_shares() -> None:
    town = await make_town(contacts=100)
    await tag(town.tenant_id, "x", "true")
    await run_sql("UPDATE contacts SET phone = NULL WHERE tenant_id = :t AND phone < '+6281200000041'", t=town.tenant_id)
    await run_sql("DELETE FROM contact_identities WHERE tenant_id = :t AND value < '+6281200000041'", t=town.tenant_id)
    campaign_id = await started(town.principal, (50, 50))
    await planning.plan(town.tenant_id, campaign_id)
    assert await split(campaign_id) == {("skipped", None): 40, ("planned", 0): 30, ("planned", 1): 30}


async def in_test(contacts: int = 200, percent: int = 20) -> tuple[Town, UUID]:
    """A campaign whose test is planned; the rest is held."""
    town = await make_town(contacts=contacts)
    campaign_id = await started(town.principal, (50, 50), test=TestPhase(percent=percent, hours=4))
    await planning.plan(town.tenant_id, campaign_id, chunk=100)
    return town, campaign_id


async def leave(campaign_id: UUID, states: dict[int, str]) -> None:
    """The rows of the test go out; `states` says what becomes of each variant."""
    for variant, state in states.items():
        await run_sql(
            "WITH moved AS (UPDATE outbound_messages SET state = :s, sent_at = now() WHERE campaign_id = :c AND variant = :v "
            "AND state = 'planned' RETURNING tenant_id) INSERT INTO campaign_counters AS k (tenant_id, campaign_id, device_id, "
            "state, n) SELECT tenant_id, :c, '00000000-0000-0000-0000-000000000000', x.state, x.sign * count(*) FROM moved, "
            "(VALUES ('planned', -1), (:s, 1)) x(state, sign) GROUP BY tenant_id, x.state, x.sign "
            "ON CONFLICT (tenant_id, campaign_id, device_id, state) DO UPDATE SET n = k.n + excluded.n",
            s=state, c=campaign_id, v=variant,
        )  # fmt: skip


async def tick() -> int:
    async with system_unit_of_work() as uow:
        return await variants.decide_due(uow)


async def test_the_rest_waits_for_a_winner_that_two_schedulers_choose_once() -> None:
    town, campaign_id = await in_test()
    assert await split(campaign_id) == {("planned", 0): 20, ("planned", 1): 20, ("held", None): 160}
    await tick()
    assert (await run_sql("SELECT test_ends_at FROM campaigns WHERE id = :c", c=campaign_id))[0][0] is None
    await leave(campaign_id, {0: "sent", 1: "read"})
    assert await tick() == 0
    # Its time runs from the moment the test had left, whoever looked.
    ends = (await run_sql("SELECT test_ends_at - now() > interval '3 h 50 min' FROM campaigns WHERE id = :c", c=campaign_id))[0][0]
    assert ends
    await run_sql("UPDATE campaigns SET test_ends_at = now() WHERE id = :c", c=campaign_id)
    chosen = await asyncio.gather(*(tick() for _ in range(4)))
    assert sum(chosen) == 1
    winner = (await run_sql("SELECT winner, winner_how FROM campaigns WHERE id = :c", c=campaign_id))[0]
    assert tuple(winner) == (1, "rule")
    released = await asyncio.gather(*(variants.release(town.tenant_id, campaign_id) for _ in range(3)))
    assert sum(released) == 160
    assert await split(campaign_id) == {("sent", 0): 20, ("read", 1): 20, ("planned", 1): 160}
    found = await counts(town.principal, campaign_id)
    assert (found.held, found.planned, found.total) == (0, 160, 200)


async def test_a_scheduler_that_was_away_and_a_lost_message_lose_nobody() -> None:
    town, campaign_id = await in_test()
    await leave(campaign_id, {0: "read", 1: "sent"})
    await tick()
    await run_sql("UPDATE campaigns SET test_ends_at = now() - interval '3 days' WHERE id = :c", c=campaign_id)
    assert await tick() == 1
    # Nobody ran the actor: each sweep asks for it again until nobody is held.
    async with system_unit_of_work() as uow:
        await variants.decide_due(uow)
        assert [job.kwargs["campaign_id"] for job in uow._jobs if job.actor == "campaign.release"] == [str(campaign_id)]
    assert await variants.release(town.tenant_id, campaign_id) == 160
    async with system_unit_of_work() as uow:
        await variants.decide_due(uow)
        assert uow._jobs == []


async def test_a_plain_difference_ends_the_test_early_and_a_small_one_does_not() -> None:
    town, plain = await in_test(contacts=600, percent=50)
    await leave(plain, {0: "sent", 1: "read"})
    await tick()
    await tick()
    assert (await run_sql("SELECT winner FROM campaigns WHERE id = :c", c=plain))[0][0] == 1
    _, equal = await in_test(contacts=600, percent=50)
    await leave(equal, {0: "read", 1: "read"})
    await tick()
    await tick()
    assert (await run_sql("SELECT winner FROM campaigns WHERE id = :c", c=equal))[0][0] is None
    assert town.tenant_id


async def test_a_person_may_choose_and_only_once() -> None:
    town, campaign_id = await in_test()
    async with unit_of_work(town.principal) as uow:
        campaign = await campaigns.find(uow, campaign_id, lock=True)
        with pytest.raises(Invalid):
            await variants.choose(uow, campaign, 2)
        await variants.choose(uow, campaign, 0)
        with pytest.raises(Conflict) as refused:
            await variants.choose(uow, campaign, 1)
        assert refused.value.code == "winner_chosen"
        report = await variants.report(uow, campaign)
    assert (report.winner, report.winner_how, report.held, report.verdict) == ("A", "person", 160, "none")
    assert await variants.release(town.tenant_id, campaign_id) == 160
    assert await split(campaign_id) == {("planned", 0): 180, ("planned", 1): 20}


async def test_nothing_is_handed_out_while_paused_and_cancelling_takes_the_waiting_too() -> None:
    town, campaign_id = await in_test()
    async with unit_of_work(town.principal) as uow:
        await variants.choose(uow, await campaigns.find(uow, campaign_id, lock=True), 1)
        await campaigns.pause(uow, campaign_id)
    assert await variants.release(town.tenant_id, campaign_id) == 0
    async with unit_of_work(town.principal) as uow:
        await campaigns.cancel(uow, campaign_id)
    found = await counts(town.principal, campaign_id)
    assert (found.cancelled, found.held, found.planned) == (200, 0, 0)


async def test_drafts_keep_their_variants_and_the_first_is_the_campaigns_own_text() -> None:
    town = await make_town(contacts=3)
    async with unit_of_work(town.principal) as uow:
        made = await campaigns.create(uow, CampaignCreate(name="Uji", variants=written(50, 50), target=Target(all=True)))
        assert made.message_template == "Varian 0 {{name}}"
        changed = await campaigns.update(uow, made.id, CampaignUpdate(message_template="Baru"))
        assert [one.message_template for one in changed.variants] == ["Baru", "Varian 1 {{name}}"]
        copy = await campaigns.duplicate(uow, made.id)
        assert [(one.letter, one.share) for one in copy.variants] == [("A", 50), ("B", 50)]
        for wrong in (written(50, 49), written(99), written(20, 20, 20, 20, 10, 10)):
            with pytest.raises(Invalid):
                await campaigns.update(uow, made.id, CampaignUpdate(variants=wrong))
        assert (await campaigns.update(uow, made.id, CampaignUpdate(variants=[]))).variants == []


async def run_lane(world: World) -> None:
    await lanes.run_lane(world.tenant_id, world.devices[0].id, registry.channel, files.loader, 120.0)


async def test_each_recipient_reads_their_variant_and_tags_are_asked(world: World) -> None:
    await world.link(1)
    await world.add_contacts(20)
    await tag(world.tenant_id, "VIP", "phone < '+628120000010'")
    who = Principal.system(world.tenant_id)
    texts = [VariantInput(message_template="A {{#if tag vip}}VIP{{else}}biasa{{/if}}", share=50),
             VariantInput(message_template="B {Hai|Halo}", share=50)]  # fmt: skip
    async with unit_of_work(who) as uow:
        made = await campaigns.create(uow, CampaignCreate(name="Uji", target=Target(all=True), variants=texts))
        await campaigns.start(uow, made.id)
    await planning.plan(world.tenant_id, made.id)
    await run_lane(world)
    rows = await world.fetch("SELECT * FROM outbound_messages WHERE campaign_id = $1", made.id)
    assert {row["state"] for row in rows} == {"sent"}
    assert [sum(row["variant"] == at for row in rows) for at in (0, 1)] == [10, 10]
    for row in rows:
        if row["variant"] == 1:
            assert row["body"] in ("B Hai", "B Halo")
        else:
            assert row["body"] == ("A VIP" if row["identity_value"] < "+628120000010" else "A biasa")
    async with unit_of_work(who) as uow:
        stats = await campaigns.stats(uow, made.id)
    assert stats.status == CampaignStatus.COMPLETED
    assert [(one.letter, one.arrived) for one in stats.variants] == [("A", 10), ("B", 10)]


async def test_one_message_to_one_contact_goes_through_the_ledger_once(world: World) -> None:
    await world.link(1)
    (contact, other) = await world.add_contacts(2)
    who = Principal.system(world.tenant_id)
    async with unit_of_work(who) as uow:
        made = await campaigns.create(uow, CampaignCreate(name="Tetes", message_template="Halo {{name}}"))
        first = await campaigns.send_to_contact(uow, made.id, contact)
        assert await campaigns.send_to_contact(uow, made.id, contact) == first
        again = await campaigns.send_to_contact(uow, made.id, contact, once="langkah-2")
        assert again != first
    await run_lane(world)
    # The second to the same person waits until the first is known to have left.
    await run_sql("UPDATE outbound_messages SET due_at = NULL WHERE campaign_id = :c", c=made.id)
    await run_lane(world)
    assert await world.states(made.id) == {"sent": 2}
    assert await world.counters(made.id) == {"sent": 2}
    # It had ended with its last row, and goes on with the next.
    async with unit_of_work(who) as uow:
        assert (await campaigns.get(uow, made.id)).status == CampaignStatus.COMPLETED
        await campaigns.send_to_contact(uow, made.id, other)
        assert (await campaigns.get(uow, made.id)).status == CampaignStatus.PROCESSING
        with pytest.raises(Exception, match="not_found"):
            await campaigns.send_to_contact(uow, made.id, new_id())
    await run_lane(world)
    assert (await world.judge())["accepted"] == 3
