"""The letters of the guard: what it did to a number or a broadcast, the reason in numbers, what to do.

A row is one letter to one person. It is written when its actor comes, by one actor at a time, and marked
when the mail server has taken it; a message that was lost is sent again by the clock for a day.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text

from wa_app.config import get_settings
from wa_app.db import system_unit_of_work
from wa_app.i18n import translate
from wa_app.kit.zones import stored_zone
from wa_app.mail import letters
from wa_app.mail.port import Mail
from wa_app.sending.health import rank

_TAKE = text("""
UPDATE guard_mails g SET tried_at = now() FROM users u, tenants t
WHERE g.id = :id AND g.sent_at IS NULL AND (g.tried_at IS NULL OR g.tried_at < now() - interval '1 min')
  AND u.id = g.user_id AND u.disabled_at IS NULL AND t.id = g.tenant_id
RETURNING g.detail, g.device_id, g.campaign_id, u.email, u.name, u.language, t.time_zone
""")
_CLOSE = text("UPDATE guard_mails SET sent_at = now() WHERE id = :id")


async def write_letter(mail_id: UUID) -> Mail | None:
    """The mail of a row; None when it was sent, or somebody is sending it just now."""
    async with system_unit_of_work() as uow:
        row = (await uow.session.execute(_TAKE, {"id": mail_id})).first()
    if row is None:
        return None
    detail = row.detail
    page = f"devices/{row.device_id}" if row.device_id else f"campaigns/{row.campaign_id}"
    words = _device(row.language, detail, row.time_zone) if row.device_id else _campaign(row.language, detail)
    return letters.guard(row.language, row.email, row.name, f"{get_settings().base_url}/{page}", *words)


async def close(mail_id: UUID) -> None:
    """The mail server has taken it."""
    async with system_unit_of_work() as uow:
        await uow.session.execute(_CLOSE, {"id": mail_id})


def _device(language: str, detail: dict[str, Any], time_zone: str) -> tuple[str, str, str]:
    """What was done, why, and what to do."""
    level, before, reason = detail["level"], detail["before"], detail.get("reason") or ""
    eased = rank(level) < rank(before)
    what = translate(language, f"mail.guard.{'eased' if eased else 'device'}.{level}", device=detail["name"])
    if eased:
        return what, translate(language, "devices.guard.eased"), translate(language, "mail.guard.todo.eased")
    args = _written(language, detail)
    why = translate(language, f"devices.guard.why.{reason}", **args)
    until = detail.get("until")
    if until:
        why += " " + translate(language, "mail.guard.until", time=_local(until, time_zone))
    return what, why, translate(language, f"devices.guard.todo.{reason}")


def _campaign(language: str, detail: dict[str, Any]) -> tuple[str, str, str]:
    what = translate(language, "mail.guard.campaign", campaign=" ".join(detail["name"].split()))
    why = translate(language, "campaigns.pause.opt_out_rate", **_written(language, detail))
    return what, why, translate(language, "devices.guard.todo.opt_outs")


def _written(language: str, detail: dict[str, Any]) -> dict[str, str]:
    """The figures in the reader's way: `3,8` and `3.8`."""
    figures = {key: value for key, value in detail.items() if isinstance(value, int | float)}
    point = "," if language == "id" else "."
    return {key: f"{value:g}".replace(".", point) for key, value in figures.items()}


def _local(iso: str, time_zone: str) -> str:
    return f"{datetime.fromisoformat(iso).astimezone(stored_zone(time_zone)):%d/%m %H:%M} ({time_zone})"
