"""Which news wake a tab for its open conversation."""

from collections.abc import Iterator
from typing import Any

import pytest

from state.inbox import on_show

TAB, CHAT, DEVICE, ME, LINE = "tab-1", "chat-1", "device-1", "user-1", "outbound-1"


@pytest.fixture(autouse=True)
def _begun() -> Iterator[None]:
    on_show.watches(TAB, 1)
    on_show.opens(TAB, CHAT)
    on_show.drafts(TAB, "1")
    on_show.holds(TAB, CHAT, DEVICE, [{"outbound": LINE}, {"outbound": ""}])
    yield
    on_show.ends(TAB, 1)


@pytest.mark.parametrize(
    ("news", "wakes"),
    [
        ({"kind": "message", "conversation_id": CHAT}, True),
        ({"kind": "message", "conversation_id": "chat-2"}, False),
        ({"kind": "conversation", "id": CHAT}, True),
        ({"kind": "campaign", "id": CHAT}, False),
        ({"kind": "answer", "conversation_id": CHAT, "state": "waiting"}, True),
        ({"kind": "ack", "ids": ["outbound-2", LINE]}, True),
        ({"kind": "ack", "ids": ["outbound-2"]}, False),
        ({"kind": "device", "id": DEVICE}, True),
        ({"kind": "device", "id": "device-2"}, False),
        ({"kind": "typing", "conversation_id": CHAT, "user_id": "user-2"}, True),
        ({"kind": "typing", "conversation_id": CHAT, "user_id": ME}, False),
        ({"kind": "draft", "id": CHAT, "user_id": ME, "at": "2"}, True),
        ({"kind": "draft", "id": CHAT, "user_id": ME, "at": "1"}, False),
        ({"kind": "draft", "id": CHAT, "user_id": "user-2", "at": "2"}, False),
        ({"kind": "draft", "id": "chat-2", "user_id": ME, "at": "2"}, False),
        ({"kind": "resync"}, True),
        ({"kind": "blacklist"}, True),
    ],
)
def test_only_what_is_about_the_open_conversation_wakes(news: dict[str, Any], wakes: bool) -> None:
    assert on_show.concerns(TAB, [{"kind": "message", "conversation_id": "chat-9"}, news], ME) is wakes


def test_a_tab_without_a_conversation_sleeps_and_an_unknown_one_hears_all() -> None:
    news = [{"kind": "message", "conversation_id": CHAT}, {"kind": "resync"}]
    on_show.opens(TAB, "")
    assert not on_show.concerns(TAB, news, ME)
    assert on_show.concerns("tab-2", news, ME)
    assert not on_show.concerns(TAB, [], ME)


def test_while_a_conversation_is_read_all_of_its_device_counts() -> None:
    on_show.opens(TAB, "chat-2")
    assert on_show.concerns(TAB, [{"kind": "device", "id": "device-2"}], ME)
    assert on_show.concerns(TAB, [{"kind": "message", "conversation_id": "chat-2"}], ME)


def test_a_later_watcher_ends_those_before_it_and_keeps_what_is_known() -> None:
    on_show.watches(TAB, 2)
    assert (on_show.is_newest(TAB, 1), on_show.is_newest(TAB, 2)) == (False, True)
    on_show.ends(TAB, 1)
    assert not on_show.concerns(TAB, [{"kind": "message", "conversation_id": "chat-2"}], ME)
    on_show.ends(TAB, 2)
    assert on_show.concerns(TAB, [{"kind": "message", "conversation_id": "chat-2"}], ME)
