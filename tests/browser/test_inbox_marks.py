"""What the inbox marks without being asked: drafts and order in the list, unread, notifications, why one may not write, changed messages."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_answers_story import Shopkeeper, shopkeeper  # noqa: F401  (a fixture)
from tests.browser.test_inbox import AT_ONCE_MS
from tests.browser.test_inbox_chat import Talker, begun, colleague, execute, in_thread  # noqa: F401  (a fixture)
from tests.browser.test_inbox_list import second  # noqa: F401  (a fixture)
from tests.browser.test_look import suits_everyone
from tests.browser.test_story import PATIENCE_MS, sandbox

pytestmark = pytest.mark.browser

# What a browser does that nobody can see or hear in a test: notifications, tones, a page that is out of sight.
EARS = """
window.told = []; window.tones = 0; window.out = false;
Object.defineProperty(document, 'hidden', { get: () => window.out });
window.leave = (out) => { window.out = out; document.dispatchEvent(new Event('visibilitychange')); };
window.Notification = class { constructor(title, more) { window.told.push([title, more.body]); } close() {} };
window.Notification.permission = 'granted';
const start = OscillatorNode.prototype.start;
OscillatorNode.prototype.start = function (at) { window.tones += 1; return start.call(this, at); };
"""


def says(desk: Talker, text: str, phone: str = "", name: str = "Siti") -> None:
    """A customer writes."""
    sandbox(desk.app, f"/sandbox/sessions/{desk.session}/inbound", {"from": phone or desk.customer, "text": text, "name": name})


def names(desk: Talker, *expected: str) -> None:
    expect(desk.page.locator(".chat-row .name")).to_have_text(list(expected), timeout=PATIENCE_MS)


def test_drafts_and_order_in_the_list(
    shopkeeper: Callable[..., Shopkeeper],  # noqa: F811
    second: Callable[[Page], Page],  # noqa: F811
    colleague: Callable[..., Talker],  # noqa: F811
) -> None:
    desk = begun(shopkeeper("id", 1280), "6281255550071", "6281277770071")
    page, other = desk.page, Talker(desk.app, second(desk.page), desk.language)
    ani = colleague(desk, "Ani Lestari")
    for one in (desk, other, ani):
        one.page.goto("/inbox")
        one.see("inbox.empty.title")
    says(desk, "Ada warna lain?")
    desk.opens("Siti")
    desk.field.press_sequentially("Ada, Kak")
    draft = f"{desk.words('inbox_list.draft')}: Ada, Kak"
    for one in (desk, other):
        expect(one.row("Siti").locator(".last")).to_have_text(draft, timeout=AT_ONCE_MS)
    expect(ani.row("Siti").locator(".last")).to_have_text("Ada warna lain?")
    suits_everyone(page)
    page.set_viewport_size({"width": 1280, "height": 844})
    desk.field.press("Enter")
    desk.gets("Ada, Kak")
    for one in (desk, other, ani):
        expect(one.row("Siti").locator(".draft")).to_have_count(0, timeout=AT_ONCE_MS)
    # A file that waits is a draft, too; emptied, it is none.
    other.opens("Siti")
    other.page.locator(".reply-box input[type=file]").first.set_input_files({"name": "harga.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.4\n%%EOF"})
    attached = f"{desk.words('inbox_list.draft')}: {desk.words('inbox_list.draft.file')}"
    expect(desk.row("Siti").locator(".last")).to_have_text(attached, timeout=AT_ONCE_MS)
    other.page.locator(".attach-row").get_by_role("button").click()
    expect(desk.row("Siti").locator(".draft")).to_have_count(0, timeout=AT_ONCE_MS)

    # Who has waited longest comes first: Budi, then Citra; Siti was answered.
    says(desk, "Pagi", "6281277770072", "Budi")
    names(desk, "Budi", "Siti")
    says(desk, "Siang", "6281277770073", "Citra")
    names(desk, "Citra", "Budi", "Siti")
    page.get_by_role("button", name=desk.words("inbox_list.filter"), exact=True).click()
    page.get_by_label(desk.words("inbox_list.sort")).select_option("waiting")
    page.keyboard.press("Escape")
    names(desk, "Budi", "Citra", "Siti")
    says(desk, "Masih di sana?", "6281277770073", "Citra")
    expect(desk.row("Citra").locator(".last")).to_have_text("Masih di sana?", timeout=AT_ONCE_MS)
    names(desk, "Budi", "Citra", "Siti")
    page.reload()
    names(desk, "Budi", "Citra", "Siti")
    assert "sort=waiting" in page.url
    page.locator(".in-force").get_by_role("button").click()
    names(desk, "Citra", "Budi", "Siti")
    assert "sort=" not in page.url


def test_unread_notifications_and_what_happens_to_messages(
    shopkeeper: Callable[..., Shopkeeper],  # noqa: F811
    second: Callable[[Page], Page],  # noqa: F811
) -> None:
    desk = begun(shopkeeper("en", 1280), "6281255550074", "6281277770074")
    page, elsewhere = desk.page, second(desk.page)
    page.add_init_script(EARS)
    page.goto("/inbox")
    desk.see("inbox.empty.title")
    elsewhere.goto("/contacts")
    number = elsewhere.locator(".nav-count:visible").first
    says(desk, "Halo")
    desk.opens("Siti")
    expect(desk.row("Siti").locator(".count-pill")).to_have_count(0, timeout=AT_ONCE_MS)
    desk.api("POST", f"/chats/{desk.chat}/assign", {"user_id": desk.api("GET", "/auth/me")["user"]["id"]})
    expect(desk.row("Siti").locator(".holder.mine")).to_be_visible(timeout=AT_ONCE_MS)

    def told() -> Any:
        return page.evaluate("[window.told, window.tones]")

    # Before somebody's eyes nothing is told; out of their sight it is, once, and stays unread; other pages know.
    says(desk, "Masih buka?")
    expect(desk.bubble("Masih buka?")).to_be_visible(timeout=AT_ONCE_MS)
    expect(desk.row("Siti").locator(".count-pill")).to_have_count(0, timeout=AT_ONCE_MS)
    page.evaluate("leave(true)")
    says(desk, "Kak?")
    page.wait_for_function("window.told.length", timeout=AT_ONCE_MS)
    expect(desk.bubble("Kak?")).to_be_visible(timeout=AT_ONCE_MS)
    expect(desk.row("Siti").locator(".count-pill")).to_contain_text("1")
    expect(number).to_contain_text("1", timeout=AT_ONCE_MS)
    found, tones = told()
    assert (found, tones > 0) == ([["Siti", "Kak?"]], True)
    page.evaluate("leave(false)")
    expect(desk.row("Siti").locator(".count-pill")).to_have_count(0, timeout=AT_ONCE_MS)
    expect(number).to_be_hidden(timeout=AT_ONCE_MS)
    expect(page.locator(".fresh + * .bubble, .fresh + .bubble").first).to_contain_text("Kak?")

    # Others' conversations are told of when one asks for it; silent and without words when one wants that.
    says(desk, "Pagi", "6281277770075", "Budi")
    expect(desk.row("Budi")).to_be_visible(timeout=AT_ONCE_MS)
    page.get_by_role("button", name=desk.words("inbox_list.bell.title")).click()
    for key, on in (("all", True), ("sound", False), ("words", False)):
        box = page.get_by_label(desk.words(f"inbox_list.bell.{key}"), exact=key != "words")
        box.set_checked(on)
    page.keyboard.press("Escape")
    before = told()[1]
    says(desk, "Rahasia", "6281277770076", "Citra")
    page.wait_for_function("window.told.length > 1", timeout=AT_ONCE_MS)
    assert told() == [[["Siti", "Kak?"], ["Citra", desk.words("inbox_list.bell.wrote")]], before]

    # What the customer does to messages changes the bubbles that are on show.
    chat = {"chat": f"{desk.customer}@c.us"}
    desk.field.fill("Buka sampai jam 9")
    desk.field.press("Enter")
    desk.gets("Buka sampai jam 9")
    ours = desk.bubble("Buka sampai jam 9", "out")
    expect(ours).to_have_count(1, timeout=AT_ONCE_MS)
    for emoji in ("🙏", "❤️"):
        sandbox(desk.app, f"/sandbox/sessions/{desk.session}/react", {**chat, "emoji": emoji})
        expect(ours.locator(".reactions")).to_have_text(emoji, timeout=AT_ONCE_MS)
    sandbox(desk.app, f"/sandbox/sessions/{desk.session}/react", {**chat, "emoji": ""})
    expect(ours.locator(".reactions")).to_have_count(0, timeout=AT_ONCE_MS)
    sandbox(desk.app, f"/sandbox/sessions/{desk.session}/edit", {**chat, "text": "Kak, masih buka?"})
    edited = desk.bubble("Kak, masih buka?")
    expect(edited).to_contain_text(desk.words("inbox_chat.edited"), timeout=AT_ONCE_MS)
    sandbox(desk.app, f"/sandbox/sessions/{desk.session}/revoke", chat)
    expect(edited.locator(".gone-words")).to_be_visible(timeout=AT_ONCE_MS)
    expect(edited.locator(".taken-back")).to_have_count(1)


def test_the_field_says_why_nobody_may_write(
    shopkeeper: Callable[..., Shopkeeper],  # noqa: F811
) -> None:
    desk = begun(shopkeeper("id", 1280), "6281255550077", "6281277770077")
    page = desk.page
    page.goto("/inbox")
    says(desk, "Halo")
    desk.opens("Siti")
    expect(desk.field).to_be_visible()
    locked = page.locator(".locked-words")

    def is_shut(code: str, href: str = "") -> None:
        expect(locked).to_contain_text(desk.words(f"error.{code}"), timeout=PATIENCE_MS)
        expect(locked).to_contain_text(desk.words(f"inbox_chat.shut.{code}"))
        expect(locked.get_by_role("link")).to_have_count(1 if href else 0)
        if href:
            expect(locked.get_by_role("link")).to_have_attribute("href", href)
        expect(desk.field).to_have_count(0)

    sandbox(desk.app, f"/sandbox/sessions/{desk.session}/drop", {"status": "FAILED", "back_after_s": 8})
    is_shut("device_down", "/devices")
    suits_everyone(page)
    page.set_viewport_size({"width": 1280, "height": 844})
    expect(desk.field).to_be_visible(timeout=PATIENCE_MS)

    page.locator("#chat-menu").click()
    desk.choose("inbox_chat.block")
    desk.choose("inbox_chat.block.do")
    is_shut("recipient_suppressed", "/blacklist")
    page.locator("#chat-menu").click()
    desk.choose("inbox_chat.unblock")
    desk.choose("inbox_chat.unblock.do")
    expect(desk.field).to_be_visible(timeout=PATIENCE_MS)

    # The official API closes its window after a day of silence; a customer who writes opens it.
    moved = "WITH d AS (UPDATE devices SET channel = 'cloud' WHERE id = (SELECT device_id FROM conversations WHERE id = $1::uuid)) UPDATE conversations SET last_inbound_at = now() - interval '25 hours' WHERE id = $1::uuid"
    in_thread(execute(desk.app.superuser_url, moved, desk.chat))
    page.reload()
    is_shut("window_closed")
    page.get_by_role("tab", name=desk.words("inbox_chat.note")).click()
    expect(desk.field).to_be_visible()
    page.get_by_role("tab", name=desk.words("inbox.reply")).click()
    in_thread(execute(desk.app.superuser_url, "UPDATE devices SET channel = 'waha' WHERE id = (SELECT device_id FROM conversations WHERE id = $1::uuid)", desk.chat))
    says(desk, "Saya masih menunggu")
    expect(desk.bubble("Saya masih menunggu")).to_be_visible(timeout=PATIENCE_MS)
    expect(desk.field).to_be_visible(timeout=PATIENCE_MS)
