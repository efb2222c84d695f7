"""One person's draft on two screens: it follows where nobody writes, and no text is lost where somebody does."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_answers_story import Shopkeeper, shopkeeper  # noqa: F401  (a fixture)
from tests.browser.test_inbox import AT_ONCE_MS
from tests.browser.test_inbox_chat import Talker, begun
from tests.browser.test_inbox_list import second  # noqa: F401  (a fixture)
from tests.browser.test_inbox_marks import says
from tests.browser.test_look import suits_everyone
from tests.browser.test_story import PATIENCE_MS

pytestmark = pytest.mark.browser


def test_a_draft_follows_to_the_other_screen(
    shopkeeper: Callable[..., Shopkeeper],  # noqa: F811
    second: Callable[[Page], Page],  # noqa: F811
) -> None:
    desk = begun(shopkeeper("en", 1280), "6281255550079", "6281277770079")
    other = Talker(desk.app, second(desk.page), desk.language)
    for one in (desk, other):
        one.page.goto("/inbox")
        one.see("inbox.empty.title")
    says(desk, "Ada warna lain?")
    for one in (desk, other):
        one.opens("Siti")

    def kept(words: str) -> None:
        desk.until(lambda: desk.api("GET", f"/chats/{desk.chat}/draft")["text"] == words, f"the draft is {words!r}")

    def field(one: Talker, words: str) -> None:
        expect(one.field).to_have_value(words, timeout=AT_ONCE_MS)

    # Untouched, the other field takes over, goes on from there, and is emptied when the text has left.
    desk.field.press_sequentially("Ada, Kak.")
    field(other, "Ada, Kak.")
    other.field.press_sequentially(" Merah")
    kept("Ada, Kak. Merah")
    field(desk, "Ada, Kak. Merah")
    desk.field.press("Enter")
    desk.gets("Ada, Kak. Merah")
    field(desk, "")
    field(other, "")
    expect(other.page.locator(".other-draft")).to_have_count(0)

    # Written on both at once: neither is lost, on the server nor on the screens, whatever one goes on writing.
    other.page.context.set_offline(True)
    other.field.fill("Biru saja")
    desk.field.fill("Hijau saja")
    kept("Hijau saja")
    other.page.context.set_offline(False)
    told = other.page.locator(".other-draft")
    expect(told).to_contain_text("Hijau saja", timeout=PATIENCE_MS)
    suits_everyone(other.page)
    other.page.set_viewport_size({"width": 1280, "height": 844})
    other.field.press_sequentially(", Kak")
    field(other, "Biru saja, Kak")
    assert desk.api("GET", f"/chats/{desk.chat}/draft")["text"] == "Hijau saja"
    other.page.reload()
    expect(told).to_contain_text("Hijau saja", timeout=PATIENCE_MS)
    field(other, "Biru saja, Kak")
    told.get_by_role("button", name=other.words("inbox_chat.draft.both")).click()
    field(other, "Biru saja, Kak\nHijau saja")
    kept("Biru saja, Kak\nHijau saja")
    field(desk, "Biru saja, Kak\nHijau saja")

    # What is sent while another text waits leaves that one where it is.
    other.page.context.set_offline(True)
    other.field.fill("Sebentar")
    desk.field.fill("Kuning juga ada")
    kept("Kuning juga ada")
    other.page.context.set_offline(False)
    expect(told).to_contain_text("Kuning juga ada", timeout=PATIENCE_MS)
    other.field.press("Enter")
    desk.gets("Sebentar")
    field(other, "Kuning juga ada")
    field(desk, "Kuning juga ada")
    kept("Kuning juga ada")
