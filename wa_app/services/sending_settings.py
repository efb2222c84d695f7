"""What a tenant decides for everything it sends (`tenants.settings.frequency_per_week`).

Lanes read it at the start of a slice, so a change is in force within 20 seconds.
"""

import orjson
from sqlalchemy import text

from wa_app.db import TenantUnitOfWork
from wa_app.errors import NotFound
from wa_app.schemas.sending import SendingSettings
from wa_app.services import audit

_READ = text("SELECT settings -> 'frequency_per_week' FROM tenants WHERE id = :t")
_WRITE = text("UPDATE tenants SET settings = settings || CAST(:change AS jsonb) WHERE id = :t")


async def get(uow: TenantUnitOfWork) -> SendingSettings:
    """What is in force."""
    uow.require("settings.read")
    row = (await uow.session.execute(_READ, {"t": uow.tenant_id})).one_or_none()
    if row is None:
        raise NotFound
    return SendingSettings(frequency_per_week=row[0])


async def change(uow: TenantUnitOfWork, data: SendingSettings) -> SendingSettings:
    """Change what is given."""
    uow.require("settings.write")
    given = data.model_dump(exclude_unset=True)
    await uow.session.execute(_WRITE, {"t": uow.tenant_id, "change": orjson.dumps(given).decode()})
    audit.record(uow, "sending.change", "tenant", uow.tenant_id, **given)
    return await get(uow)
