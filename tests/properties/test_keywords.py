"""Whatever strangers type: words are found without an error, twice the same, and soon."""

from time import perf_counter

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from wa_app.kit.chat_words import MAX_TEXT, plain, words
from wa_app.kit.keywords import Said, keyword, nearest
from wa_app.kit.patterns import Pattern, PatternRefused, readable

TEXTS = st.one_of(
    st.text(st.characters(), max_size=60),
    st.lists(
        st.sampled_from([
            "harga", "hrg", "GMN", "ng", "g", "n", "haaargaaa", "maaaf", "terima", "kasih", "di", "mana", "h", "a", "r", ".", ",", "Rp", "1.000",
            "150", "👍🏽", "\u200b", "\ufe0f", "Ａ", "ﷺ", "ϓ", "ẛ", "ß", "İ", "ı", "Ǆ", "한", "が", "ก็", "हि", "\x00", "\ud800", " ", "-",
            "'", "_", "１", "½", "①", "XXL", "aaa", "bb", "tq", "y",
        ]),
        max_size=12,
    ).flatmap(lambda pieces: st.sampled_from(["", " "]).map(lambda between: between.join(pieces))),
)  # fmt: skip
KINDS = st.sampled_from(["EXACT", "CONTAINS", "STARTS_WITH"])


@settings(max_examples=600, deadline=None)
@given(TEXTS)
@example("İ")
@example("a a a a")
@example("terima kasih kasih")
def test_folding_twice_changes_nothing(text: str) -> None:
    once = plain(text)
    assert plain(once) == once
    assert all(word and not word.isspace() for word in words(text))
    once.encode()


@settings(max_examples=300, deadline=None)
@given(TEXTS, TEXTS, KINDS)
def test_a_keyword_says_itself_and_never_raises(text: str, other: str, kind: str) -> None:
    made = keyword(text, kind)
    if made is None:
        assert words(text) == []
        return
    assert made.said_by(Said.of(text))
    said = Said.of(other)
    if not made.said_by(said):
        nearest([made], said)


@settings(max_examples=300, deadline=None)
@given(TEXTS, TEXTS)
def test_exact_begins_with_and_begins_with_contains(text: str, message: str) -> None:
    made = {kind: keyword(text, kind) for kind in ("EXACT", "STARTS_WITH", "CONTAINS")}
    said = Said.of(message)
    fires = [one is not None and one.said_by(said) for one in made.values()]
    assert fires == sorted(fires)


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from("ab()[]{}*+?|\\^$.,0123456789=!<>:P-dwsZ\ud800é"), max_size=24), TEXTS)
def test_a_pattern_is_refused_or_answers(source: str, text: str) -> None:
    try:
        pattern = Pattern(source)
    except PatternRefused:
        return
    assert pattern.finds(readable(text)) in (True, False)


@pytest.mark.parametrize("source", ["(a+)+$", "(a|aa)+$", "(.*a){25}", "(a+)*b", "([a-z]+)*[0-9]", "(x+x+)+y"])
@pytest.mark.parametrize("text", ["a" * MAX_TEXT + "!", "ab" * (MAX_TEXT // 2), "x" * MAX_TEXT])
def test_no_pattern_takes_long(source: str, text: str) -> None:
    # Backtracking would take longer than the universe has; RE2 takes milliseconds, a busy machine some more.
    started = perf_counter()
    Pattern(source).finds(readable(text))
    assert perf_counter() - started < 2


def test_a_huge_message_meets_all_keywords_a_tenant_may_have() -> None:
    listed = [keyword(f"kopi susu {number}", "CONTAINS") for number in range(4_999)] + [keyword("habis", "CONTAINS")]
    text = ("kopi susu " * 7_000)[: MAX_TEXT - 6] + " habis"
    started = perf_counter()
    said = Said.of(text)
    assert [one.text for one in listed if one is not None and one.said_by(said)] == ["habis"]
    assert perf_counter() - started < 5
