"""A segment as a person builds one: rules, the size as one types, saving, sending to it; both languages, phone too."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.test_story import PATIENCE_MS, Storyteller
from tests.fixtures.app import RunningApp

pytestmark = pytest.mark.browser


@pytest.fixture
def shop(app: RunningApp, browser: Browser) -> Callable[[str, int], Storyteller]:
    """Somebody with three contacts: Ani and Budi in Malang, of whom Budi is a VIP, and Citra in Batu."""
    contexts = []

    def make(language: str, width: int) -> Storyteller:
        context = browser.new_context(base_url=app.base_url, viewport={"width": width, "height": 844})
        context.add_init_script(f"localStorage.setItem('sapa_lang', '{language}')")
        contexts.append(context)
        person = Storyteller(app, context.new_page(), language)
        person.sign_up()
        for n, (name, city, tags) in enumerate((("Ani", "Malang", []), ("Budi", "Malang", ["VIP"]), ("Citra", "Batu", []))):
            person.api("POST", "/contacts", {"phone": f"+6281200001{n:03d}", "name": name, "city": city, "tags": tags})
        return person

    yield make
    for context in contexts:
        context.close()


def size(page: Page, figure: str) -> None:
    expect(page.locator(".seg-side .big-percent")).to_have_text(figure, timeout=PATIENCE_MS)


def fill_city(person: Storyteller, rule: int, city: str) -> None:
    person.page.get_by_label(person.words("segments.value", n=rule), exact=True).fill(city)


@pytest.mark.parametrize(("language", "width"), [("id", 390), ("en", 1280)])
def test_builds_a_segment_and_sends_to_it(
    shop: Callable[[str, int], Storyteller], language: str, width: int
) -> None:
    person = shop(language, width)
    page = person.page
    page.goto("/contacts/segments")
    person.see("segments.empty.title")
    page.get_by_role("link", name=person.words("segments.new")).locator("visible=true").first.click()
    page.wait_for_url("**/contacts/segments/new")
    page.get_by_label(person.words("segments.field", n=1), exact=True).select_option("city")
    fill_city(person, 1, "malang")
    size(page, "2")
    expect(page.locator(".seg-side")).to_contain_text("Ani")
    # A group: or who is a VIP.
    person.press("segments.group.add")
    page.get_by_label(person.words("segments.field", n="2.1"), exact=True).select_option("tags")
    page.get_by_role("group", name=person.words("segments.group", n=2)).get_by_role("button", name="VIP").click()
    size(page, "1")
    page.get_by_role("group", name=person.words("segments.match.label")).get_by_role(
        "button", name=person.words("segments.match.any")).click()  # fmt: skip
    size(page, "2")
    # What is not filled in is said aloud once saving is tried.
    page.get_by_label(person.words("segments.value", n=1), exact=True).fill("")
    expect(page.locator(".seg-side")).to_contain_text(person.words("error.rule_value_missing", rule="1"), timeout=PATIENCE_MS)
    person.press("segments.save")
    expect(page.get_by_role("alert").first).to_be_visible(timeout=PATIENCE_MS)
    fill_city(person, 1, "Malang")
    size(page, "2")
    page.fill("input[name=segment_name]", "Pelanggan Malang")
    person.press("segments.save")
    page.wait_for_url(re.compile(r"/contacts/segments/[0-9a-f-]{36}"), timeout=PATIENCE_MS)
    page.reload()
    size(page, "2")
    expect(page.get_by_label(person.words("segments.value", n=1), exact=True)).to_have_value("Malang")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    person.press("segments.send")
    page.wait_for_url(re.compile(r"/campaigns/new"), timeout=PATIENCE_MS)
    expect(page.locator("#composer_segment")).to_have_value(re.compile(r"[0-9a-f-]{36}"), timeout=PATIENCE_MS)
    expect(page.locator(".card .figure").first).to_have_text("2", timeout=PATIENCE_MS)
    page.get_by_label(person.words("composer.frozen")).click()
    expect(page.get_by_label(person.words("composer.frozen"))).to_be_checked(timeout=PATIENCE_MS)
    page.wait_for_url(re.compile(r"/campaigns/[0-9a-f-]{36}/edit"), timeout=PATIENCE_MS)
    made = person.api("GET", "/campaigns")["items"][0]
    assert made["target"]["segment_id"]
    assert made["target"]["frozen"] is True
    # A segment that a draft waits for stays; the list says so.
    page.goto("/contacts/segments")
    expect(page.get_by_text("Pelanggan Malang").locator("visible=true").first).to_be_visible(timeout=PATIENCE_MS)
    answer = page.request.delete(
        f"{person.app.base_url}/api/v1/segments/{made['target']['segment_id']}", headers={"Origin": person.app.base_url}
    )
    assert (answer.status, answer.json()["code"]) == (409, "segment_in_use")
