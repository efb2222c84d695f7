"""`/api/v1/auth`: signing up, in and out; one's own account.

Programs get an access token (15 minutes) and a refresh token that works once. Our own pages send
`X-Sapa-Session: cookie` and get an HttpOnly cookie in place of tokens, which scripts cannot read.
"""

from typing import Annotated
from uuid import UUID

from fastapi import Header
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from wa_app.api import limits
from wa_app.api.deps import CurrentPrincipal, Uow, has_own_origin
from wa_app.api.routing import public, router
from wa_app.db import system_unit_of_work, unit_of_work
from wa_app.errors import Forbidden, NotSignedIn
from wa_app.kit import tokens
from wa_app.models.identity import SessionKind
from wa_app.schemas.accounts import AccountView, Caller, Email, Secret, SignUp
from wa_app.schemas.contacts import Input
from wa_app.schemas.principal import Principal
from wa_app.services import accounts, resets, sessions
from wa_app.services.sessions import Started

routes = router("/auth", "auth")

SessionHeader = Annotated[
    str, Header(alias="X-Sapa-Session", description="`cookie`: our own pages ask for the cookie in place of tokens.")
]


class Login(Input):
    email: Email
    password: Secret
    tenant_id: UUID | None = None


class RefreshRequest(Input):
    refresh_token: Annotated[str, Field(min_length=1, max_length=2000)]


class Switch(Input):
    tenant_id: UUID


class ForgotPassword(Input):
    email: Email


class ResetPassword(Input):
    token: Annotated[str, Field(min_length=1, max_length=200)]
    password: Secret


class ChangePassword(Input):
    old_password: Secret
    new_password: Secret


class ChangeMe(Input):
    name: Annotated[str, Field(max_length=100)] | None = None
    language: Annotated[str, Field(max_length=5)] | None = None


class Signed(AccountView):
    """A sign-in. Without tokens when the cookie carries it."""

    access_token: str | None = None
    refresh_token: str | None = None
    token_type: str = "Bearer"  # noqa: S105
    expires_in: int = Field(tokens.ACCESS_S, description="Seconds the access token is good for.")


class Accepted(Input):
    status: str = "ok"


def caller_of(request: Request) -> Caller:
    """Where the request comes from; proxies count as `SAPA_TRUSTED_PROXIES` says."""
    return Caller(limits.client_ip(request), request.headers.get("user-agent", ""))


def _kind(request: Request, wish: str) -> SessionKind:
    if wish != "cookie":
        return SessionKind.API
    if not has_own_origin(request):
        raise Forbidden("origin_refused")
    return SessionKind.BROWSER


async def _answer(request: Request, response: Response, started: Started, kind: SessionKind) -> Signed:
    response.headers["Cache-Control"] = "no-store"
    account = await _account(started)
    if kind == SessionKind.BROWSER:
        _set_cookie(request, response, started.token)
        return Signed(**account.model_dump())
    return Signed(**account.model_dump(), access_token=started.access_token, refresh_token=started.token)


async def _account(started: Started) -> AccountView:
    async with unit_of_work(Principal(started.tenant_id, started.user_id, frozenset())) as uow:
        return await accounts.get_account(uow)


def _set_cookie(request: Request, response: Response, token: str) -> None:
    response.set_cookie(
        sessions.COOKIE, token, max_age=int(sessions.LIFETIME.total_seconds()), path="/", httponly=True,
        samesite="lax", secure=request.headers.get("origin", "").startswith("https://"),
    )  # fmt: skip


@routes.post("/signup", status_code=201, response_model_exclude_none=True)
@public
async def sign_up(request: Request, response: Response, body: SignUp, session: SessionHeader = "") -> Signed:
    """Make an account and a business, and sign in as its owner."""
    kind = _kind(request, session)
    return await _answer(request, response, await accounts.sign_up(body, caller_of(request), kind), kind)


@routes.post("/login", response_model_exclude_none=True)
@public
async def login(request: Request, response: Response, body: Login, session: SessionHeader = "") -> Signed:
    """Sign in, in the tenant asked for or the one used last. 401 for every wrong pair, known address or not."""
    kind = _kind(request, session)
    started = await sessions.sign_in(body.email, body.password, caller_of(request), kind, body.tenant_id)
    return await _answer(request, response, started, kind)


@routes.post("/refresh", response_model_exclude_none=True)
@public
async def refresh(request: Request, response: Response, body: RefreshRequest) -> Signed:
    """Change a refresh token for a new pair. It works once: a copy that is used later ends the sign-in."""
    return await _answer(request, response, await sessions.refresh(body.refresh_token), SessionKind.API)


@routes.post("/switch", response_model_exclude_none=True)
async def switch(request: Request, response: Response, principal: CurrentPrincipal, body: Switch) -> Signed:
    """Go over to another business of yours; this sign-in ends and a new one starts there."""
    kind = SessionKind.BROWSER if _by_cookie(request) else SessionKind.API
    return await _answer(
        request, response, await sessions.switch(principal, body.tenant_id, kind, caller_of(request)), kind
    )


def _by_cookie(request: Request) -> bool:
    return not {"authorization", "x-api-key"} & set(request.headers.keys())


@routes.post("/logout", status_code=204)
async def logout(principal: CurrentPrincipal) -> Response:
    """End this sign-in."""
    await sessions.end(principal)
    return _without_cookie()


@routes.post("/logout-everywhere", status_code=204)
async def logout_everywhere(principal: CurrentPrincipal) -> Response:
    """End all of your sign-ins on every device, this one too."""
    if principal.user_id is None:
        raise NotSignedIn
    async with system_unit_of_work() as uow:
        await sessions.end_every(uow, principal.user_id)
    return _without_cookie()


def _without_cookie() -> Response:
    response = Response(status_code=204)
    response.delete_cookie(sessions.COOKIE, path="/", httponly=True, samesite="lax")
    return response


@routes.get("/me")
async def me(uow: Uow) -> AccountView:
    """Who you are, in which business, with which role. A key is nobody: `user` is null."""
    return await accounts.get_account(uow)


@routes.patch("/me")
async def change_me(uow: Uow, body: ChangeMe) -> AccountView:
    """Change your name or language."""
    await accounts.change_profile(uow, name=body.name, language=body.language)
    return await accounts.get_account(uow)


@routes.post("/change-password", status_code=204)
async def change_password(principal: CurrentPrincipal, body: ChangePassword) -> None:
    """Change your password; your other sign-ins end."""
    await accounts.change_password(principal, old=body.old_password, new=body.new_password)


@routes.post("/forgot-password", status_code=202)
@public
async def forgot_password(request: Request, body: ForgotPassword) -> Accepted:
    """Have a link mailed that sets a new password. The answer is the same for unknown addresses."""
    await resets.request(body.email, caller_of(request).ip)
    return Accepted()


@routes.post("/reset-password", status_code=204)
@public
async def reset_password(request: Request, body: ResetPassword) -> None:
    """Set a new password by the mailed token, once, within 30 minutes; all your sign-ins end."""
    await resets.use(body.token, body.password, caller_of(request).ip)
