"""The mailer of this installation."""

from wa_app.config import get_settings
from wa_app.mail.outbox import OutboxMailer
from wa_app.mail.port import Mailer
from wa_app.mail.smtp import SmtpMailer


def outbox() -> OutboxMailer:
    """The development outbox."""
    return OutboxMailer(get_settings().data / "outbox")


def mailer() -> Mailer:
    """SMTP when `SMTP_URL` is set, else the outbox."""
    url = get_settings().smtp_url
    return SmtpMailer(url) if url else outbox()
