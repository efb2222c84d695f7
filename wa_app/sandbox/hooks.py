"""Webhooks of the sandbox: signed, retried with the very same bytes, and spoilt on request."""

import asyncio
import hashlib
import hmac
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass

import aiohttp
import orjson

from wa_app.sandbox import wire
from wa_app.sandbox.world import Json, Session, World, ulid

WORKERS = 32
MAX_WAITING = 200_000


@dataclass(slots=True)
class Delivery:
    """One webhook on its way to one receiver; body and headers never change between tries."""

    url: str
    body: bytes
    headers: Mapping[str, str]
    retries: Json
    event: str
    session: str
    tries: int = 0


class Hooks:
    """Sends the webhooks of all sessions, many at a time, in no promised order."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._queue: asyncio.Queue[Delivery] = asyncio.Queue(MAX_WAITING)
        self._workers: list[asyncio.Task[None]] = []
        self._http: aiohttp.ClientSession | None = None

    def open(self) -> None:
        self._http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=WORKERS), timeout=aiohttp.ClientTimeout(total=30)
        )
        self._workers = [asyncio.create_task(self._work()) for _ in range(WORKERS)]

    async def close(self) -> None:
        for worker in self._workers:
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)
        if self._http:
            await self._http.close()

    @property
    def client(self) -> aiohttp.ClientSession:
        assert self._http is not None
        return self._http

    def emit(self, session: Session, payload: Json, *events: str) -> None:
        """Send a payload under each of the event names a receiver asked for; all share one event id."""
        self.world.touched()
        event_id = wire.new_event_id()
        for hook in session.config.get("webhooks") or []:
            wanted = hook.get("events") or []
            for event in events:
                if event in wanted or "*" in wanted:
                    self._enqueue(session, hook, event, wire.envelope(event, payload, session, event_id))

    def _enqueue(self, session: Session, hook: Json, event: str, body: Json) -> None:
        raw = orjson.dumps(body)
        delivery = Delivery(
            hook["url"], raw, _headers(hook, raw, body["timestamp"]), hook.get("retries") or {}, event, session.name
        )
        if self.world.fault(session.name, "webhook_lost"):
            return
        if self.world.fault(session.name, "webhook_twice"):
            self._put(delivery)
        late = self.world.fault(session.name, "webhook_late")
        if late:
            asyncio.get_running_loop().call_later(late.seconds, self._put, delivery)
        elif self.world.fault(session.name, "webhook_reorder"):
            asyncio.get_running_loop().call_later(random.uniform(0.0, 2.0), self._put, delivery)
        else:
            self._put(delivery)

    def _put(self, delivery: Delivery) -> None:
        if not self._queue.full():
            self._queue.put_nowait(delivery)

    async def _work(self) -> None:
        while True:
            delivery = await self._queue.get()
            status = await self._post(delivery)
            delivery.tries += 1
            self.world.deliveries.append(
                {
                    "at": time.time(),
                    "event": delivery.event,
                    "session": delivery.session,
                    "status": status,
                    "try": delivery.tries,
                }
            )
            if not 200 <= status < 300 and delivery.tries < delivery.retries.get("attempts", 15):
                loop = asyncio.get_running_loop()
                loop.call_later(_wait_s(delivery.retries, delivery.tries), self._put, delivery)

    async def _post(self, delivery: Delivery) -> int:
        try:
            async with self.client.post(delivery.url, data=delivery.body, headers=delivery.headers) as response:
                await response.read()
                return response.status
        except (aiohttp.ClientError, TimeoutError, OSError):
            return 0


def _headers(hook: Json, raw: bytes, timestamp: int) -> dict[str, str]:
    headers = {
        "Content-Type": "application/json",
        "User-Agent": f"WAHA/{wire.VERSION}",
        "X-Webhook-Request-Id": ulid(time.time()).upper(),
        "X-Webhook-Timestamp": str(timestamp),
    }
    key = (hook.get("hmac") or {}).get("key")
    if key:
        headers["X-Webhook-Hmac"] = hmac.new(key.encode(), raw, hashlib.sha512).hexdigest()
        headers["X-Webhook-Hmac-Algorithm"] = "sha512"
    for extra in hook.get("customHeaders") or []:
        headers[extra["name"]] = extra["value"]
    return headers


def _wait_s(retries: Json, tries: int) -> float:
    delay = float(retries.get("delaySeconds") or 2)
    policy = retries.get("policy") or "constant"
    if policy == "linear":
        return delay * tries
    if policy == "exponential":
        return float(delay * 2 ** (tries - 1) * random.uniform(1.0, 1.2))
    return delay
