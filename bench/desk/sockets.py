"""Agents without a screen: they speak to the application as a page's socket does, and say when they were told something."""

import asyncio
import time
from typing import Any, Final
from uuid import uuid4

import socketio

from bench.desk.people import Agent
from wa_app.services.sessions import COOKIE

NAMESPACE: Final = "/_event"


def first_events() -> list[str]:
    """What the page of the inbox calls as it opens, in its order."""
    import pages  # noqa: F401  (first, as the application itself imports them)
    from state.base import AppState
    from state.inbox.chat import ChatState
    from state.inbox.listing import InboxState

    calls = ((AppState, "on_load"), (ChatState, "load"), (InboxState, "load"), (InboxState, "watch"), (ChatState, "watch"))
    return [f"{cls.get_full_name()}.{name}" for cls, name in calls]


class Screen:
    """One open inbox of an agent."""

    def __init__(self, agent: Agent) -> None:
        self.socket = socketio.AsyncClient(reconnection=False)
        self.token = str(uuid4())
        self.cookie = f"{COOKIE}={agent.token}"
        self.awaited = ""
        self.heard_at: asyncio.Future[float] | None = None
        self.socket.on("event", self._hear, namespace=NAMESPACE)

    async def _hear(self, *data: Any) -> None:
        if self.heard_at is not None and not self.heard_at.done() and self.awaited in str(data):
            self.heard_at.set_result(time.time())

    async def open(self, base_url: str, events: list[str]) -> None:
        """Connect and do what the page does first."""
        await self.socket.connect(
            f"{base_url}/_event?token={self.token}", namespaces=[NAMESPACE], transports=["websocket"],
            socketio_path="/_event", headers={"Origin": base_url, "Cookie": self.cookie},
        )  # fmt: skip
        router = {"pathname": "/inbox", "asPath": "/inbox", "query": {}}
        for name in events:
            event = {"token": self.token, "name": name, "payload": {}, "router_data": router}
            await self.socket.emit("event", event, namespace=NAMESPACE)

    def expect(self, words: str) -> None:
        """Listen for words from now on."""
        self.awaited, self.heard_at = words, asyncio.get_running_loop().create_future()

    async def told(self, within_s: float) -> float | None:
        """When what is expected came to the screen, by the wall clock; None when it did not in time."""
        assert self.heard_at is not None
        try:
            return await asyncio.wait_for(self.heard_at, within_s)
        except TimeoutError:
            return None

    async def close(self) -> None:
        await self.socket.disconnect()
