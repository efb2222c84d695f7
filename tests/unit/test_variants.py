"""Which variant is ahead, and how honestly that may be said; who gets which."""

from collections import Counter

import pytest

from wa_app.kit.ids import new_id
from wa_app.kit.proportions import p_value
from wa_app.models.outbound import WinnerBy
from wa_app.schemas.broadcasts import VariantFigures, letter
from wa_app.sending import variants as engine
from wa_app.services.campaigns.variants import judge


def figures(*pairs: tuple[int, int]) -> list[VariantFigures]:
    return [
        VariantFigures(position=at, letter=letter(at), name="", share=50, arrived=arrived, read=read, replied=read)
        for at, (arrived, read) in enumerate(pairs)
    ]


@pytest.mark.parametrize(
    ("pairs", "best", "verdict"),
    [
        ([(0, 0), (0, 0)], None, "none"),
        ([(20, 5), (20, 15)], 1, "too_few"),
        ([(100, 50), (100, 50)], None, "unclear"),
        ([(100, 50), (100, 52)], 1, "unclear"),
        ([(100, 50), (100, 60)], 1, "likely"),
        ([(100, 40), (100, 60)], 1, "clear"),
        ([(100, 60), (100, 40)], 0, "clear"),
        ([(100, 50), (100, 60), (100, 49), (100, 48)], 1, "unclear"),
    ],
)
def test_says_no_more_than_the_figures_do(pairs: list[tuple[int, int]], best: int | None, verdict: str) -> None:
    for by in WinnerBy:
        assert judge(figures(*pairs), by)[:2] == (best, verdict)


def test_chance_agrees_with_textbook_figures() -> None:
    assert p_value(60, 100, 40, 100) == pytest.approx(0.00468, abs=1e-4)
    assert p_value(0, 0, 1, 2) == p_value(0, 10, 0, 10) == p_value(10, 10, 10, 10) == 1.0


def test_single_sends_follow_the_shares() -> None:
    campaign = new_id()
    drawn = Counter(engine.drawn(campaign, new_id(), [70, 20, 10]) for _ in range(6000))
    assert 0.66 < drawn[0] / 6000 < 0.74
    assert 0.07 < drawn[2] / 6000 < 0.13
    contact = new_id()
    assert engine.drawn(campaign, contact, [50, 50]) == engine.drawn(campaign, contact, [50, 50])
