"""Printing what the launcher does, each step with its time."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

_started = monotonic()


def say(text: str) -> None:
    print(text, flush=True)


def total_s() -> float:
    """Seconds since the command began."""
    return monotonic() - _started


@contextmanager
def step(title: str) -> Iterator[list[str]]:
    """Print the title with the seconds its block took; what the block appends to the list is added."""
    begun, notes = monotonic(), list[str]()
    try:
        yield notes
    except BaseException:
        print(f"  ✗ {title}", file=sys.stderr, flush=True)
        raise
    extra = f"  ({', '.join(notes)})" if notes else ""
    say(f"  ✓ {title:<42} {monotonic() - begun:6.1f} s{extra}")
