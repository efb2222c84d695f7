"""People of a tenant with their browsers' cookies."""

import secrets
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from wa_app.db import system_unit_of_work
from wa_app.kit.clock import utc_now
from wa_app.kit.ids import new_id
from wa_app.kit.secrets import digest
from wa_app.models.identity import Membership, Role, SessionKind, User, UserSession
from wa_app.schemas.principal import ALL_VERBS


@dataclass(frozen=True)
class Agent:
    """Somebody who answers customers. `token` is what their browser's cookie holds."""

    user_id: UUID
    token: str


async def hire(tenant_id: UUID, n: int) -> list[Agent]:
    """`n` people of the tenant, each signed in at one browser."""
    hired = []
    async with system_unit_of_work() as uow:
        role = Role(tenant_id=tenant_id, key="owner", name="Owner", verbs=sorted(ALL_VERBS))
        uow.session.add(role)
        await uow.session.flush()
        for number in range(n):
            user = User(email=f"{new_id().hex}@example.test", name=f"Agen {number + 1}", password_hash="!")
            uow.session.add(user)
            await uow.session.flush()
            token = secrets.token_urlsafe(32)
            uow.session.add_all([
                Membership(tenant_id=tenant_id, user_id=user.id, role_id=role.id),
                UserSession(tenant_id=tenant_id, user_id=user.id, kind=SessionKind.BROWSER, token_hash=digest(token),
                            expires_at=utc_now() + timedelta(hours=6)),
            ])  # fmt: skip
            hired.append(Agent(user.id, token))
    return hired
