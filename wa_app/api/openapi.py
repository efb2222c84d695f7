"""The description of the API at `/api/openapi.json` and a page to read it at `/api/docs`, all from here."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.responses import HTMLResponse

from wa_app.api.problems import MEDIA_TYPE, Problem
from wa_app.api.routing import ApiRoute, public

routes = APIRouter(route_class=ApiRoute)
PAGE = Path(__file__).with_name("docs.html")

_SECURITY = {
    "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "From `POST auth/login`."},
    "api_key": {"type": "apiKey", "in": "header", "name": "X-Api-Key", "description": "`sapa_live_…`"},
    "session": {"type": "apiKey", "in": "cookie", "name": "sapa_session", "description": "Our own pages."},
}
_IDEMPOTENCY = {
    "name": "Idempotency-Key", "in": "header", "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    "description": "The same key and body within 24 hours gives the first answer again; another body gives 409.",
}  # fmt: skip
_PROBLEM = {
    "description": "What is wrong, in the language of `Accept-Language`.",
    "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
}


@routes.get("/api/docs", include_in_schema=False)
@public
async def docs() -> HTMLResponse:
    """The API, readable. One page of ours: nothing comes from another server."""
    return HTMLResponse(PAGE.read_text("utf-8"))


def install(app: FastAPI) -> None:
    """Make the application describe itself in this way."""

    def describe() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _describe(app)
        return app.openapi_schema

    app.openapi = describe  # type: ignore[method-assign]


def _describe(app: FastAPI) -> dict[str, Any]:
    spec = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    components = spec.setdefault("components", {})
    components["securitySchemes"] = _SECURITY
    schemas = components.setdefault("schemas", {})
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas |= {**problem.pop("$defs", {}), "Problem": problem}
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    spec["security"] = [{name: []} for name in _SECURITY]
    open_to_all = {(path, method) for path, method, route in api_routes(app) if getattr(route, "is_public", False)}
    for path, operations in spec["paths"].items():
        for method, operation in operations.items():
            _finish(operation, method, is_public=(path, method.upper()) in open_to_all)
    return spec


def api_routes(app: FastAPI) -> Iterator[tuple[str, str, APIRoute]]:
    """Every route of ours: its whole path, one method, and the route. The tests that walk everything use it too."""
    for context in iter_route_contexts(app.routes):
        if isinstance(context.original_route, APIRoute):
            for method in sorted(context.methods or ()):
                yield str(context.path), method, context.original_route


def _finish(operation: dict[str, Any], method: str, *, is_public: bool) -> None:
    operation["responses"].pop("422", None)
    operation["responses"]["default"] = _PROBLEM
    if is_public:
        operation["security"] = []
    elif method == "post":
        operation.setdefault("parameters", []).append(_IDEMPOTENCY)
