"""Our API alone, with the logs that `sapa web` writes and the hints that its event streams pass on."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from wa_app import live
from wa_app.api.app import create_api
from wa_app.kit.log import configure_logging


@asynccontextmanager
async def _living(_: FastAPI) -> AsyncIterator[None]:
    async with live.running():
        yield


def create() -> FastAPI:
    """For `uvicorn --factory`: a line that cannot be written must not cost a request, as in production."""
    configure_logging("web")
    app = create_api()
    app.router.lifespan_context = _living
    return app
