"""Two conversations of one person become one in the customer pane, and two again."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.test_answers_story import Shopkeeper, shopkeeper  # noqa: F401  (a fixture)
from tests.browser.test_inbox import AT_ONCE_MS
from tests.browser.test_inbox_chat import begun
from tests.browser.test_look import serious, suits_everyone
from tests.browser.test_story import sandbox

pytestmark = pytest.mark.browser

FIRST, SECOND, OTHER = "Halo, ini nomor lama saya", "Saya ganti nomor", "6281277770092"


def test_two_conversations_become_one_and_two_again(
    shopkeeper: Callable[..., Shopkeeper],  # noqa: F811
) -> None:
    desk = begun(shopkeeper("id", 1280), "6281255550091", "6281277770091")
    page = desk.page
    page.goto("/inbox")
    desk.write(FIRST)
    body = {"from": OTHER, "text": SECOND, "name": "Budi Baru", "media": None}
    sandbox(desk.app, f"/sandbox/sessions/{desk.session}/inbound", body)
    desk.opens("Siti")
    expect(desk.bubble(FIRST)).to_be_visible(timeout=AT_ONCE_MS)

    # Refused in words: the other one has gone meanwhile. By keys alone.
    gone = desk.api("POST", "/contacts", {"phone": "+6281277770093", "name": "Cici Pergi"})
    page.locator("#merge-with").press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog.locator("#merge-find")).to_be_focused(timeout=AT_ONCE_MS)
    page.keyboard.type("cici")
    expect(dialog.locator(".pick-item")).to_have_count(1, timeout=AT_ONCE_MS)
    dialog.locator(".pick-item").press("Enter")
    back = dialog.get_by_role("button", name=desk.words("inbox_chat.merge.back"))
    expect(back).to_be_focused(timeout=AT_ONCE_MS)
    assert page.request.delete(f"{desk.app.base_url}/api/v1/contacts/{gone['id']}", headers={"Origin": desk.app.base_url}).ok
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(dialog.get_by_role("alert")).to_contain_text(desk.words("error.not_found"), timeout=AT_ONCE_MS)
    back.press("Enter")

    # Found by typing; the question names both, and nothing has happened before the answer.
    dialog.locator("#merge-find").fill("budi")
    found = dialog.locator(".pick-item")
    expect(found).to_have_count(1, timeout=AT_ONCE_MS)
    assert serious(page) == []
    found.click()
    expect(dialog).to_contain_text(desk.words("inbox_chat.merge.question", name="Siti", other="Budi Baru"), timeout=AT_ONCE_MS)
    assert serious(page) == []
    expect(desk.row("Budi Baru")).to_be_visible()
    dialog.get_by_role("button", name=desk.words("inbox_chat.merge.do")).click()
    expect(dialog).to_have_count(0, timeout=AT_ONCE_MS)

    # One talk with the lines of both, and the pane says of whom.
    for words in (FIRST, SECOND):
        expect(desk.bubble(words)).to_be_visible(timeout=AT_ONCE_MS)
    expect(page.locator(".chat-row")).to_have_count(1, timeout=AT_ONCE_MS)
    about = page.locator(".pane-about")
    expect(about).to_contain_text(desk.words("inbox_chat.about.merged", name="Budi Baru"), timeout=AT_ONCE_MS)
    suits_everyone(page)
    page.set_viewport_size({"width": 1280, "height": 844})

    # Taking apart is refused while an answer may still be decided, as it is for some seconds after each message.
    desk.until(desk.is_quiet, "nothing is to be answered")
    about.get_by_role("button", name=desk.words("inbox_chat.merge.apart")).click()
    expect(page.get_by_text(desk.words("inbox_chat.merge.apart.done"))).to_be_visible(timeout=AT_ONCE_MS)
    expect(desk.bubble(SECOND)).to_have_count(0, timeout=AT_ONCE_MS)
    expect(desk.bubble(FIRST)).to_be_visible()
    expect(about).not_to_contain_text(desk.words("inbox_chat.about.merged", name="Budi Baru"))
    desk.opens("Budi Baru")
    expect(desk.bubble(SECOND)).to_be_visible(timeout=AT_ONCE_MS)
    expect(desk.bubble(FIRST)).to_have_count(0)
