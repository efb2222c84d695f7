"""The platform's own AI providers: what tenants without a key of their own are answered by."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import text

from wa_app.ai.gateway import probing
from wa_app.config import get_settings
from wa_app.db import SystemUnitOfWork, system_unit_of_work
from wa_app.models.ai import AiProvider, Rotation
from wa_app.schemas.ai_providers import (
    AiSettingsUpdate,
    ProviderCreate,
    ProviderList,
    ProviderModels,
    ProviderTest,
    ProviderUpdate,
    ProviderView,
    UsageView,
)
from wa_app.services import ai_usage
from wa_app.services.admin.door import Admin
from wa_app.services.ai_providers import rows, settings, verbs

_ROTATION = text("SELECT rotation FROM ai_settings WHERE tenant_id IS NULL")


async def _all(uow: SystemUnitOfWork) -> list[ProviderView]:
    return await rows.views(uow.session, await rows.every(uow.session, None), get_settings().time_zone)


async def _view(uow: SystemUnitOfWork, row: AiProvider) -> ProviderView:
    return next(one for one in await _all(uow) if one.id == row.id)


async def providers(admin: Admin) -> ProviderList:
    """The platform's providers in the order they are asked."""
    async with system_unit_of_work() as uow:
        found = await _all(uow)
    return ProviderList(items=found, total=len(found))


async def add_provider(admin: Admin, data: ProviderCreate) -> ProviderView:
    """Add one; its address may be a private one, as an Ollama's is."""
    await rows.check_address(data.kind, data.base_url, trusted=True)
    async with system_unit_of_work() as uow:
        row = await rows.add(uow.session, None, data)
        admin.note(uow, "ai_provider.create", "ai_provider", provider=str(row.id), name=row.name)
        return await _view(uow, row)


async def change_provider(admin: Admin, provider_id: UUID, data: ProviderUpdate) -> ProviderView:
    """Change one; the key stays unless another is given."""
    async with system_unit_of_work() as uow:
        kind = (await rows.find(uow.session, None, provider_id)).kind
    await rows.check_address(kind, data.base_url or "", trusted=True)
    async with system_unit_of_work() as uow:
        row = await rows.change(uow.session, None, provider_id, data)
        admin.note(uow, "ai_provider.update", "ai_provider", provider=str(row.id), name=row.name)
        return await _view(uow, row)


async def drop_provider(admin: Admin, provider_id: UUID) -> None:
    """Take one and its key away. The built-in one stays: it can only be switched off."""
    async with system_unit_of_work() as uow:
        row = await rows.drop(uow.session, None, provider_id)
        admin.note(uow, "ai_provider.delete", "ai_provider", provider=str(row.id), name=row.name)


async def order_providers(admin: Admin, ids: Sequence[UUID]) -> None:
    """Put the platform's providers into this order."""
    async with system_unit_of_work() as uow:
        await rows.put_in_order(uow.session, None, ids)
        admin.note(uow, "ai_provider.order", "ai_provider")


async def test_provider(admin: Admin, provider_id: UUID, language: str) -> ProviderTest:
    """Ask one something small now; booked on the tenant the admin signed in to."""
    return verbs.tested(await probing.probe(None, provider_id, admin.tenant_id, language))


async def provider_models(admin: Admin, provider_id: UUID) -> ProviderModels:
    """What the vendor offers to this key."""
    endpoint, _ = await probing.find(None, provider_id)
    return await verbs.offered(endpoint)


async def rotation(admin: Admin) -> Rotation:
    """How the platform's calls are spread."""
    async with system_unit_of_work() as uow:
        return Rotation((await uow.session.execute(_ROTATION)).scalar_one_or_none() or Rotation.PRIORITY)


async def set_rotation(admin: Admin, chosen: Rotation) -> None:
    """Spread them another way from now on."""
    async with system_unit_of_work() as uow:
        await settings.write(uow.session, None, AiSettingsUpdate(rotation=chosen))
        admin.note(uow, "ai_rotation.set", "ai_settings", rotation=chosen.value)


async def usage(admin: Admin) -> UsageView:
    """Today by hour, and the newest failures with who took over."""
    async with system_unit_of_work() as uow:
        return await ai_usage.platform_summary(uow, get_settings().time_zone)
