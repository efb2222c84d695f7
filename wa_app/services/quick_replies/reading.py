"""Which quick replies a person has: the tenant's and their own, never those of somebody else."""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from wa_app.db import TenantUnitOfWork
from wa_app.errors import NotFound
from wa_app.kit.folding import fold
from wa_app.schemas.conversations import ChatMedia
from wa_app.schemas.principal import Verb
from wa_app.schemas.quick_replies import MAX_OWN, MAX_SHARED, QuickReplyView

MOST: Final = MAX_SHARED + MAX_OWN

_VIEW = """
SELECT q.id, q.shortcut, q.title, q.category, q.body, q.user_id IS NOT NULL AS personal, q.created_at, q.updated_at,
  f.id AS file_id, f.mime, f.name AS filename FROM quick_replies q
LEFT JOIN files f ON f.tenant_id = q.tenant_id AND f.id = q.file_id AND f.deleted_at IS NULL
WHERE q.tenant_id = $1 AND (q.user_id IS NULL OR q.user_id = $2) {more}
"""
_ALL = _VIEW.format(more="ORDER BY q.shortcut, q.user_id NULLS LAST LIMIT $3")
_ONE = _VIEW.format(more="AND q.id = $3")


async def list_(uow: TenantUnitOfWork, *, q: str = "", category: str = "", limit: int = MOST) -> list[QuickReplyView]:
    """Quick replies of the person who asks. With words those that have all of them: by shortcut first, then title, then text."""
    uow.require(Verb.MESSAGES_READ)
    conn = await uow.driver()
    rows = await conn.fetch(_ALL, uow.tenant_id, uow.principal.user_id, MOST)
    found = [_view(row) for row in rows if not category or row["category"] == category]
    words = fold(q.strip().removeprefix("/")).split()[:8]
    ranked = [(rank, one) for one in found if (rank := _rank(one, words)) is not None]
    return [one for _, one in sorted(ranked, key=lambda pair: pair[0])][: max(0, limit)]


def _rank(one: QuickReplyView, words: list[str]) -> int | None:
    """How well it fits, the best 0; None when a word is nowhere in it."""
    if not words:
        return 0
    whole = " ".join((one.shortcut, fold(one.title), fold(one.category), fold(one.body)))
    if not all(word in whole for word in words):
        return None
    first = words[0]
    places = (one.shortcut == first, one.shortcut.startswith(first), first in one.shortcut, first in fold(one.title))
    return next((n for n, here in enumerate(places) if here), len(places))


async def get(uow: TenantUnitOfWork, quick_reply_id: UUID) -> QuickReplyView:
    """One of them. Raises NotFound, for somebody else's own too."""
    uow.require(Verb.MESSAGES_READ)
    conn = await uow.driver()
    row = await conn.fetchrow(_ONE, uow.tenant_id, uow.principal.user_id, quick_reply_id)
    if row is None:
        raise NotFound
    return _view(row)


async def categories(uow: TenantUnitOfWork) -> list[str]:
    """Categories in use, by name."""
    return sorted({one.category for one in await list_(uow) if one.category}, key=fold)


def _view(row: Mapping[str, Any]) -> QuickReplyView:
    kept = {key: row[key] for key in QuickReplyView.model_fields if key != "file"}
    file = ChatMedia(file_id=row["file_id"], mime=row["mime"], filename=row["filename"]) if row["file_id"] else None
    return QuickReplyView(**kept, file=file)
