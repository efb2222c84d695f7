"""Health of any number."""

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from wa_app.sending import health
from wa_app.sending.health import Figures, Guard, Limits, assess, decide, demanded, rank

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
counts = st.integers(0, 5_000)
any_figures = st.builds(Figures, **{field.name: counts for field in fields(Figures)})
BAD = ("failed", "unknown", "refused", "restricted", "opt_outs", "strangers", "flaps")


@given(any_figures)
def test_a_score_is_bounded_and_its_signs_explain_it(figures: Figures) -> None:
    found = assess(figures)
    lost = sum(sign.points for sign in found.signs)
    assert found.score is None or found.score == max(0, 100 - lost)
    assert all(0 <= sign.points <= sign.of for sign in found.signs)
    assert list(found.signs) == sorted(found.signs, key=lambda sign: -sign.points)


@given(any_figures, st.sampled_from(BAD), st.integers(1, 3_000))
def test_more_of_a_bad_sign_never_helps(figures: Figures, name: str, more: int) -> None:
    before = assess(figures).score
    after = assess(replace(figures, **{name: getattr(figures, name) + more})).score
    assert (100 if after is None else after) <= (100 if before is None else before)


@given(any_figures, st.integers(1, 3_000))
def test_fewer_answers_never_help(figures: Figures, more: int) -> None:
    better = assess(replace(figures, replies=figures.replies + more)).score
    worse = assess(figures).score
    assert (100 if worse is None else worse) <= (100 if better is None else better)


@given(st.lists(st.tuples(st.one_of(st.none(), st.integers(0, 100)), st.integers(1, 400)), max_size=80))
def test_loosens_one_step_at_a_time_and_never_early(path: list[tuple[int | None, int]]) -> None:
    guard, now = Guard(), NOW
    since = now
    for score, minutes in path:
        now += timedelta(minutes=minutes)
        wanted = demanded(health.Assessment(score), Limits())
        after = decide(guard, wanted, score, now)
        assert rank(after.level) >= rank(wanted.level)
        if rank(after.level) < rank(guard.level):
            assert rank(guard.level) - rank(after.level) == 1
            assert now - since >= health.HOLD[guard.level]
            assert score is None or score >= health.THRESHOLDS[guard.level] + health.MARGIN
        if after.level != guard.level:
            since = now
        guard = after
