"""Teams: who may make them, who is in them, and what stays when one goes."""

from uuid import UUID

import pytest

from tests.fixtures.api import Signed
from tests.fixtures.audience import add_device
from tests.integration.test_inbox import hears, views
from tests.integration.test_team import business, hired
from wa_app.db import system_unit_of_work, unit_of_work
from wa_app.errors import Conflict, Forbidden, Invalid, NotFound
from wa_app.kit.ids import new_id
from wa_app.services import conversations, teams


async def test_a_team_has_people_and_conversations(signed: Signed) -> None:
    async with system_unit_of_work() as every:
        device: UUID = await add_device(every, signed.tenant_id, "Satu")
    chat = await hears(signed, device, "Halo")
    async with unit_of_work(signed.principal) as uow:
        with pytest.raises(Invalid):
            await teams.create(uow, "  \x00 ")
        made = await teams.create(uow, " Purna  jual ", [signed.user_id, signed.user_id])
        assert (made.name, [one.name for one in made.members], made.open) == ("Purna jual", ["Sari"], 0)
        view = await conversations.assign_team(uow, chat, made.id)
        assert view.team_name == "Purna jual"
        assert await views(uow, "all", team_id=made.id) == [chat]
        assert (await teams.set_members(uow, made.id, [])).members == []
        assert (await teams.rename(uow, made.id, "Servis")).name == "Servis"
        assert [(one.name, one.open) for one in await teams.list_(uow)] == [("Servis", 1)]
        await teams.remove(uow, made.id)
        assert await teams.list_(uow) == []
        assert (await conversations.get(uow, chat)).team_id is None
        with pytest.raises(NotFound):
            await teams.remove(uow, made.id)


async def test_names_are_taken_without_regard_to_case(signed: Signed) -> None:
    async with unit_of_work(signed.principal) as uow:
        await teams.create(uow, "Penjualan")
    with pytest.raises(Conflict, match="team_exists"):
        async with unit_of_work(signed.principal) as uow:
            await teams.create(uow, "PENJUALAN")
    async with unit_of_work(signed.principal) as uow:
        other = await teams.create(uow, "Gudang")
    with pytest.raises(Conflict, match="team_exists"):
        async with unit_of_work(signed.principal) as uow:
            await teams.rename(uow, other.id, "penjualan")


async def test_agents_see_teams_and_change_none(signed: Signed, other: Signed) -> None:
    async with unit_of_work(signed.principal) as uow:
        theirs = await teams.create(uow, "Rahasia")
        with pytest.raises(NotFound):
            await teams.set_members(uow, theirs.id, [other.user_id])
    async with unit_of_work(other.principal) as uow:
        assert await teams.list_(uow) == []
        for call in (teams.get(uow, theirs.id), teams.remove(uow, theirs.id), teams.rename(uow, theirs.id, "x"), teams.set_members(uow, new_id(), [])):
            with pytest.raises(NotFound):
                await call


@pytest.mark.usefixtures("settings")
async def test_the_role_of_agents() -> None:
    tenant, owner = await business()
    agent = await hired(tenant, "agent")
    async with unit_of_work(owner) as uow:
        made = await teams.create(uow, "Penjualan", [agent.user_id or UUID(int=0)])
    async with unit_of_work(agent) as uow:
        assert [one.name for one in await teams.list_(uow)] == ["Penjualan"]
        for call in (teams.create(uow, "x"), teams.rename(uow, made.id, "x"), teams.set_members(uow, made.id, []), teams.remove(uow, made.id)):
            with pytest.raises(Forbidden):
                await call
