"""What there is while the rows of a file are weighed: the tenant's rules, devices and files, and the room that is left.

It is read once and counted on row by row, so that neither a look at a file nor taking it asks the database about each row.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from sqlalchemy import inspect, text
from sqlmodel import col, select

from wa_app.db import TenantUnitOfWork
from wa_app.errors import FieldError, LimitReached
from wa_app.kit.folding import fold
from wa_app.models.auto_replies import AutoReply, MatchType
from wa_app.models.devices import Device
from wa_app.schemas.auto_replies import MAX_RULES
from wa_app.services import entitlements
from wa_app.services.auto_replies.checking import too_many
from wa_app.services.campaigns import checks

COLUMNS: Final = tuple(one.key for one in inspect(AutoReply).column_attrs)
_RULES = text("""
    SELECT id, name, priority, jsonb_array_length(keywords) AS keywords, match_type = 'REGEX' AS is_pattern
    FROM auto_replies WHERE tenant_id = :t AND deleted_at IS NULL ORDER BY id DESC
""")


@dataclass(slots=True)
class Standing:
    """Rules by folded name and what they weigh; `drafts` are those that rows may change, as copies nobody keeps."""

    names: dict[str, UUID]
    keywords: dict[UUID, int]
    patterns: dict[UUID, int]
    last: int
    """The highest priority in use."""
    left: int | None
    limit: int
    """What the package still has room for and allows; `left` None means any number."""
    devices: dict[str, UUID]
    device_ids: frozenset[UUID]
    drafts: dict[UUID, AutoReply] = field(default_factory=dict)
    refused_files: Mapping[UUID, FieldError] = field(default_factory=dict)

    def check(self, row: AutoReply, device_ids: Collection[UUID]) -> list[FieldError]:
        """What is wrong with a rule beside the others."""
        found: list[FieldError] = []
        if row.file_id is not None and row.file_id in self.refused_files:
            found.append(self.refused_files[row.file_id])
        if not self.device_ids.issuperset(device_ids):
            found.append(FieldError("device_ids", "device_not_found"))
        return found

    def check_room(self, row: AutoReply) -> list[FieldError]:
        """Whether all rules together would ask too much of a message."""
        others = sum(self.keywords.values()) - self.keywords.get(row.id, 0)
        return too_many(row, others, sum(self.patterns.values()) - self.patterns.get(row.id, 0))

    def book(self) -> None:
        """Take the room of one more rule. Raises LimitReached."""
        if self.left is not None and self.left < 1:
            raise LimitReached("auto_replies_limit_reached", limit=self.limit)
        if len(self.keywords) >= MAX_RULES:
            raise LimitReached("auto_replies_too_many", limit=MAX_RULES)

    def add(self, row: AutoReply) -> None:
        """Count a new rule in."""
        self.left = None if self.left is None else self.left - 1
        self.last = max(self.last, row.priority)
        self.names[fold(row.name)] = row.id
        self.put(row)

    def put(self, row: AutoReply) -> None:
        """Count a rule as it is now."""
        self.drafts[row.id] = row
        self.keywords[row.id] = len(row.keywords)
        self.patterns[row.id] = len(row.keywords) if row.match_type == MatchType.REGEX else 0


async def look(uow: TenantUnitOfWork) -> Standing:
    """What there is now; whoever writes by it holds the rules (`writing.changed`)."""
    rules = (await uow.session.execute(_RULES, {"t": uow.tenant_id})).all()
    devices = (await uow.session.execute(select(col(Device.id), col(Device.name)).where(col(Device.deleted_at).is_(None)))).all()
    left = await entitlements.left_of(uow, "auto_replies")
    return Standing(
        names={fold(one.name): one.id for one in rules}, keywords={one.id: one.keywords for one in rules},
        patterns={one.id: one.keywords for one in rules if one.is_pattern}, last=max((one.priority for one in rules), default=0),
        left=left[0] if left else None, limit=left[1] if left else 0,
        devices={fold(one.name): one.id for one in sorted(devices, key=lambda one: one.id, reverse=True)},
        device_ids=frozenset(one.id for one in devices),
    )  # fmt: skip


async def fetch(uow: TenantUnitOfWork, standing: Standing, names: Collection[str], file_ids: Collection[UUID]) -> None:
    """Add what rows ask for by name: the rules of these names, to be changed, and which files WhatsApp would not take."""
    # What rows before these have changed or made is there already, as they left it.
    wanted = {standing.names[one] for one in names if one in standing.names} - standing.drafts.keys()
    query = select(*(getattr(AutoReply, key) for key in COLUMNS)).where(col(AutoReply.id).in_(wanted))
    for row in (await uow.session.execute(query)).mappings() if wanted else ():
        standing.drafts[row["id"]] = AutoReply(**row)
    kept = {one.file_id for one in standing.drafts.values() if one.file_id is not None}
    standing.refused_files = await checks.media_problems(uow, kept | set(file_ids))
