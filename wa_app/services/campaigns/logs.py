"""The log of a campaign: one line per recipient, with what became of it and why."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text

from wa_app.db import TenantUnitOfWork
from wa_app.kit import phones
from wa_app.kit.folding import prefix_query
from wa_app.kit.tables import csv_chunks
from wa_app.models.outbound import MessageState
from wa_app.schemas.campaigns import LogRow
from wa_app.services import audit
from wa_app.services.campaigns import reading

EXPORT_PAGE = 5_000
FOUND_AT_MOST = 500
"""Contacts a search looks through; more than that is no search."""

_ROWS = """
    SELECT o.id, o.contact_id, COALESCE(c.name, '') AS contact_name, o.identity_kind, o.identity_value, o.device_id,
           COALESCE(d.name, '') AS device_name, o.state, o.body, o.error_code, o.error_message, o.attempt,
           o.created_at, o.sent_at, o.delivered_at, o.read_at
    FROM outbound_messages o
    LEFT JOIN contacts c ON c.tenant_id = o.tenant_id AND c.id = o.contact_id
    LEFT JOIN devices d ON d.tenant_id = o.tenant_id AND d.id = o.device_id
    WHERE {where} ORDER BY o.id LIMIT :n
"""


async def logs(
    uow: TenantUnitOfWork,
    campaign_id: UUID,
    *,
    state: Sequence[MessageState] = (),
    device_id: UUID | None = None,
    q: str = "",
    after: UUID | None = None,
    limit: int = reading.PAGE,
) -> tuple[list[LogRow], UUID | None]:
    """A page of the log in the order of planning, and the id the next one begins after."""
    uow.require("campaigns.read")
    await reading.find(uow, campaign_id)
    size = min(limit, reading.MAX_PAGE)
    rows = await _page(uow, campaign_id, state, device_id, q, after, size + 1)
    return rows[:size], rows[size - 1].id if len(rows) > size else None


async def _page(
    uow: TenantUnitOfWork,
    campaign_id: UUID,
    state: Sequence[MessageState],
    device_id: UUID | None,
    q: str,
    after: UUID | None,
    n: int,
) -> list[LogRow]:
    where = ["o.tenant_id = :tenant", "o.campaign_id = :campaign"]
    values: dict[str, object] = {"tenant": uow.tenant_id, "campaign": campaign_id, "n": n}
    if state:
        where.append("o.state = ANY(:states)")
        values["states"] = [one.value for one in state]
    if device_id is not None:
        where.append("o.device_id = :device")
        values["device"] = device_id
    if q.strip():
        where.append("o.dedupe_key = ANY(:keys)")
        values["keys"] = await _keys_of(uow, campaign_id, q)
    if after is not None:
        where.append("o.id > :after")
        values["after"] = after
    query = text(_ROWS.format(where=" AND ".join(where)))
    return [_row(row._mapping) for row in await uow.session.execute(query, values)]


async def _keys_of(uow: TenantUnitOfWork, campaign_id: UUID, q: str) -> list[str]:
    """Dedupe keys of the people a search finds: the unique index then answers at once, at any size."""
    phone, refused = phones.check(q)
    if refused is None:
        return [f"c:{campaign_id}:phone:{phone}"]
    wanted = prefix_query(q)
    if not wanted:
        return []
    query = text(
        "SELECT :prefix || i.kind || ':' || i.value FROM search_contacts(:q, NULL, :most) f "
        "JOIN contact_identities i ON i.tenant_id = :tenant AND i.contact_id = f.id "
        "UNION ALL SELECT :prefix || 'none:' || f.id FROM search_contacts(:q, NULL, :most) f"
    )
    values = {"prefix": f"c:{campaign_id}:", "q": wanted, "most": FOUND_AT_MOST, "tenant": uow.tenant_id}
    return list((await uow.session.execute(query, values)).scalars())


def _row(row: object) -> LogRow:
    fields = dict(row)  # type: ignore[call-overload]
    kind = fields.pop("identity_kind")
    value = fields.pop("identity_value")
    fields |= {
        "phone": value if kind == "phone" else None, "identity": value,
        "status": fields.pop("state"), "message": fields.pop("body"),
    }  # fmt: skip
    return LogRow.model_validate(fields)


HEADER = ("name", "phone", "status", "reason", "device", "attempt", "sent_at", "delivered_at", "read_at", "message")


async def export_page(
    uow: TenantUnitOfWork, campaign_id: UUID, after: UUID | None, state: Sequence[MessageState] = ()
) -> tuple[bytes, UUID | None]:
    """A piece of the log as CSV that no spreadsheet runs, and where the next one begins.

    A caller opens a unit of work per piece, so that no transaction waits for a slow reader.
    """
    uow.require("contacts.export")
    await reading.find(uow, campaign_id)
    if after is None:
        audit.record(uow, "campaign.export", "campaign", campaign_id)
    piece = await export_piece(uow, campaign_id, after, state)
    return piece.data, piece.last if piece.more else None


@dataclass(frozen=True, slots=True)
class Piece:
    """Part of an exported log: `last` is its last row, None when it has none."""

    data: bytes
    rows: int
    last: UUID | None
    more: bool


async def export_piece(
    uow: TenantUnitOfWork, campaign_id: UUID, after: UUID | None, state: Sequence[MessageState] = ()
) -> Piece:
    """The next rows beyond `after` as CSV; the first piece carries the header and the byte order mark."""
    rows = await _page(uow, campaign_id, state, None, "", after, EXPORT_PAGE)
    cells = [_cells(row) for row in rows]
    head, body = (HEADER, cells) if after is None else (cells[0] if cells else (), cells[1:])
    pieces = list(csv_chunks(head, body)) if head else []
    # A byte order mark belongs at the beginning of the file alone.
    data = b"".join(pieces if after is None else pieces[1:])
    return Piece(data, len(rows), rows[-1].id if rows else None, len(rows) == EXPORT_PAGE)


def _cells(row: LogRow) -> list[str]:
    times = [time.isoformat(timespec="seconds") if time else "" for time in (row.sent_at, row.delivered_at, row.read_at)]
    reason = row.error_message or row.error_code or ""
    return [
        row.contact_name, row.identity, row.status.value, reason, row.device_name, str(row.attempt), *times,
        row.message or "",
    ]  # fmt: skip
