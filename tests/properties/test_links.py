"""Links in any text."""

from hypothesis import given
from hypothesis import strategies as st

from wa_app.kit.ids import new_id
from wa_app.sending import links


@given(st.text(alphabet="htps:/w.aA0?&=#%()[]*_~,;! \n@\\{|\x00\ud800é-", max_size=80))
def test_never_raises_and_only_touches_safe_addresses(text: str) -> None:
    book = links.LinkBook(new_id(), new_id(), "https://s.id", b"k", {})
    assert book.replace(text, new_id()) == (text, None)
    for start, end in links.find_urls(text):
        assert links.safe_url(text[start:end]) is not None
