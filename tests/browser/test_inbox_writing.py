"""What is written in the open conversation: drafts, quick replies, messages for later, files, messages once more."""

import base64
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.test_answers_story import Shopkeeper, shopkeeper  # noqa: F401  (a fixture)
from tests.browser.test_inbox import AT_ONCE_MS
from tests.browser.test_inbox_chat import begun
from tests.browser.test_story import PATIENCE_MS, sandbox
from tests.fixtures.scans import receipt_jpeg

pytestmark = pytest.mark.browser

_DROP = """
([name, type, base64]) => {
  const bytes = Uint8Array.from(atob(base64), (one) => one.charCodeAt(0));
  const data = new DataTransfer();
  data.items.add(new File([bytes], name, { type }));
  return data;
}
"""

_QUOTES_AT_ONCE = """
() => new Promise((done) => {
  [...document.querySelectorAll(".bubble.in button.answer")].at(-1).click();
  setTimeout(() => done(document.querySelector(".quoting")?.textContent ?? ""), 0);
})
"""


def test_what_is_written_stays_and_leaves_when_it_should(
    shopkeeper: Callable[..., Shopkeeper],  # noqa: F811
) -> None:
    desk = begun(shopkeeper("id", 1280), "6281255550063", "6281277770063")
    page = desk.page
    desk.api("POST", "/quick-replies", {"shortcut": "rekening", "title": "Nomor rekening", "body": "Kak {{name}}, BCA 123."})
    page.goto("/inbox")
    desk.write("Halo")
    desk.opens("Siti")

    # A draft is there after a reload, and gone once it was sent.
    desk.field.fill("Baik, saya cek")
    desk.until(lambda: desk.api("GET", f"/chats/{desk.chat}/draft")["text"] == "Baik, saya cek", "the draft is kept")
    page.reload()
    expect(desk.field).to_have_value("Baik, saya cek", timeout=PATIENCE_MS)
    desk.field.press("Enter")
    desk.gets("Baik, saya cek")
    desk.until(lambda: desk.api("GET", f"/chats/{desk.chat}/draft")["text"] == "", "the draft is gone")

    # An answer to a line: its quote stands in the field before the server can have said so.
    assert page.evaluate(_QUOTES_AT_ONCE) == "Halo"
    desk.field.fill("Halo juga")
    desk.field.press("Enter")
    expect(page.locator(".quoting")).to_have_count(0)
    expect(desk.bubble("Halo juga", "out").locator(".quote")).to_have_text("Halo", timeout=AT_ONCE_MS)

    # A quick reply by its word, with the customer's name in it; then a value and an emoji by hand.
    desk.field.press_sequentially("/rek")
    expect(page.get_by_role("option", name="/rekening")).to_be_visible(timeout=AT_ONCE_MS)
    desk.field.press("Enter")
    expect(desk.field).to_have_value("Kak Siti, BCA 123.", timeout=AT_ONCE_MS)
    desk.named("inbox_chat.values").click()
    desk.panel.get_by_role("button", name=re.compile("Siti")).first.click()
    desk.named("inbox.emoji").click()
    desk.panel.get_by_role("button", name="🙏").click()
    page.keyboard.press("Escape")
    expect(desk.field).to_have_value("Kak Siti, BCA 123.Siti🙏")
    desk.field.press("Enter")
    desk.gets("Kak Siti, BCA 123.Siti🙏")

    # Later: it waits above the field, and is taken back; nothing of it has left.
    desk.field.fill("Besok kami kirim")
    desk.named("inbox_chat.later").click()
    desk.choose("inbox_chat.time.tomorrow")
    waiting = page.locator(".waiting li")
    expect(waiting).to_contain_text("Besok kami kirim", timeout=AT_ONCE_MS)
    page.reload()
    expect(waiting).to_contain_text("Besok kami kirim", timeout=PATIENCE_MS)
    waiting.get_by_role("button").click()
    expect(waiting).to_have_count(0, timeout=AT_ONCE_MS)
    assert desk.ours("Besok") == 0

    # A file by drop, one by paste.
    for kind, words in (("drop", "Fotonya"), ("paste", "Satu lagi")):
        data = page.evaluate_handle(_DROP, ["bukti.jpg", "image/jpeg", base64.b64encode(receipt_jpeg()).decode()])
        if kind == "drop":
            page.dispatch_event(".reply-box", "drop", {"dataTransfer": data})
        else:
            page.evaluate("data => document.querySelector('#composer').dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true }))", data)
        expect(page.locator(".attach-row")).to_contain_text("bukti.jpg", timeout=AT_ONCE_MS)
        expect(page.locator(".attach-row [role=progressbar]")).to_have_count(0, timeout=PATIENCE_MS)
        desk.field.fill(words)
        desk.field.press("Enter")
        desk.gets(words)
        expect(desk.bubble(words, "out").locator("img")).to_be_visible(timeout=PATIENCE_MS)


def test_what_failed_is_sent_again_once(
    shopkeeper: Callable[..., Shopkeeper],  # noqa: F811
) -> None:
    desk = begun(shopkeeper("en", 1280), "6281255550064", "6281277770064")
    desk.page.goto("/inbox")
    desk.write("Halo")
    desk.opens("Siti")
    fault = sandbox(desk.app, "/sandbox/faults", {"kind": "no_lid", "session": desk.session, "count": 1})
    desk.field.fill("Pesanan siap")
    desk.field.press("Enter")
    failed = desk.page.locator(".bubble.out", has_text="Pesanan siap").first
    expect(failed.locator(".sent-wrong")).to_be_visible(timeout=PATIENCE_MS)
    sandbox(desk.app, f"/sandbox/faults/{fault['id']}", None, "DELETE")
    failed.get_by_role("button", name=desk.words("inbox_chat.again")).click()
    desk.gets("Pesanan siap")
    expect(desk.bubble("Pesanan siap", "out")).to_have_count(2, timeout=AT_ONCE_MS)
    assert desk.ours("Pesanan siap") == 1
