"""No tenant holds all threads, and nobody who was turned away is forgotten."""

from wa_app.kit import turns
from wa_app.kit.turns import Turns


def test_one_tenant_gets_no_more_than_its_share() -> None:
    shared = Turns(each=2, total=3)
    with shared.take("a") as first, shared.take("a") as second, shared.take("a") as third:
        assert first
        assert second
        assert third is None
        with shared.take("b") as theirs, shared.take("b") as more:
            assert theirs
            assert more is None, "the total is reached"
    assert not shared.held
    with shared.take("a") as again:
        assert again is not None


def test_the_holder_hears_of_who_was_turned_away_once() -> None:
    shared = Turns(each=1)
    with shared.take("a") as turn:
        assert turn is not None
        assert not turn.called_again()
        with shared.take("a") as refused:
            assert refused is None
        with shared.take("b") as other:
            assert other is not None
            assert not other.called_again()
        assert turn.called_again()
        assert not turn.called_again()


def test_a_turn_is_given_back_when_the_work_fails() -> None:
    shared = Turns(each=1)
    try:
        with shared.take("a"):
            raise ValueError
    except ValueError:
        pass
    with shared.take("a") as turn:
        assert turn is not None


def test_pressure_is_what_the_worker_says() -> None:
    before = turns._QUEUE.waiting
    try:
        turns.watch(lambda: 3)
        assert turns.others_wait()
        turns.watch(lambda: 0)
        assert not turns.others_wait()
    finally:
        turns.watch(before)
