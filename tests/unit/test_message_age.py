"""A message is as old as Redis says, whatever the clock of the process that asks."""

import time
from types import SimpleNamespace
from typing import Any

import pytest
from dramatiq.middleware import SkipMessage

from tasks.middleware import Expiry
from wa_app import queues


def broker_of(max_age: int) -> Any:
    seconds, rest = divmod(time.time(), 1)
    actor = SimpleNamespace(options={"max_age": max_age})
    client = SimpleNamespace(time=lambda: (int(seconds), int(rest * 1e6)))
    return SimpleNamespace(get_actor=lambda _: actor, client=client)


def message(age_s: float) -> Any:
    return SimpleNamespace(actor_name="lane.run", message_timestamp=int((time.time() - age_s) * 1000), options={})


@pytest.fixture(params=[0, 600, -600])
def shifted(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """This process's clock is wrong by so many seconds; Redis and whoever sent the message are right."""
    monkeypatch.setattr(queues, "_ahead_ms", [])
    monkeypatch.setattr(queues, "current_millis", lambda: int((time.time() + request.param) * 1000))


def test_fresh_is_taken_and_old_is_dropped(shifted: None) -> None:
    expiry, broker = Expiry(max_age=3_600_000), broker_of(60_000)
    expiry.before_process_message(broker, message(age_s=1))
    with pytest.raises(SkipMessage):
        expiry.before_process_message(broker, message(age_s=70))
