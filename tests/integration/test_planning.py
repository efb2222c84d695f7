"""Planning: every contact once, whatever happens in between."""

from uuid import UUID

import pytest
from sqlalchemy import text

from tests.fixtures.audience import Town, make_town, tag
from wa_app.db import system_unit_of_work, unit_of_work
from wa_app.kit.ids import new_id
from wa_app.models.outbound import CampaignStatus
from wa_app.schemas.campaigns import CampaignCreate, CampaignView, Target
from wa_app.sending import planning
from wa_app.services import campaigns

pytestmark = pytest.mark.usefixtures("settings")


async def started(town: Town, **target: object) -> UUID:
    async with unit_of_work(town.principal) as uow:
        made = await campaigns.create(uow, CampaignCreate(
            name="Promo", message_template="{Halo|Hai} {{name}}", target=Target.model_validate(target or {"all": True})
        ))  # fmt: skip
        await campaigns.start(uow, made.id)
        return made.id


async def look(town: Town, campaign_id: UUID) -> CampaignView:
    async with unit_of_work(town.principal) as uow:
        return await campaigns.get(uow, campaign_id)


async def rows(campaign_id: UUID, what: str = "count(*), count(DISTINCT contact_id)") -> tuple[object, ...]:
    async with system_unit_of_work() as uow:
        query = text(f"SELECT {what} FROM outbound_messages WHERE campaign_id = :c")
        return tuple((await uow.session.execute(query, {"c": campaign_id})).one())


async def run_sql(statement: str, **values: object) -> None:
    async with system_unit_of_work() as uow:
        await uow.session.execute(text(statement), values)


async def test_plans_every_contact_once_in_chunks_and_opens_the_campaign() -> None:
    town = await make_town(contacts=120)
    campaign_id = await started(town)
    assert await planning.plan(town.tenant_id, campaign_id, chunk=50) == 120
    seen = await look(town, campaign_id)
    assert (seen.status, seen.counts.planned, seen.counts.total, seen.plan_total) == ("PROCESSING", 120, 120, 120)
    assert seen.planned_at is not None
    assert len(seen.device_ids) == 1
    assert await rows(campaign_id) == (120, 120)


async def test_goes_on_after_a_crash_without_doubles(monkeypatch: pytest.MonkeyPatch) -> None:
    town = await make_town(contacts=130)
    campaign_id = await started(town)
    real, calls = planning.insert_chunk, 0

    async def dies_in_the_third(*args: object) -> planning.Chunk:
        nonlocal calls
        calls += 1
        done = await real(*args)  # type: ignore[arg-type]
        if calls == 3:
            raise RuntimeError("killed after the insert, before the commit")
        return done

    monkeypatch.setattr(planning, "insert_chunk", dies_in_the_third)
    with pytest.raises(RuntimeError):
        await planning.plan(town.tenant_id, campaign_id, chunk=50)
    half = await look(town, campaign_id)
    assert (half.status, half.counts.planned, half.counts.total) == ("PENDING", 100, 100)
    # Its lease still runs, so nobody takes over yet.
    assert await planning.plan(town.tenant_id, campaign_id, chunk=50) == 0
    await run_sql("UPDATE campaigns SET lease_until = now() - interval '1 second' WHERE id = :c", c=campaign_id)
    assert await planning.plan(town.tenant_id, campaign_id, chunk=50) == 30
    assert await rows(campaign_id) == (130, 130)
    assert (await look(town, campaign_id)).counts.total == 130


async def test_a_lost_checkpoint_still_makes_no_doubles() -> None:
    town = await make_town(contacts=60)
    campaign_id = await started(town)
    await planning.plan(town.tenant_id, campaign_id, chunk=50)
    await run_sql(
        "UPDATE campaigns SET plan_cursor = NULL, planned_at = NULL, status = 'PENDING' WHERE id = :c", c=campaign_id
    )
    assert await planning.plan(town.tenant_id, campaign_id, chunk=50) == 0
    assert await rows(campaign_id) == (60, 60)
    assert (await look(town, campaign_id)).counts.total == 60


@pytest.mark.parametrize(("verb", "status"), [("cancel", "CANCELLED"), ("pause", "PAUSED")])
async def test_stops_between_chunks(monkeypatch: pytest.MonkeyPatch, verb: str, status: str) -> None:
    town = await make_town(contacts=120)
    campaign_id = await started(town)
    real, calls = planning._step, 0

    async def then_a_person_decides(*args: object) -> planning.Chunk | None:
        nonlocal calls
        calls += 1
        if calls == 2:
            async with unit_of_work(town.principal) as uow:
                await getattr(campaigns, verb)(uow, campaign_id)
        return await real(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(planning, "_step", then_a_person_decides)
    assert await planning.plan(town.tenant_id, campaign_id, chunk=50) == 50
    seen = await look(town, campaign_id)
    assert (seen.status, seen.counts.total) == (status, 50)
    if verb == "cancel":
        assert seen.counts.cancelled == 50
        assert seen.finished_at is not None
        return
    async with unit_of_work(town.principal) as uow:
        assert (await campaigns.resume(uow, campaign_id)).status == CampaignStatus.PENDING
    assert await planning.plan(town.tenant_id, campaign_id, chunk=50) == 70
    assert await rows(campaign_id) == (120, 120)


async def test_skips_suppressed_people_over_all_aliases_and_those_without_a_number() -> None:
    town = await make_town(contacts=10)
    t = town.tenant_id
    await run_sql(
        "INSERT INTO contact_identities (tenant_id, contact_id, kind, value, hash) "
        "SELECT tenant_id, id, 'lid', '99887766554433', 'lid-hash' FROM contacts WHERE tenant_id = :t AND name = 'Orang 3'",
        t=t,
    )
    await run_sql(
        "INSERT INTO suppressions (tenant_id, kind, hash, masked, reason) VALUES (:t, 'lid', 'lid-hash', '…433', 'MANUAL')",
        t=t,
    )
    await run_sql(
        "INSERT INTO contacts (id, tenant_id, name) VALUES (:id, :t, 'Tanpa nomor')", id=new_id(), t=t
    )
    campaign_id = await started(town)
    await planning.plan(t, campaign_id)
    counts = (await look(town, campaign_id)).counts
    assert (counts.planned, counts.skipped, counts.total) == (9, 2, 11)
    assert await rows(
        campaign_id, "array_agg(error_code ORDER BY error_code) FILTER (WHERE state = 'skipped')"
    ) == (["no_identity", "suppressed"],)
    assert await rows(campaign_id, "count(*) FILTER (WHERE identity_kind = 'phone')") == (10,)


async def test_takes_tags_and_leaves_excluded_ones_out() -> None:
    town = await make_town(contacts=30)
    await tag(town.tenant_id, "VIP", "phone <= '+6281200000020'")
    await tag(town.tenant_id, "Libur", "phone <= '+6281200000005'")
    campaign_id = await started(town, tags=["vip"], exclude_tags=["libur"])
    assert await planning.plan(town.tenant_id, campaign_id, chunk=7) == 15


async def test_ends_at_once_when_nobody_is_left_to_write_to() -> None:
    town = await make_town(contacts=3)
    campaign_id = await started(town)
    await run_sql(
        "INSERT INTO suppressions (tenant_id, kind, hash, masked, reason) "
        "SELECT tenant_id, kind, hash, 'x', 'MANUAL' FROM contact_identities WHERE tenant_id = :t", t=town.tenant_id,
    )  # fmt: skip
    await planning.plan(town.tenant_id, campaign_id)
    seen = await look(town, campaign_id)
    assert (seen.status, seen.counts.skipped) == ("COMPLETED", 3)


async def test_the_sweep_finds_what_is_due_and_what_a_killed_planner_left() -> None:
    town = await make_town(contacts=5)
    campaign_id = await started(town)
    await run_sql(
        "UPDATE campaigns SET updated_at = now() - interval '1 minute', lease_until = now() - interval '1 second' "
        "WHERE id = :c", c=campaign_id,
    )  # fmt: skip
    async with system_unit_of_work() as uow:
        await campaigns.start_due(uow)
        assert str(campaign_id) in [job.kwargs["campaign_id"] for job in uow._jobs]
        uow._jobs.clear()
    async with system_unit_of_work() as uow:
        await campaigns.start_due(uow)
        assert str(campaign_id) not in [job.kwargs["campaign_id"] for job in uow._jobs]
        uow._jobs.clear()
