"""Home's numbers on a real database, and what open pages hear through Redis."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from tests.fixtures.tenants import make_tenant
from wa_app import db, live
from wa_app.config import Settings
from wa_app.db import unit_of_work
from wa_app.errors import Forbidden
from wa_app.kit.ids import NIL, id_floor, new_id
from wa_app.models.outbound import Campaign, CampaignCounter, CampaignStatus, MessageState
from wa_app.schemas.principal import Principal
from wa_app.services import overview

pytestmark = pytest.mark.asyncio


@pytest.fixture(autouse=True)
async def _connections(settings: Settings) -> AsyncIterator[None]:
    yield
    await db.dispose()


@pytest.fixture
async def me() -> Principal:
    return await make_tenant()


async def add_campaign(me: Principal, status: CampaignStatus, **states: int) -> Campaign:
    async with unit_of_work(me) as uow:
        campaign = Campaign(
            id=new_id(), tenant_id=me.tenant_id, name="Promo", status=status, started_at=datetime.now(UTC)
        )
        uow.session.add(campaign)
        await uow.session.flush()
        for state, n in states.items():
            uow.session.add(
                CampaignCounter(
                    tenant_id=me.tenant_id, campaign_id=campaign.id, device_id=NIL, state=MessageState(state), n=n
                )
            )
    return campaign


async def test_new_tenant_has_everything_before_it(me: Principal) -> None:
    async with unit_of_work(me) as uow:
        found = await overview.get_overview(uow)
    assert (found.has_device, found.has_contacts, found.has_broadcast) == (False, False, False)
    assert (found.sent, found.read_percent, found.incoming, found.failed) == (0, None, 0, 0)
    assert found.broadcasts == found.devices == []


async def test_counts_today_and_keeps_tenants_apart(me: Principal) -> None:
    other = await make_tenant()
    campaign = await add_campaign(
        me, CampaignStatus.PROCESSING, planned=426, sent=100, delivered=200, read=90, played=10, failed=9, unknown=2
    )
    async with unit_of_work(me) as uow:
        found = await overview.get_overview(uow)
        jobs = await overview.list_jobs(uow)
    line = found.broadcasts[0]
    assert (line.id, line.total, line.done) == (campaign.id, 837, 411)
    assert (found.read_percent, found.failed) == (25.0, 9)
    assert [(job.kind, job.done, job.total) for job in jobs] == [("campaign", 411, 837)]
    async with unit_of_work(other) as uow:
        assert (await overview.get_overview(uow)).broadcasts == []


async def test_needs_the_verb(me: Principal) -> None:
    nobody = Principal(me.tenant_id, None, frozenset())
    async with unit_of_work(nobody) as uow:
        with pytest.raises(Forbidden):
            await overview.get_overview(uow)


async def test_hot_queries_use_indexes(me: Principal) -> None:
    async with unit_of_work(me) as uow:
        await uow.session.execute(text("SET LOCAL enable_seqscan = off"))
        plan = await uow.session.execute(
            text(f"EXPLAIN {overview._INCOMING}"), {"t": me.tenant_id, "floor": id_floor(datetime.now(UTC))}
        )
        assert "Seq Scan on messages" not in "\n".join(plan.scalars())


async def test_watchers_hear_their_tenant_only(me: Principal) -> None:
    other = await make_tenant()
    async with live.running(), live.watch(me.tenant_id) as mine, live.watch(other.tenant_id) as theirs:
        async with unit_of_work(me) as uow:
            uow.publish("campaign", id="1")
        assert await mine.wait(5) == [{"kind": "campaign", "id": "1"}]
        assert await theirs.wait(0.2) == []


async def test_watching_again_after_the_last_watcher_left(me: Principal) -> None:
    async with live.running():
        for _ in range(3):
            async with live.watch(me.tenant_id) as watch:
                async with unit_of_work(me) as uow:
                    uow.publish("device")
                assert await watch.wait(5) == [{"kind": "device"}]


async def test_overflow_becomes_one_resync() -> None:
    watch = live.Watch()
    for n in range(live.MAX_PENDING + 1):
        watch.put({"kind": "message", "n": n})
    assert await watch.wait(0.1) == [live.RESYNC]


async def test_changes_end_when_the_tab_has_gone(me: Principal) -> None:
    open_tabs = {"tab"}
    live.check_tabs_with(open_tabs.__contains__)
    seen: list[list[dict[str, object]]] = []

    async def follow() -> None:
        async for batch in live.changes(me.tenant_id, "tab", tick_s=0.1):
            seen.append(batch)

    async with live.running():
        task = asyncio.create_task(follow())
        await asyncio.sleep(0.2)
        async with unit_of_work(me) as uow:
            uow.publish("import", id="7")
        await asyncio.sleep(0.3)
        open_tabs.clear()
        await asyncio.wait_for(task, 2)
    assert seen == [[{"kind": "import", "id": "7"}]]
