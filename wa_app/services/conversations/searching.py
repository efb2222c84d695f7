"""Finding messages by their words: in what was said and in what was read in pictures and documents."""

import re
from typing import Any, Final

from wa_app.db import TenantUnitOfWork
from wa_app.schemas.inbox import ChatHit

MOST: Final = 200
AROUND: Final = 60
_WORDS = re.compile(r"[^\W_]+")
_FOUND = "SELECT id FROM search_messages($1, $2)"
_HITS = """
SELECT DISTINCT ON (m.timestamp, m.id) m.id AS message_id, m.conversation_id, coalesce(c.name, nullif(v.group_name, ''), split_part(v.group_jid, '@', 1), '') AS contact_name, c.phone,
  left(m.text || ' ' || coalesce(m.reading ->> 'text', ''), 20000) AS text, m.sender, m.type, m.timestamp AS at
FROM unnest($2::uuid[]) f(id) JOIN messages m ON m.tenant_id = $1 AND m.id = f.id
JOIN conversations v ON v.tenant_id = m.tenant_id AND v.id = m.conversation_id
LEFT JOIN contacts c ON c.tenant_id = m.tenant_id AND c.id = m.contact_id
ORDER BY m.timestamp DESC, m.id DESC
"""


async def search(uow: TenantUnitOfWork, q: str, *, limit: int = MOST) -> list[ChatHit]:
    """Messages with all these words, the last of them by its beginning, newest first; broadcasts are not looked through."""
    uow.require("messages.read")
    words = _WORDS.findall(q.replace("\x00", "")[:200])[:8]
    if not words:
        return []
    conn = await uow.driver()
    # A single letter would be the beginning of half of all words.
    last = f"{words[-1]}:*" if len(words[-1]) > 1 else words[-1]
    found = await conn.fetch(_FOUND, " & ".join([*words[:-1], last]), max(1, min(limit, MOST)))
    rows = await conn.fetch(_HITS, uow.tenant_id, [row["id"] for row in found]) if found else []
    return [_hit(row, words) for row in rows]


def _hit(row: Any, words: list[str]) -> ChatHit:
    whole = " ".join(row["text"].split())
    lower = whole.lower()
    first = max(0, min((at for at in (lower.find(word.lower()) for word in words) if at >= 0), default=0) - AROUND)
    cut = whole[first : first + 3 * AROUND]
    shown = ("…" if first else "") + cut + ("…" if first + len(cut) < len(whole) else "")
    return ChatHit(**{**dict(row), "text": shown})
