"""The number beside the inbox in the navigation: what waits for this person, live on every page."""

import asyncio
import itertools
import random
import time
from collections.abc import AsyncIterator, Callable
from typing import Final

import reflex as rx

from state.base import AppState
from state.inbox.counting import waiting_for
from wa_app import live
from wa_app.errors import Forbidden, NotSignedIn
from wa_app.services import conversations

ABOUT: Final = frozenset({"message", "conversation", "resync"})
TICK_S: Final = 15.0
REST_S: Final = 1.0
"""How long what follows is gathered before anybody counts, and how far apart tabs count that heard of it together."""
MANY: Final = 1000
_serial: dict[str, int] = {}
"""Which watcher of a tab in this process is the newest: each page begins one, and the one before it ends."""
_numbers = itertools.count(1)


def begin(tab: str) -> Callable[[], bool]:
    """End the watcher that a tab had. Returns whether no other one has begun since, and the tab is open."""
    if len(_serial) >= MANY:
        for gone in [one for one in _serial if not live.tab_is_open(one)]:
            del _serial[gone]
    mine = _serial[tab] = next(_numbers)
    return lambda: _serial.get(tab) == mine and live.tab_is_open(tab)


async def moments(inbox: live.Watch, goes_on: Callable[[], bool]) -> AsyncIterator[float]:
    """When to count anew, each with the time (by the monotonic clock) of the news that ask for it."""
    while goes_on():
        batch = await inbox.wait(TICK_S)
        if not any(one["kind"] in ABOUT for one in batch):
            continue
        heard = time.monotonic()
        await asyncio.sleep(REST_S * random.uniform(0.5, 1.5))
        if goes_on():
            yield heard


class WaitingState(AppState):
    """Counted anew with every page and after news; the inbox itself follows what happens."""

    n: int = 0

    @rx.event
    async def load(self) -> None:
        """Count; who is signed out or may not read conversations has none."""
        try:
            async with self.unit_of_work() as uow:
                self.n = await conversations.waiting(uow)
        except (NotSignedIn, Forbidden):
            self.n = 0

    @rx.event(background=True)
    async def watch(self) -> None:
        """Keep the number true until its tab has gone, shows another page, or may not know it any more."""
        tab = self.router.session.client_token
        goes_on, shown = begin(tab), -1
        try:
            principal = await self.principal()
            async with live.watch(principal.tenant_id) as inbox:
                async for heard in moments(inbox, goes_on):
                    # Asked anew each time: who lost the right to look is told nothing more.
                    async with self.unit_of_work() as uow:
                        n = await waiting_for(uow, since=heard)
                    if n != shown:
                        async with self:
                            self.n = shown = n
        except (NotSignedIn, Forbidden):
            return
