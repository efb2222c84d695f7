"""Test cases of an agent: kept, run, resumed after a crash, cancelled, and held against the run before."""

from uuid import UUID

import pytest
from sqlalchemy import text

from tests.fixtures.tenants import make_tenant
from wa_app.db import system_unit_of_work, unit_of_work
from wa_app.errors import Conflict, Invalid, LimitReached, NotFound, Unavailable
from wa_app.kit.ids import new_id
from wa_app.schemas.agent_trials import (
    Expectation,
    RunRequest,
    RunStatus,
    RunView,
    Talker,
    TrialAsk,
    TrialCreate,
    TrialOutcome,
    TrialReply,
    TrialStatus,
    TrialUpdate,
)
from wa_app.schemas.agent_views import AgentCreate, AgentPublish, AgentUpdate
from wa_app.schemas.principal import Principal
from wa_app.services import agent_trials, agents

pytestmark = pytest.mark.usefixtures("settings")


def saying(answer: str, outcome: TrialOutcome = TrialOutcome.ANSWER) -> Talker:
    async def talk(_: TrialAsk) -> TrialReply:
        return TrialReply(outcome, answer)

    return talk


class Shop:
    """A tenant with one agent and its cases."""

    def __init__(self, principal: Principal, agent_id: UUID) -> None:
        self.principal, self.agent_id = principal, agent_id

    async def keep(self, question: str, **expect: object) -> UUID:
        data = TrialCreate(agent_id=self.agent_id, text=question, expect=Expectation.model_validate(expect))
        async with unit_of_work(self.principal) as uow:
            return (await agent_trials.create(uow, data)).id

    async def request(self, version: int = 0) -> RunView:
        async with unit_of_work(self.principal) as uow:
            return await agent_trials.request(uow, RunRequest(agent_id=self.agent_id, version=version))

    async def see(self, run_id: UUID) -> RunView:
        async with unit_of_work(self.principal) as uow:
            return await agent_trials.get_run(uow, run_id)

    async def work(self, run_id: UUID, talk: Talker) -> RunView:
        await agent_trials.run(self.principal.tenant_id, run_id, talk)
        return await self.see(run_id)


@pytest.fixture
async def shop() -> Shop:
    principal = await make_tenant()
    async with unit_of_work(principal) as uow:
        agent = await agents.create(uow, AgentCreate(preset="service"))
    return Shop(principal, agent.id)


async def test_all_cases_are_asked_and_judged(shop: Shop) -> None:
    good = await shop.keep("Berapa harga gayo?", contains=["165.000"])
    bad = await shop.keep("Bisa COD?", outcome="handover")
    run = await shop.request()
    assert (run.status, run.total, run.processed) == (RunStatus.QUEUED, 2, 0)
    done = await shop.work(run.id, saying("Gayo Rp 165.000"))
    assert (done.status, done.processed, done.passed) == (RunStatus.DONE, 2, 1)
    assert {one.trial_id: one.status for one in done.results} == {good: TrialStatus.PASSED, bad: TrialStatus.FAILED}
    assert done.finished_at is not None


async def test_what_changed_is_told_against_the_version_that_answers(shop: Shop) -> None:
    await shop.keep("Berapa harga gayo?")
    async with unit_of_work(shop.principal) as uow:
        await agents.publish(uow, shop.agent_id, AgentPublish())
    await shop.work((await shop.request(version=1)).id, saying("Rp 165.000"))
    await shop.work((await shop.request()).id, saying("Rp 165.000"))
    draft = await shop.work((await shop.request()).id, saying("Tanya tim", TrialOutcome.HANDOVER))
    assert draft.compared_with == 1
    result = draft.results[0]
    assert (result.before and result.before.answer, result.seen and result.seen.answer) == ("Rp 165.000", "Tanya tim")
    assert result.changed == ["answer", "outcome"]


async def test_a_run_asks_the_draft_as_it_was(shop: Shop) -> None:
    await shop.keep("Halo")
    run = await shop.request()
    async with unit_of_work(shop.principal) as uow:
        await agents.update(uow, shop.agent_id, AgentUpdate(config={"persona": "Lain sama sekali"}))
    asked: list[TrialAsk] = []

    async def talk(ask: TrialAsk) -> TrialReply:
        asked.append(ask)
        return TrialReply(TrialOutcome.ANSWER, "Halo")

    await shop.work(run.id, talk)
    assert asked[0].config.persona != "Lain sama sekali"
    async with unit_of_work(shop.principal) as uow:
        _, draft = await agents.config_of(uow, shop.agent_id, 0)
        assert not await agent_trials.saw(uow, run.id, draft)
        assert await agent_trials.saw(uow, run.id, asked[0].config)


async def test_goes_on_where_a_killed_worker_stopped(shop: Shop) -> None:
    for n in range(3):
        await shop.keep(f"Pertanyaan {n}")
    run = await shop.request()
    asked: list[str] = []

    def dying(after: int) -> Talker:
        async def talk(ask: TrialAsk) -> TrialReply:
            if len(asked) == after:
                raise KeyboardInterrupt
            asked.append(ask.text)
            return TrialReply(TrialOutcome.ANSWER, "ya")

        return talk

    with pytest.raises(KeyboardInterrupt):
        await shop.work(run.id, dying(1))
    assert (await shop.see(run.id)).processed == 1
    done = await shop.work(run.id, dying(99))
    assert (done.status, asked) == (RunStatus.DONE, ["Pertanyaan 0", "Pertanyaan 1", "Pertanyaan 2"])


async def test_an_answer_that_cannot_be_had_breaks_its_case_only(shop: Shop) -> None:
    await shop.keep("Satu")
    await shop.keep("Dua")

    async def talk(ask: TrialAsk) -> TrialReply:
        if ask.text == "Satu":
            raise Unavailable("ai_unavailable")
        return TrialReply(TrialOutcome.ANSWER, "ya")

    done = await shop.work((await shop.request()).id, talk)
    assert [(one.status, one.error_code) for one in done.results] == [
        (TrialStatus.BROKEN, "ai_unavailable"), (TrialStatus.PASSED, ""),
    ]  # fmt: skip


async def test_a_cancelled_run_stops_and_keeps_what_it_saw(shop: Shop) -> None:
    await shop.keep("Satu")
    await shop.keep("Dua")
    run = await shop.request()

    async def talk(ask: TrialAsk) -> TrialReply:
        if ask.text == "Dua":
            async with unit_of_work(shop.principal) as uow:
                await agent_trials.cancel(uow, run.id)
        return TrialReply(TrialOutcome.ANSWER, "ya")

    done = await shop.work(run.id, talk)
    assert (done.status, done.processed) == (RunStatus.CANCELLED, 1)
    with pytest.raises(Conflict):
        async with unit_of_work(shop.principal) as uow:
            await agent_trials.cancel(uow, run.id)


async def test_one_run_at_a_time_and_none_without_cases(shop: Shop) -> None:
    with pytest.raises(Conflict, match="trials_none"):
        await shop.request()
    await shop.keep("Satu")
    assert (await shop.request()).id == (await shop.request()).id


async def test_a_run_in_nobodys_hands_is_sent_to_the_workers_again(shop: Shop) -> None:
    await shop.keep("Satu")
    run = await shop.request()
    async with system_unit_of_work() as uow:
        await uow.session.execute(text("UPDATE agent_trial_runs SET due_at = now() - interval '1 minute' WHERE id = :id"), {"id": run.id})
        assert await agent_trials.wake(uow) >= 1
        assert await agent_trials.wake(uow) == 0


async def test_the_package_limits_cases(shop: Shop) -> None:
    async with system_unit_of_work() as uow:
        await uow.session.execute(
            text("INSERT INTO packages (key, name, limits) VALUES ('one_trial', 'One', '{\"agent_trials\": 1}') ON CONFLICT DO NOTHING")
        )
        await uow.session.execute(text("UPDATE tenants SET package_key = 'one_trial' WHERE id = :t"), {"t": shop.principal.tenant_id})
    first = await shop.keep("Satu")
    with pytest.raises(LimitReached):
        await shop.keep("Dua")
    async with unit_of_work(shop.principal) as uow:
        await agent_trials.remove(uow, first)
    await shop.keep("Dua")


async def test_refuses_what_is_not_the_tenants_own(shop: Shop) -> None:
    for expect in ({"document_id": new_id()}, {"rule_id": new_id()}):
        with pytest.raises(Invalid):
            await shop.keep("Satu", **expect)
    with pytest.raises(Invalid):
        await shop.keep("  ")
    other = await make_tenant()
    with pytest.raises(NotFound):
        async with unit_of_work(other) as uow:
            await agent_trials.create(uow, TrialCreate(agent_id=shop.agent_id, text="Halo"))


async def test_a_case_is_changed_taken_away_and_brought_back(shop: Shop) -> None:
    case = await shop.keep("Berapa harga kopi gayo satu kilo kalau beli banyak sekali untuk toko saya ya?")
    async with unit_of_work(shop.principal) as uow:
        assert (await agent_trials.get(uow, case)).name.endswith("…")
        change = TrialUpdate(name="Harga", expect=Expectation(contains=["165"]))
        assert (await agent_trials.update(uow, case, change)).expect.contains == ["165"]
        await agent_trials.remove(uow, case)
        assert await agent_trials.list_(uow, shop.agent_id) == []
        await agent_trials.restore(uow, case)
        assert [one.name for one in await agent_trials.list_(uow, None)] == ["Harga"]


async def test_what_an_agent_left_goes_with_it(shop: Shop) -> None:
    await shop.keep("Satu")
    first = await shop.work((await shop.request()).id, saying("ya"))
    second = await shop.work((await shop.request()).id, saying("ya"))
    assert second.compared_with == first.version
    async with unit_of_work(shop.principal) as uow:
        await agents.remove(uow, [shop.agent_id])
    async with system_unit_of_work() as uow:
        await uow.session.execute(text("UPDATE agents SET deleted_at = now() - interval '31 days' WHERE id = :a"), {"a": shop.agent_id})
        assert await agent_trials.purge(uow) >= 2
        assert await agents.purge(uow) >= 1
