"""Forgotten passwords: a mailed token that works once, within half an hour.

Whether an address has an account never shows: known and unknown ones get the same answer
after the same statements; a row without a person is simply never written to.
"""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import func, select, update
from sqlmodel import col

from wa_app import rates
from wa_app.config import get_settings
from wa_app.db import system_unit_of_work
from wa_app.errors import FieldError, Invalid
from wa_app.kit import passwords
from wa_app.kit.clock import utc_now
from wa_app.kit.secrets import digest, new_token
from wa_app.mail import letters
from wa_app.mail.port import Mail
from wa_app.models.identity import Membership, PasswordReset, User
from wa_app.services import accounts, audit

LIFETIME = timedelta(minutes=30)
UNSENT_AFTER = timedelta(minutes=1)
"""A wish whose mail was not written by then lost its message; the sweep asks again."""


async def request(email: str, ip: str) -> None:
    """Let a token be mailed to the address, if it is somebody's. Raises `Invalid`, `LimitReached`."""
    folded = accounts.checked_email(email)
    await rates.spend(rates.sign_in_per_ip(), "reset", "ip", ip)
    await rates.spend(rates.reset_per_account(), "reset", digest(folded).hex())
    async with system_unit_of_work() as uow:
        user = await accounts.find_user(uow, folded)
        known = user is not None and user.disabled_at is None
        wish = PasswordReset(user_id=user.id if user and known else None)
        uow.session.add(wish)
        await uow.session.flush()
        uow.enqueue("mail.send", letter="password_reset", id=wish.id)


async def write_letter(reset_id: UUID) -> Mail | None:
    """The mail for a wish, with a fresh token; None when it is written already, or nobody's.

    Called by the actor just before sending, so the token never lies in a queue. A second call
    (a repeated message) makes the first token void, so at most one works.
    """
    token = new_token()
    async with system_unit_of_work() as uow:
        wish = await uow.session.get(PasswordReset, reset_id, with_for_update=True)
        if wish is None or wish.used_at is not None or wish.user_id is None:
            await _close(wish)
            return None
        user = await uow.session.get_one(User, wish.user_id)
        wish.token_hash, wish.expires_at = digest(token), utc_now() + LIFETIME
        link = f"{get_settings().base_url}/reset-password?token={token}"
        return letters.password_reset(user.language, user.email, user.name, link, LIFETIME)


async def _close(wish: PasswordReset | None) -> None:
    """Mark a wish of nobody as done, so that the sweep leaves it."""
    if wish is not None and wish.user_id is None and wish.used_at is None:
        wish.used_at = utc_now()


async def use(token: str, password: str, ip: str) -> None:
    """Set a new password by a mailed token; every sign-in of the person ends.

    Raises `Invalid` on the token (unknown, used, too old: never told apart) or the password, `LimitReached`.
    """
    await rates.spend(rates.sign_in_per_ip(), "reset", "use", ip)
    if weak := passwords.problem(password):
        raise Invalid(weak)
    hashed = await passwords.hash_password(password)
    async with system_unit_of_work() as uow:
        user_id: UUID | None = await uow.session.scalar(
            update(PasswordReset)
            .where(col(PasswordReset.token_hash) == digest(token), col(PasswordReset.used_at).is_(None))
            .where(col(PasswordReset.expires_at) > func.now(), col(PasswordReset.user_id).is_not(None))
            .values(used_at=func.now()).returning(col(PasswordReset.user_id))
            .execution_options(synchronize_session=False)
        )
        if user_id is None:
            raise Invalid(FieldError("token", "token_spent"), code="token_spent")
        await accounts.set_password(uow, user_id, hashed)
        await uow.session.execute(  # other mails on their way open nothing any more
            update(PasswordReset).where(col(PasswordReset.user_id) == user_id, col(PasswordReset.used_at).is_(None))
            .values(used_at=func.now()).execution_options(synchronize_session=False)
        )
        for tenant_id in await uow.session.scalars(
            select(col(Membership.tenant_id)).where(col(Membership.user_id) == user_id)
        ):
            audit.record_for(
                uow, tenant_id, "account.reset", user_id=user_id, kind="user", object_id=user_id, ip=ip
            )
        uow.enqueue("mail.send", letter="password_changed", id=user_id)


async def wake_unsent(limit: int = 100) -> int:
    """Ask again for mails whose message was lost (Redis down); how many. For the sweep."""
    async with system_unit_of_work() as uow:
        ids = await uow.session.scalars(
            select(col(PasswordReset.id)).where(
                col(PasswordReset.token_hash).is_(None), col(PasswordReset.used_at).is_(None),
                col(PasswordReset.created_at) < func.now() - UNSENT_AFTER,
                col(PasswordReset.created_at) > func.now() - LIFETIME,
            ).limit(limit)
        )  # fmt: skip
        found = ids.all()
        for one in found:
            uow.enqueue("mail.send", letter="password_reset", id=one)
        return len(found)
