"""Turns: no tenant may hold all threads of a worker, however much it has to do.

A worker's threads are shared by all tenants. `Turns` caps how many of them one tenant holds for
one kind of work; long work asks `others_wait()` now and then and goes to the back of the queue
when somebody stands behind it. Both look at this process alone: its threads are what is shared.
"""

from collections import Counter
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Final


class Turn:
    """The right to work for a tenant now."""

    def __init__(self, turns: "Turns", key: Hashable) -> None:
        self._turns, self._key = turns, key

    def called_again(self) -> bool:
        """Whether somebody was turned away since the last time this was asked: then look once more."""
        called = self._key in self._turns.turned_away
        self._turns.turned_away.discard(self._key)
        return called


class Turns:
    """At most `each` turns per tenant and `total` for all, in this process.

    Taken and given back on one event loop, so it needs no lock.
    """

    def __init__(self, each: int, total: int | None = None) -> None:
        self.each, self.total = each, total
        self.held: Counter[Hashable] = Counter()
        self.turned_away: set[Hashable] = set()

    @contextmanager
    def take(self, key: Hashable) -> Iterator[Turn | None]:
        """A turn, or None when there is none: then go away, the holder was told to look once more."""
        if self.held[key] >= self.each or (self.total is not None and self.held.total() >= self.total):
            if self.held[key]:
                self.turned_away.add(key)
            yield None
            return
        self.held[key] += 1
        try:
            yield Turn(self, key)
        finally:
            self.held[key] -= 1
            if not self.held[key]:
                del self.held[key]
                self.turned_away.discard(key)


def _nobody() -> int:
    return 0


class _Queue:
    """How many messages this process has fetched and has no thread for."""

    waiting: Callable[[], int] = staticmethod(_nobody)


_QUEUE: Final = _Queue()


def watch(waiting: Callable[[], int]) -> None:
    """Say how the number of waiting messages is found; the worker does so at boot."""
    _QUEUE.waiting = waiting


def others_wait() -> bool:
    """Whether messages wait for a thread of this process."""
    return _QUEUE.waiting() > 0
