"""The demo is made once, adds up, and can be made again."""

import pytest
from sqlalchemy import text

from wa_app.db import system_unit_of_work, unit_of_work
from wa_app.schemas.principal import Principal
from wa_app.services import agents, campaigns, conversations, quick_replies
from wa_app.services.campaigns import reports
from wa_app.services.seed import PEOPLE, seed_demo

pytestmark = pytest.mark.usefixtures("settings")


async def test_the_demo_adds_up_and_is_made_once() -> None:
    first = await seed_demo("demo-seed@sapa.test", "Kata sandi panjang 9")
    again = await seed_demo("demo-seed@sapa.test", "Kata sandi panjang 9")
    assert (first.already_there, first.linked, again.already_there) == (False, False, True)
    async with system_unit_of_work() as uow:
        query = text(
            "SELECT m.tenant_id FROM memberships m JOIN users u ON u.id = m.user_id WHERE u.email = 'demo-seed@sapa.test'"
        )
        tenant_id = (await uow.session.execute(query)).scalar_one()
    async with unit_of_work(Principal.system(tenant_id)) as uow:
        found, _, total = await campaigns.list_(uow)
        people = (await uow.session.execute(text("SELECT count(*) FROM contacts"))).scalar_one()
        done = next(one for one in found if one.status == "COMPLETED")
        rows = (await uow.session.execute(text("SELECT count(*) FROM outbound_messages"))).scalar_one()
        report = await reports.report(uow, done.id)
        agent = await agents.default(uow)
        chats, replies = await conversations.counts(uow), await quick_replies.list_(uow)
    assert (total, people) == (4, PEOPLE)
    assert done.counts.total * 2 == rows
    assert (agent.name, agent.live is not None, len(agent.answers_on), agent.draft.behaviour.delay_max_s) == ("AI Lestari", True, 3, 8)
    assert done.counts.total == done.plan_total
    assert report.previous is not None
    assert report.funnel.sent > report.funnel.delivered > report.funnel.read > report.funnel.replied > 0
    assert len(report.hours) >= 4
    assert len([one for one in report.reasons if one.state == "failed"]) == 3
    assert done.counts.read > done.counts.failed > 0
    assert (chats.needs_human, chats.unread, chats.closed, len(replies)) == (1, 2, 1, 4)
    assert chats.unassigned < chats.all
