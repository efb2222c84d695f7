"""Mail for development: files in `<data>/outbox`, shown at `/dev/outbox`."""

import email
import email.policy
from dataclasses import dataclass
from pathlib import Path

from wa_app.kit.ids import new_id
from wa_app.mail.port import Mail


@dataclass(frozen=True, slots=True)
class OutboxMailer:
    """Writes each mail as an `.eml` file whose name sorts by time."""

    folder: Path

    def send(self, mail: Mail) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{new_id()}.eml"
        path.write_bytes(mail.message("Sapa <outbox@localhost>").as_bytes())

    def newest(self, most: int = 50) -> list[Mail]:
        """The last mails, newest first."""
        paths = sorted(self.folder.glob("*.eml"), reverse=True)[:most]
        return [_read(path) for path in paths]


def _read(path: Path) -> Mail:
    message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    text, html = message.get_body(("plain",)), message.get_body(("html",))
    return Mail(
        str(message["To"]), str(message["Subject"]),
        text.get_content() if text else "", html.get_content() if html else "",
    )
