"""`/api/v1/ai-providers`, `/ai-settings`, `/ai-usage`: whose models answer, how much they may, what they took."""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Response

from wa_app.api.deps import CurrentPrincipal, Uow
from wa_app.api.routing import router
from wa_app.schemas.ai_providers import (
    AiSettingsUpdate,
    AiSettingsView,
    Choosable,
    Order,
    ProviderCreate,
    ProviderList,
    ProviderModels,
    ProviderTest,
    ProviderUpdate,
    ProviderView,
    UsageView,
)
from wa_app.services import ai_providers, ai_usage

routes = router("/ai-providers", "ai providers")
settings_routes = router("/ai-settings", "ai providers")
usage_routes = router("/ai-usage", "ai providers")


@routes.get("")
async def list_(principal: CurrentPrincipal) -> ProviderList:
    """The tenant's own providers in the order they are asked."""
    return await ai_providers.list_(principal)


@routes.post("", status_code=201)
async def create(principal: CurrentPrincipal, body: ProviderCreate) -> ProviderView:
    """Add a provider; its key is never shown again."""
    return await ai_providers.create(principal, body)


@routes.get("/choosable")
async def choosable(uow: Uow) -> list[Choosable]:
    """Providers that an agent may be pinned to: the tenant's own and the platform's."""
    return await ai_providers.choosable(uow)


@routes.post("/order", status_code=204)
async def order(principal: CurrentPrincipal, body: Order) -> Response:
    """Put the providers into this order."""
    await ai_providers.reorder(principal, body.ids)
    return Response(status_code=204)


@routes.get("/{ai_provider_id}")
async def show(principal: CurrentPrincipal, ai_provider_id: UUID) -> ProviderView:
    """One provider with its state and what it has used."""
    return await ai_providers.get(principal, ai_provider_id)


@routes.patch("/{ai_provider_id}")
async def update(principal: CurrentPrincipal, ai_provider_id: UUID, body: ProviderUpdate) -> ProviderView:
    """Change a provider; without `api_key` its key stays."""
    return await ai_providers.update(principal, ai_provider_id, body)


@routes.delete("/{ai_provider_id}", status_code=204)
async def remove(principal: CurrentPrincipal, ai_provider_id: UUID) -> Response:
    """Take a provider and its key away."""
    await ai_providers.remove(principal, ai_provider_id)
    return Response(status_code=204)


@routes.post("/{ai_provider_id}/test")
async def test(principal: CurrentPrincipal, ai_provider_id: UUID) -> ProviderTest:
    """Ask it something small now: answer, time, tokens, cost. A test that passes closes its circuit."""
    return await ai_providers.test(principal, ai_provider_id)


@routes.get("/{ai_provider_id}/models")
async def models(principal: CurrentPrincipal, ai_provider_id: UUID) -> ProviderModels:
    """What the vendor offers to this key."""
    return await ai_providers.models(principal, ai_provider_id)


@settings_routes.get("")
async def settings(uow: Uow) -> AiSettingsView:
    """Rotation, source and budget, with what is used of it."""
    return await ai_providers.get_settings_view(uow)


@settings_routes.patch("")
async def change_settings(uow: Uow, body: AiSettingsUpdate) -> AiSettingsView:
    """Change what is given; null takes a limit away."""
    return await ai_providers.change_settings(uow, body)


@usage_routes.get("")
async def usage(uow: Uow, limit: Annotated[int, Query(ge=1, le=200)] = 50) -> UsageView:
    """The last 30 days by day and provider, and the newest calls."""
    return await ai_usage.summary(uow, limit=limit)
