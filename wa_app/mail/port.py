"""What Sapa needs of a way to send mail."""

from dataclasses import dataclass
from email.message import EmailMessage
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail: plain words and the same as HTML."""

    to: str
    subject: str
    text: str
    html: str

    def message(self, sender: str) -> EmailMessage:
        """The mail in the form of RFC 5322."""
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = sender, self.to, self.subject
        message.set_content(self.text)
        message.add_alternative(self.html, subtype="html")
        return message


class Mailer(Protocol):
    """Sends one mail. Blocks: call it off the event loop."""

    def send(self, mail: Mail) -> None: ...
