"""The broker of the worker processes and what surrounds every actor.

Middleware runs top to bottom before an actor and bottom to top after it. Pools and
clients belong to the event loop of the process: they are made at first use and closed
at shutdown, before the loop stops.
"""

import asyncio
from typing import Any
from uuid import uuid4

import dramatiq
import structlog
import uvloop
from dramatiq.actor import ActorDecorator
from dramatiq.asyncio import EventLoopThread, get_event_loop_thread, set_event_loop_thread
from dramatiq.brokers.redis import RedisBroker
from dramatiq.middleware import AsyncIO, CurrentMessage, Middleware, ShutdownNotifications, TimeLimit

from tasks.doorbell import RungBroker
from tasks.middleware import Counts, Expiry, Failures, Pressure
from wa_app import db
from wa_app.ai import gateway
from wa_app.ai.knowledge import vectors
from wa_app.channels import registry
from wa_app.config import get_settings
from wa_app.queues import ACTOR_QUEUES, NAMESPACE
from wa_app.sending import lanes

DEFAULT_TIME_LIMIT_MS = 60_000


class Loop(AsyncIO):
    """The event loop of this process, on uvloop."""

    def before_worker_boot(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        thread = EventLoopThread(self.logger)
        thread.loop.close()
        thread.loop = uvloop.new_event_loop()
        lanes.start_all()
        thread.start(timeout=5.0)
        set_event_loop_thread(thread)


class Resources(Middleware):
    """Lets lanes end after their current window at shutdown, then closes pools and clients."""

    def before_worker_shutdown(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        lanes.stop_all()

    def after_worker_shutdown(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        thread = get_event_loop_thread()
        if thread is not None:
            thread.run_coroutine(close())


class Correlation(Middleware):
    """Carries the correlation id of the cause (a request, a webhook) into the actor's log lines."""

    def before_process_message(self, broker: dramatiq.Broker, message: dramatiq.broker.MessageProxy) -> None:
        correlation = message.options.get("correlation_id") or str(uuid4())
        structlog.contextvars.bind_contextvars(correlation_id=correlation, actor=message.actor_name)

    def after_process_message(self, broker: dramatiq.Broker, message: dramatiq.broker.MessageProxy, **_: Any) -> None:
        structlog.contextvars.clear_contextvars()

    after_skip_message = after_process_message


async def close() -> None:
    """Close what the actors of this process opened."""
    await gateway.close()
    await asyncio.gather(registry.close(), vectors.close(), db.dispose())


def middleware() -> list[Middleware]:
    """All middleware, written out: dramatiq's defaults are not used."""
    return [
        Loop(),
        Resources(),
        Correlation(),
        Pressure(),
        Counts(),
        Expiry(max_age=3_600_000),
        TimeLimit(time_limit=DEFAULT_TIME_LIMIT_MS),
        ShutdownNotifications(notify_shutdown=False),
        CurrentMessage(),
        Failures(max_retries=3, min_backoff=1_000, max_backoff=30_000),
    ]


def make_broker(url: str) -> RedisBroker:
    """A broker for consuming. A dead worker's messages are delivered again after about 14 s."""
    return RungBroker(
        url=url,
        namespace=NAMESPACE,
        middleware=middleware(),
        maintenance_chance=100_000,
        heartbeat_timeout=10_000,
    )


broker = make_broker(get_settings().redis_url or "redis://127.0.0.1:6379/0")
dramatiq.set_broker(broker)


def actor(name: str, **options: Any) -> ActorDecorator:
    """Declare an actor under its name in `ACTOR_QUEUES`; options are dramatiq's."""
    return dramatiq.actor(actor_name=name, queue_name=ACTOR_QUEUES[name], broker=broker, **options)
