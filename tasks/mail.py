"""The actor that sends mails."""

from uuid import UUID

from tasks.broker import actor
from wa_app.mail.registry import mailer
from wa_app.services import mails


@actor("mail.send", max_retries=5, time_limit=60_000)
async def mail_send(letter: str, id: str) -> None:
    """Write and send one mail; tried again when the mail server does not answer."""
    await mails.send(mailer(), letter, UUID(id))
