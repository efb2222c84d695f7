"""The sandbox as one ASGI application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.resources import files

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from wa_app.sandbox.api import WahaApi
from wa_app.sandbox.control import Control
from wa_app.sandbox.hooks import Hooks
from wa_app.sandbox.life import Life
from wa_app.sandbox.sends import PATHS, Sends
from wa_app.sandbox.world import SandboxSettings, World

_PAGE_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src 'self' data: blob:; "
    "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)


class _Shortcut:
    """Lets the send calls past the framework; everything else goes through it."""

    def __init__(self, app: ASGIApp, sends: Sends) -> None:
        self.app = app
        self.sends = sends

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "POST" and scope["path"] in PATHS:
            await self.sends(scope, receive, send)
        else:
            await self.app(scope, receive, send)


def create_app(settings: SandboxSettings | None = None) -> FastAPI:
    """A sandbox with its own memory. `app.state.world` is what it knows."""
    world = World(settings or SandboxSettings())
    hooks = Hooks(world)
    life = Life(world, hooks)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        hooks.open()
        world.load(life.start)
        yield
        await life.close()
        await hooks.close()

    async def missing(_: Request, __: Exception) -> Response:
        return JSONResponse({"statusCode": 404, "message": "Cannot find the path", "error": "Not Found"}, 404)

    routes: list[BaseRoute] = [Route("/", _page), *Control(world, life).routes(), *WahaApi(world, life).routes()]
    app = FastAPI(
        title="Sapa sandbox", lifespan=lifespan, routes=routes, openapi_url=None, exception_handlers={404: missing}
    )
    app.add_middleware(_Shortcut, sends=Sends(world, life))
    app.state.world = world
    return app


async def _page(_: Request) -> Response:
    html = files("wa_app.sandbox").joinpath("page.html").read_text()
    return HTMLResponse(html, headers={"Content-Security-Policy": _PAGE_POLICY, "Cache-Control": "no-store"})
