"""Our API alone, with the logs that `sapa web` writes."""

from fastapi import FastAPI

from wa_app.api.app import create_api
from wa_app.kit.log import configure_logging


def create() -> FastAPI:
    """For `uvicorn --factory`: a line that cannot be written must not cost a request, as in production."""
    configure_logging("web")
    return create_api()
