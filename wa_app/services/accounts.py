"""People and their businesses: signing up, profile, password."""

import re
from uuid import UUID
from zoneinfo import available_timezones

from sqlalchemy import func, select, update
from sqlmodel import col

from wa_app import rates
from wa_app.db import SystemUnitOfWork, TenantUnitOfWork, system_unit_of_work
from wa_app.errors import Conflict, FieldError, Invalid, NotFound
from wa_app.i18n import LANGUAGES
from wa_app.kit import passwords
from wa_app.kit.clock import utc_now
from wa_app.kit.secrets import encrypt, new_token
from wa_app.models.identity import Membership, Tenant, User, UserSession
from wa_app.schemas.accounts import SignUp
from wa_app.schemas.principal import Verb
from wa_app.services import audit
from wa_app.services.roles import tenant_roles

_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s.]+(\.[^@\s.]+)+")


def checked_email(email: str) -> str:
    """Folded address. Raises `Invalid` on what cannot be one."""
    folded = email.strip().lower()
    if len(folded) > 254 or not _EMAIL.fullmatch(folded):
        raise Invalid(FieldError("email", "email_invalid"))
    return folded


async def sign_up(form: SignUp, ip: str) -> User:
    """Create a person, their business with its roles, and make them its owner.

    Raises `Invalid` naming each field, `Conflict("email_taken")`, `LimitReached`.
    """
    problems = _problems(form)
    if problems:
        raise Invalid(*problems)
    await rates.spend(rates.SIGN_UP_PER_IP, "signup", ip)
    hashed = await passwords.hash_password(form.password)
    async with system_unit_of_work() as uow:
        user = await add_user(uow, form.email, form.name, hashed, form.language)
        await add_tenant(uow, user, form.business_name, form.language)
    return user


def _problems(form: SignUp) -> list[FieldError]:
    found: list[FieldError] = []
    try:
        checked_email(form.email)
    except Invalid as error:
        found += error.fields
    for name in ("name", "business_name"):
        if not getattr(form, name).strip():
            found.append(FieldError(name, "required"))
    if weak := passwords.problem(form.password, form.email):
        found.append(weak)
    return found


async def add_user(uow: SystemUnitOfWork, email: str, name: str, hashed: str, language: str = "id") -> User:
    """A person. Raises `Conflict("email_taken")`."""
    folded = checked_email(email)
    if await find_user(uow, folded):
        raise Conflict("email_taken")
    user = User(email=folded, name=name.strip()[:100], password_hash=hashed, language=language,
                password_changed_at=utc_now())
    uow.session.add(user)
    await uow.session.flush()
    return user


async def add_tenant(uow: SystemUnitOfWork, owner: User, name: str, language: str = "id") -> Tenant:
    """A business with the seeded roles, and its owner."""
    tenant = Tenant(name=name.strip()[:100], language=language, identity_key=encrypt(new_token()))
    uow.session.add(tenant)
    await uow.session.flush()
    roles = tenant_roles(tenant.id)
    uow.session.add_all(roles)
    await uow.session.flush()
    owner_role = next(role for role in roles if role.key == "owner")
    uow.session.add(Membership(tenant_id=tenant.id, user_id=owner.id, role_id=owner_role.id))
    await uow.session.flush()
    return tenant


async def find_user(uow: SystemUnitOfWork, email: str) -> User | None:
    found: User | None = await uow.session.scalar(select(User).where(col(User.email) == email.strip().lower()))
    return found


async def create_admin(email: str, name: str, password: str) -> UUID:
    """A platform admin with a tenant of their own, for `sapa create-admin`. An existing person is promoted."""
    if weak := passwords.problem(password, email):
        raise Invalid(weak)
    hashed = await passwords.hash_password(password)
    async with system_unit_of_work() as uow:
        user = await find_user(uow, email)
        if user is None:
            user = await add_user(uow, email, name, hashed)
            await add_tenant(uow, user, name)
        else:
            user.password_hash = hashed
        user.is_platform_admin = True
        return user.id


async def change_profile(uow: TenantUnitOfWork, *, name: str, language: str) -> None:
    """Change one's own name and language."""
    if not name.strip():
        raise Invalid(FieldError("name", "required"))
    if language not in LANGUAGES:
        raise Invalid(FieldError("language", "language_unknown"))
    await uow.session.execute(
        update(User).where(col(User.id) == uow.principal.user_id).values(name=name.strip()[:100], language=language)
    )


async def change_password(uow: TenantUnitOfWork, *, old: str, new: str, keep_session: UUID | None) -> None:
    """Change one's own password; every other sign-in ends. Raises `Invalid`.

    The two bcrypt runs happen inside the transaction of a single person's rare deed;
    callers that care run `passwords.verify_password` first.
    """
    user = await own_user(uow)
    if not await passwords.verify_password(old, user.password_hash):
        raise Invalid(FieldError("old_password", "password_wrong"))
    if weak := passwords.problem(new, user.email):
        raise Invalid(FieldError("new_password", weak.code, weak.args))
    hashed = await passwords.hash_password(new)
    await uow.session.execute(
        update(User).where(col(User.id) == user.id).values(password_hash=hashed, password_changed_at=func.now())
    )
    ended = update(UserSession).where(col(UserSession.user_id) == user.id, col(UserSession.revoked_at).is_(None))
    if keep_session:
        ended = ended.where(col(UserSession.id) != keep_session)
    await uow.session.execute(ended.values(revoked_at=func.now()))
    audit.record(uow, "account.password", "user", user.id)


async def own_user(uow: TenantUnitOfWork) -> User:
    """The person who is acting. Raises `NotFound` for programs and workers."""
    user = await uow.session.get(User, uow.principal.user_id) if uow.principal.user_id else None
    if user is None:
        raise NotFound
    return user


async def change_business(uow: TenantUnitOfWork, *, name: str, time_zone: str, language: str) -> None:
    """Change the tenant's name, zone and the language its customers are written to in."""
    uow.require(Verb.SETTINGS_WRITE)
    if not name.strip():
        raise Invalid(FieldError("business_name", "required"))
    if time_zone not in available_timezones():
        raise Invalid(FieldError("time_zone", "time_zone_unknown"))
    if language not in LANGUAGES:
        raise Invalid(FieldError("language", "language_unknown"))
    await uow.session.execute(
        update(Tenant).where(col(Tenant.id) == uow.tenant_id)
        .values(name=name.strip()[:100], time_zone=time_zone, language=language)
    )
    audit.record(uow, "tenant.change", "tenant", uow.tenant_id)
