"""What surrounds every actor beyond dramatiq's own middleware: failures that say why, counts, pressure."""

import threading
import time
import traceback
from typing import Any, Final

import dramatiq
import structlog
from dramatiq.broker import MessageProxy
from dramatiq.common import compute_backoff, current_millis
from dramatiq.errors import Retry
from dramatiq.middleware import AgeLimit, Middleware, Retries, SkipMessage
from redis.exceptions import RedisError

from wa_app.kit import metrics, turns
from wa_app.queues import DONE_KEPT_S, NAMESPACE, done_key, learn_time, now_ms

log = structlog.get_logger(__name__)

FLUSH_S: Final = 1.0
ASK_TIME_S: Final = 60.0
# A message that another worker took over and finished must not come back as a leftover entry.
_NOTE: Final = "if redis.call('hexists', KEYS[1], ARGV[1]) == 1 then redis.call('hset', KEYS[1], ARGV[1], ARGV[2]) end"


def why(error: BaseException) -> dict[str, Any]:
    """What is kept of a failure: its class and the place in our code. Its text may hold numbers and names."""
    ours = [frame for frame in traceback.extract_tb(error.__traceback__) if "/wa_app/" in frame.filename]
    kind = type(error)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    where = f"{ours[-1].filename.rpartition('/wa_app/')[2]}:{ours[-1].lineno}" if ours else ""
    return {"error": name, "where": where, "at": current_millis()}


class Failures(Retries):
    """Retries with back-off, and keeps the reason with a message that has failed for good.

    Redis moves the entry of the queue to the dead letters as it was enqueued, without what happened
    since, so the reason is written into that entry first. dramatiq's own keeps the whole traceback.
    """

    def after_process_message(
        self, broker: dramatiq.Broker, message: MessageProxy, *, result: Any = None,
        exception: BaseException | None = None,
    ) -> None:  # fmt: skip
        if exception is None:
            return
        options = broker.get_actor(message.actor_name).options
        retries = message.options.get("retries", 0)
        message.options |= {"retries": retries + 1, "failure": why(exception)}
        if retries >= message.options.get("max_retries", options.get("max_retries", self.max_retries)):
            _note(broker, message)
            message.fail()
            return
        broker.enqueue(message._message, delay=self._delay(options, retries, exception))

    def _delay(self, options: dict[str, Any], retries: int, exception: BaseException) -> int:
        if isinstance(exception, Retry) and exception.delay is not None:
            return int(exception.delay)
        low = options.get("min_backoff", self.min_backoff)
        high = options.get("max_backoff", self.max_backoff)
        _, delay = compute_backoff(retries, factor=low, max_backoff=high)
        return int(delay)


class Expiry(AgeLimit):
    """Lets go of messages that have waited too long.

    An actor with a `max_age` of its own is woken from a row, which the sweep will find again: its message
    is dropped. The others keep theirs among the dead letters.
    """

    asked_at = -1e9

    def before_process_message(self, broker: dramatiq.Broker, message: MessageProxy) -> None:
        self._ask_time(broker)
        own = broker.get_actor(message.actor_name).options.get("max_age")
        if now_ms() - message.message_timestamp < (own or self.max_age or 2**53):
            return
        if own is None:
            message.options["failure"] = {"error": "expired", "where": "", "at": current_millis()}
            _note(broker, message)
            message.fail()
        raise SkipMessage("too old")

    def _ask_time(self, broker: dramatiq.Broker) -> None:
        """Ages are told by Redis's clock: a process whose own is wrong would let go of all that is fresh."""
        if time.monotonic() - self.asked_at < ASK_TIME_S:
            return
        self.asked_at = time.monotonic()
        try:
            learn_time(broker.client.time())  # type: ignore[attr-defined]
        except RedisError as error:
            log.warning("queue.unreachable", error=type(error).__name__)


def _note(broker: dramatiq.Broker, message: MessageProxy) -> None:
    key = message.options.get("redis_message_id")
    if key is None:
        return
    try:
        broker.client.eval(  # type: ignore[attr-defined]
            _NOTE, 1, f"{NAMESPACE}:{message.queue_name}.msgs", key, message._message.encode()
        )
    except RedisError as error:
        log.warning("queue.unreachable", error=type(error).__name__)


class Pressure(Middleware):
    """Tells long work whether messages wait for a thread of this process."""

    def after_worker_boot(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        turns.watch(worker.work_queue.qsize)


class Counts(Middleware):
    """Counts what the actors of this process did: for `/metrics`, and by minute for the page of queues."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._done: dict[tuple[int, str], int] = {}
        self._timer: threading.Timer | None = None
        self._started = threading.local()

    def before_process_message(self, broker: dramatiq.Broker, message: MessageProxy) -> None:
        self._started.at = time.monotonic()

    def after_process_message(
        self, broker: dramatiq.Broker, message: MessageProxy, *, result: Any = None,
        exception: BaseException | None = None,
    ) -> None:  # fmt: skip
        self._count(broker, message, "ok" if exception is None else "failed")

    def after_skip_message(self, broker: dramatiq.Broker, message: MessageProxy) -> None:
        self._count(broker, message, "expired")

    def before_worker_shutdown(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        self._flush(broker)

    def _count(self, broker: dramatiq.Broker, message: MessageProxy, outcome: str) -> None:
        seconds = time.monotonic() - getattr(self._started, "at", time.monotonic())
        metrics.observe_actor(message.actor_name, outcome, seconds)
        key = int(time.time()) // 60, f"{message.queue_name}:{outcome}"
        with self._lock:
            self._done[key] = self._done.get(key, 0) + 1
            if self._timer is None:
                self._timer = threading.Timer(FLUSH_S, self._flush, (broker,))
                self._timer.daemon = True
                self._timer.start()

    def _flush(self, broker: dramatiq.Broker) -> None:
        with self._lock:
            done, self._done, self._timer = self._done, {}, None
        try:
            pipe = broker.client.pipeline(transaction=False)  # type: ignore[attr-defined]
            for (minute, name), n in done.items():
                pipe.hincrby(done_key(minute), name, n)
                pipe.expire(done_key(minute), DONE_KEPT_S)
            pipe.execute()
        except RedisError as error:
            log.warning("queue.unreachable", error=type(error).__name__)
