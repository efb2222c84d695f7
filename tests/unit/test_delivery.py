"""When a whole window tells that the server is ill."""

import pytest

from wa_app.kit.ids import new_id
from wa_app.sending.delivery import Delivered, unclear
from wa_app.sending.ledger import Outcome


def delivered(state: str, code: str | None = None) -> Delivered:
    return Delivered(Outcome(new_id(), 1, state, code=code))  # type: ignore[arg-type]


NO_ANSWER = ("unknown", "outcome_unknown")


@pytest.mark.parametrize(
    ("window", "rests"),
    [
        ([], False),
        ([NO_ANSWER], True),
        ([NO_ANSWER] * 16, True),
        ([*[NO_ANSWER] * 15, ("sent", None)], False),
        ([*[NO_ANSWER] * 15, ("failed", "contact_unusable")], False),
        ([("unknown", "no_receipt")] * 4, False),
    ],
)
def test_rests_only_when_no_call_had_a_clear_answer(window: list[tuple[str, str | None]], rests: bool) -> None:
    pause = unclear([delivered(*one) for one in window])
    assert (pause is not None) is rests
    assert pause is None or pause.reason == "server_unreachable"
