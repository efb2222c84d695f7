"""What a tenant does with its own providers. Each verb opens its own short transactions: some ask a vendor between."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import text
from sqlmodel import col, select

from wa_app.ai.gateway import probing
from wa_app.ai.gateway.probing import Probe
from wa_app.ai.gateway.shapes import Endpoint, Fault
from wa_app.db import TenantUnitOfWork, unit_of_work
from wa_app.errors import Forbidden, Unavailable
from wa_app.models.ai import AiProvider
from wa_app.schemas.ai_providers import (
    Choosable,
    ProviderCreate,
    ProviderList,
    ProviderModels,
    ProviderTest,
    ProviderUpdate,
    ProviderView,
)
from wa_app.schemas.principal import Principal, Verb
from wa_app.services import audit, entitlements
from wa_app.services.ai_providers import rows

KEY = "ai_providers"
"""Limit of a package: how many providers of its own a tenant may have."""
_ZONE = text("SELECT time_zone FROM tenants WHERE id = :t")


def _may(principal: Principal, verb: Verb) -> None:
    if not principal.may(verb):
        raise Forbidden(verb=verb)


async def _zone(uow: TenantUnitOfWork) -> str:
    return str((await uow.session.execute(_ZONE, {"t": uow.tenant_id})).scalar_one())


async def _view(uow: TenantUnitOfWork, row: AiProvider) -> ProviderView:
    every = await rows.views(uow.session, await rows.every(uow.session, uow.tenant_id), await _zone(uow))
    return next(one for one in every if one.id == row.id)


async def list_(principal: Principal) -> ProviderList:
    """The tenant's own providers in the order they are asked."""
    _may(principal, Verb.AI_PROVIDERS_READ)
    async with unit_of_work(principal) as uow:
        found = await rows.views(uow.session, await rows.every(uow.session, uow.tenant_id), await _zone(uow))
    return ProviderList(items=found, total=len(found))


async def get(principal: Principal, provider_id: UUID) -> ProviderView:
    """One of the tenant's own providers."""
    _may(principal, Verb.AI_PROVIDERS_READ)
    async with unit_of_work(principal) as uow:
        return await _view(uow, await rows.find(uow.session, uow.tenant_id, provider_id))


async def choosable(uow: TenantUnitOfWork) -> list[Choosable]:
    """Providers that a call of this tenant may name: its own and the platform's that are switched on."""
    uow.require(Verb.AGENT_READ)
    query = select(AiProvider).where(col(AiProvider.deleted_at).is_(None), col(AiProvider.is_active))
    found = (await uow.session.execute(query.order_by(col(AiProvider.priority), col(AiProvider.id)))).scalars().all()
    may_own = await entitlements.limit_of(uow, KEY) != 0
    return [
        Choosable(id=row.id, name=row.name, kind=row.kind, model=row.model, is_own=row.tenant_id is not None)
        for row in found
        if may_own or row.tenant_id is None
    ]


async def create(principal: Principal, data: ProviderCreate) -> ProviderView:
    """Add a provider. Raises Invalid, and LimitReached("ai_providers_limit_reached") beyond the package."""
    _may(principal, Verb.AI_PROVIDERS_WRITE)
    await rows.check_address(data.kind, data.base_url, trusted=False)
    async with unit_of_work(principal) as uow:
        await entitlements.require(uow, KEY)
        row = await rows.add(uow.session, uow.tenant_id, data)
        audit.record(uow, "ai_provider.create", "ai_provider", row.id, name=row.name, vendor=row.kind.value)
        return await _view(uow, row)


async def update(principal: Principal, provider_id: UUID, data: ProviderUpdate) -> ProviderView:
    """Change a provider; the key stays unless another is given."""
    _may(principal, Verb.AI_PROVIDERS_WRITE)
    kind = (await get_row(principal, provider_id)).kind
    if data.base_url:
        await rows.check_address(kind, data.base_url, trusted=False)
    async with unit_of_work(principal) as uow:
        row = await rows.change(uow.session, uow.tenant_id, provider_id, data)
        changed = sorted(data.model_fields_set)
        audit.record(uow, "ai_provider.update", "ai_provider", row.id, name=row.name, fields=changed)
        return await _view(uow, row)


async def get_row(principal: Principal, provider_id: UUID) -> AiProvider:
    """The row itself. Raises NotFound."""
    async with unit_of_work(principal) as uow:
        return await rows.find(uow.session, uow.tenant_id, provider_id)


async def remove(principal: Principal, provider_id: UUID) -> None:
    """Take a provider and its key away."""
    _may(principal, Verb.AI_PROVIDERS_WRITE)
    async with unit_of_work(principal) as uow:
        row = await rows.drop(uow.session, uow.tenant_id, provider_id)
        await entitlements.require(uow, KEY, -1)
        audit.record(uow, "ai_provider.delete", "ai_provider", row.id, name=row.name)


async def reorder(principal: Principal, ids: Sequence[UUID]) -> None:
    """Put the tenant's providers into this order."""
    _may(principal, Verb.AI_PROVIDERS_WRITE)
    async with unit_of_work(principal) as uow:
        await rows.put_in_order(uow.session, uow.tenant_id, ids)


async def test(principal: Principal, provider_id: UUID) -> ProviderTest:
    """Ask a provider something small now, and say how long it took and what it cost."""
    _may(principal, Verb.AI_PROVIDERS_WRITE)
    found = await probing.probe(principal.tenant_id, provider_id, principal.tenant_id, principal.language)
    return tested(found)


def tested(probe: Probe) -> ProviderTest:
    """A probe as it is shown."""
    if probe.answer is not None:
        return ProviderTest(
            ok=True, ms=round(probe.ms), text=probe.answer.text.strip()[:300], model=probe.answer.model,
            tokens=probe.usage.input + probe.usage.output, cost_micros=probe.cost_micros,
        )  # fmt: skip
    assert probe.fault is not None
    fault = probe.fault
    detail = " · ".join(part for part in (fault.detail, fault.message) if part)
    return ProviderTest(ok=False, ms=round(probe.ms), error=fault.why.value, detail=detail[:300])


async def models(principal: Principal, provider_id: UUID) -> ProviderModels:
    """What the vendor offers to this key."""
    _may(principal, Verb.AI_PROVIDERS_READ)
    endpoint, _ = await probing.find(principal.tenant_id, provider_id)
    return await offered(endpoint)


async def offered(endpoint: Endpoint) -> ProviderModels:
    """Raises Unavailable("ai_models_unavailable") when the vendor does not tell."""
    try:
        return ProviderModels(items=await probing.models(endpoint))
    except Fault as fault:
        raise Unavailable("ai_models_unavailable", why=fault.why.value) from fault
