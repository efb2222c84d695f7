"""The only way into the platform's own side."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import structlog
from redis.exceptions import RedisError
from sqlalchemy import text

from wa_app.db import SystemUnitOfWork, redis_client, system_unit_of_work
from wa_app.errors import Forbidden
from wa_app.schemas.principal import Principal
from wa_app.services import audit

log = structlog.get_logger(__name__)

NOTED_S = 3600
"""How often one sign-in's visits are written to the audit log: once in so many seconds."""
_IS_ADMIN = text("SELECT 1 FROM users WHERE id = :id AND is_platform_admin AND disabled_at IS NULL")


@dataclass(frozen=True, slots=True)
class Admin:
    """A platform admin who acts. Only `enter` makes one."""

    user_id: UUID
    tenant_id: UUID
    """The tenant they signed in to: their deeds stand in its audit log."""

    def note(self, uow: SystemUnitOfWork, verb: str, kind: str = "", **detail: str | int) -> None:
        """Write a deed to the audit log, in the transaction that does it."""
        more: dict[str, Any] = dict(detail)
        audit.record_for(uow, self.tenant_id, f"admin.{verb}", user_id=self.user_id, kind=kind, **more)


async def enter(principal: Principal) -> Admin:
    """Whoever calls, as a platform admin: asked of the database each time, and written to the audit log.

    Raises `Forbidden("admin_only")` for everybody else, and for API keys and workers whoever made them.
    """
    if principal.kind != "user" or principal.user_id is None:
        raise Forbidden("admin_only")
    async with system_unit_of_work() as uow:
        if (await uow.session.execute(_IS_ADMIN, {"id": principal.user_id})).first() is None:
            log.warning("admin.refused", user_id=str(principal.user_id))
            raise Forbidden("admin_only")
        admin = Admin(principal.user_id, principal.tenant_id)
        if await _is_first(principal):
            admin.note(uow, "enter", "session", session=str(principal.session_id or ""))
    return admin


async def _is_first(principal: Principal) -> bool:
    """Whether this sign-in has not been seen here for an hour; while Redis is away every visit counts."""
    key = f"sapa:admin:entered:{principal.session_id or principal.user_id}"
    try:
        return bool(await redis_client().set(key, 1, nx=True, ex=NOTED_S))
    except RedisError:
        return True
