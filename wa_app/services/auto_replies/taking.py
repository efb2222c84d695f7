"""Rows become rules: weighed without a lock, written in few statements under one."""

import asyncio
from collections.abc import Sequence
from typing import Final

from sqlalchemy import update
from sqlmodel import col, delete

from wa_app.db import TenantUnitOfWork
from wa_app.models.auto_replies import AutoReply, AutoReplyDevice
from wa_app.schemas.auto_replies import RuleImportResult
from wa_app.schemas.principal import Verb
from wa_app.services import audit, entitlements
from wa_app.services.auto_replies import standing as standings
from wa_app.services.auto_replies import writing
from wa_app.services.auto_replies.standing import COLUMNS, Standing
from wa_app.services.auto_replies.weighing import Read, Row, Weighed, read, weigh

SHOWN_PROBLEMS: Final = 200
_KEPT: Final = frozenset({"id", "tenant_id", "created_at", "created_by", "deleted_at"})
"""What a file does not change of a rule; the id says which one it is."""


async def take(uow: TenantUnitOfWork, rows: Sequence[Row], on_duplicate: str) -> RuleImportResult:
    """Make rules of these rows, in this transaction."""
    uow.require(Verb.RULES_WRITE)
    result = nothing(len(rows))
    await take_all(uow, rows, on_duplicate, result)
    audit.record(uow, "auto_reply.import", "auto_reply", None, created=result.created, updated=result.updated)
    return result


async def try_out(uow: TenantUnitOfWork, rows: Sequence[Row], on_duplicate: str) -> RuleImportResult:
    """What `take` would do. Writes nothing and holds nothing that anybody waits for."""
    uow.require(Verb.RULES_WRITE)
    result = nothing(len(rows))
    standing = await standings.look(uow)
    await try_all(uow, standing, rows, on_duplicate, result)
    return result


async def try_all(uow: TenantUnitOfWork, standing: Standing, rows: Sequence[Row], on_duplicate: str, result: RuleImportResult) -> None:
    """Add what would happen to each row to `result`, and count `standing` on by it."""
    found = await _read(uow, standing, rows, on_duplicate)
    await asyncio.to_thread(weigh, uow.principal, found, on_duplicate, standing, result)


async def take_all(uow: TenantUnitOfWork, rows: Sequence[Row], on_duplicate: str, result: RuleImportResult) -> None:
    """Add what happens to each row to `result`, all problems included."""
    # The lock is asked for first: what is weighed is what there is when it is written.
    await writing.changed(uow)
    standing = await standings.look(uow)
    found = await _read(uow, standing, rows, on_duplicate)
    await _keep(uow, await asyncio.to_thread(weigh, uow.principal, found, on_duplicate, standing, result))


async def _read(uow: TenantUnitOfWork, standing: Standing, rows: Sequence[Row], on_duplicate: str) -> list[Read]:
    found = read(rows, standing.devices)
    names = {one.name for one in found} if on_duplicate == "update" else set()
    files = {one.data.file_id for one in found if one.data is not None and one.data.file_id is not None}
    await standings.fetch(uow, standing, names, files)
    return found


async def _keep(uow: TenantUnitOfWork, found: Weighed) -> None:
    if found.made:
        await entitlements.require(uow, "auto_replies", len(found.made))
    uow.session.add_all(found.made.values())
    await uow.session.flush()
    if found.changed:
        values = [{key: getattr(row, key) for key in COLUMNS if key not in _KEPT} | {"id": row.id} for row in found.changed.values()]
        await uow.session.execute(update(AutoReply), values)
    await _bind(uow, found)
    for row in found.made.values():
        audit.record(uow, "auto_reply.create", "auto_reply", row.id, name=row.name)
    for rule_id in found.fields:
        audit.record(uow, "auto_reply.update", "auto_reply", rule_id, fields=sorted(found.fields[rule_id]))
    await uow.session.flush()


async def _bind(uow: TenantUnitOfWork, found: Weighed) -> None:
    if anew := found.devices.keys() & found.changed.keys():
        await uow.session.execute(delete(AutoReplyDevice).where(col(AutoReplyDevice.auto_reply_id).in_(anew)))
    for rule_id, device_ids in found.devices.items():
        for device_id in sorted(set(device_ids)):
            uow.session.add(AutoReplyDevice(tenant_id=uow.tenant_id, auto_reply_id=rule_id, device_id=device_id))
    await uow.session.flush()


def nothing(total: int) -> RuleImportResult:
    """What has happened to rows before the first of them."""
    return RuleImportResult(total=total, created=0, updated=0, skipped=0, failed=0, problems=[], names=[])
