"""The tester's way to an answer: the customer's own, but nothing is sent, stored or counted."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from tests.fixtures.tenants import make_tenant
from wa_app.db import unit_of_work
from wa_app.inbound import trying
from wa_app.schemas.agent_trials import TrialAsk, TrialOutcome, TrialReply
from wa_app.schemas.agent_views import AgentCreate
from wa_app.schemas.ai import Turn
from wa_app.schemas.auto_replies import AutoReplyCreate
from wa_app.schemas.principal import Principal
from wa_app.services import agents, auto_replies

pytestmark = pytest.mark.usefixtures("settings")
TRACES = ("messages", "conversations", "outbound_messages", "insights", "answer_turns", "contacts", "consents", "suppressions")


class House:
    """A tenant with an agent that nobody has published."""

    def __init__(self, principal: Principal, agent_id: UUID) -> None:
        self.principal, self.agent_id = principal, agent_id

    async def ask(self, words: str, **more: Any) -> TrialReply:
        async with unit_of_work(self.principal) as uow:
            _, config = await agents.config_of(uow, self.agent_id, 0)
        return await trying.talk(TrialAsk(self.principal.tenant_id, self.agent_id, 0, config, words, **more))

    async def rows(self) -> dict[str, int]:
        async with unit_of_work(self.principal) as uow:
            return {name: await uow.session.scalar(text(f"SELECT count(*) FROM {name}")) or 0 for name in TRACES}


@pytest.fixture
async def house() -> House:
    principal = await make_tenant()
    async with unit_of_work(principal) as uow:
        made = await agents.create(uow, AgentCreate(preset="service"))
    return House(principal, made.id)


async def test_a_rule_answers_before_the_agent_and_is_not_counted(house: House) -> None:
    async with unit_of_work(house.principal) as uow:
        rule = await auto_replies.create(uow, AutoReplyCreate(keywords=["1.250.000"], match_type="CONTAINS", response_text="Terima kasih"))
    reply = await house.ask("", attachment="Transfer Berhasil\nJumlah Rp 1.250.000")
    assert (reply.outcome, reply.answer, reply.rule_id) == (TrialOutcome.RULE, "Terima kasih", rule.id)
    async with unit_of_work(house.principal) as uow:
        assert (await auto_replies.get(uow, rule.id)).hits.total == 0


async def test_without_documents_the_draft_does_not_invent(house: House) -> None:
    reply = await house.ask("Berapa harga kopi gayo?")
    assert reply.outcome in (TrialOutcome.UNSURE, TrialOutcome.HANDOVER)
    assert reply.sources == ()
    assert [entry.step.value for entry in reply.trace][:3] == ["consent", "human", "reading"]


async def test_words_of_stopping_end_the_talk_for_machines(house: House) -> None:
    stop, after = await house.ask("STOP"), await house.ask("Halo?", stopped=True)
    assert (stop.outcome, bool(stop.answer)) == (TrialOutcome.STOPPED, True)
    assert (after.outcome, after.answer) == (TrialOutcome.STOPPED, "")
    assert (await house.ask("START", stopped=True)).outcome is TrialOutcome.STARTED


async def test_leaves_no_trace(house: House) -> None:
    before = await house.rows()
    for words in ("Halo", "STOP", "Saya mau komplain, barang rusak"):
        await house.ask(words, history=(Turn("user", "Hai"), Turn("assistant", "Ya?")))
    assert await house.rows() == before


async def test_the_stream_ends_with_the_reply(house: House) -> None:
    async with unit_of_work(house.principal) as uow:
        _, config = await agents.config_of(uow, house.agent_id, 0)
    ask = TrialAsk(house.principal.tenant_id, house.agent_id, 0, config, "Halo")
    pieces = [piece async for piece in trying.stream(ask)]
    assert isinstance(pieces[-1], TrialReply)
    assert all(isinstance(piece, str) for piece in pieces[:-1])
