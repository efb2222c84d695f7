"""Workers are rung for, instead of looking for work every few milliseconds.

Who hands a message to Redis publishes its queue's name beside it (`queues.send`); each worker process has one
subscriber, which wakes the consumer of that queue. A ring that is lost costs nothing but the consumer's idle time, after which
it looks anyway. dramatiq's own retries are not rung for: they wait for seconds in any case.
"""

import threading
from collections.abc import Iterable
from typing import Any, Final

import redis
import structlog
from dramatiq.brokers.redis import RedisBroker, _RedisConsumer

from wa_app.queues import BELL

log = structlog.get_logger(__name__)

RETRY_S: Final = 1.0
LISTEN_S: Final = 5.0


class Bells:
    """The bells of this process, one per queue that is consumed, and the thread that rings them."""

    def __init__(self, client: "redis.Redis") -> None:
        self._client = client
        self._bells: dict[str, list[threading.Event]] = {}
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def of(self, queue: str) -> threading.Event:
        """A bell for one more consumer of a queue; the first starts the thread."""
        bell = threading.Event()
        with self._lock:
            self._bells.setdefault(queue, []).append(bell)
            if self._thread is None:
                self._thread = threading.Thread(target=self._listen, name="doorbell", daemon=True)
                self._thread.start()
        return bell

    def ring(self, queues: Iterable[str]) -> None:
        """Wake the consumers of these queues."""
        for queue in queues:
            for bell in tuple(self._bells.get(queue, ())):
                bell.set()

    def _listen(self) -> None:
        while True:
            try:
                with self._client.pubsub(ignore_subscribe_messages=True) as pubsub:  # type: ignore[no-untyped-call]
                    pubsub.subscribe(BELL)
                    self.ring(tuple(self._bells))  # what came while nobody listened
                    while True:
                        heard = pubsub.get_message(timeout=LISTEN_S)
                        if heard is not None:
                            self.ring(heard["data"].decode().split())
            except (redis.RedisError, OSError) as error:
                log.warning("doorbell.lost", error=type(error).__name__)
                threading.Event().wait(RETRY_S)


class RungConsumer(_RedisConsumer):
    """dramatiq's consumer, which waits for its bell where that one sleeps longer and longer."""

    def __init__(self, broker: "RungBroker", queue_name: str, prefetch: int, timeout: int) -> None:
        super().__init__(broker, queue_name, prefetch, timeout=1)  # type: ignore[no-untyped-call]
        self._idle_s = timeout / 1000
        self._bell = broker.bells.of(queue_name)

    def __next__(self) -> Any:
        message = super().__next__()  # type: ignore[no-untyped-call]
        if message is None:
            self._bell.wait(self._idle_s)
            self._bell.clear()
        return message

    def ack(self, message: Any) -> None:
        super().ack(message)  # type: ignore[no-untyped-call]
        self._look_again()

    def nack(self, message: Any) -> None:
        super().nack(message)  # type: ignore[no-untyped-call]
        self._look_again()

    def _look_again(self) -> None:
        """Who had as many messages as it may take was not looking when others came."""
        if self.outstanding_message_count + 1 >= self.prefetch:
            self._bell.set()


class RungBroker(RedisBroker):
    """A broker whose consumers are rung for."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)  # type: ignore[no-untyped-call]
        self.bells = Bells(self.client)

    @property
    def consumer_class(self) -> type[RungConsumer]:
        return RungConsumer
