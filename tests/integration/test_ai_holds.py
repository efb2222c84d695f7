"""What calls reserve on counters: given back once when they were killed, counted once when they were only late."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import pytest
from sqlalchemy import text as sql

from tests.fixtures.providers import add_provider, clear_platform, counted
from tests.fixtures.services import environment
from tests.fixtures.tenants import make_tenant
from tests.fixtures.vendors import Vendors
from wa_app import db
from wa_app.ai import gateway
from wa_app.ai.gateway import quotas
from wa_app.ai.gateway.call import admit, answered, begin, ended
from wa_app.ai.gateway.shapes import Answer
from wa_app.config import Settings
from wa_app.schemas.ai import ChatRequest, Finish, Turn, Usage
from wa_app.schemas.principal import Principal


@pytest.fixture
async def tenant(settings: Settings) -> AsyncIterator[Principal]:
    await clear_platform()
    with environment(SAPA_AI_PRIVATE_ADDRESSES="true"):
        yield await make_tenant()
        await gateway.close()
    await clear_platform()
    await db.dispose()


def ask() -> ChatRequest:
    return ChatRequest("reply", "You are a shop.", (Turn("user", "Halo"),))


async def test_what_a_killed_call_reserved_is_given_back_once(tenant: Principal, vendors: Vendors) -> None:
    provider = await add_provider(None, vendors.openai("a"))
    call = await begin(tenant.tenant_id, ask())
    admitted = await admit(call, next(one for one in call.choice.candidates if one.endpoint.id == provider))
    assert admitted is not None
    # Nothing else ever happens to this call: its process was killed.
    reserved = {subject: await counted(who, subject) for who, subject in accounts(tenant, provider)}
    assert all([requests for _, requests, _ in rows] == [1, 1] for rows in reserved.values())
    assert await quotas.give_back() == 0  # its deadline is not over
    await expire()
    given = await asyncio.gather(quotas.give_back(), quotas.give_back())
    assert sum(given) == len(admitted.holds) + 1
    for who, subject in accounts(tenant, provider):
        assert [row[1:] for row in await counted(who, subject)] == [(0, 0), (0, 0)]


async def test_a_call_that_outlives_its_reservation_is_counted_once(tenant: Principal, vendors: Vendors) -> None:
    provider = await add_provider(None, vendors.openai("a"))
    call = await begin(tenant.tenant_id, ask())
    admitted = await admit(call, next(one for one in call.choice.candidates if one.endpoint.id == provider))
    assert admitted is not None
    await expire()
    assert await quotas.give_back() > 0
    await answered(call, admitted, Answer("Halo", Finish.STOP, Usage(input=7, output=2), "m"))
    assert await quotas.give_back() == 0
    for who, subject in accounts(tenant, provider):
        assert [row[1:] for row in await counted(who, subject)] == [(1, 9), (1, 9)]
    # Given back and then abandoned: nothing is taken off twice.
    late = await begin(tenant.tenant_id, ask())
    await expire()
    await quotas.give_back()
    await ended(late)
    assert [row[1:] for row in await counted(tenant.tenant_id, "budget")] == [(1, 9), (1, 9)]


def accounts(tenant: Principal, provider: UUID) -> tuple[tuple[UUID, str], ...]:
    return (provider, "provider"), (tenant.tenant_id, "budget"), (tenant.tenant_id, "package")


async def expire() -> None:
    """As if the time of every call that goes on were over."""
    async with db.system_unit_of_work() as uow:
        await uow.session.execute(sql("UPDATE ai_holds SET expires_at = now() - interval '1 s'"))
