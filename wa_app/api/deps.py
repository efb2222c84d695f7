"""What a route may ask for: who is calling, and a unit of work in that tenant."""

import importlib
from collections.abc import AsyncIterator
from typing import Annotated, Any
from urllib.parse import urlsplit

import structlog
from fastapi import Depends
from starlette.requests import Request

from wa_app.api import limits
from wa_app.config import get_settings
from wa_app.db import TenantUnitOfWork, unit_of_work
from wa_app.errors import Forbidden, NotSignedIn
from wa_app.schemas.principal import Principal

SESSION_COOKIE = "sapa_session"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def _sessions() -> Any:
    return importlib.import_module("wa_app.services.sessions")


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
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme:
        found = await _sessions().principal_from_jwt(token.strip()) if scheme.lower() == "bearer" else None
        return await _counted(request, found, token, limits.TOKEN)
    if key := request.headers.get("x-api-key"):
        return await _counted(request, await _sessions().principal_from_api_key(key), key, limits.API_KEY)
    if cookie := request.cookies.get(SESSION_COOKIE):
        found = await _sessions().principal_from_cookie(cookie)
        if found and request.method not in SAFE_METHODS and not has_own_origin(request):
            raise Forbidden("origin_refused")
        return await _counted(request, found, cookie, limits.OWN_PAGES)
    return await _counted(request, None, "", limits.ANONYMOUS)


async def _counted(request: Request, principal: Principal | None, secret: str, rate: limits.Rate) -> Principal:
    if principal is None:
        await limits.spend("ip", limits.client_ip(request), limits.ANONYMOUS)
        raise NotSignedIn
    await limits.spend(principal.kind, limits.fingerprint(secret), rate)
    request.state.principal = principal
    structlog.contextvars.bind_contextvars(tenant_id=str(principal.tenant_id))
    return principal


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

