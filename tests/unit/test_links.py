"""Addresses in texts, what is safe to lead to, slugs."""

import pytest

from wa_app.kit.ids import new_id
from wa_app.sending import links


def urls(text: str) -> list[str]:
    return [text[a:b] for a, b in links.find_urls(text)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Lihat https://toko.id/a?b=1&c=2.", ["https://toko.id/a?b=1&c=2"]),
        ("(https://toko.id/a_(b)) dan *www.toko.id/x*", ["https://toko.id/a_(b)", "www.toko.id/x"]),
        ("HTTP://Toko.ID, https://a.b!", ["HTTP://Toko.ID", "https://a.b"]),
        ("https://toko.id\nhttps://toko.id", ["https://toko.id", "https://toko.id"]),
        ("toko.id mail@www.toko.id ftp://a.b javascript:alert(1)", []),
        ("https://localhost/x https:// https://a", []),
        ("https://user:pw@bank.id/x", []),
        ("https://toko.id:99999/ https://toko.id:8443/ok", ["https://toko.id:8443/ok"]),
    ],
)
def test_finds_addresses_and_leaves_the_sentence(text: str, found: list[str]) -> None:
    assert urls(text) == found


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)", "data:text/html,x", "//evil.example", "http:evil.example", "https://", "https://a\nb.c/",
        "https://good.example\\@evil.example", "https://a.b/\x00", "https://u@evil.example", "https://[::1", "x" * 3000,
        "https://a.b/" + "x" * 2048, "file:///etc/passwd", "https://a.b/ x",
    ],
)  # fmt: skip
def test_refuses_what_must_not_be_led_to(url: str) -> None:
    assert links.safe_url(url) is None


def test_a_bare_www_gets_a_scheme() -> None:
    assert links.safe_url("www.toko.id/a") == "https://www.toko.id/a"


def test_replaces_addresses_by_personal_ones() -> None:
    book = links.LinkBook(new_id(), new_id(), "https://s.id", b"key", {"https://toko.id/a": "abcde"})
    row = new_id()
    text, token = book.replace("Cek https://toko.id/a, lalu https://lain.id.", row)
    assert token == links.token(b"key", row)
    assert text == f"Cek https://s.id/link/abcde{token}, lalu https://lain.id."
    assert links.read_slug(f"abcde{token}") == ("abcde", token)
    assert book.replace("tanpa alamat", row) == ("tanpa alamat", None)


def test_tokens_need_the_key_and_differ_by_message() -> None:
    rows = [new_id() for _ in range(2000)]
    assert len({links.token(b"key", row) for row in rows}) == 2000
    assert links.token(b"key", rows[0]) != links.token(b"other", rows[0])


@pytest.mark.parametrize(
    "slug", ["", "abc", "abcdef", "abcde1234567", "abcde123456789", "abc-e", "abcde/../x", "ábcde"]
)
def test_odd_slugs_are_none_of_ours(slug: str) -> None:
    assert links.read_slug(slug) is None


def test_long_texts_are_searched_in_no_time() -> None:
    for text in ("https://a.b" + ")" * 60_000, "https://" * 8_000, "www." * 16_000, "https://a.b/" + "(" * 60_000):
        urls(text)
