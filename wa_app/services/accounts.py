"""People and their businesses: signing up, profile, password."""

import re
from uuid import UUID
from zoneinfo import available_timezones

from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import col

from wa_app import rates
from wa_app.db import SystemUnitOfWork, TenantUnitOfWork, system_unit_of_work, unit_of_work
from wa_app.errors import Conflict, FieldError, Invalid, NotFound
from wa_app.i18n import LANGUAGES
from wa_app.kit import passwords
from wa_app.kit.clock import utc_now
from wa_app.models.identity import Membership, SessionKind, Tenant, User
from wa_app.schemas.accounts import (
    AccountView,
    BusinessView,
    Caller,
    SignUp,
    SubscriptionView,
    TenantView,
    UserView,
)
from wa_app.schemas.principal import Principal, Verb
from wa_app.services import audit, identities, roles, sessions
from wa_app.services.sessions import Started

_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s.]+(\.[^@\s.]+)+")


def checked_email(email: str) -> str:
    """Folded address. Raises `Invalid` on what cannot be one."""
    folded = email.strip().lower()
    if len(folded) > 254 or not _EMAIL.fullmatch(folded):
        raise Invalid(FieldError("email", "email_invalid"))
    return folded


async def sign_up(form: SignUp, caller: Caller, kind: SessionKind) -> Started:
    """Create a person and their business with its roles, make them its owner and sign them in.

    Raises `Invalid` naming each field, `Conflict("email_taken")`, `LimitReached`.
    """
    problems = _problems(form)
    if problems:
        raise Invalid(*problems)
    await rates.spend(rates.sign_up_per_ip(), "signup", caller.ip)
    hashed = await passwords.hash_password(form.password)
    async with system_unit_of_work() as uow:
        user = await add_user(uow, form.email, form.name, hashed, form.language)
        tenant = await add_tenant(uow, user, form.business_name, form.language)
        audit.record_for(uow, tenant.id, "account.sign_up", user_id=user.id, kind="user", object_id=user.id, ip=caller.ip)
        return await sessions.start(uow, user.id, tenant.id, kind, caller)


def _problems(form: SignUp) -> list[FieldError]:
    found: list[FieldError] = []
    try:
        checked_email(form.email)
    except Invalid as error:
        found += error.fields
    for name in ("name", "business_name"):
        if not getattr(form, name).strip():
            found.append(FieldError(name, "value_missing"))
    if weak := passwords.problem(form.password, form.email):
        found.append(weak)
    return found


async def add_user(uow: SystemUnitOfWork, email: str, name: str, hashed: str, language: str = "id") -> User:
    """A person. Raises `Conflict("email_taken")`, also when two sign up with one address at once."""
    user = User(
        email=checked_email(email), name=_short(name), password_hash=hashed, language=language,
        password_changed_at=utc_now(),
    )  # fmt: skip
    try:
        async with uow.session.begin_nested():
            uow.session.add(user)
    except IntegrityError as error:
        raise Conflict("email_taken") from error
    return user


async def add_tenant(uow: SystemUnitOfWork, owner: User, name: str, language: str = "id") -> Tenant:
    """A business with its own copies of the seeded roles, and its owner."""
    tenant = Tenant(name=_short(name), language=language, identity_key=identities.new_key())
    uow.session.add(tenant)
    await uow.session.flush()
    owner_role = await roles.copy_templates(uow, tenant.id)
    uow.session.add(Membership(tenant_id=tenant.id, user_id=owner.id, role_id=owner_role))
    await uow.session.flush()
    return tenant


def _short(name: str) -> str:
    return " ".join(name.split())[:100]


async def find_user(uow: SystemUnitOfWork, email: str) -> User | None:
    found: User | None = await uow.session.scalar(select(User).where(col(User.email) == email.strip().lower()))
    return found


async def create_admin(email: str, name: str, password: str) -> UUID:
    """A platform admin with a tenant of their own, for `sapa create-admin`. An existing person is promoted
    and gets this password; all their sign-ins end."""
    if weak := passwords.problem(password, email):
        raise Invalid(weak)
    hashed = await passwords.hash_password(password)
    async with system_unit_of_work() as uow:
        user = await find_user(uow, checked_email(email))
        if user is None:
            user = await add_user(uow, email, name, hashed)
            await add_tenant(uow, user, name)
        else:
            await set_password(uow, user.id, hashed)
        user.is_platform_admin = True
        return user.id


async def set_password(uow: SystemUnitOfWork, user_id: UUID, hashed: str, keep: UUID | None = None) -> None:
    """Write a new password and end every sign-in of the person in all tenants, but for `keep`."""
    await uow.session.execute(
        update(User).where(col(User.id) == user_id)
        .values(password_hash=hashed, password_changed_at=func.now()).execution_options(synchronize_session=False)
    )
    await sessions.end_every(uow, user_id, keep)


async def change_password(principal: Principal, *, old: str, new: str) -> None:
    """Change one's own password; every other sign-in ends. Raises `Invalid`, `LimitReached`.

    Opens its own transactions, so that none is held while bcrypt runs.
    """
    async with unit_of_work(principal) as uow:
        user = await own_user(uow)
    await rates.spend(rates.password_per_account(), "password", str(user.id))
    if not await passwords.verify_password(old, user.password_hash):
        raise Invalid(FieldError("old_password", "password_wrong"))
    if weak := passwords.problem(new, user.email):
        raise Invalid(FieldError("new_password", weak.code, weak.args))
    if old == new:
        raise Invalid(FieldError("new_password", "password_same"))
    hashed = await passwords.hash_password(new)
    async with system_unit_of_work() as system:
        await set_password(system, user.id, hashed, keep=principal.session_id)
        audit.record_for(
            system, principal.tenant_id, "account.password", user_id=user.id, kind="user", object_id=user.id
        )
        system.enqueue("mail.send", letter="password_changed", id=user.id)


async def change_profile(uow: TenantUnitOfWork, *, name: str | None = None, language: str | None = None) -> None:
    """Change one's own name or language. Raises `Invalid`."""
    user = await own_user(uow)
    if name is not None and not name.strip():
        raise Invalid(FieldError("name", "value_missing"))
    if language is not None and language not in LANGUAGES:
        raise Invalid(FieldError("language", "language_unknown"))
    await uow.session.execute(
        update(User).where(col(User.id) == user.id)
        .values(name=user.name if name is None else _short(name), language=language or user.language)
        .execution_options(synchronize_session=False)
    )


async def own_user(uow: TenantUnitOfWork) -> User:
    """The person who is acting. Raises `NotFound` for programs and workers."""
    user = await uow.session.get(User, uow.principal.user_id) if uow.principal.user_id else None
    if user is None:
        raise NotFound
    return user


async def get_account(uow: TenantUnitOfWork) -> AccountView:
    """Who is calling, in which business. Raises `NotFound` when the tenant is gone."""
    tenant = await uow.session.get(Tenant, uow.tenant_id)
    if tenant is None:
        raise NotFound
    user = await uow.session.get(User, uow.principal.user_id) if uow.principal.user_id else None
    role = await roles.role_of(uow, uow.principal.user_id)
    return AccountView(
        user=user and UserView(
            id=user.id, email=user.email, name=user.name, language=user.language,
            is_platform_admin=user.is_platform_admin,
        ),
        tenant=TenantView(id=tenant.id, name=tenant.name, timezone=tenant.time_zone, language=tenant.language),
        role=role.key if role else None,
        verbs=sorted(role.verbs if role else uow.principal.verbs),
        subscription=SubscriptionView(package=tenant.package_key, status="active"),
    )  # fmt: skip


async def get_business(uow: TenantUnitOfWork) -> BusinessView:
    """The tenant's own facts."""
    tenant = await uow.session.get(Tenant, uow.tenant_id)
    if tenant is None:
        raise NotFound
    return BusinessView(tenant.name, tenant.time_zone, tenant.language)


async def change_business(uow: TenantUnitOfWork, *, name: str, time_zone: str, language: str) -> None:
    """Change the tenant's name, zone and the language its customers are written to in. Raises `Forbidden`, `Invalid`."""
    uow.require(Verb.SETTINGS_WRITE)
    problems = []
    if not name.strip():
        problems.append(FieldError("business_name", "value_missing"))
    if time_zone not in available_timezones():
        problems.append(FieldError("time_zone", "time_zone_unknown"))
    if language not in LANGUAGES:
        problems.append(FieldError("business_language", "language_unknown"))
    if problems:
        raise Invalid(*problems)
    await uow.session.execute(
        update(Tenant).where(col(Tenant.id) == uow.tenant_id)
        .values(name=_short(name), time_zone=time_zone, language=language)
        .execution_options(synchronize_session=False)
    )
    audit.record(uow, "tenant.change", "tenant", uow.tenant_id)
