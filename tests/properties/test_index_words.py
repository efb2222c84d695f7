"""Words as the index of knowledge knows them: whatever is written, documents and questions are cut the same way, and soon."""

import re
from time import perf_counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wa_app.ai.knowledge import words

TEXTS = st.one_of(
    st.text(st.characters(), max_size=80),
    st.lists(
        st.sampled_from([
            "pengiriman", "dikirimkan", "kirim", "harganya", "hrg", "Rp85.000", "85rb", "1,5kg", "250gr", "jam 08.00", "2026",
            "ongkir", "jl.", "é", "ﷺ", "İ", "ß", "\x00", "\ud800", "’", "'", "a'b", "٣", "½", "👍🏽", "mengambil", "pembayaran", " ", "\n",
        ]),
        max_size=14,
    ).map(" ".join),
)  # fmt: skip
LETTERS = st.text(st.sampled_from("abcdefghijklmnopqrstuvwxyz"), min_size=1, max_size=24)


@settings(max_examples=400, deadline=None)
@given(TEXTS)
def test_nothing_raises_and_terms_are_short_and_plain(text: str) -> None:
    found = list(words.terms(text))
    assert found == list(words.terms(text))
    assert all(one and len(one) <= words.MAX_TERM and not re.search(r"\s|\x00", one) for one in found)


@settings(max_examples=300, deadline=None)
@given(TEXTS)
def test_case_makes_no_difference(text: str) -> None:
    plain = "".join(char for char in text if char.isascii())
    assert list(words.terms(plain.upper())) == list(words.terms(plain.lower()))


@settings(max_examples=400, deadline=None)
@given(LETTERS)
def test_a_stem_is_never_empty_nor_longer_than_its_word_by_more_than_the_letter_it_gets_back(word: str) -> None:
    assert 1 <= len(words.stem(word)) <= len(word) + 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("dikirimkan", "kirim"), ("pembayaran", "bayar"), ("harganya", "harga"), ("hrg", "harga"),
        ("prices", "price"), ("alamatnya", "alamat"), ("brp", "berapa"), ("Rp85.000", "rp 85000"), ("85rb", "85.000"), ("1,5jt", "1500000"),
    ],
)  # fmt: skip
def test_forms_of_a_word_meet(one: str, other: str) -> None:
    first, second = list(words.terms(one)), list(words.terms(other))
    assert first == second


@pytest.mark.parametrize("text", ["a" * 200_000, "1.000" * 40_000, "a'" * 100_000, "pem" * 60_000, "🙂" * 100_000])
def test_no_text_takes_long(text: str) -> None:
    started = perf_counter()
    list(words.terms(text))
    assert perf_counter() - started < 5
