"""Texts kept for later broadcasts. The templates that Meta approves are another noun and live with their account."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, func, select, text
from sqlmodel import col

from wa_app.db import SystemUnitOfWork, TenantUnitOfWork
from wa_app.errors import FieldError, Invalid, NotFound
from wa_app.kit.clock import utc_now
from wa_app.kit.folding import fold
from wa_app.models.broadcasts import MessageTemplate
from wa_app.schemas.broadcasts import MessageTemplateCreate, MessageTemplateUpdate, MessageTemplateView
from wa_app.sending.rendering import parse
from wa_app.sending.spintax import MAX_LENGTH
from wa_app.services import audit
from wa_app.services.campaigns import checks

PAGE, MAX_PAGE = 50, 200
MAX_NAME = 120
FIELDS = ("name", "body", "file_id", "category", "labels", "language")


async def list_(
    uow: TenantUnitOfWork, *, q: str = "", category: str = "", after: UUID | None = None, limit: int = PAGE
) -> tuple[list[MessageTemplateView], UUID | None, int]:
    """A page of templates, newest first: items, the id the next page begins after, how many match."""
    uow.require("campaigns.read")
    where = _filters(q, category)
    size = min(limit, MAX_PAGE)
    query = select(MessageTemplate).where(*where).order_by(col(MessageTemplate.id).desc()).limit(size + 1)
    if after is not None:
        query = query.where(col(MessageTemplate.id) < after)
    rows = (await uow.session.execute(query)).scalars().all()
    total = (await uow.session.execute(select(func.count()).select_from(MessageTemplate).where(*where))).scalar_one()
    return await _views(uow, rows[:size]), rows[size - 1].id if len(rows) > size else None, total


def _filters(q: str, category: str) -> list[ColumnElement[bool]]:
    # A tenant keeps tens of templates, not millions: the partial index narrows them down before words are looked at.
    where: list[ColumnElement[bool]] = [col(MessageTemplate.deleted_at).is_(None)]
    where += [col(MessageTemplate.search_text).contains(word, autoescape=True) for word in fold(q).split()[:8]]
    if category:
        where.append(col(MessageTemplate.category) == category)
    return where


async def categories(uow: TenantUnitOfWork) -> list[str]:
    """Categories in use, by name."""
    uow.require("campaigns.read")
    query = select(col(MessageTemplate.category)).where(
        col(MessageTemplate.deleted_at).is_(None), col(MessageTemplate.category) != ""
    )
    return sorted((await uow.session.execute(query.distinct())).scalars(), key=fold)


async def get(uow: TenantUnitOfWork, template_id: UUID) -> MessageTemplateView:
    """One template."""
    uow.require("campaigns.read")
    return (await _views(uow, [await _find(uow, template_id)]))[0]


async def create(uow: TenantUnitOfWork, data: MessageTemplateCreate) -> MessageTemplateView:
    """Keep a text. Raises Invalid without name, or without text and file."""
    uow.require("campaigns.write")
    row = MessageTemplate(
        tenant_id=uow.tenant_id, created_by=uow.principal.user_id, updated_at=utc_now(),
        **{key: getattr(data, key) for key in FIELDS},
    )  # fmt: skip
    await _validate(uow, row)
    uow.session.add(row)
    return await _saved(uow, row)


async def update(uow: TenantUnitOfWork, template_id: UUID, data: MessageTemplateUpdate) -> MessageTemplateView:
    """Change a template; broadcasts that were written from it keep their text."""
    uow.require("campaigns.write")
    row = await _find(uow, template_id, lock=True)
    for key in data.model_fields_set.intersection(FIELDS):
        value = getattr(data, key)
        setattr(row, key, ([] if key == "labels" else "") if value is None and key != "file_id" else value)
    row.updated_at = utc_now()
    await _validate(uow, row)
    return await _saved(uow, row)


async def duplicate(uow: TenantUnitOfWork, template_id: UUID) -> MessageTemplateView:
    """A copy to change."""
    uow.require("campaigns.write")
    source = await _find(uow, template_id)
    copy = MessageTemplate(
        tenant_id=uow.tenant_id, created_by=uow.principal.user_id, updated_at=utc_now(),
        **{key: getattr(source, key) for key in FIELDS},
    )  # fmt: skip
    copy.name = f"{source.name[: MAX_NAME - 6]} (2)"
    if await checks.media_problem(uow, copy.file_id) is not None:
        copy.file_id = None
    uow.session.add(copy)
    return await _saved(uow, copy)


async def remove(uow: TenantUnitOfWork, template_ids: Sequence[UUID]) -> int:
    """Put templates away; undone by `restore` within 30 days."""
    uow.require("campaigns.write")
    for template_id in template_ids:
        row = await _find(uow, template_id, lock=True)
        row.deleted_at = utc_now()
        audit.record(uow, "message_template.delete", "message_template", template_id, name=row.name)
    await uow.session.flush()
    return len(template_ids)


async def restore(uow: TenantUnitOfWork, template_ids: Sequence[UUID]) -> int:
    """Undo `remove`."""
    uow.require("campaigns.write")
    query = select(MessageTemplate).where(
        col(MessageTemplate.id).in_(template_ids), col(MessageTemplate.deleted_at).is_not(None)
    )
    found = (await uow.session.execute(query.with_for_update())).scalars().all()
    for row in found:
        row.deleted_at = None
    await uow.session.flush()
    return len(found)


_FORGET = text("""
    WITH gone AS (SELECT tenant_id, id FROM message_templates WHERE deleted_at < now() - interval '30 days' LIMIT 1000),
    freed AS (UPDATE campaigns c SET template_id = NULL FROM gone WHERE c.tenant_id = gone.tenant_id AND c.template_id = gone.id)
    SELECT tenant_id, id FROM gone
""")
_PURGE = text("DELETE FROM message_templates WHERE id = ANY(:ids)")


async def purge(uow: SystemUnitOfWork) -> int:
    """Delete for good what was put away more than 30 days ago, in all tenants."""
    ids = [row.id for row in await uow.session.execute(_FORGET)]
    if ids:
        await uow.session.execute(_PURGE, {"ids": ids})
    return len(ids)


async def _find(uow: TenantUnitOfWork, template_id: UUID, *, lock: bool = False) -> MessageTemplate:
    query = select(MessageTemplate).where(
        col(MessageTemplate.id) == template_id, col(MessageTemplate.deleted_at).is_(None)
    )
    found = (await uow.session.execute(query.with_for_update() if lock else query)).scalar_one_or_none()
    if found is None:
        raise NotFound
    return found


async def _validate(uow: TenantUnitOfWork, row: MessageTemplate) -> None:
    row.name, row.category = row.name.strip(), row.category.strip()
    row.labels = list(dict.fromkeys(label.strip()[:40] for label in row.labels if label.strip()))
    found: list[FieldError] = []
    if not row.name:
        found.append(FieldError("name", "message_template_name_missing"))
    elif len(row.name) > MAX_NAME:
        found.append(FieldError("name", "campaign_name_too_long", {"limit": MAX_NAME}))
    if not row.body.strip() and row.file_id is None:
        found.append(FieldError("body", "message_missing"))
    elif len(row.body) > MAX_LENGTH:
        found.append(FieldError("body", "template_too_long", {"limit": MAX_LENGTH}))
    with uow.session.no_autoflush:
        if (refused := await checks.media_problem(uow, row.file_id)) is not None:
            found.append(refused)
    if found:
        raise Invalid(*found, code="message_template_invalid")
    row.search_text = fold(" ".join((row.name, row.category, *row.labels, row.body)))


async def _saved(uow: TenantUnitOfWork, row: MessageTemplate) -> MessageTemplateView:
    await uow.session.flush()
    return (await _views(uow, [row]))[0]


_USED = text("""
    SELECT template_id, count(*) AS n, max(COALESCE(started_at, created_at)) AS at FROM campaigns
    WHERE tenant_id = :t AND template_id = ANY(:ids) AND deleted_at IS NULL GROUP BY template_id
""")


async def _views(uow: TenantUnitOfWork, rows: Sequence[MessageTemplate]) -> list[MessageTemplateView]:
    ids = [row.id for row in rows]
    found = await uow.session.execute(_USED, {"t": uow.tenant_id, "ids": ids}) if ids else ()
    used = {row.template_id: (row.n, row.at) for row in found}
    return [
        MessageTemplateView(
            **row.model_dump(include={"id", "created_at", "updated_at", *FIELDS}), variants=parse(row.body).variants,
            used=used.get(row.id, (0, None))[0], last_used_at=used.get(row.id, (0, None))[1],
        )
        for row in rows
    ]  # fmt: skip
