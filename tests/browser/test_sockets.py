"""A bare websocket client, no page, no cookie: whatever it calls, it learns and changes nothing."""

import asyncio
import importlib
import json
import pkgutil
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest
import socketio

import pages  # noqa: F401  (first, as the application itself imports them)
import state
from state.base import AppState
from tests.fixtures.app import RunningApp

pytestmark = pytest.mark.browser
NAMESPACE = "/_event"
QUIET_S = 3.0
TABLES = ("users", "tenants", "memberships", "roles", "api_keys", "contacts", "tags", "devices", "campaigns", "audit_log")


def handlers() -> Iterator[tuple[str, list[str]]]:
    """Full name and arguments of every handler of every state."""
    for module in pkgutil.walk_packages(state.__path__, "state."):
        importlib.import_module(module.name)
    waiting = [AppState]
    while waiting:
        cls = waiting.pop()
        waiting += cls.__subclasses__()
        for name, handler in cls.event_handlers.items():
            code = handler.fn.__code__
            yield f"{cls.get_full_name()}.{name}", list(code.co_varnames[1 : code.co_argcount])


class Client:
    """A socket.io client that keeps what it is told."""

    def __init__(self, cookie: str = "") -> None:
        self.socket = socketio.AsyncClient(reconnection=False)
        self.cookie = cookie
        self.token = str(uuid4())
        self.heard: list[Any] = []
        self.socket.on("event", self._hear, namespace=NAMESPACE)

    async def _hear(self, *data: Any) -> None:
        self.heard += data

    async def open(self, base_url: str) -> None:
        await self.socket.connect(
            f"{base_url}/_event?token={self.token}", namespaces=[NAMESPACE], transports=["websocket"],
            socketio_path="/_event", headers={"Origin": base_url, **({"Cookie": self.cookie} if self.cookie else {})},
        )  # fmt: skip

    async def call(self, handler: str, /, **payload: Any) -> None:
        event = {"token": self.token, "name": handler, "payload": payload, "router_data": {"pathname": "/", "query": {}}}
        await self.socket.emit("event", event, namespace=NAMESPACE)

    def words(self) -> str:
        return json.dumps(self.heard, default=str)


YOUNGEST = "max(t.xmin::text::bigint)"
OF_PEOPLE = {
    "campaigns": "md5(string_agg(row(id, name, message_template, target, file_id, deleted_at)::text, '' ORDER BY id))",
    "devices": "md5(string_agg(row(id, name, pacing, weight, is_active_for_broadcast, deleted_at)::text, '' ORDER BY id))"
}
"""Tables that workers write by the clock: only what people change is looked at."""


async def counted(app: RunningApp) -> dict[str, tuple[Any, ...]]:
    """Per table the number of rows and the youngest transaction that wrote one: any change shows in them."""
    connection = await asyncpg.connect(app.superuser_url)
    try:
        return {
            table: tuple(await connection.fetchrow(f"SELECT count(*), {OF_PEOPLE.get(table, YOUNGEST)} FROM {table} t"))
            for table in TABLES
        }
    finally:
        await connection.close()


async def signed_up(app: RunningApp) -> tuple[str, str]:
    """A fresh tenant: its owner's cookie and its name."""
    name = f"Toko {uuid4().hex}"
    body = {"email": f"{uuid4().hex}@example.com", "password": "kopi susu tetangga", "name": "Sari", "business_name": name}
    async with httpx.AsyncClient(base_url=app.base_url) as http:
        headers = {"X-Sapa-Session": "cookie", "Origin": app.base_url}
        answer = await http.post("/api/v1/auth/signup", json=body, headers=headers)
        assert answer.status_code == 201, answer.text
        return f"sapa_session={answer.cookies['sapa_session']}", name


def apart(work: Coroutine[Any, Any, None]) -> None:
    """Run in a thread of its own: Playwright's loop may be running in this one."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, work).result()


def test_stranger_on_a_socket_learns_and_changes_nothing(app: RunningApp) -> None:
    apart(_stranger_calls_everything(app))


async def _stranger_calls_everything(app: RunningApp) -> None:
    cookie, name = await signed_up(app)
    owner, stranger, forger = Client(cookie), Client(), Client("sapa_session=" + "x" * 43)
    load = f"{AppState.get_full_name()}.on_load"
    await asyncio.gather(*(client.open(app.base_url) for client in (owner, stranger, forger)))
    await owner.call(load)
    await asyncio.sleep(QUIET_S)
    assert name in owner.words(), "the control: the same call does something for who is signed in"
    before = await counted(app)
    for handler, arguments in handlers():
        for client in (stranger, forger):
            await client.call(handler, **{each: str(uuid4()) for each in arguments})
    await asyncio.sleep(QUIET_S)
    assert await counted(app) == before
    for client in (stranger, forger):
        assert client.heard, "it was heard and refused, not lost"
        assert name not in client.words()
    for client in (owner, stranger, forger):
        await client.socket.disconnect()


def test_revoked_cookie_stops_working_on_an_open_socket(app: RunningApp) -> None:
    apart(_revoke_under_an_open_socket(app))


async def _revoke_under_an_open_socket(app: RunningApp) -> None:
    cookie, name = await signed_up(app)
    client = Client(cookie)
    await client.open(app.base_url)
    async with httpx.AsyncClient(base_url=app.base_url) as http:
        answer = await http.post("/api/v1/auth/logout", headers={"Cookie": cookie, "Origin": app.base_url})
        assert answer.status_code == 204
    await asyncio.sleep(5)
    client.heard.clear()
    await client.call(f"{AppState.get_full_name()}.on_load")
    await asyncio.sleep(QUIET_S)
    assert "/login" in client.words()
    assert name not in client.words()
    await client.socket.disconnect()
