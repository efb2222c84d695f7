"""Roles: who may do what, and that nobody gives away more than they have."""

from dataclasses import replace
from uuid import UUID

import pytest

from tests.fixtures.api import Signed, make_signed_tenant
from wa_app.config import Settings
from wa_app.db import system_unit_of_work, unit_of_work
from wa_app.errors import Conflict, Forbidden, NotFound, NotSignedIn
from wa_app.kit.ids import new_id
from wa_app.models.identity import Membership, SessionKind
from wa_app.schemas.accounts import Caller
from wa_app.schemas.principal import ALL_VERBS, Principal
from wa_app.schemas.roles import SEEDED_ROLES
from wa_app.services import accounts, api_keys, roles, sessions


async def hired(tenant_id: UUID, role: str) -> Principal:
    """A new person in the tenant, signed in with a seeded role."""
    async with system_unit_of_work() as uow:
        user = await accounts.add_user(uow, f"{new_id().hex}@example.com", "Orang", "!")
        async with unit_of_work(Principal(tenant_id, None, ALL_VERBS, "system")) as inside:
            found = {one.key: one for one in await roles.list_roles(inside)}
        uow.session.add(Membership(tenant_id=tenant_id, user_id=user.id, role_id=found[role].id))
        await uow.session.flush()
        started = await sessions.start(uow, user.id, tenant_id, SessionKind.BROWSER, Caller())
    return await sessions.principal_from_cookie(started.token)


async def business() -> tuple[UUID, Principal]:
    """A tenant with seeded roles and its owner."""
    async with system_unit_of_work() as uow:
        user = await accounts.add_user(uow, f"{new_id().hex}@example.com", "Pemilik", "!")
        tenant = await accounts.add_tenant(uow, user, "Usaha")
        started = await sessions.start(uow, user.id, tenant.id, SessionKind.BROWSER, Caller())
    return tenant.id, await sessions.principal_from_cookie(started.token)


async def role_id(principal: Principal, key: str) -> UUID:
    async with unit_of_work(principal) as uow:
        return next(one.id for one in await roles.list_roles(uow) if one.key == key)


async def test_seeded_roles_are_rows_with_the_verbs_of_the_code(settings: Settings) -> None:
    tenant_id, owner = await business()
    assert owner.verbs == ALL_VERBS
    for key, (_, verbs) in SEEDED_ROLES.items():
        assert (await hired(tenant_id, key)).verbs == verbs


async def test_agent_may_neither_see_nor_change_the_team(settings: Settings) -> None:
    tenant_id, owner = await business()
    agent = await hired(tenant_id, "agent")
    assert agent.user_id
    async with unit_of_work(agent) as uow:
        with pytest.raises(Forbidden):
            await roles.list_members(uow)
        with pytest.raises(Forbidden):
            await roles.change_role(uow, agent.user_id, new_id())
        with pytest.raises(Forbidden):
            await accounts.change_business(uow, name="X", time_zone="Asia/Jakarta", language="id")
        with pytest.raises(Forbidden):
            await api_keys.create(uow, "K")
    async with unit_of_work(owner) as uow:
        assert len(await roles.list_members(uow)) == 2


async def test_owner_changes_roles_and_it_acts_on_the_next_call(settings: Settings) -> None:
    tenant_id, owner = await business()
    agent = await hired(tenant_id, "agent")
    assert agent.user_id
    marketer = await role_id(owner, "marketer")
    async with unit_of_work(owner) as uow:
        await roles.change_role(uow, agent.user_id, marketer)
    async with unit_of_work(owner) as uow:
        assert {one.role_key for one in await roles.list_members(uow)} == {"owner", "marketer"}


async def test_admin_touches_no_owner(settings: Settings) -> None:
    tenant_id, owner = await business()
    admin, agent = await hired(tenant_id, "admin"), await hired(tenant_id, "agent")
    assert owner.user_id
    assert agent.user_id
    owner_role, sales = await role_id(owner, "owner"), await role_id(owner, "sales")
    for user_id, role in ((owner.user_id, sales), (agent.user_id, owner_role)):
        async with unit_of_work(admin) as uow:
            with pytest.raises(Forbidden, match="role_above_yours"):
                await roles.change_role(uow, user_id, role)
    async with unit_of_work(admin) as uow:
        with pytest.raises(Forbidden):
            await roles.remove_member(uow, owner.user_id)
        await roles.change_role(uow, agent.user_id, sales)


async def test_last_owner_stays(settings: Settings) -> None:
    tenant_id, owner = await business()
    agent = await hired(tenant_id, "agent")
    assert owner.user_id
    assert agent.user_id
    sales, owner_role = await role_id(owner, "sales"), await role_id(owner, "owner")
    with pytest.raises(Conflict, match="last_owner"):
        async with unit_of_work(owner) as uow:
            await roles.change_role(uow, owner.user_id, sales)
    with pytest.raises(Conflict, match="last_owner"):
        async with unit_of_work(owner) as uow:
            await roles.remove_member(uow, owner.user_id)
    async with unit_of_work(owner) as uow:
        await roles.change_role(uow, agent.user_id, owner_role)
    async with unit_of_work(owner) as uow:
        await roles.remove_member(uow, owner.user_id)


async def test_removed_member_is_out_at_once_and_so_are_their_keys(settings: Settings) -> None:
    tenant_id, owner = await business()
    async with system_unit_of_work() as uow:
        user = await accounts.add_user(uow, f"{new_id().hex}@example.com", "Admin", "!")
    admin_role = await role_id(owner, "admin")
    async with system_unit_of_work() as uow:
        uow.session.add(Membership(tenant_id=tenant_id, user_id=user.id, role_id=admin_role))
        await uow.session.flush()
        started = await sessions.start(uow, user.id, tenant_id, SessionKind.BROWSER, Caller())
    async with unit_of_work(await sessions.principal_from_cookie(started.token)) as uow:
        _, key = await api_keys.create(uow, "Toko", ["contacts.read"])
    assert (await sessions.principal_from_api_key(key)).verbs == {"contacts.read"}
    async with unit_of_work(owner) as uow:
        await roles.remove_member(uow, user.id)
    with pytest.raises(NotSignedIn):
        await sessions.principal_from_cookie(started.token)
    with pytest.raises(NotSignedIn):
        await sessions.principal_from_api_key(key)


async def test_key_loses_what_its_maker_loses(settings: Settings) -> None:
    tenant_id, owner = await business()
    admin = await hired(tenant_id, "admin")
    assert admin.user_id
    async with unit_of_work(admin) as uow:
        _, key = await api_keys.create(uow, "Toko", ["contacts.read", "team.write"])
    agent_role = await role_id(owner, "agent")
    async with unit_of_work(owner) as uow:
        await roles.change_role(uow, admin.user_id, agent_role)
    assert (await sessions.principal_from_api_key(key)).verbs == {"contacts.read"}


async def test_other_tenants_ids_are_not_found(settings: Settings) -> None:
    (_, mine), (_, theirs) = await business(), await business()
    assert theirs.user_id
    role, their_role = await role_id(mine, "sales"), await role_id(theirs, "sales")
    async with unit_of_work(theirs) as uow:
        view, _ = await api_keys.create(uow, "K", ["contacts.read"])
    async with unit_of_work(mine) as uow:
        with pytest.raises(NotFound):
            await roles.change_role(uow, theirs.user_id, role)
        with pytest.raises(NotFound):
            await roles.remove_member(uow, theirs.user_id)
        with pytest.raises(NotFound):
            await roles.change_role(uow, mine.user_id or new_id(), their_role)
        with pytest.raises(NotFound):
            await api_keys.revoke(uow, view.id)
    with pytest.raises(NotFound):
        await sessions.end_own(mine, theirs.session_id or new_id())
    assert theirs.session_id not in {one.id for one in await sessions.list_own(mine)}


async def test_key_makes_no_key(settings: Settings) -> None:
    signed: Signed = await make_signed_tenant()
    async with unit_of_work(replace(signed.principal, kind="api_key", user_id=None)) as uow:
        with pytest.raises(Forbidden, match="keys_need_person"):
            await api_keys.create(uow, "K")


async def test_admin_of_the_platform_is_made_and_promoted(settings: Settings) -> None:
    email = f"{new_id().hex}@example.com"
    first = await accounts.create_admin(email, "Admin", "kopi susu tetangga")
    again = await accounts.create_admin(email.upper(), "Admin", "teh hangat pagi hari")
    assert first == again
    started = await sessions.sign_in(email, "teh hangat pagi hari", Caller(), SessionKind.BROWSER)
    assert (await sessions.find_by_cookie(started.token)).is_platform_admin
