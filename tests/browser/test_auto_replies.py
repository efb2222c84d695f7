"""Keyword rules as a shop writes them: examples, a rule of one's own, the tester, the order; both languages, phone too."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import asyncpg
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.test_story import PATIENCE_MS, Storyteller
from tests.fixtures.app import RunningApp
from wa_app.schemas.auto_replies import MAX_RULES

pytestmark = pytest.mark.browser

BOLD = """async (button) => {
    button.click();
    for (let n = 0; n < 5; n += 1) await null;
    document.execCommand('insertText', false, 'x');
    for (let n = 0; n < 3; n += 1) await new Promise(requestAnimationFrame);
    return button.closest('.ed').querySelector('textarea').value;
}"""
"""A press on a tool, and a letter before the next frame; what is written then."""


@pytest.fixture
def shop(app: RunningApp, browser: Browser) -> Iterator[Callable[[str, int, str], Storyteller]]:
    contexts: list[BrowserContext] = []

    def make(language: str, width: int, theme: str) -> Storyteller:
        context = browser.new_context(
            base_url=app.base_url, viewport={"width": width, "height": 844}, color_scheme=theme, reduced_motion="reduce",  # type: ignore[arg-type]
        )  # fmt: skip
        context.add_init_script(f"localStorage.setItem('sapa_lang', '{language}')")
        contexts.append(context)
        person = Storyteller(app, context.new_page(), language)
        person.sign_up()
        return person

    yield make
    for context in contexts:
        context.close()


def serious(page: Page) -> list[str]:
    """What axe finds that would keep somebody out."""
    found = Axe().run(page).response["violations"]
    return [one["id"] for one in found if one["impact"] in ("serious", "critical")]


@contextmanager
def rules_are_held(app: RunningApp) -> Iterator[None]:
    """Somebody is changing rules for as long as the block lasts: a file that comes in waits with its next piece."""
    held, let_go = threading.Event(), threading.Event()

    async def hold() -> None:
        connection = await asyncpg.connect(app.superuser_url.replace("postgresql+asyncpg", "postgresql"))
        async with connection.transaction():
            await connection.execute("SELECT 1 FROM auto_reply_sets FOR UPDATE")
            held.set()
            await asyncio.to_thread(let_go.wait)
        await connection.close()

    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(asyncio.run, hold())
        try:
            assert held.wait(30)
            yield
        finally:
            let_go.set()
            done.result()


def names(person: Storyteller) -> list[str]:
    return [one["name"] for one in person.api("GET", "/auto-replies")["items"]]


@pytest.mark.parametrize(("language", "width", "theme"), [("id", 1280, "light"), ("en", 390, "dark")])
def test_writes_rules_tries_them_and_puts_them_in_order(
    shop: Callable[[str, int, str], Storyteller], language: str, width: int, theme: str
) -> None:
    person = shop(language, width, theme)
    page, is_phone = person.page, width < 640
    page.goto("/automation")
    person.see("rules.empty.title")
    person.press("rules.examples")
    expect(page.locator("tbody tr")).to_have_count({"id": 7, "en": 6}[language], timeout=PATIENCE_MS)
    assert serious(page) == []
    # A rule of one's own: a pattern that cannot be computed is told while one types, a keyword is taken with Enter.
    person.press("rules.new")
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name=person.words("rules.kind.REGEX"), exact=True).click()
    dialog.locator("#rule_keyword").fill("(?=promo)")
    expect(dialog.get_by_role("alert")).to_contain_text("(?=", timeout=PATIENCE_MS)
    dialog.locator("#rule_keyword").fill("")
    dialog.get_by_role("button", name=person.words("rules.kind.CONTAINS"), exact=True).click()
    expect(dialog.get_by_role("alert")).to_have_count(0, timeout=PATIENCE_MS)
    dialog.locator("#rule_keyword").press_sequentially("promo, diskon")
    dialog.locator("#rule_keyword").press("Enter")
    expect(dialog.locator(".key-input .rule-key")).to_have_count(2, timeout=PATIENCE_MS)
    # What is written is not lost by a slip of the finger.
    page.keyboard.press("Escape")
    asked = page.get_by_role("alertdialog")
    asked.get_by_role("button", name=person.words("rules.leave.stay")).click()
    expect(asked).to_have_count(0, timeout=PATIENCE_MS)
    expect(dialog.locator(".key-input .rule-key")).to_have_count(2)
    # The tools stand on one line, and what they put in is chosen at once: the next letter takes its place.
    bar = dialog.locator(".ed-bar").bounding_box()
    assert bar is not None
    assert bar["height"] < (58 if is_phone else 48)
    dialog.locator("textarea").first.fill("Halo ")
    assert dialog.get_by_role("button", name=person.words("composer.bold"), exact=True).evaluate(BOLD) == "Halo *x*"
    dialog.locator("textarea").first.fill("{Ada|Sedang ada} promo, {{first_name|Kak}}")
    assert serious(page) == []
    dialog.get_by_role("button", name=person.words("rules.form.save")).click()
    expect(dialog).to_have_count(0, timeout=PATIENCE_MS)
    person.see("rules.saved")
    made = person.api("GET", "/auto-replies")["items"][-1]
    assert (made["name"], made["keywords"], made["variants"]) == ("promo", ["promo", "diskon"], 2)
    # The tester says which rule fires, and why another does not.
    if is_phone:
        person.press("rules.try")
    page.get_by_label(person.words("rules.try.text")).locator("visible=true").fill("PROMOOO masih ada? tokopedia")
    lines = page.locator(".why-list").locator("visible=true")
    expect(lines).to_contain_text(person.words("rules.why.fired", keyword="promo"), timeout=PATIENCE_MS)
    expect(lines).to_contain_text(person.words("rules.why.keyword_absent"))
    if is_phone:
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0, timeout=PATIENCE_MS)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    # The arrow keys move a rule; its switch acts in place.
    before = names(person)
    grip = page.get_by_role("button", name=person.words("rules.move", name="promo"))
    grip.focus()
    grip.press("ArrowUp")
    expect(page.locator("tbody tr").nth(-2)).to_contain_text("promo", timeout=PATIENCE_MS)
    assert names(person) == [*before[:-2], before[-1], before[-2]]
    flip = page.get_by_role("switch", name=person.words("rules.switch", name="promo"))
    flip.click()
    expect(flip).to_have_attribute("aria-checked", "false", timeout=PATIENCE_MS)
    page.reload()
    expect(flip).to_have_attribute("aria-checked", "false", timeout=PATIENCE_MS)
    # Deleted by its menu, brought back by the toast.
    page.locator("tbody tr", has_text="promo").get_by_role("button", name=person.words("common.more")).click()
    page.get_by_role("menuitem", name=person.words("common.delete")).click()
    person.see("rules.deleted", n=1)
    person.press("common.undo")
    expect(flip).to_have_count(1, timeout=PATIENCE_MS)


def test_a_rule_is_dragged_with_the_mouse(shop: Callable[[str, int, str], Storyteller]) -> None:
    person = shop("id", 1280, "light")
    page = person.page
    for name in ("satu", "dua", "tiga"):
        person.api("POST", "/auto-replies", {"keywords": [name], "response_text": "x"})
    page.goto("/automation")
    grip = page.get_by_role("button", name=person.words("rules.move", name="tiga"))
    expect(grip).to_be_visible(timeout=PATIENCE_MS)
    target = page.locator("tbody tr").first.bounding_box()
    assert target is not None
    grip.hover()
    page.mouse.down()
    page.mouse.move(target["x"] + 60, target["y"] + 2, steps=8)
    page.mouse.up()
    expect(page.locator("tbody tr").first).to_contain_text("tiga", timeout=PATIENCE_MS)
    assert names(person) == ["tiga", "satu", "dua"]


@pytest.mark.parametrize(("language", "width", "theme"), [("en", 1280, "dark"), ("id", 390, "light")])
def test_many_rules_come_out_of_a_file_while_the_page_shows_how_far_they_are(
    shop: Callable[[str, int, str], Storyteller], language: str, width: int, theme: str
) -> None:
    person = shop(language, width, theme)
    page = person.page
    rows = "".join(f"Aturan {n},kata {n},Jawaban {n}\n" for n in range(230))
    page.goto("/automation")
    person.see("rules.empty.title")
    person.press("rules.files")
    page.get_by_role("menuitem", name=person.words("rules.import")).click()
    dialog = page.get_by_role("dialog")
    file = {"name": "aturan.csv", "mimeType": "text/csv", "buffer": f"nama,kata kunci,jawaban\n{rows}Salah,,x\n".encode()}
    dialog.locator("input[type=file]").set_input_files(file)  # type: ignore[arg-type]
    # A look that a worker takes: what would come, and what would not, with its row and its column.
    come = dialog.get_by_role("button", name=person.words("rules.import.do", n=230))
    expect(come).to_be_enabled(timeout=PATIENCE_MS)
    problem = dialog.locator(".import-problems li")
    expect(problem).to_have_count(1)
    expect(problem).to_contain_text(f"{person.words('rules.import.row', n=232)} · {person.words('rules.column.keywords')}")
    assert person.api("GET", "/auto-replies")["total"] == 0
    assert serious(page) == []
    come.click()
    expect(dialog).to_have_count(0, timeout=PATIENCE_MS)
    person.see("rules.import.done", name="aturan.csv", created=230, updated=0, skipped=0, failed=1)
    errors = page.get_by_role("link", name=person.words("imports.errors.get", n=1)).get_attribute("href")
    assert errors is not None
    assert "232,keywords" in page.request.get(person.app.base_url + errors).text()
    assert person.api("GET", "/auto-replies")["total"] == 230
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    person.press("common.close")
    # One more large file, stopped by hand while it waits for somebody who changes rules: what came in stays and is told.
    more = "".join(f"Lagi {n},lain {n},x\n" for n in range(950))
    person.press("rules.files")
    page.get_by_role("menuitem", name=person.words("rules.import")).click()
    dialog.locator("input[type=file]").set_input_files(file | {"buffer": f"nama,kata kunci,jawaban\n{more}".encode()})  # type: ignore[arg-type]
    come = dialog.get_by_role("button", name=person.words("rules.import.do", n=MAX_RULES - 230))
    expect(come).to_be_enabled(timeout=PATIENCE_MS)
    with rules_are_held(person.app):
        come.click()
        person.press("imports.cancel")
        page.get_by_role("alertdialog").get_by_role("button", name=person.words("imports.cancel"), exact=True).click()
        expect(page.locator(".notice .bar")).to_have_count(0, timeout=PATIENCE_MS)
    job = person.api("GET", "/auto-replies/imports")["items"][0]
    counts = {key: job[key] for key in ("processed", "total", "created", "updated", "skipped", "failed")}
    assert (job["status"], counts["total"]) == ("cancelled", 950)
    expect(page.locator(".notice")).to_contain_text(person.words("rules.import.stopped", name="aturan.csv", **counts))
    assert person.api("GET", "/auto-replies")["total"] == 230 + job["created"]
