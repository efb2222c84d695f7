"""The least a webhook route can be: FastAPI, the signature over the raw body, 200. Nothing is kept."""

import hashlib
import hmac
import os

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response


def create() -> FastAPI:
    """The application, with one key for everybody."""
    app, key = FastAPI(), os.environ["BENCH_HMAC_KEY"].encode()

    @app.post("/webhooks/waha/{token}")
    async def receive(token: str, request: Request) -> Response:
        body = await request.body()
        given = request.headers.get("x-webhook-hmac", "")
        good = hmac.compare_digest(hmac.new(key, body, hashlib.sha512).hexdigest(), given)
        return Response(status_code=200 if good else 401)

    return app
