"""The audit log: every privileged verb, by whom, on what."""

from typing import Any
from uuid import UUID

from wa_app.db import SystemUnitOfWork, TenantUnitOfWork
from wa_app.models.identity import AuditEntry


def record(
    uow: TenantUnitOfWork, verb: str, kind: str = "", object_id: UUID | None = None, **detail: Any
) -> None:
    """Add an entry in the caller's transaction, so it exists exactly when the deed does."""
    uow.session.add(AuditEntry(
        tenant_id=uow.tenant_id, user_id=uow.principal.user_id, verb=verb, object_kind=kind,
        object_id=object_id, detail=detail,
    ))


def record_for(
    uow: SystemUnitOfWork, tenant_id: UUID, verb: str, *, user_id: UUID | None = None, kind: str = "",
    object_id: UUID | None = None, ip: str = "", **detail: Any,
) -> None:
    """The same for deeds that are done before, or across, a tenant: signing in, resetting a password."""
    uow.session.add(AuditEntry(
        tenant_id=tenant_id, user_id=user_id, verb=verb, object_kind=kind, object_id=object_id, detail=detail, ip=ip,
    ))
