"""Agents: a draft that people edit, versions that never change, and who answers on which number."""

import asyncio
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from tests.fixtures.tenants import make_tenant
from wa_app.db import system_unit_of_work, unit_of_work
from wa_app.errors import Conflict, Forbidden, Invalid, LimitReached, NotFound
from wa_app.kit.ids import new_id
from wa_app.models.devices import Device
from wa_app.models.inbound import Conversation
from wa_app.models.people import Contact
from wa_app.schemas.agent_views import AgentCreate, AgentPublish, AgentRollback, AgentUpdate, AgentView
from wa_app.schemas.agents import Insights, Mode
from wa_app.schemas.principal import Principal
from wa_app.services import agents

pytestmark = pytest.mark.usefixtures("settings")


@pytest.fixture
async def owner() -> Principal:
    return await make_tenant()


async def made(owner: Principal, **config: Any) -> AgentView:
    async with unit_of_work(owner) as uow:
        return await agents.create(uow, AgentCreate(preset="service", language="id", config={"name": "Lestari", **config}))


async def changed(owner: Principal, agent_id: UUID, revision: int | None = None, **config: Any) -> AgentView:
    async with unit_of_work(owner) as uow:
        return await agents.update(uow, agent_id, AgentUpdate(config=config, revision=revision))


async def published(owner: Principal, agent_id: UUID, note: str = "") -> AgentView:
    async with unit_of_work(owner) as uow:
        return await agents.publish(uow, agent_id, AgentPublish(note=note))


async def numbers(owner: Principal, n: int) -> list[UUID]:
    ids = [new_id() for _ in range(n)]
    async with unit_of_work(owner) as uow:
        for place, one in enumerate(ids):
            uow.session.add(Device(
                id=one, tenant_id=owner.tenant_id, name=f"Nomor {place}", session=one.hex, webhook_token="",
                webhook_token_hash=one.bytes, hmac_key="",
            ))  # fmt: skip
    return ids


async def test_what_answers_changes_only_by_publishing(owner: Principal) -> None:
    agent = await made(owner, tone="formal")
    assert (agent.live, agent.revision, agent.draft.preset, agent.draft.tone) == (None, 1, "service", "formal")
    async with unit_of_work(owner) as uow:
        assert await agents.active(uow, None) is None
    assert (await published(owner, agent.id, "Pertama")).live.number == 1  # type: ignore[union-attr]
    draft = await changed(owner, agent.id, tone="warm", behaviour={"delay_min_s": 2, "delay_max_s": 4})
    assert [(one.field, one.before, one.after) for one in draft.unpublished] == [
        ("tone", "formal", "warm"), ("behaviour.delay_min_s", 180, 2), ("behaviour.delay_max_s", 420, 4),
    ]  # fmt: skip
    async with unit_of_work(owner) as uow:
        found = await agents.active(uow, None)
        assert found is not None
        assert (found[0], found[1], found[2].tone, found[2].behaviour.delay_min_s) == (agent.id, 1, "formal", 180)
    assert (await published(owner, agent.id, "Lebih cepat")).unpublished == []
    async with unit_of_work(owner) as uow:
        found = await agents.active(uow, None)
        listed = await agents.versions(uow, agent.id)
    assert found is not None
    assert (found[1], found[2].tone) == (2, "warm")
    assert next((one.number, one.note, one.is_live, len(one.changes)) for one in listed) == (2, "Lebih cepat", True, 3)
    with pytest.raises(Conflict, match="agent_nothing_to_publish"):
        await published(owner, agent.id)


async def test_rolling_back_publishes_an_old_version_again(owner: Principal) -> None:
    agent = await made(owner, tone="formal")
    await published(owner, agent.id)
    await changed(owner, agent.id, tone="warm")
    await published(owner, agent.id)
    async with unit_of_work(owner) as uow:
        with pytest.raises(Conflict, match="agent_version_is_live"):
            await agents.roll_back(uow, agent.id, AgentRollback(version=2))
        with pytest.raises(NotFound, match="agent_version_unknown"):
            await agents.roll_back(uow, agent.id, AgentRollback(version=9))
        back = await agents.roll_back(uow, agent.id, AgentRollback(version=1, note="Terlalu akrab"))
        listed = await agents.versions(uow, agent.id)
    assert back.live is not None
    assert (back.live.number, back.draft.tone, [one.field for one in back.unpublished]) == (3, "warm", ["tone"])
    assert [(one.number, one.restored_from, one.config.tone) for one in listed] == [
        (3, 1, "formal"), (2, None, "warm"), (1, None, "formal"),
    ]  # fmt: skip
    async with unit_of_work(owner) as uow:
        assert (await agents.reset_draft(uow, agent.id, 1)).unpublished == []
        trail = (await uow.session.execute(text("SELECT verb FROM audit_log ORDER BY id"))).scalars().all()
    assert trail == ["agent.create", "agent.publish", "agent.publish", "agent.rollback"]


async def test_a_version_cannot_be_changed_even_by_us(owner: Principal) -> None:
    agent = await made(owner)
    await published(owner, agent.id)
    for statement in ("UPDATE agent_versions SET note = 'x'", "DELETE FROM agent_versions"):
        with pytest.raises(Exception, match="permission denied"):
            async with unit_of_work(owner) as uow:
                await uow.session.execute(text(statement))


async def test_ten_who_publish_at_once_make_one_version(owner: Principal) -> None:
    agent = await made(owner)
    results = await asyncio.gather(*(published(owner, agent.id) for _ in range(10)), return_exceptions=True)
    assert sorted(type(one).__name__ for one in results) == ["AgentView"] + ["Conflict"] * 9
    outcomes = await asyncio.gather(
        *(_change_and_publish(owner, agent.id, n) for n in range(6)), return_exceptions=True
    )
    async with unit_of_work(owner) as uow:
        listed = await agents.versions(uow, agent.id)
    done = [one for one in outcomes if not isinstance(one, BaseException)]
    assert [one.number for one in listed] == list(range(len(done) + 1, 0, -1)), "numbers without gaps or doubles"
    assert [one.is_live for one in listed] == [True] + [False] * len(done)


async def _change_and_publish(owner: Principal, agent_id: UUID, n: int) -> AgentView:
    async with unit_of_work(owner) as uow:
        await agents.update(uow, agent_id, AgentUpdate(config={"persona": f"Suara {n}"}))
        return await agents.publish(uow, agent_id, AgentPublish())


async def test_two_tabs_do_not_overwrite_each_other(owner: Principal) -> None:
    agent = await made(owner)
    first = await changed(owner, agent.id, revision=agent.revision, persona="Tab pertama")
    with pytest.raises(Conflict, match="agent_changed_elsewhere"):
        await changed(owner, agent.id, revision=agent.revision, persona="Tab kedua")
    with pytest.raises(Conflict, match="agent_changed_elsewhere"):
        async with unit_of_work(owner) as uow:
            await agents.publish(uow, agent.id, AgentPublish(revision=agent.revision))
    assert first.revision == 2
    same = await changed(owner, agent.id, revision=2, persona=" Tab pertama ")
    assert (same.revision, same.draft.persona) == (2, "Tab pertama"), "saving the same again is no change"


async def test_the_agent_that_names_a_number_most_narrowly_answers_on_it(owner: Principal) -> None:
    a, b, c = await numbers(owner, 3)
    everywhere = (await made(owner, name="Umum")).id
    two = (await made(owner, name="Dua", device_ids=[str(a), str(b)])).id
    one = (await made(owner, name="Satu", device_ids=[str(a)])).id
    for agent_id in (everywhere, two, one):
        await published(owner, agent_id)
    assert await answering(owner, a, b, c, None) == [one, two, everywhere, everywhere]
    async with unit_of_work(owner) as uow:
        await agents.update(uow, one, AgentUpdate(is_active=False))
        listed = {row.device_id: (row.agent_id, row.also) for row in await agents.by_device(uow)}
    assert listed[a] == (two, [everywhere])
    assert await answering(owner, a, b) == [two, two]
    async with unit_of_work(owner) as uow:
        await agents.remove(uow, [two])
    assert await answering(owner, a, b, c) == [everywhere] * 3
    async with unit_of_work(owner) as uow:
        await agents.restore(uow, [two])
        assert (await agents.get(uow, two)).answers_on == [a, b]


async def answering(owner: Principal, *devices: UUID | None) -> list[UUID | None]:
    async with unit_of_work(owner) as uow:
        found = [await agents.active(uow, one) for one in devices]
    return [one[0] if one else None for one in found]


async def test_a_copy_answers_nobody(owner: Principal) -> None:
    agent = await made(owner)
    await published(owner, agent.id)
    async with unit_of_work(owner) as uow:
        copy = await agents.duplicate(uow, agent.id)
    assert (copy.name, copy.live, copy.answers_on) == ("Lestari (2)", None, [])


@pytest.mark.parametrize(
    ("config", "field", "code"),
    [
        ({"tone": "rude"}, "tone", "value_not_allowed"),
        ({"name": "x" * 81}, "name", "value_too_long"),
        ({"colour": "red"}, "colour", "field_unknown"),
        ({"behaviour": {"delay_min_s": 9, "delay_max_s": 3}}, "behaviour.delay_max_s", "agent_delays_swapped"),
        ({"behaviour": {"hours": [{"day": 0, "start": "8:00", "end": "17:00"}]}}, "behaviour.hours.0.start", "agent_hours_wrong"),
        ({"behaviour": {"hours": [{"day": 0, "start": "08:00", "end": "08:00"}]}}, "behaviour.hours.0.end", "agent_hours_empty"),
        ({"forbidden_topics": ["politik", "x" * 81]}, "forbidden_topics.1", "value_too_long"),
        ({"min_confidence": 2}, "min_confidence", "value_too_large"),
        ({"device_ids": ["00000000-0000-7000-8000-000000000000"]}, "device_ids", "agent_device_unknown"),
    ],
)  # fmt: skip
async def test_says_which_field_is_wrong(owner: Principal, config: dict[str, Any], field: str, code: str) -> None:
    agent = await made(owner)
    with pytest.raises(Invalid) as refused:
        await changed(owner, agent.id, **config)
    assert [(one.field, one.code) for one in refused.value.fields] == [(field, code)]


async def test_what_lacks_something_is_not_published(owner: Principal) -> None:
    off = {mode.value: {"is_on": False} for mode in Mode}
    agent = await made(owner, name=" ", modes=off, device_ids=[])
    with pytest.raises(Invalid) as refused:
        await published(owner, agent.id)
    assert [one.field for one in refused.value.fields] == ["name", "modes", "device_ids"]


async def test_numbers_of_others_cannot_be_chosen(owner: Principal) -> None:
    (theirs,) = await numbers(await make_tenant(), 1)
    agent = await made(owner)
    with pytest.raises(Invalid, match="agent_invalid"):
        await changed(owner, agent.id, device_ids=[str(theirs)])


async def test_another_tenants_agent_is_not_found(owner: Principal) -> None:
    agent = await made(owner)
    await published(owner, agent.id)
    stranger = await make_tenant()
    async with unit_of_work(stranger) as uow:
        assert await agents.active(uow, None) is None
        for verb in (
            agents.get(uow, agent.id), agents.update(uow, agent.id, AgentUpdate()), agents.duplicate(uow, agent.id),
            agents.publish(uow, agent.id, AgentPublish()), agents.roll_back(uow, agent.id, AgentRollback(version=1)),
            agents.versions(uow, agent.id), agents.remove(uow, [agent.id]), agents.restore(uow, [agent.id]),
            agents.config_of(uow, agent.id), agents.reset_draft(uow, agent.id, 1),
        ):  # fmt: skip
            with pytest.raises(NotFound):
                await verb


async def test_verbs_are_asked_for(owner: Principal) -> None:
    agent = await made(owner)
    reader = Principal(owner.tenant_id, None, frozenset({"agent.read"}))
    writer = Principal(owner.tenant_id, None, frozenset({"agent.read", "agent.write"}))
    async with unit_of_work(reader) as uow:
        assert (await agents.get(uow, agent.id)).name == "Lestari"
        with pytest.raises(Forbidden):
            await agents.update(uow, agent.id, AgentUpdate())
    async with unit_of_work(writer) as uow:
        await agents.update(uow, agent.id, AgentUpdate(config={"tone": "warm"}))
        for verb in (
            agents.publish(uow, agent.id, AgentPublish()), agents.update(uow, agent.id, AgentUpdate(is_active=False)),
            agents.remove(uow, [agent.id]),
        ):  # fmt: skip
            with pytest.raises(Forbidden):
                await verb


async def test_a_package_limits_how_many(owner: Principal) -> None:
    async with system_unit_of_work() as uow:
        await uow.session.execute(text("INSERT INTO packages (key, name, limits) VALUES ('one_agent', 'One', '{\"agents\": 1}') "
                                       "ON CONFLICT DO NOTHING"))  # fmt: skip
        await uow.session.execute(text("UPDATE tenants SET package_key = 'one_agent' WHERE id = :t"), {"t": owner.tenant_id})
    agent = await made(owner)
    with pytest.raises(LimitReached, match="agents_limit_reached"):
        await made(owner)
    async with unit_of_work(owner) as uow:
        await agents.remove(uow, [agent.id])
    assert (await made(owner)).name == "Lestari"


async def test_insights_are_kept_once_per_message(owner: Principal) -> None:
    conversation, message = await _conversation(owner)
    read = Insights(intent="ask_price", sentiment="positive", product="Kopi Gayo", urgency="high", tags=["Hot Lead", "hot lead "])
    async with unit_of_work(owner) as uow:
        assert await agents.insights.record(uow, conversation, message, read, mode="faq", version=3)
        assert not await agents.insights.record(uow, conversation, message, Insights(intent="other"))
        kept = await agents.insights.latest(uow, conversation)
        assert kept == read.model_copy(update={"tags": ["hot lead"]})
        assert await agents.insights.of_messages(uow, [message, new_id()]) == {message: kept}
    async with unit_of_work(await make_tenant()) as uow:
        with pytest.raises(NotFound):
            await agents.insights.record(uow, conversation, new_id(), read)
        assert await agents.insights.latest(uow, conversation) is None


async def _conversation(owner: Principal) -> tuple[UUID, UUID]:
    (device,) = await numbers(owner, 1)
    contact, conversation = new_id(), new_id()
    async with unit_of_work(owner) as uow:
        uow.session.add(Contact(id=contact, tenant_id=owner.tenant_id, name="Sri"))
        await uow.session.flush()
        uow.session.add(Conversation(
            id=conversation, tenant_id=owner.tenant_id, contact_id=contact, device_id=device, chat_id="x",
        ))  # fmt: skip
    return conversation, new_id()


async def test_programs_draft_publish_and_roll_back(client: httpx.AsyncClient) -> None:
    missing = await client.get("/api/v1/agent")
    assert (missing.status_code, missing.json()["code"]) == (404, "agent_missing")
    created = await client.post("/api/v1/agents", json={"preset": "sales", "language": "en", "config": {"name": "Nusa"}})
    assert (created.status_code, created.json()["draft"]["preset"], created.json()["live"]) == (201, "sales", None)
    draft = (await client.patch("/api/v1/agent", json={"revision": 1, "config": {"facts": {"hours": "08-17"}}})).json()
    assert (draft["revision"], draft["draft"]["facts"]["hours"]) == (2, "08-17")
    stale = await client.patch("/api/v1/agent", json={"revision": 1, "config": {"tone": "formal"}})
    assert (stale.status_code, stale.json()["code"]) == (409, "agent_changed_elsewhere")
    wrong = await client.patch("/api/v1/agent", json={"config": {"facts": {"hours": "x" * 501}}})
    assert (wrong.status_code, wrong.json()["errors"][0]["field"], wrong.json()["errors"][0]["code"]) == (
        422, "facts.hours", "value_too_long",
    )  # fmt: skip
    assert (await client.post("/api/v1/agent/publish", json={"note": "Go"})).json()["live"]["number"] == 1
    await client.patch("/api/v1/agent", json={"config": {"tone": "formal"}})
    assert (await client.post("/api/v1/agent/publish", json={})).json()["live"]["number"] == 2
    assert (await client.post("/api/v1/agent/rollback", json={"version": 1})).json()["live"]["number"] == 3
    listed = (await client.get("/api/v1/agent/versions")).json()
    assert [(one["number"], one["is_live"], [change["field"] for change in one["changes"]]) for one in listed][:2] == [
        (3, True, ["tone"]), (2, False, ["tone"]),
    ]  # fmt: skip
    assert listed[0]["published_by_name"] == "Sari"
    path = f"/api/v1/agents/{created.json()['id']}"
    assert (await client.post(f"{path}/duplicate")).json()["name"] == "Nusa (2)"
    assert (await client.delete(path)).status_code == 204
    assert (await client.get("/api/v1/agent")).json()["name"] == "Nusa (2)"
    assert (await client.post(f"{path}/restore")).json()["live"]["number"] == 3
    assert (await client.get("/api/v1/agents")).json()["total"] == 2
    assert (await client.get("/api/v1/agents/devices")).json() == []
