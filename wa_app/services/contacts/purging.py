"""Contacts whose time for undoing has passed go for good, with all that bears their name.

Their talks are gone by then (`services.forgetting`). The ledger keeps its rows, since counts and limits rest on them, without
number, text and name; the blacklist keeps its hashes, so that who said STOP stays stopped.
"""

from typing import Final
from uuid import UUID

from sqlalchemy import text

from wa_app.db import SystemUnitOfWork
from wa_app.services.contacts.listing import UNDO_DAYS

DUE: Final = """
c.deleted_at < now() - make_interval(days => :days) AND NOT EXISTS (
  SELECT 1 FROM contact_merges m JOIN contacts k ON k.tenant_id = m.tenant_id AND k.id = m.kept_contact_id
  WHERE m.tenant_id = c.tenant_id AND m.merged_contact_id = c.id AND m.undone_at IS NULL
    AND (k.deleted_at IS NULL OR k.deleted_at >= now() - make_interval(days => :days)))
AND NOT EXISTS (SELECT 1 FROM outbound_messages o WHERE o.tenant_id = c.tenant_id AND o.contact_id = c.id
  AND o.state IN ('planned', 'sending', 'held', 'unknown'))
"""
"""Who may go: deleted for long, not merged into somebody who is still there, and with nothing on its way or undecided."""
# One such row must not stop the rest: who has a talk yet waits for the next time.
_GONE = text(f"""
    SELECT c.tenant_id, c.id FROM contacts c WHERE {DUE}
      AND NOT EXISTS (SELECT 1 FROM conversations v WHERE v.tenant_id = c.tenant_id AND v.contact_id = c.id)
    LIMIT :limit FOR UPDATE SKIP LOCKED
""")  # noqa: S608 - a condition of our own
_OF: Final = "x.tenant_id = ANY(CAST(:tenants AS uuid[])) AND x.contact_id = ANY(CAST(:ids AS uuid[]))"
_MERGES: Final = """
SELECT id FROM contact_merges m WHERE m.tenant_id = ANY(CAST(:tenants AS uuid[]))
  AND (m.kept_contact_id = ANY(CAST(:ids AS uuid[])) OR m.merged_contact_id = ANY(CAST(:ids AS uuid[])))
"""
_NAMELESS: Final = (
    "contact_id = NULL, identity_kind = NULL, identity_value = '', chat_id = NULL, body = NULL, manner = NULL, reply_to = NULL, link_token = NULL, "
    "dedupe_key = 'gone:' || x.id, provider_message_id = NULL, content_hash = NULL, error_message = NULL"
)
_IN_TURN = tuple(map(text, (
    f"DELETE FROM contact_merge_moves w WHERE w.tenant_id = ANY(CAST(:tenants AS uuid[])) AND w.merge_id IN ({_MERGES})",  # noqa: S608
    f"DELETE FROM contact_merges WHERE id IN ({_MERGES})",  # noqa: S608
    f"UPDATE outbound_messages x SET {_NAMELESS} WHERE {_OF}",  # noqa: S608
    f"UPDATE link_clicks x SET contact_id = NULL WHERE {_OF}",  # noqa: S608
    *(f"DELETE FROM {table} x WHERE {_OF}" for table in (  # noqa: S608 - names of our own
        "auto_reply_contacts", "campaign_members", "contact_identities", "contact_tags", "consents",
    )),
    "DELETE FROM contacts c WHERE c.tenant_id = ANY(CAST(:tenants AS uuid[])) AND c.id = ANY(CAST(:ids AS uuid[]))",
)))  # fmt: skip


async def purge(uow: SystemUnitOfWork, *, limit: int = 5000) -> int:
    """Remove contacts whose time for undoing has passed, with what hangs on them. Returns how many."""
    found = (await uow.session.execute(_GONE, {"days": UNDO_DAYS, "limit": limit})).all()
    ids: list[UUID] = [row.id for row in found]
    for statement in _IN_TURN if ids else ():
        await uow.session.execute(statement, {"ids": ids, "tenants": list({row.tenant_id for row in found})})
    return len(ids)
