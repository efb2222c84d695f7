"""Mail over SMTP: `SMTP_URL = smtp[s]://user:password@host:port?from=Name%20<a@b.c>`."""

import smtplib
import ssl
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote, urlsplit

from wa_app.mail.port import Mail

TIMEOUT_S = 20


@dataclass(frozen=True, slots=True)
class SmtpMailer:
    """One connection per mail; `smtps` speaks TLS at once, `smtp` by STARTTLS where offered."""

    url: str

    def send(self, mail: Mail) -> None:
        parts = urlsplit(self.url)
        sender = parse_qs(parts.query).get("from", [f"Sapa <no-reply@{parts.hostname}>"])[0]
        with self._connect(parts.scheme == "smtps", parts.hostname or "localhost", parts.port) as server:
            if parts.username:
                server.login(unquote(parts.username), unquote(parts.password or ""))
            server.send_message(mail.message(sender))

    def _connect(self, is_tls: bool, host: str, port: int | None) -> smtplib.SMTP:
        context = ssl.create_default_context()
        if is_tls:
            return smtplib.SMTP_SSL(host, port or 465, timeout=TIMEOUT_S, context=context)
        server = smtplib.SMTP(host, port or 587, timeout=TIMEOUT_S)
        server.ehlo()
        if server.has_extn("starttls"):
            server.starttls(context=context)
        return server
