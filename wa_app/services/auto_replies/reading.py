"""Rules as they are shown: one, a page of them."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, func, or_, tuple_
from sqlmodel import col, select

from wa_app.db import TenantUnitOfWork
from wa_app.errors import NotFound
from wa_app.kit.folding import fold
from wa_app.kit.zones import zone
from wa_app.models.auto_replies import AutoReply, AutoReplyDevice
from wa_app.models.files import File
from wa_app.models.identity import Tenant
from wa_app.schemas.auto_replies import AutoReplyView, RuleFilter, RuleHits, WindowInput
from wa_app.schemas.principal import Verb
from wa_app.sending.rendering import parse
from wa_app.services.auto_replies.counting import figures

PAGE, MAX_PAGE = 50, 500
SHOWN = (
    "id", "created_at", "updated_at", "name", "match_type", "keywords", "response_text", "file_id", "priority", "is_active",
    "from_date", "until_date", "limit_times", "limit_period", "cooldown_s", "delay", "hand_over", "stops_here",
)  # fmt: skip


async def list_(
    uow: TenantUnitOfWork, where: RuleFilter | None = None, *, after: UUID | None = None, limit: int = PAGE
) -> tuple[list[AutoReplyView], UUID | None, int]:
    """A page of rules in the order they are asked in: items, the id the next page begins after, how many match."""
    uow.require(Verb.RULES_READ)
    conditions = _filters(where or RuleFilter())
    size = min(limit, MAX_PAGE)
    query = select(AutoReply).where(*conditions).order_by(col(AutoReply.priority), col(AutoReply.id)).limit(size + 1)
    if after is not None:
        last = select(AutoReply).where(col(AutoReply.id) == after).subquery()
        query = query.where(
            tuple_(col(AutoReply.priority), col(AutoReply.id)) > select(last.c.priority, last.c.id).scalar_subquery()
        )
    rows = (await uow.session.execute(query)).scalars().all()
    total = (await uow.session.execute(select(func.count()).select_from(AutoReply).where(*conditions))).scalar_one()
    return await views(uow, rows[:size]), rows[size - 1].id if len(rows) > size else None, total


async def sums(uow: TenantUnitOfWork, where: RuleFilter | None = None) -> tuple[int, int]:
    """Of all rules that match, not only a page of them: how many are on, how often they fired in the last seven days."""
    uow.require(Verb.RULES_READ)
    query = select(col(AutoReply.id), col(AutoReply.is_active)).where(*_filters(where or RuleFilter()))
    rows = (await uow.session.execute(query)).all()
    hits = await figures(uow, [row.id for row in rows], zone(await _zone(uow)))
    return sum(row.is_active for row in rows), sum(one.week for one in hits.values())


def _filters(where: RuleFilter) -> list[ColumnElement[bool]]:
    # A tenant keeps hundreds of rules at most: the partial index narrows them down before words are looked at.
    found: list[ColumnElement[bool]] = [col(AutoReply.deleted_at).is_(None)]
    found += [col(AutoReply.search_text).contains(word, autoescape=True) for word in fold(where.q).split()[:8]]
    if where.is_active is not None:
        found.append(col(AutoReply.is_active).is_(where.is_active))
    if where.match_type is not None:
        found.append(col(AutoReply.match_type) == where.match_type)
    if where.device_id is not None:
        bound = select(AutoReplyDevice).where(col(AutoReplyDevice.auto_reply_id) == col(AutoReply.id))
        found.append(or_(~bound.exists(), bound.where(col(AutoReplyDevice.device_id) == where.device_id).exists()))
    return found


async def get(uow: TenantUnitOfWork, rule_id: UUID) -> AutoReplyView:
    """One rule."""
    uow.require(Verb.RULES_READ)
    return (await views(uow, [await find(uow, rule_id)]))[0]


async def find(uow: TenantUnitOfWork, rule_id: UUID, *, lock: bool = False) -> AutoReply:
    """The row of a rule. Raises NotFound."""
    query = select(AutoReply).where(col(AutoReply.id) == rule_id, col(AutoReply.deleted_at).is_(None))
    found = (await uow.session.execute(query.with_for_update() if lock else query)).scalar_one_or_none()
    if found is None:
        raise NotFound
    return found


async def views(uow: TenantUnitOfWork, rows: Sequence[AutoReply]) -> list[AutoReplyView]:
    """Rows with what stands beside them: devices, files, hits."""
    ids = [row.id for row in rows]
    devices = await devices_of(uow, ids)
    files = await _file_names(uow, [row.file_id for row in rows if row.file_id is not None])
    hits = await figures(uow, ids, zone(await _zone(uow)))
    return [_view(row, devices.get(row.id, []), files, hits[row.id]) for row in rows]


async def devices_of(uow: TenantUnitOfWork, rule_ids: Sequence[UUID]) -> dict[UUID, list[UUID]]:
    """The devices each rule is bound to."""
    if not rule_ids:
        return {}
    query = select(col(AutoReplyDevice.auto_reply_id), col(AutoReplyDevice.device_id))
    query = query.where(col(AutoReplyDevice.auto_reply_id).in_(rule_ids)).order_by(col(AutoReplyDevice.device_id))
    found: dict[UUID, list[UUID]] = {}
    for rule_id, device_id in (await uow.session.execute(query)).all():
        found.setdefault(rule_id, []).append(device_id)
    return found


async def _file_names(uow: TenantUnitOfWork, ids: Sequence[UUID]) -> dict[UUID, str]:
    if not ids:
        return {}
    rows = await uow.session.execute(select(col(File.id), col(File.name)).where(col(File.id).in_(ids)))
    return {row.id: row.name for row in rows.all()}


async def _zone(uow: TenantUnitOfWork) -> str:
    return (await uow.session.execute(select(col(Tenant.time_zone)).where(col(Tenant.id) == uow.tenant_id))).scalar_one()


def _view(row: AutoReply, devices: list[UUID], files: dict[UUID, str], hits: RuleHits) -> AutoReplyView:
    return AutoReplyView(
        **{key: getattr(row, key) for key in SHOWN}, hits=hits, device_ids=devices,
        windows=[WindowInput.model_validate(one) for one in row.windows],
        file_name=files.get(row.file_id) if row.file_id else None,
        keeps_silent=not row.response_text and row.file_id is None, variants=parse(row.response_text).variants,
    )  # fmt: skip
