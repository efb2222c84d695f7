"""Opt-out words in any message."""

from hypothesis import given
from hypothesis import strategies as st

from wa_app.kit.opt_words import OPT_IN, OPT_OUT, Meaning, fold_message, word_list

LIST = word_list(OPT_OUT, OPT_IN)
SIGNS = st.text(alphabet=" !.,*_~🙏😡\n\t…\u200b", max_size=4)


@given(st.text(max_size=300))
def test_never_raises_and_folding_is_stable(text: str) -> None:
    LIST.meaning(text)
    once = fold_message(text)
    assert fold_message(once) == once


@given(st.sampled_from(OPT_OUT + OPT_IN), SIGNS, SIGNS, st.booleans(), st.integers(1, 4))
def test_signs_case_and_repeats_make_no_difference(word: str, before: str, after: str, lower: bool, times: int) -> None:
    meaning = LIST.meaning(word)
    assert meaning is not None
    written = before + (word.lower() if lower else word) + word[-1] * (times if word[-1].isalpha() else 0) + after
    assert LIST.meaning(written) is meaning


@given(st.sampled_from(OPT_OUT), st.text(alphabet="bcdfgjqvwxz", min_size=3, max_size=12), st.booleans())
def test_a_strange_word_beside_it_makes_it_a_sentence(word: str, strange: str, first: bool) -> None:
    assert LIST.meaning(f"{strange} {word}" if first else f"{word} {strange}") is None


@given(st.lists(st.text(max_size=20), max_size=10), st.lists(st.text(max_size=20), max_size=10), st.text(max_size=60))
def test_a_word_in_both_lists_stops(stop: list[str], start: list[str], text: str) -> None:
    words = word_list(stop, start)
    assert not words.stop & words.start
    if fold_message(text) in words.stop and len(text) <= 200 and fold_message(text).count(" ") < 8:
        assert words.meaning(text) is Meaning.STOP
