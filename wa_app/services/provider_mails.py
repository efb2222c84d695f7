"""Letters about keys of language models that were refused: to whom may give another, once for each refusal.

A row is one letter to one person, written when its actor comes; a message that was lost is sent again by the clock for a day.
"""

from uuid import UUID

from sqlalchemy import text

from wa_app.config import get_settings
from wa_app.db import system_unit_of_work
from wa_app.mail import letters
from wa_app.mail.port import Mail

# Whoever has given another key by now needs no letter.
_TAKE = text("""
UPDATE ai_provider_mails g SET tried_at = now() FROM users u, ai_providers p
WHERE g.id = :id AND g.sent_at IS NULL AND (g.tried_at IS NULL OR g.tried_at < now() - interval '1 min')
  AND u.id = g.user_id AND u.disabled_at IS NULL AND p.id = g.provider_id AND p.disabled_at IS NOT NULL AND p.deleted_at IS NULL
RETURNING p.name AS provider, p.tenant_id, u.email, u.name, u.language
""")
_CLOSE = text("UPDATE ai_provider_mails SET sent_at = now() WHERE id = :id")
_UNSENT = text(
    "SELECT id FROM ai_provider_mails WHERE sent_at IS NULL AND created_at BETWEEN now() - interval '1 day' AND "
    "now() - interval '1 min' AND (tried_at IS NULL OR tried_at < now() - interval '1 min') LIMIT 200"
)
_TIDY = text("DELETE FROM ai_provider_mails WHERE created_at < now() - interval '90 days'")


async def write_letter(mail_id: UUID) -> Mail | None:
    """The mail of a row; None when it was sent, is being sent just now, or is no longer true."""
    async with system_unit_of_work() as uow:
        row = (await uow.session.execute(_TAKE, {"id": mail_id})).first()
    if row is None:
        return None
    page = "settings/ai" if row.tenant_id else "admin/ai"
    return letters.provider_key(row.language, row.email, row.name, f"{get_settings().base_url}/{page}", row.provider)


async def close(mail_id: UUID) -> None:
    """The mail server has taken it."""
    async with system_unit_of_work() as uow:
        await uow.session.execute(_CLOSE, {"id": mail_id})


async def wake_unsent() -> None:
    """Ask again for mails whose message was lost, and let old rows go. For the sweep."""
    async with system_unit_of_work() as uow:
        for row in (await uow.session.execute(_UNSENT)).all():
            uow.enqueue("mail.send", letter="provider_key", id=row.id)
        await uow.session.execute(_TIDY)
