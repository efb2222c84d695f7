"""Who is in a group of the inbox: asked of WhatsApp, known people found, kept apart by role and tenant."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from bench.seeding import World
from tests.fixtures.api import Signed
from tests.fixtures.talks import Talks, talking
from wa_app.channels import registry
from wa_app.db import system_unit_of_work, unit_of_work
from wa_app.errors import Forbidden, NotFound
from wa_app.kit.ids import new_id
from wa_app.schemas.contacts import ContactCreate
from wa_app.schemas.groups import GroupMembersView
from wa_app.schemas.principal import Principal
from wa_app.services import contacts, groups
from wa_app.services.chat_jobs import deleting

SITI, BUDI, RAHASIA, TUTI = "628111000111", "628111000222", "628111000333", "628111000444"


@pytest.fixture
async def talks(world: World) -> AsyncIterator[Talks]:
    async with talking(world) as made:
        await made.settings(groups=True)
        yield made


def me(talks: Talks) -> Principal:
    return Principal.system(talks.world.tenant_id)


async def group(talks: Talks, **more: Any) -> str:
    """A group with Siti as its admin; Tuti's number is hidden in the list, that of the last one altogether."""
    body = {"subject": "Arisan RT 5", "members": [SITI, BUDI, TUTI, RAHASIA], "admins": 1, "hidden": 1, "secret": 1, **more}
    async with httpx.AsyncClient(base_url=talks.world.sandbox_url) as http:
        answer = await http.post(f"/sandbox/sessions/{talks.device.session}/group", json=body)
    return str(answer.json()["id"])


async def chat_of(talks: Talks, group_id: str) -> UUID:
    rows = await talks.world.fetch(
        "SELECT id FROM conversations WHERE tenant_id = $1 AND group_jid = $2", talks.world.tenant_id, group_id
    )
    found: UUID = rows[0]["id"]
    return found


async def look(talks: Talks, chat: UUID, **options: Any) -> GroupMembersView:
    async with unit_of_work(me(talks)) as uow:
        return await groups.list_members(uow, chat, **options)


async def told(talks: Talks, chat: UUID) -> None:
    """What the worker does when somebody looks."""
    await groups.fetch_members(me(talks), chat, registry.channel)


async def older(talks: Talks, **intervals: str) -> None:
    for column, interval in intervals.items():
        await talks.world.fetch(
            f"UPDATE group_rosters SET {column} = now() - interval '{interval}' WHERE tenant_id = $1 RETURNING id",
            talks.world.tenant_id,
        )


@pytest.mark.parametrize("engine", ["NOWEB", "WEBJS"])
async def test_members_are_told_apart_and_known_people_lead_on(world: World, engine: str) -> None:
    await world.configure(engine=engine)
    async with talking(world) as talks:
        await talks.settings(groups=True)
        await told_apart(talks)


async def told_apart(talks: Talks) -> None:
    """On each engine: one lists numbers and hides who writes, the other the other way round."""
    group_id = await group(talks)
    async with unit_of_work(me(talks)) as uow:
        await contacts.create(uow, ContactCreate(phone=f"+{BUDI}", name="Budi Santoso"))
    await talks.says("Saya mau pesan", phone=BUDI)
    await talks.says("Arisan jam berapa?", phone=SITI, group=group_id, name="Siti Aminah")
    await talks.stored(2)
    chat = await chat_of(talks, group_id)
    before = await look(talks, chat)
    assert (before.status, before.items) == ("loading", [])
    await told(talks, chat)
    found = await look(talks, chat)
    assert (found.status, found.error_code, found.total, found.found) == ("ready", None, 5, 5)
    assert [(one.is_self, one.is_admin) for one in found.items[:2]] == [(True, True), (False, True)]
    _, siti, budi, tuti, hidden = found.items
    # Siti calls herself so in the group and is nobody's contact; Budi is one, and has a talk of his own.
    assert (siti.name, siti.phone, siti.contact_id, siti.chat_id) == ("Siti Aminah", f"+{SITI}", None, None)
    own = await talks.world.fetch(
        "SELECT id, contact_id FROM conversations WHERE tenant_id = $1 AND contact_id IS NOT NULL", talks.world.tenant_id
    )
    assert (budi.name, budi.contact_id, budi.chat_id) == ("Budi Santoso", own[0]["contact_id"], own[0]["id"])
    assert (tuti.phone, hidden.phone) == (f"+{TUTI}", None), "looked up where WhatsApp tells"
    # A contact that knows the hidden id gives the number away.
    async with unit_of_work(me(talks)) as uow:
        await contacts.create(uow, ContactCreate(phone=f"+{RAHASIA}", lid=hidden.id.removesuffix("@lid"), name="Rahasia Hati"))
    named = next(one for one in (await look(talks, chat)).items if one.id == hidden.id)
    assert (named.name, named.phone) == ("Rahasia Hati", f"+{RAHASIA}")
    for words, who in (
        ("SITI", [siti.id]), ("hati rahasia", [hidden.id]), ("0811100022", [budi.id]), ("+62 8111-000", [siti.id, budi.id, hidden.id, tuti.id]),
        ("tak ada", []),
    ):  # fmt: skip
        hits = await look(talks, chat, q=words)
        assert (hits.total, hits.found, [one.id for one in hits.items]) == (5, len(who), who), words
    assert [one.id for one in (await look(talks, chat, limit=2)).items] == [one.id for one in found.items[:2]]


async def test_asked_again_when_old_or_wished_and_trouble_keeps_what_is_known(talks: Talks) -> None:
    group_id = await group(talks, hidden=0, secret=0)
    await talks.says("Halo", phone=SITI, group=group_id)
    await talks.stored(1)
    chat = await chat_of(talks, group_id)
    await look(talks, chat)
    await told(talks, chat)
    assert (await look(talks, chat, refresh=True)).status == "ready", "just asked"
    await older(talks, requested_at="1 minute")
    assert (await look(talks, chat)).status == "ready", "young enough"
    # Somebody writes who is not in the list, as they have just come in: this is asked about once.
    await talks.world.fetch("UPDATE group_rosters SET members = '[]' WHERE tenant_id = $1 RETURNING id", talks.world.tenant_id)
    assert (await look(talks, chat)).status == "ready", "nobody has written since"
    await talks.says("Saya baru", phone=BUDI, group=group_id)
    await talks.stored(2)
    assert (await look(talks, chat)).status == "loading"
    await told(talks, chat)
    await older(talks, requested_at="1 minute")
    assert (await look(talks, chat, refresh=True)).status == "loading"
    await talks.world.fault("rate_reads", count=1)
    await told(talks, chat)
    waits = await look(talks, chat)
    assert (waits.status, waits.error_code, waits.total) == ("loading", "rate_limited", 5)
    await told(talks, chat)
    await older(talks, requested_at="1 hour", fetched_at="1 hour")
    assert (await look(talks, chat)).status == "loading", "old"
    async with httpx.AsyncClient(base_url=talks.world.sandbox_url) as http:
        await http.post(f"/sandbox/sessions/{talks.device.session}/drop", json={"status": "FAILED"})
    await told(talks, chat)
    away = await look(talks, chat)
    assert (away.status, away.error_code, away.total) == ("failed", "device_away", 5)
    await older(talks, requested_at="31 days")
    async with system_unit_of_work() as uow:
        await groups.tidy(uow)
    assert not await talks.world.fetch("SELECT 1 FROM group_rosters WHERE tenant_id = $1", talks.world.tenant_id)


async def test_only_who_may_see_people_and_only_of_this_tenant(talks: Talks, other: Signed) -> None:
    group_id = await group(talks)
    await talks.says("Halo", phone=SITI, group=group_id)
    await talks.says("Halo", phone=BUDI)
    await talks.stored(2)
    chat = await chat_of(talks, group_id)
    await look(talks, chat)
    await told(talks, chat)
    for verb in ("contacts.read", "messages.read"):
        async with unit_of_work(replace(me(talks), verbs=me(talks).verbs - {verb})) as uow:
            with pytest.raises(Forbidden):
                await groups.list_members(uow, chat)
    own = await talks.world.fetch(
        "SELECT id FROM conversations WHERE tenant_id = $1 AND group_jid IS NULL", talks.world.tenant_id
    )
    for principal, chat_id in ((other.principal, chat), (me(talks), own[0]["id"]), (me(talks), new_id())):
        async with unit_of_work(principal) as uow:
            with pytest.raises(NotFound):
                await groups.list_members(uow, chat_id)
    await groups.fetch_members(other.principal, chat, registry.channel)
    async with unit_of_work(other.principal) as uow:
        assert (await uow.session.execute(text("SELECT count(*) FROM group_rosters"))).scalar_one() == 0
    # It goes with its conversation.
    await deleting.delete(me(talks), chat)
    assert not await talks.world.fetch("SELECT 1 FROM group_rosters WHERE tenant_id = $1", talks.world.tenant_id)
