"""When a message is a word to stop or start by."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wa_app.kit.opt_words import OPT_IN, OPT_OUT, Meaning, fold_message, word_list

LIST = word_list(OPT_OUT, OPT_IN)
SIGNS = st.text(alphabet=" !.,*_~🙏😡\n\t…\u200b", max_size=4)


@pytest.mark.parametrize("text", [
    "STOP", "stop", "Stop.", "*STOP*", "STOPPPP!!!", "s t o p", "S.T.O.P", "ＳＴＯＰ", "stop stop stop", "tolong stop ya kak",
    "stop kirim promo", "Stop sending me messages please", "berhenti 🙏", "BERHENTI\nberlangganan", "jangan kirim lagi ya",
    "unsub", "unreg", "henti", "mandheg", "eureun", "توقف", "تـوقـف", "إِيقاف", "إلغاء الاشتراك", "退订", "keluar dari broadcast ini",
])  # fmt: skip
def test_stops(text: str) -> None:
    assert LIST.meaning(text) is Meaning.STOP


@pytest.mark.parametrize("text", [
    "", " ", "🛑", "kak", "bisa kirim keluar kota?", "keluar kota bisa?", "stop dulu ya saya mau order", "non stop",
    "jangan berhenti", "mulai jam berapa?", "saya mau mulai usaha", "lanjut besok ya", "stopwatch ada?", "promo apa hari ini",
    "x" * 500, "stop " * 100,
])  # fmt: skip
def test_means_nothing(text: str) -> None:
    assert LIST.meaning(text) is None


@pytest.mark.parametrize("text", ["MULAI", "start!", "Lanjut 🙂", "unstop", "ابدأ", "订阅"])
def test_starts(text: str) -> None:
    assert LIST.meaning(text) is Meaning.START


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


def test_every_default_means_what_its_list_says() -> None:
    assert {LIST.meaning(word) for word in OPT_OUT} == {Meaning.STOP}
    assert {LIST.meaning(word) for word in OPT_IN} == {Meaning.START}
