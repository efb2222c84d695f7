"""The window of the official API closes while the conversation is open, and nothing happens meanwhile."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.test_answers_story import Shopkeeper, shopkeeper  # noqa: F401  (a fixture)
from tests.browser.test_inbox import AT_ONCE_MS
from tests.browser.test_inbox_chat import begun, execute, in_thread
from tests.browser.test_inbox_marks import says
from tests.browser.test_look import suits_everyone
from tests.browser.test_story import PATIENCE_MS

pytestmark = pytest.mark.browser

WRONG_CLOCK = "(() => { const right = Date.now; Date.now = () => right() + 3 * 3600e3; })()"
"""A browser that is three hours ahead."""
MOVED = """
WITH d AS (UPDATE devices SET channel = $2 WHERE id = (SELECT device_id FROM conversations WHERE id = $1::uuid))
UPDATE conversations SET last_inbound_at = now() - interval '24 hours' + make_interval(secs => $3) WHERE id = $1::uuid
"""


def test_the_window_closes_without_any_event(
    shopkeeper: Callable[..., Shopkeeper],  # noqa: F811
) -> None:
    desk = begun(shopkeeper("en", 1280), "6281255550078", "6281277770078")
    page = desk.page
    page.add_init_script(WRONG_CLOCK)
    page.goto("/inbox")
    says(desk, "Halo")
    desk.opens("Siti")
    closes, locked = page.locator(".window-ends"), page.locator(".locked-words")

    def lasts(channel: str, seconds: float) -> None:
        in_thread(execute(desk.app.superuser_url, MOVED, desk.chat, channel, seconds))
        page.reload()
        expect(desk.field).to_be_visible(timeout=PATIENCE_MS)

    lasts("waha", 0)
    expect(closes).to_have_count(0)
    lasts("cloud", 5400)
    expect(closes).to_have_count(0)
    lasts("cloud", 14 * 60 - 20)
    expect(closes).to_contain_text(desk.words("inbox_chat.window.closes", n=14))
    expect(closes.get_by_role("status")).to_have_text(desk.words("inbox_chat.window.within", n=15))
    suits_everyone(page)
    page.set_viewport_size({"width": 1280, "height": 844})
    page.get_by_role("tab", name=desk.words("inbox_chat.note")).click()
    expect(closes).to_have_count(0)

    # It closes over a text that is kept.
    lasts("cloud", 20)
    expect(closes).to_contain_text(desk.words("inbox_chat.window.closes", n=1))
    desk.field.fill("Masih ada, Kak")
    expect(locked).to_contain_text(desk.words("error.window_closed"), timeout=PATIENCE_MS)
    expect(locked).to_contain_text(desk.words("inbox_chat.shut.kept"))
    expect(desk.field).to_have_count(0)
    expect(closes).to_have_count(0)

    in_thread(execute(desk.app.superuser_url, MOVED, desk.chat, "waha", 0))
    says(desk, "Jadi?")
    expect(desk.field).to_have_value("Masih ada, Kak", timeout=AT_ONCE_MS)
