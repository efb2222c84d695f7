"""`/api/v1/admin/ai-providers` and its like: the platform's own providers, for platform admins."""

from uuid import UUID

from fastapi import Response
from pydantic import BaseModel

from wa_app.api.deps import CurrentPrincipal
from wa_app.api.routing import router
from wa_app.api.v1.admin import CurrentAdmin
from wa_app.models.ai import Rotation
from wa_app.schemas.ai_providers import (
    Order,
    ProviderCreate,
    ProviderList,
    ProviderModels,
    ProviderTest,
    ProviderUpdate,
    ProviderView,
    UsageView,
)
from wa_app.services.admin import ai

routes = router("/admin", "admin")


class RotationChoice(BaseModel):
    """How calls are spread."""

    rotation: Rotation


@routes.get("/ai-providers")
async def providers(who: CurrentAdmin) -> ProviderList:
    """The platform's AI providers in the order they are asked."""
    return await ai.providers(who)


@routes.post("/ai-providers", status_code=201)
async def add(who: CurrentAdmin, body: ProviderCreate) -> ProviderView:
    """Add a provider for everybody; its address may be private."""
    return await ai.add_provider(who, body)


@routes.post("/ai-providers/order", status_code=204)
async def order(who: CurrentAdmin, body: Order) -> Response:
    """Put the platform's providers into this order."""
    await ai.order_providers(who, body.ids)
    return Response(status_code=204)


@routes.patch("/ai-providers/{platform_provider_id}")
async def change(who: CurrentAdmin, platform_provider_id: UUID, body: ProviderUpdate) -> ProviderView:
    """Change one; without `api_key` its key stays."""
    return await ai.change_provider(who, platform_provider_id, body)


@routes.delete("/ai-providers/{platform_provider_id}", status_code=204)
async def drop(who: CurrentAdmin, platform_provider_id: UUID) -> Response:
    """Take one and its key away; the built-in one stays."""
    await ai.drop_provider(who, platform_provider_id)
    return Response(status_code=204)


@routes.post("/ai-providers/{platform_provider_id}/test")
async def test(who: CurrentAdmin, principal: CurrentPrincipal, platform_provider_id: UUID) -> ProviderTest:
    """Ask it something small now."""
    return await ai.test_provider(who, platform_provider_id, principal.language)


@routes.get("/ai-providers/{platform_provider_id}/models")
async def models(who: CurrentAdmin, platform_provider_id: UUID) -> ProviderModels:
    """What the vendor offers to this key."""
    return await ai.provider_models(who, platform_provider_id)


@routes.get("/ai-rotation")
async def rotation(who: CurrentAdmin) -> RotationChoice:
    """How the platform's calls are spread."""
    return RotationChoice(rotation=await ai.rotation(who))


@routes.patch("/ai-rotation")
async def set_rotation(who: CurrentAdmin, body: RotationChoice) -> RotationChoice:
    """Spread them another way from now on."""
    await ai.set_rotation(who, body.rotation)
    return body


@routes.get("/ai-usage")
async def usage(who: CurrentAdmin) -> UsageView:
    """Today by hour over all tenants, and the newest failures with who took over."""
    return await ai.usage(who)
