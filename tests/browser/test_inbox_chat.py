"""The open conversation as people work in it: two of a team at once, notes, the menu, the person, a phone."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import asyncpg
import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from tests.browser.test_answers_story import Shopkeeper, shopkeeper  # noqa: F401  (a fixture)
from tests.browser.test_inbox import AT_ONCE_MS, Desk
from tests.browser.test_look import suits_everyone
from tests.browser.test_story import PASSWORD, PATIENCE_MS
from tests.fixtures.app import RunningApp
from wa_app.kit.ids import new_id

pytestmark = pytest.mark.browser

PRICE, ANSWER = "harganya berapa", "Mulai Rp 25.000, Kak."
_JOIN = """
WITH u AS (
  INSERT INTO users (id, email, name, password_hash, language)
  SELECT $1, $2, $3, o.password_hash, o.language FROM users o WHERE o.id = $4 RETURNING id)
INSERT INTO memberships (tenant_id, user_id, role_id)
SELECT m.tenant_id, u.id, coalesce((SELECT r.id FROM roles r WHERE r.tenant_id = m.tenant_id AND r.key = $5), m.role_id)
FROM memberships m, u WHERE m.user_id = $4
"""

UNDECIDED = "SELECT 1 FROM answer_turns WHERE conversation_id = $1::uuid AND state IN ('waiting', 'deciding', 'answering')"
CHOOSE = """async (el) => {
    el.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true, cancelable: true }));
    for (let n = 0; n < 5; n += 1) await null;
    document.execCommand('insertText', false, 'x');
    for (let n = 0; n < 3; n += 1) await new Promise(requestAnimationFrame);
    const behind = el.selectionStart;
    document.execCommand('delete');
    return behind;
}"""
"""Enter, and a letter before the next frame; where the caret stands then."""


class Talker(Desk):
    """Somebody in an open conversation."""

    @property
    def field(self) -> Locator:
        return self.page.locator("#composer")

    @property
    def panel(self) -> Locator:
        return self.page.locator(".panel")

    def named(self, key: str, **args: str | int) -> Locator:
        return self.page.get_by_role("button", name=self.words(key, **args), exact=True).locator("visible=true").first

    def opens(self, name: str) -> None:
        expect(self.row(name)).to_be_visible(timeout=AT_ONCE_MS)
        self.row(name).click()
        expect(self.field.or_(self.page.locator(".locked-words"))).to_be_visible(timeout=AT_ONCE_MS)

    def menu(self, key: str) -> None:
        """One line of the conversation's menu."""
        self.page.locator("#chat-menu").click()
        self.panel.get_by_role("button", name=self.words(key)).click()

    def choose(self, key: str, **args: str | int) -> None:
        self.panel.get_by_role("button", name=self.words(key, **args)).first.click()

    def is_newest(self, words: str) -> bool:
        return bool(self.api("GET", "/chats")["items"][0]["last_text"] == words)

    def is_quiet(self) -> bool:
        """Whether no answer is being decided any more, so that no news of one will come."""
        return not in_thread(execute(self.app.superuser_url, UNDECIDED, self.chat))

    def note(self, text: str, name: str = "") -> None:
        self.page.get_by_role("tab", name=self.words("inbox_chat.note")).click()
        expect(self.field).to_have_attribute("aria-label", self.words("inbox_chat.note"))
        if name:
            self.field.press_sequentially(f"@{name[:3].lower()}")
            expect(self.page.get_by_role("option", name=f"@{name}")).to_be_visible(timeout=AT_ONCE_MS)
            assert self.field.evaluate(CHOOSE) == len(f"@{name} x")
        self.field.press_sequentially(text)
        self.field.press("Enter")
        expect(self.bubble(text, "note")).to_be_visible(timeout=AT_ONCE_MS)


def in_thread(work: Coroutine[Any, Any, Any]) -> Any:
    """The browser keeps a loop running in this thread."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


async def execute(address: str, query: str, *values: Any) -> list[Any]:
    connection = await asyncpg.connect(address.replace("postgresql+asyncpg", "postgresql"))
    try:
        found: list[Any] = await connection.fetch(query, *values)
        return found
    finally:
        await connection.close()


@pytest.fixture
def colleague(app: RunningApp, browser: Browser) -> Iterator[Callable[[Desk, str], Talker]]:
    """A second person of the same tenant, in a browser of their own; of the same role, unless another is named."""
    contexts: list[BrowserContext] = []

    def join(desk: Desk, name: str, role: str = "") -> Talker:
        owner = desk.api("GET", "/auth/me")["user"]["id"]
        email = f"{new_id()}@example.com"
        in_thread(execute(app.superuser_url, _JOIN, new_id(), email, name, owner, role))
        context = browser.new_context(base_url=app.base_url, viewport={"width": 1280, "height": 844}, reduced_motion="reduce")
        contexts.append(context)
        context.add_init_script(f"localStorage.setItem('sapa_lang', '{desk.language}')")
        page: Page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.goto("/login")
        page.fill("input[name=email]", email)
        page.fill("input[name=password]", PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url(lambda url: url.rstrip("/") == app.base_url, timeout=PATIENCE_MS)
        return Talker(desk.app, page, desk.language)

    yield join
    for context in contexts:
        context.close()


def begun(told: Shopkeeper, phone: str, customer: str) -> Talker:
    desk = Talker(told.app, told.page, told.language)
    desk.begin(phone, customer)
    return desk


def test_two_of_a_team_share_a_conversation(
    shopkeeper: Callable[..., Shopkeeper],  # noqa: F811
    colleague: Callable[[Desk, str], Talker],
) -> None:
    desk = begun(shopkeeper("id", 1280), "6281255550061", "6281277770061")
    desk.api("POST", "/auto-replies", {"keywords": [PRICE], "match_type": "CONTAINS", "response_text": ANSWER, "name": "Harga"})
    ani = colleague(desk, "Ani Lestari")
    for one in (desk, ani):
        one.page.goto("/inbox")
        one.see("inbox.empty.title")
    desk.write("Halo, masih buka?")
    for one in (desk, ani):
        one.opens("Siti")
        expect(one.bubble("Halo, masih buka?")).to_be_visible(timeout=AT_ONCE_MS)

    # One takes it; the other sees whose it is, and who writes.
    desk.page.locator("#chat-assign").click()
    desk.choose("inbox_chat.assign.me")
    expect(ani.page.locator("#chat-assign")).to_contain_text("Ratna Wulandari", timeout=AT_ONCE_MS)
    desk.field.press_sequentially("Masih")
    expect(ani.page.get_by_text(ani.words("inbox_chat.typing", name="Ratna Wulandari"))).to_be_visible(timeout=AT_ONCE_MS)

    # Ani had begun as well: she is told before hers leaves, and it leaves when she still wants that.
    ani.field.fill("Buka sampai jam 9.")
    desk.field.press_sequentially(", Kak.")
    desk.field.press("Enter")
    desk.gets("Masih, Kak.")
    expect(ani.bubble("Masih, Kak.", "out")).to_contain_text("Ratna Wulandari", timeout=AT_ONCE_MS)
    expect(ani.page.locator(".collide")).to_contain_text(ani.words("inbox_chat.met", name="Ratna Wulandari"))
    ani.field.press("Enter")
    expect(ani.page.locator(".collide")).to_contain_text(ani.words("inbox_chat.met.again", name="Ratna Wulandari"))
    assert desk.ours("jam 9") == 0
    ani.field.press("Enter")
    desk.gets("Buka sampai jam 9.")

    # A person has taken over: the machine is silent.
    desk.write(f"Kopi {PRICE}?")
    desk.until(lambda: "human" in str(desk.decided()), "the question was decided")
    assert desk.ours(ANSWER) == 0

    # A note with a mention is for the team alone.
    ani.page.goto("/inbox")
    expect(ani.row("Siti")).to_be_visible(timeout=PATIENCE_MS)
    desk.note("tolong cek stok gula", "Ani Lestari")
    noted = desk.bubble("tolong cek stok gula", "note")
    expect(noted).to_contain_text("Ratna Wulandari")
    expect(noted.locator(".mention")).to_have_text("@Ani Lestari")
    mentions = ani.page.locator(".more-folders")
    mentions.click()
    entry = ani.page.get_by_role("dialog").get_by_role("button", name=ani.words("inbox_list.folder.mentions"))
    expect(entry).to_contain_text("1", timeout=AT_ONCE_MS)
    entry.click()
    ani.opens("Siti")
    expect(ani.bubble("tolong cek stok gula", "note")).to_be_visible(timeout=AT_ONCE_MS)
    ani.until(lambda: ani.api("GET", "/chats/counts")["mentions"] == 0, "the mention was seen")
    assert not any("gula" in one for one in desk.received())

    # Handed back, the machine goes on.
    desk.page.get_by_role("switch", name=desk.words("inbox.bot")).click()
    expect(ani.page.get_by_role("switch", name=ani.words("inbox.bot"))).to_have_attribute("aria-checked", "true", timeout=AT_ONCE_MS)
    desk.write(f"Es kopi {PRICE}?")
    desk.gets(ANSWER)
    expect(ani.bubble(ANSWER, "out")).to_be_visible(timeout=AT_ONCE_MS)


def test_what_is_done_with_a_conversation(
    shopkeeper: Callable[..., Shopkeeper],  # noqa: F811
) -> None:
    desk = begun(shopkeeper("en", 1280), "6281255550062", "6281277770062")
    page = desk.page
    page.goto("/inbox")
    desk.write("Halo")
    desk.opens("Siti")
    status = page.locator(".chat-status")

    desk.menu("inbox_chat.priority")
    desk.choose("inbox_chat.priority.urgent")
    expect(status).to_contain_text(desk.words("inbox_chat.priority.urgent"), timeout=AT_ONCE_MS)
    desk.menu("inbox_chat.tags")
    desk.panel.locator("input").fill("Reseller")
    desk.choose("inbox_chat.tags.make", name="Reseller")
    expect(status.locator(".tag")).to_have_text(["Reseller"], timeout=AT_ONCE_MS)
    expect(desk.panel.get_by_role("button", name="Reseller", pressed=True)).to_be_visible(timeout=AT_ONCE_MS)
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    expect(desk.panel).to_have_count(0)
    expect(page.locator("#chat-menu")).to_be_focused()

    # By keys alone: put away until tomorrow, back, closed, back by the toast.
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowDown")
    expect(desk.panel.get_by_role("button", name=desk.words("inbox_chat.snooze"))).to_be_focused()
    page.keyboard.press("Enter")
    for _ in range(2):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(status.locator(".snoozed")).to_be_visible(timeout=AT_ONCE_MS)
    status.get_by_role("button", name=desk.words("inbox_chat.reopen")).click()
    expect(status.locator(".snoozed")).to_have_count(0, timeout=AT_ONCE_MS)
    page.locator("#chat-close").click()
    expect(status.locator(".closed")).to_be_visible(timeout=AT_ONCE_MS)
    page.get_by_role("button", name=desk.words("common.undo")).first.click()
    expect(status.locator(".closed")).to_have_count(0, timeout=AT_ONCE_MS)
    suits_everyone(page)

    # Blocked: a clear mark in place of the field; notes still work; and back.
    desk.menu("inbox_chat.block")
    expect(desk.panel.get_by_role("button", name=desk.words("common.cancel"))).to_be_focused()
    desk.choose("inbox_chat.block.do")
    expect(page.locator(".locked-words")).to_contain_text(desk.words("error.recipient_suppressed"), timeout=AT_ONCE_MS)
    expect(page.locator(".pane-about")).to_contain_text(desk.words("inbox_chat.about.blocked"), timeout=AT_ONCE_MS)
    desk.note("Penipu")
    desk.menu("inbox_chat.unblock")
    desk.choose("inbox_chat.unblock.do")
    expect(page.locator(".locked-words")).to_have_count(0, timeout=AT_ONCE_MS)


def test_the_person_and_the_machines_help(
    shopkeeper: Callable[..., Shopkeeper],  # noqa: F811
) -> None:
    desk = begun(shopkeeper("en", 1280), "6281255550066", "6281277770066")
    page = desk.page
    page.goto("/inbox")
    desk.write("Apakah toko buka hari Minggu?")
    desk.opens("Siti")
    about = page.locator(".pane-about")
    about.get_by_role("button", name=desk.words("inbox_chat.about.edit")).click()
    about.get_by_role("textbox", name=desk.words("inbox_chat.about.name"), exact=True).fill("Siti Aminah")
    page.keyboard.press("Enter")
    expect(page.locator(".chat-head .who-name")).to_have_text("Siti Aminah", timeout=AT_ONCE_MS)
    about.get_by_role("textbox", name=desk.words("inbox_chat.about.attribute")).fill("ukuran")
    about.get_by_role("textbox", name=desk.words("inbox_chat.about.value")).fill("XL")
    page.keyboard.press("Enter")
    expect(about.locator(".fact", has_text="ukuran")).to_contain_text("XL", timeout=AT_ONCE_MS)

    # Without documents the agent does not know; it says so, and nothing is sent.
    desk.named("inbox_chat.suggest").click()
    helped = page.locator(".proposal").or_(page.locator(".gist.bad"))
    expect(helped).to_be_visible(timeout=PATIENCE_MS)
    desk.menu("inbox_chat.summary")
    expect(page.locator(".gist").first).to_be_visible(timeout=PATIENCE_MS)
    assert desk.received() == []
    suits_everyone(page)


def test_on_a_phone_all_of_it_is_within_reach(
    shopkeeper: Callable[..., Shopkeeper],  # noqa: F811
) -> None:
    desk = begun(shopkeeper("id", 390), "6281255550067", "6281277770067")
    page = desk.page
    page.goto("/inbox")
    desk.write("Halo")
    desk.opens("Siti")
    page.locator("#chat-menu").click()
    box = desk.panel.bounding_box()
    assert box
    assert box["y"] + box["height"] <= 845
    assert box["width"] >= 389
    suits_everyone(page)
    page.set_viewport_size({"width": 390, "height": 844})
    page.keyboard.press("Escape")
    desk.note("Hanya tim")
    desk.named("inbox_chat.more").click()
    desk.choose("inbox.emoji")
    desk.panel.get_by_role("button", name="👍").click()
    page.keyboard.press("Escape")
    expect(desk.field).to_have_value("👍")
    # The keyboard comes up: the field stands above it.
    page.set_viewport_size({"width": 390, "height": 420})
    sizes = page.evaluate("[innerHeight, document.querySelector('.send-round').getBoundingClientRect().bottom]")
    assert sizes[1] <= sizes[0]
    desk.named("inbox.send").click()
    desk.gets("👍")
    page.set_viewport_size({"width": 390, "height": 844})
    suits_everyone(page)
