"""Where WAHA posts its events. Anybody may call it; the signature decides."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from wa_app.inbound.intake import intake

routes = APIRouter(prefix="/webhooks", tags=["webhooks"])


@routes.post(
    "/waha/{device_token}",
    responses={401: {"description": "wrong signature"}, 404: {"description": "unknown token"}},
    summary="Receive an event of a WAHA session",
)
async def receive_waha(device_token: str, request: Request) -> Response:
    """Stored before it is answered; also events that change nothing are answered 200."""
    # The cap of 8 MiB is counted while reading, by the middleware.
    await intake().receive(device_token, await request.body(), request.headers)
    return Response(status_code=200)
