"""What a tenant decides for all automatic answers (`tenants.settings.answers`)."""

import orjson
from sqlalchemy import text

from wa_app.db import TenantUnitOfWork
from wa_app.errors import FieldError, Invalid, NotFound
from wa_app.schemas.conversations import AnswerSettings, AnswerSettingsChange
from wa_app.services import audit

_READ = text("SELECT settings -> 'answers' FROM tenants WHERE id = :t")
_WRITE = text(
    "UPDATE tenants SET settings = jsonb_set(settings, '{answers}', "
    "coalesce(settings -> 'answers', '{}'::jsonb) || CAST(:change AS jsonb)) WHERE id = :t"
)


async def get(uow: TenantUnitOfWork) -> AnswerSettings:
    """What is in force."""
    uow.require("settings.read")
    return await in_force(uow)


async def in_force(uow: TenantUnitOfWork) -> AnswerSettings:
    """The same for our own engines."""
    row = (await uow.session.execute(_READ, {"t": uow.tenant_id})).one_or_none()
    if row is None:
        raise NotFound
    return AnswerSettings.model_validate(row[0] or {})


async def change(uow: TenantUnitOfWork, data: AnswerSettingsChange) -> AnswerSettings:
    """Change what is given. Raises Invalid when the longest delay is under the shortest."""
    uow.require("settings.write")
    given = data.model_dump(exclude_unset=True, exclude_none=True)
    after = (await in_force(uow)).model_copy(update=given)
    if after.rule_delay_max_s < after.rule_delay_min_s:
        raise Invalid(FieldError("rule_delay_max_s", "delay_range", {}))
    await uow.session.execute(_WRITE, {"t": uow.tenant_id, "change": orjson.dumps(given).decode()})
    audit.record(uow, "answers.change", "tenant", uow.tenant_id, **given)
    return await in_force(uow)
