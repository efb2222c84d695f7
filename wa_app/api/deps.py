"""What a route may ask for: who is calling, and a unit of work in that tenant."""

from collections.abc import AsyncIterator
from typing import Annotated
from urllib.parse import urlsplit

import structlog
from fastapi import Depends
from limits import RateLimitItem
from starlette.requests import Request

from wa_app.api import limits
from wa_app.config import get_settings
from wa_app.db import TenantUnitOfWork, unit_of_work
from wa_app.errors import Forbidden, NotSignedIn
from wa_app.schemas.principal import Principal
from wa_app.services import api_keys, sessions

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def has_own_origin(request: Request) -> bool:
    """Whether the page that sent this request is ours: what keeps a cookie from being used by other sites."""
    origin = request.headers.get("origin")
    if origin is None:
        return False
    return origin in get_settings().origins or urlsplit(origin).netloc == request.headers.get("host")


async def authenticate(request: Request) -> Principal:
    """Bearer token, API key or our own pages' cookie, in this order.

    Raises NotSignedIn, `LimitReached("rate_limited")`, or `Forbidden("origin_refused")` when
    a cookie comes with an unsafe method from a page that is not ours.
    """
    try:
        principal, secret, rate = await recognise(request)
    except NotSignedIn:
        await limits.spend(limits.ANONYMOUS, "ip", limits.client_ip(request))
        raise
    await limits.spend(rate, principal.kind, limits.fingerprint(secret))
    request.state.principal = principal
    structlog.contextvars.bind_contextvars(tenant_id=str(principal.tenant_id))
    return principal


async def recognise(request: Request) -> tuple[Principal, str, RateLimitItem]:
    """Who sends this request, by which secret, and how often they may. Raises NotSignedIn, Forbidden."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme:
        if scheme.lower() != "bearer":
            raise NotSignedIn
        return await sessions.principal_from_jwt(token.strip()), token, limits.TOKEN
    if key := request.headers.get("x-api-key"):
        return await api_keys.principal_from_api_key(key), key, limits.API_KEY
    cookie = request.cookies.get(sessions.COOKIE)
    if not cookie:
        raise NotSignedIn
    principal = await sessions.principal_from_cookie(cookie)
    if request.method not in SAFE_METHODS and not has_own_origin(request):
        raise Forbidden("origin_refused")
    return principal, cookie, limits.OWN_PAGES


def current_principal(request: Request) -> Principal:
    """Who is calling; `ApiRoute` found out before the body was read."""
    principal: Principal | None = getattr(request.state, "principal", None)
    if principal is None:
        raise NotSignedIn
    return principal


CurrentPrincipal = Annotated[Principal, Depends(current_principal)]


async def _request_uow(request: Request, principal: CurrentPrincipal) -> AsyncIterator[TenantUnitOfWork]:
    async with unit_of_work(principal) as uow:
        request.state.uow = uow
        yield uow


Uow = Annotated[TenantUnitOfWork, Depends(_request_uow, scope="function")]
"""A unit of work of the caller's tenant. It commits before the answer leaves, so what the client
reads has happened. A route that streams or calls other servers opens its own, shorter ones."""

