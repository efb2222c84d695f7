"""A key that a vendor refuses: who may change it gets one letter, not one for each call."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from tests.fixtures.api import Signed, make_signed_tenant
from tests.fixtures.providers import add_provider, clear_platform
from tests.fixtures.services import environment
from tests.fixtures.vendors import Vendors, sample
from wa_app.ai import gateway
from wa_app.config import Settings
from wa_app.db import system_unit_of_work
from wa_app.schemas.ai import ChatRequest, Turn
from wa_app.services import mails, provider_mails

ASK = ChatRequest("reply", "You are a shop.", (Turn("user", "Halo"),))


@pytest.fixture
async def owner(settings: Settings) -> AsyncIterator[Signed]:
    await clear_platform()
    with environment(SAPA_AI_PRIVATE_ADDRESSES="true"):
        yield await make_signed_tenant(language="id")
        await gateway.close()
    await clear_platform()


async def execute(query: str, **values: Any) -> None:
    async with system_unit_of_work() as uow:
        await uow.session.execute(text(query), values)


async def letters(provider_id: UUID) -> list[Any]:
    async with system_unit_of_work() as uow:
        query = text("SELECT id, user_id, sent_at FROM ai_provider_mails WHERE provider_id = :id ORDER BY id")
        return list(await uow.session.execute(query, {"id": provider_id}))


async def join(owner: Signed, verbs: list[str]) -> UUID:
    """Somebody else of the tenant, with another role."""
    other = await make_signed_tenant()
    async with system_unit_of_work() as uow:
        role = await uow.session.scalar(
            text("INSERT INTO roles (tenant_id, key, name, verbs) VALUES (:t, 'helper', 'Helper', :v) RETURNING id"), {"t": owner.tenant_id, "v": verbs}
        )
        await uow.session.execute(
            text("INSERT INTO memberships (tenant_id, user_id, role_id) VALUES (:t, :u, :r)"), {"t": owner.tenant_id, "u": other.user_id, "r": role}
        )
    return other.user_id


async def test_who_may_change_the_key_is_told_once(owner: Signed, vendors: Vendors) -> None:
    one = await add_provider(owner.tenant_id, vendors.openai("a"), name="Groq kami", priority=1)
    await add_provider(owner.tenant_id, vendors.openai("b"), name="Cadangan", priority=2, key="sk-other")
    await join(owner, ["messages.read"])
    vendors.always["a"] = sample("openai_error_401")
    await asyncio.gather(*(gateway.chat(owner.tenant_id, ASK) for _ in range(4)))
    await gateway.chat(owner.tenant_id, ASK)
    found = await letters(one)
    assert [row.user_id for row in found] == [owner.user_id]
    mail = await provider_mails.write_letter(found[0].id)
    assert mail is not None
    assert (mail.to, mail.subject) == (owner.email, "Kunci Groq kami ditolak")
    assert "/settings/ai" in mail.text
    assert "sk-" not in mail.text
    assert await provider_mails.write_letter(found[0].id) is None, "somebody is sending it just now"
    await mails.CLOSERS["provider_key"](found[0].id)
    assert (await letters(one))[0].sent_at is not None
    # A new key, refused too: a new letter.
    await execute("UPDATE ai_providers SET disabled_at = NULL WHERE id = :id", id=one)
    await gateway.chat(owner.tenant_id, ASK)
    assert len(await letters(one)) == 2


async def test_a_letter_that_is_no_longer_true_is_not_sent(owner: Signed, vendors: Vendors) -> None:
    one = await add_provider(owner.tenant_id, vendors.openai("a"), priority=1)
    await add_provider(owner.tenant_id, vendors.openai("b"), priority=2, key="sk-other")
    vendors.always["a"] = sample("openai_error_401")
    await gateway.chat(owner.tenant_id, ASK)
    await execute("UPDATE ai_providers SET disabled_at = NULL WHERE id = :id", id=one)
    assert await provider_mails.write_letter((await letters(one))[0].id) is None


async def test_of_the_platforms_providers_its_admins_are_told(owner: Signed, vendors: Vendors) -> None:
    boss = await make_signed_tenant(language="en")
    await execute("UPDATE users SET is_platform_admin = true WHERE id = :id", id=boss.user_id)
    one = await add_provider(None, vendors.openai("a"), name="Platform", priority=1)
    vendors.always["a"] = sample("openai_error_401")
    await gateway.chat(owner.tenant_id, ASK)
    told = {row.user_id: row.id for row in await letters(one)}
    await execute("UPDATE users SET is_platform_admin = false WHERE id = :id", id=boss.user_id)
    assert boss.user_id in told
    assert owner.user_id not in told
    mail = await provider_mails.write_letter(told[boss.user_id])
    assert mail is not None
    assert "/admin/ai" in mail.text
    assert mail.subject == "The key of Platform was refused"
