"""Variants, templates, tracked links and repetition, as a person writes them."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.test_story import Storyteller
from tests.fixtures.app import RunningApp
from wa_app.i18n import translate

pytestmark = pytest.mark.browser
PICTURES = os.environ.get("SAPA_TEST_PICTURES", "")
"""A folder for pictures of each page, for looking at one's work."""


@pytest.fixture(params=[("id", 1280), ("en", 390)], ids=["id-1280", "en-390"])
def teller(browser: Browser, app: RunningApp, request: pytest.FixtureRequest) -> Iterator[Storyteller]:
    language, width = request.param
    context = browser.new_context(
        base_url=app.base_url, viewport={"width": width, "height": 844}, reduced_motion="reduce", locale=language,
    )
    context.add_init_script(f"localStorage.setItem('sapa_lang', '{language}')")
    page = context.new_page()
    story = Storyteller(app, page, language)
    story.sign_up()
    yield story
    context.close()


def picture(story: Storyteller, name: str) -> None:
    if not PICTURES:
        return
    folder, width = Path(PICTURES), (story.page.viewport_size or {})["width"]
    folder.mkdir(parents=True, exist_ok=True)
    for theme in ("light", "dark"):
        story.page.evaluate("t => document.documentElement.classList.toggle('dark', t === 'dark')", theme)
        story.page.screenshot(path=folder / f"{name}-{story.language}-{theme}-{width}.png", full_page=True)
    story.page.evaluate("document.documentElement.classList.remove('dark')")


def write(page: Page, text: str) -> None:
    """Type into the editor and wait until the draft has it."""
    area = page.locator("#message_template").locator("visible=true").first
    area.fill(text)
    area.blur()


def test_writes_two_variants_with_a_test_tracks_links_and_repeats(teller: Storyteller) -> None:
    page = teller.page
    page.goto("/campaigns/new")
    page.get_by_role("button", name=teller.words("composer.step.message")).first.click()
    write(page, '{Halo|Hai} {{name|Kak}}, {{#if tag "vip"}}khusus Anda{{else}}untuk semua{{/if}}: https://toko.example/nov')
    page.wait_for_url(re.compile(r"/campaigns/[0-9a-f-]{36}/edit"))
    expect(page.locator(".ed-copy mark.ed-block")).to_have_count(3)
    picture(teller, "composer-calm")

    teller.press("composer.ab")
    tabs = page.get_by_role("tab")
    expect(tabs).to_have_count(2)
    expect(tabs.nth(1)).to_have_attribute("aria-selected", "true")
    write(page, "Pagi {{name|Kak}}, katalog baru: https://toko.example/nov")
    expect(page.locator(".preview-side")).to_contain_text("katalog baru")
    tabs.first.click()
    expect(page.locator("#message_template")).to_have_value(re.compile("khusus Anda"))
    page.locator(".ab-share input").first.fill("70")
    expect(tabs.first).to_contain_text("70%")
    expect(tabs.nth(1)).to_contain_text("30%")
    page.locator("#test_percent").select_option("20")
    expect(page.locator("#test_hours")).to_be_visible()
    page.get_by_role("switch", name=teller.words("composer.links")).click()
    expect(page.locator(".preview-side")).to_contain_text("/link/")
    picture(teller, "composer-ab")

    page.get_by_role("button", name=teller.words("composer.step.timing")).first.click()
    teller.press("composer.repeat.weekly")
    teller.press("composer.day.3")
    expect(page.get_by_role("button", name=teller.words("composer.day.3"), exact=True)).to_have_attribute("aria-pressed", "true")
    picture(teller, "composer-repeat")

    page.reload()
    made = teller.api("GET", f"/campaigns/{page.url.split('/')[-2]}")
    assert [(one["letter"], one["share"]) for one in made["variants"]] == [("A", 70), ("B", 30)]
    assert made["variants"][1]["message_template"].startswith("Pagi")
    assert (made["test"], made["track_links"]) == ({"percent": 20, "hours": 4}, True)
    assert (made["repeat"]["every"], made["repeat"]["weekdays"]) == ("weekly", [0, 3])


def test_keeps_a_text_finds_it_and_uses_it(teller: Storyteller) -> None:
    page = teller.page
    page.goto("/campaigns/templates")
    expect(page.get_by_text(teller.words("templates.empty.title"))).to_be_visible()
    picture(teller, "templates-empty")
    page.get_by_role("button", name=teller.words("templates.new")).locator("visible=true").first.click()
    dialog = page.get_by_role("dialog")
    dialog.locator("input[name=name]").fill("Promo gajian")
    write(page, "{Halo|Hai} {{name|Kak}}, gajian tiba: potongan 15%.")
    dialog.locator("input[name=category]").fill("Promo")
    picture(teller, "template-form")
    dialog.get_by_role("button", name=teller.words("templates.save")).click()
    expect(page.locator("article.template-card")).to_have_count(1)
    picture(teller, "templates")
    page.locator("article.template-card").get_by_role("button", name=teller.words("templates.use")).click()
    page.wait_for_url(re.compile("/campaigns/new"))
    expect(page.locator("#message_template")).to_have_value(re.compile("gajian tiba"))

    page.goto("/campaigns/templates")
    card = page.locator("article.template-card")
    card.get_by_role("button", name=translate(teller.language, "common.more")).click()
    page.get_by_role("menuitem", name=teller.words("common.delete")).click()
    expect(card).to_have_count(0)
    teller.press("common.undo")
    expect(card).to_have_count(1)
