"""Routes that know who is calling before they read a body, and that do a POST once per Idempotency-Key.

Every router of ours comes from `router()`, so neither can be forgotten. A route is open to
anybody only when its function is marked `@public`; a test keeps the list of those.
"""

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from fastapi import APIRouter
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from wa_app.api import deps, idempotency, limits
from wa_app.api.middleware import refuse_announced
from wa_app.errors import FieldError, Invalid, NotFound

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])


def public(endpoint: Endpoint) -> Endpoint:
    """Let anybody call this route (put it below the route decorator)."""
    endpoint.__dict__["is_public"] = True
    return endpoint


def streams(endpoint: Endpoint) -> Endpoint:
    """This route reads its body itself, piece by piece (put it below the route decorator)."""
    endpoint.__dict__["streams_body"] = True
    return endpoint


class ApiRoute(APIRoute):
    """A route of `/api/v1`."""

    @property
    def is_public(self) -> bool:
        return bool(getattr(self.endpoint, "is_public", False))

    @property
    def streams_body(self) -> bool:
        return bool(getattr(self.endpoint, "streams_body", False))

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        original = super().get_route_handler()

        async def handle(request: Request) -> Response:
            if self.is_public:
                await limits.spend(limits.ANONYMOUS, "ip", limits.client_ip(request))
                await self._look(request)
                return await original(request)
            principal = await deps.authenticate(request)
            refuse_announced(request.scope)
            request.state.streams_body = self.streams_body
            await self._look(request)
            if request.method == "POST" and idempotency.HEADER in request.headers:
                return await idempotency.once(request, original, principal)
            return await original(request)

        return handle

    async def _look(self, request: Request) -> None:
        """Refuse the character NUL, which PostgreSQL cannot keep in a text."""
        if any("\x00" in str(value) for value in request.path_params.values()):
            raise NotFound
        if any("\x00" in value for value in request.query_params.values()):
            raise Invalid(FieldError("query", "text_has_nul"))
        is_json = "json" in request.headers.get("content-type", "")
        if is_json and not self.streams_body and b"\\u0000" in await request.body():
            raise Invalid(FieldError("body", "text_has_nul"))


def router(prefix: str, tag: str) -> APIRouter:
    """A router of one noun under `/api/v1`; `prefix` such as `/contacts`."""
    return APIRouter(prefix=prefix, tags=[tag], route_class=ApiRoute)
