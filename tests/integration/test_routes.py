"""Walks every route: nobody gets in unasked, and another tenant's ids lead nowhere.

The routes come from the application itself, so a new one is tested the day it is added. What
the tests cannot know (which table an id belongs to) is written here once and reviewed.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import httpx
import pytest
from fastapi import FastAPI
from sqlmodel import SQLModel

from tests.fixtures.api import BASE, client_for
from tests.fixtures.rows import Graph, insert, values_for
from tests.fixtures.services import Database, environment
from wa_app.api.app import create_api
from wa_app.api.openapi import api_routes
from wa_app.config import Settings
from wa_app.kit.secrets import digest, encrypt, new_token
from wa_app.schemas.principal import ALL_VERBS
from wa_app.services.sessions import COOKIE

PUBLIC = frozenset({
    ("GET", "/healthz"), ("GET", "/readyz"), ("GET", "/api/docs"),
    ("GET", "/api/v1/files/{file_id}/content"),  # the link is signed and expires
    ("POST", "/api/v1/auth/signup"), ("POST", "/api/v1/auth/login"), ("POST", "/api/v1/auth/refresh"),
    ("POST", "/api/v1/auth/forgot-password"), ("POST", "/api/v1/auth/reset-password"),
    ("POST", "/api/v1/auth/logout"),  # signing out twice is fine
    ("GET", "/dev/outbox"), ("GET", "/dev/outbox/{name}"),  # absent outside development
    ("POST", "/webhooks/waha/{device_token}"),  # signed over the raw body
    ("GET", "/link/{slug}"),  # where short links lead: only to addresses a tenant stored
})  # fmt: skip
"""Reviewed: routes that need no sign-in, and why they may."""
SPECIAL = frozenset({("GET", "/metrics")})
"""Reviewed: routes with a guard of their own (test_health)."""

TABLE_OF = {
    "device_id": "devices", "file_id": "files", "import_id": "import_jobs", "tag_id": "tags", "contact_id": "contacts",
    "campaign_id": "campaigns", "message_id": "outbound_messages", "entry": "suppressions", "user_id": "users",
    "session_id": "user_sessions", "job_id": "campaign_jobs", "key_id": "api_keys", "role_id": "roles", "membership_id": "memberships",
    "conversation_id": "conversations", "chat_id": "conversations", "tenant_id": "tenants", "segment_id": "segments",
    "suppression_id": "suppressions", "grab_id": "group_grabs", "entry_id": "suppressions", "preferred_device_id": "devices",
    "message_template_id": "message_templates", "merge_id": "contact_merges", "auto_reply_id": "auto_replies", "template_id": "message_templates", "series_id": "campaign_series",
    "agent_id": "agents", "team_id": "teams", "quick_reply_id": "quick_replies", "chat_job_id": "chat_jobs",
    "scan_id": "ocr_scans",
    "document_id": "knowledge_documents",
    "ai_provider_id": "ai_providers",
    "trial_id": "agent_trials", "trial_run_id": "agent_trial_runs",
}  # fmt: skip
"""Which table an id in a path or a body names."""
NOT_IDS = frozenset({"phone", "name", "device_token", "slug", "platform_provider_id"})
BODIES: dict[tuple[str, str], Any] = {
    ("POST", "/api/v1/devices/{device_id}/pairing-code"): {"phone": "+6281234567890"},
    ("POST", "/api/v1/ocr/scan"): {"base64": "%%%%"},
    ("POST", "/api/v1/chats/bulk-delete"): {"chat_ids": ["00000000-0000-7000-8000-000000000000"]},
}
"""Bodies that a schema alone does not tell."""


def routes() -> list[tuple[str, str]]:
    return [(method, path) for path, method, _ in api_routes(create_api()) if method != "HEAD"]


ROUTES = routes()
GUARDED = [one for one in ROUTES if one not in PUBLIC | SPECIAL]


def names(path: str) -> list[str]:
    return re.findall(r"{(\w+)(?::\w+)?}", path)


def filled(path: str, graph: Graph | None) -> str:
    """The path with this tenant's ids, or with ids of nobody."""
    def one(found: re.Match[str]) -> str:
        name = found.group(1)
        if name == "phone":
            return "+6281234567890"
        table = TABLE_OF.get(name, "")
        return str(graph.rows[table]["id"]) if graph and table in graph.rows else "00000000-0000-7000-8000-000000000000"

    return re.sub(r"{(\w+)(?::\w+)?}", one, path)


class Bodies:
    """Smallest bodies that the description of the API allows."""

    def __init__(self, spec: dict[str, Any]) -> None:
        self.spec = spec

    def of(self, method: str, path: str) -> Any:
        if (method, path) in BODIES:
            return BODIES[method, path]
        schema = self.schema(method, path)
        return None if schema is None else self._make(schema)

    def schema(self, method: str, path: str) -> dict[str, Any] | None:
        operation = self.spec["paths"].get(path, {}).get(method.lower(), {})
        content = operation.get("requestBody", {}).get("content", {})
        schema = content.get("application/json", {}).get("schema")
        return self._resolve(schema) if schema else None

    def query(self, method: str, path: str) -> dict[str, Any]:
        """Values for the query parameters that a call cannot do without."""
        parameters = self.spec["paths"].get(path, {}).get(method.lower(), {}).get("parameters", [])
        return {one["name"]: self._make(one["schema"]) for one in parameters if one["in"] == "query" and one["required"]}

    def ids(self, method: str, path: str) -> Iterator[tuple[str, str, bool]]:
        """Properties of the body that name rows: property, table, whether it is a list."""
        for name in (self.schema(method, path) or {}).get("properties", {}):
            singular = name.removesuffix("s") if name.endswith("_ids") else name
            if singular in TABLE_OF:
                yield name, TABLE_OF[singular], name.endswith("_ids")

    def _resolve(self, schema: dict[str, Any]) -> dict[str, Any]:
        if "$ref" in schema:
            return self._resolve(self.spec["components"]["schemas"][schema["$ref"].rsplit("/", 1)[-1]])
        return schema

    def _make(self, schema: dict[str, Any]) -> Any:
        schema = self._resolve(schema)
        if "const" in schema or "enum" in schema:
            return schema.get("const", (schema.get("enum") or [None])[0])
        for key in ("anyOf", "oneOf"):
            if key in schema:
                return self._make(next(part for part in schema[key] if part.get("type") != "null"))
        if "allOf" in schema:
            return self._make(schema["allOf"][0])
        if schema.get("type") == "object":
            return {name: self._make(schema["properties"][name]) for name in schema.get("required", ())}
        if schema.get("type") == "array":
            return [self._make(schema["items"])] * schema.get("minItems", 0)
        return self._scalar(schema)

    def _scalar(self, schema: dict[str, Any]) -> Any:
        formats = {
            "uuid": "00000000-0000-7000-8000-000000000000", "email": "a@example.test",
            "date-time": (datetime.now(UTC) + timedelta(days=1)).isoformat(),
        }  # fmt: skip
        if schema.get("type") in ("integer", "number"):
            return schema.get("minimum", 1)
        if schema.get("type") == "boolean":
            return True
        return formats.get(schema.get("format", ""), "x" * max(1, schema.get("minLength", 1)))


@pytest.fixture(scope="module")
def bodies() -> Bodies:
    return Bodies(create_api().openapi())


@pytest.fixture(scope="module")
async def graphs(database: Database, settings: Settings) -> tuple[Graph, Graph, str]:
    """Tenants A and B with a row in every table, and the cookie of A's owner."""
    connection = await asyncpg.connect(database.superuser)
    tables, cookie = dict(SQLModel.metadata.tables), new_token()
    try:
        a, b = await Graph.make(connection, tables), await Graph.make(connection, tables)
        for graph in (a, b):
            await connection.execute("UPDATE tenants SET identity_key = $1 WHERE id = $2", encrypt(new_token()), graph.tenant_id)
            await connection.execute("UPDATE roles SET verbs = $1 WHERE tenant_id = $2", sorted(ALL_VERBS), graph.tenant_id)
        session = values_for(tables["user_sessions"], a) | {
            "kind": "browser", "token_hash": digest(cookie), "expires_at": datetime.now(UTC) + timedelta(hours=1),
        }  # fmt: skip
        await insert(connection, tables["user_sessions"], session)
    finally:
        await connection.close()
    return a, b, cookie


@pytest.fixture
async def owner_of_a(api: FastAPI, graphs: tuple[Graph, Graph, str]) -> Any:
    transport = httpx.ASGITransport(api, raise_app_exceptions=False)
    async with httpx.AsyncClient(
        transport=transport, base_url=BASE, cookies={COOKIE: graphs[2]}, headers={"Origin": BASE}
    ) as made:
        yield made


def test_public_routes_are_the_reviewed_ones() -> None:
    found = {
        (method, path) for path, method, route in api_routes(create_api())
        if getattr(route, "is_public", True) and method != "HEAD"
    }  # fmt: skip
    assert found <= PUBLIC | SPECIAL


def test_every_id_in_a_path_is_known() -> None:
    assert {name for _, path in ROUTES for name in names(path)} <= set(TABLE_OF) | NOT_IDS


@pytest.mark.parametrize(("method", "path"), GUARDED)
async def test_needs_a_sign_in(api: FastAPI, bodies: Bodies, method: str, path: str) -> None:
    for n, headers in enumerate((
        {}, {"Authorization": "Bearer abc.def.ghi"}, {"Authorization": "Basic YTpi"}, {"X-Api-Key": "sapa_live_nope"},
        {"Cookie": f"{COOKIE}=nope", "Origin": BASE},
    )):  # fmt: skip
        with environment(SAPA_TRUSTED_PROXIES="1"):
            nobody = client_for(api, **headers, **{"X-Forwarded-For": f"10.0.{n}.{GUARDED.index((method, path)) % 250}"})
            async with nobody:
                answer = await nobody.request(method, filled(path, None), json=bodies.of(method, path))
        assert answer.status_code == 401, f"{headers}: {answer.status_code} {answer.text[:300]}"
        assert answer.json()["code"] == "not_signed_in"
        assert answer.headers["www-authenticate"] == "Bearer"


WITH_IDS = [(method, path) for method, path in GUARDED if {TABLE_OF.get(name) for name in names(path)} - {None}]


@pytest.mark.parametrize(("method", "path"), WITH_IDS)
async def test_ids_of_another_tenant_are_not_found(
    owner_of_a: httpx.AsyncClient, graphs: tuple[Graph, Graph, str], bodies: Bodies, method: str, path: str
) -> None:
    answers = [
        await owner_of_a.request(
            method, filled(path, graph), json=bodies.of(method, path), params=bodies.query(method, path)
        )
        for graph in (graphs[1], None)
    ]  # fmt: skip
    for answer in answers:
        assert answer.status_code == 404, f"{answer.status_code} {answer.text[:300]}"
    theirs, nobodys = (
        {key: value for key, value in answer.json().items() if key != "instance"} for answer in answers
    )
    assert theirs == nobodys, "the answer must not tell another's from absent"


@pytest.mark.parametrize(("method", "path"), [one for one in GUARDED if one[0] in ("POST", "PATCH", "PUT")])
async def test_bodies_cannot_name_another_tenants_rows(
    owner_of_a: httpx.AsyncClient, graphs: tuple[Graph, Graph, str], bodies: Bodies, method: str, path: str
) -> None:
    a, b, _ = graphs
    for name, table, many in bodies.ids(method, path):
        if table not in b.rows or (method, path) == ("POST", "/api/v1/auth/switch"):
            continue
        stranger = str(b.rows[table]["id"])
        body = (bodies.of(method, path) or {}) | {name: [stranger] if many else stranger}
        answer = await owner_of_a.request(method, filled(path, a), json=body)
        assert answer.status_code in (403, 404, 409, 422), f"{name}: {answer.status_code} {answer.text[:300]}"


@pytest.mark.parametrize(("method", "path"), [one for one in GUARDED if one[0] != "GET"])
async def test_cookie_from_another_site_is_refused(
    api: FastAPI, graphs: tuple[Graph, Graph, str], bodies: Bodies, method: str, path: str
) -> None:
    for origin in ({"Origin": "https://evil.test"}, {"Origin": "null"}, {}):
        transport = httpx.ASGITransport(api, raise_app_exceptions=False)
        async with httpx.AsyncClient(
            transport=transport, base_url=BASE, cookies={COOKIE: graphs[2]}, headers=origin
        ) as page:
            answer = await page.request(method, filled(path, None), json=bodies.of(method, path))
        assert (answer.status_code, answer.json()["code"]) == (403, "origin_refused")


@pytest.mark.parametrize(("method", "path"), [one for one in ROUTES if one not in SPECIAL])
async def test_answers_wear_the_security_headers(stranger: httpx.AsyncClient, method: str, path: str) -> None:
    answer = await stranger.request(method, filled(path, None), headers={"X-Correlation-Id": "abc-123"})
    assert answer.status_code < 500 or path == "/readyz"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-frame-options"] == "DENY"
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"] or "sandbox" in answer.headers["content-security-policy"]
    assert answer.headers["x-correlation-id"] == "abc-123"
    assert "access-control-allow-origin" not in answer.headers
