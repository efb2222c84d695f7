"""Which mail an actor is to send, by the name of its letter and an id."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from uuid import UUID

from wa_app.db import system_unit_of_work
from wa_app.mail import letters
from wa_app.mail.port import Mail, Mailer
from wa_app.models.identity import User
from wa_app.services import guard_mails, provider_mails, resets

Writer = Callable[[UUID], Awaitable[Mail | None]]
Closer = Callable[[UUID], Awaitable[None]]


async def _password_changed(user_id: UUID) -> Mail | None:
    async with system_unit_of_work() as uow:
        user = await uow.session.get(User, user_id)
        return None if user is None else letters.password_changed(user.language, user.email, user.name)


LETTERS: Mapping[str, Writer] = {
    "password_reset": resets.write_letter,
    "password_changed": _password_changed,
    "guard": guard_mails.write_letter,
    "provider_key": provider_mails.write_letter,
}
"""Letter → who writes it from an id."""
CLOSERS: Mapping[str, Closer] = {"guard": guard_mails.close, "provider_key": provider_mails.close}
"""Letter → who notes that it has been sent."""


async def send(mailer: Mailer, letter: str, id_: UUID) -> bool:
    """Write and send one mail; False when there is nothing to send any more.

    Raises what the mailer raises (`OSError`, `smtplib.SMTPException`): the actor tries again.
    """
    mail = await LETTERS[letter](id_)
    if mail is None:
        return False
    await asyncio.to_thread(mailer.send, mail)
    if letter in CLOSERS:
        await CLOSERS[letter](id_)
    return True
