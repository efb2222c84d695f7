"""The shared inbox as a person uses it: a customer writes, a person answers, the machine keeps silent and comes back."""

import re
import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.test_answers_story import Shopkeeper, shopkeeper  # noqa: F401  (a fixture)
from tests.browser.test_look import suits_everyone
from tests.browser.test_story import PATIENCE_MS

pytestmark = pytest.mark.browser

AT_ONCE_MS = 5_000
"""A message is there in well under a second; a busy machine may take longer, a reload would never come."""
PRICE, ANSWER = "harganya berapa", "Mulai Rp 25.000, Kak."


class Desk(Shopkeeper):
    """Somebody who answers customers in the inbox."""

    def bubble(self, words: str, side: str = "in") -> Locator:
        return self.page.locator(f".bubble.{side}", has_text=words)

    def row(self, words: str) -> Locator:
        return self.page.locator(".chat-row", has_text=words)

    def answer(self, text: str) -> None:
        """Two lines by Shift, then Enter twice in a hurry."""
        field = self.page.locator("#composer")
        first, second = text.split("\n")
        field.fill(first)
        field.press("Shift+Enter")
        field.press_sequentially(second)
        field.press("Enter")
        field.press("Enter")

    def ours(self, words: str) -> int:
        return sum(words in one for one in self.received())


def test_a_person_answers_and_the_machine_keeps_silent(
    shopkeeper: Callable[..., Shopkeeper],  # noqa: F811
) -> None:
    told = shopkeeper("id", 1280)
    desk = Desk(told.app, told.page, told.language)
    desk.begin("6281255550031", "6281277770031")
    desk.api("POST", "/auto-replies", {"keywords": [PRICE], "match_type": "CONTAINS", "response_text": ANSWER, "name": "Harga"})
    desk.page.goto("/inbox")
    desk.see("inbox.empty.title")
    desk.write("Halo, masih buka?")
    expect(desk.row("Siti")).to_be_visible(timeout=AT_ONCE_MS)
    desk.row("Siti").click()
    expect(desk.bubble("Halo, masih buka?")).to_be_visible(timeout=AT_ONCE_MS)
    assert re.search(r"\?chat=[0-9a-f-]{36}$", desk.page.url)

    begun = time.monotonic()
    desk.write("Saya cari kopi.")
    expect(desk.bubble("Saya cari kopi.")).to_be_visible(timeout=AT_ONCE_MS)
    assert time.monotonic() - begun < AT_ONCE_MS / 1000

    desk.answer("Masih, Kak.\nSampai jam 9.")
    desk.gets("Masih, Kak.")
    expect(desk.bubble("Sampai jam 9.", "out")).to_have_count(1)
    expect(desk.bubble("Sampai jam 9.", "out").get_by_text(desk.words("status.read"))).to_have_count(1, timeout=PATIENCE_MS)
    assert desk.received().count("Masih, Kak.\nSampai jam 9.") == 1

    desk.write(f"Kopi susu {PRICE}?")
    desk.until(lambda: "human" in str(desk.decided()), "the question was decided")
    assert desk.ours(ANSWER) == 0

    desk.page.get_by_role("switch", name=desk.words("inbox.bot")).click()
    expect(desk.page.get_by_role("switch", name=desk.words("inbox.bot"))).to_have_attribute("aria-checked", "true")
    desk.write(f"Es kopi {PRICE}?")
    desk.gets(ANSWER)
    by_rule = desk.bubble(ANSWER, "out")
    expect(by_rule).to_have_count(1, timeout=AT_ONCE_MS)
    by_rule.locator("button.by").click()
    expect(desk.page.locator(".pane-about .trace")).to_contain_text("Harga")
    assert desk.ours(ANSWER) == 1

    desk.page.reload()
    expect(desk.bubble("Sampai jam 9.", "out")).to_have_count(1, timeout=PATIENCE_MS)


def test_everybody_can_use_it_without_a_mouse_and_on_a_phone(
    shopkeeper: Callable[..., Shopkeeper],  # noqa: F811
) -> None:
    told = shopkeeper("en", 390)
    desk = Desk(told.app, told.page, told.language)
    desk.begin("6281255550032", "6281277770032")
    page = desk.page
    page.goto("/inbox")
    desk.see("inbox.empty.title")
    desk.write("Halo, ada yang bisa bantu?")
    desk.write("Saya di Malang.")
    desk.row("Siti").click()
    expect(desk.bubble("Saya di Malang.")).to_be_visible(timeout=AT_ONCE_MS)
    expect(page.locator(".pane-list")).to_be_hidden()
    sizes = page.evaluate("[innerHeight, document.querySelector('.reply-box').getBoundingClientRect().bottom]")
    assert sizes[1] <= sizes[0], "the field stands inside the window"
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        suits_everyone(page)
    page.set_viewport_size({"width": 390, "height": 844})
    page.get_by_role("button", name=desk.words("inbox.back"), exact=True).click()
    expect(desk.row("Siti")).to_be_visible()
    expect(page.locator(".pane-chat")).to_be_hidden()

    page.set_viewport_size({"width": 1280, "height": 844})
    page.keyboard.press("j")
    expect(desk.row("Siti")).to_be_focused()
    page.keyboard.press("Enter")
    expect(desk.bubble("Saya di Malang.")).to_be_visible(timeout=AT_ONCE_MS)
    page.keyboard.press("r")
    expect(page.locator("#composer")).to_be_focused()
    page.keyboard.type("Sure, coming.")
    page.keyboard.press("Enter")
    desk.gets("Sure, coming.")


def test_a_chat_of_somebody_else_is_nowhere(
    shopkeeper: Callable[..., Shopkeeper],  # noqa: F811
) -> None:
    told = shopkeeper("en", 1280)
    told.sign_up()
    told.page.goto("/inbox?chat=01a2219a-9790-77c4-be19-873590879dab")
    told.see("inbox.gone")
