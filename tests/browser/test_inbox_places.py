"""A place in a long talk: found by words, by day, and what came while the tab was away."""

from collections.abc import Callable
from functools import partial

import pytest
from playwright.sync_api import expect

from tests.browser.test_answers_story import Shopkeeper, shopkeeper  # noqa: F401  (a fixture)
from tests.browser.test_inbox import AT_ONCE_MS
from tests.browser.test_inbox_chat import begun, execute, in_thread
from tests.browser.test_story import PATIENCE_MS

pytestmark = pytest.mark.browser


def test_a_place_in_a_long_talk(
    shopkeeper: Callable[..., Shopkeeper],  # noqa: F811
) -> None:
    desk = begun(shopkeeper("id", 1280), "6281255550065", "6281277770065")
    page = desk.page
    page.goto("/inbox")
    desk.write("Kalimat pertama sekali")
    desk.opens("Siti")
    # A long talk, of which the first line was three days ago. (The full stop keeps "3" from reading as "300" at 00.22.)
    fill = """
    INSERT INTO messages (id, tenant_id, conversation_id, device_id, contact_id, direction, sender, type, text, provider_message_id, timestamp)
    SELECT gen_random_uuid(), m.tenant_id, m.conversation_id, m.device_id, m.contact_id, 'INBOUND', 'contact', 'text', 'Baris ' || n || '.',
      'fill-' || m.id || n, m.timestamp - interval '2 days' + n * interval '1 second'
    FROM messages m, generate_series(1, 300) n WHERE m.conversation_id = $1::uuid AND m.text = 'Kalimat pertama sekali'
    """
    move = "UPDATE messages SET timestamp = timestamp - interval '3 days' WHERE conversation_id = $1::uuid AND text = 'Kalimat pertama sekali'"
    in_thread(execute(desk.app.superuser_url, fill, desk.chat))
    in_thread(execute(desk.app.superuser_url, move, desk.chat))
    # The tab is away while the customer writes on. Nobody tells it, for nobody listens; it is the same tab when it is back.
    address = page.url
    page.goto("/healthz")
    for words in ("Masih ada?", "Halo lagi"):
        desk.write(words)
        desk.until(partial(desk.is_newest, words), "it has arrived")
    desk.until(desk.is_quiet, "all has been decided")
    page.goto(address)
    expect(desk.row("Siti")).to_contain_text("Halo lagi", timeout=AT_ONCE_MS)
    for words in ("Baris 300.", "Halo lagi"):
        expect(desk.bubble(words)).to_be_visible(timeout=AT_ONCE_MS)

    page.get_by_role("button", name=desk.words("inbox.search"), exact=True).click()
    page.locator("#inbox-search").fill("kalimat pertama")
    page.locator(".found mark").first.click()
    first = desk.bubble("Kalimat pertama sekali")
    expect(first).to_be_in_viewport(timeout=PATIENCE_MS)
    expect(desk.bubble("Baris 300.")).to_have_count(0)
    page.locator("#inbox-search").press("Escape")
    # On from there, page by page.
    for number in (60, 100):
        page.locator(".thread > .chat").evaluate("(el) => { el.scrollTop = el.scrollHeight; }")
        expect(desk.bubble(f"Baris {number}.")).to_have_count(1, timeout=PATIENCE_MS)
    desk.menu("inbox_chat.day")
    day = page.evaluate("new Intl.DateTimeFormat('en-CA', { timeZone: 'Asia/Jakarta' }).format(Date.now() - 3 * 86400000)")
    page.locator(".panel input[type=date]").fill(day)
    desk.choose("inbox_chat.day.go")
    expect(first).to_be_in_viewport(timeout=PATIENCE_MS)
    page.locator(".to-end").click()
    expect(desk.bubble("Baris 300.")).to_be_in_viewport(timeout=PATIENCE_MS)
