"""The platform's AI providers in a browser: every look reads well, the dialog too, what is chosen is kept, owners are led home."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from pages import routes
from tests.browser.test_admin import PATIENCE_MS, execute, shot
from tests.browser.test_look import serious
from tests.fixtures.app import RunningApp
from tests.fixtures.people import Person, make_person
from wa_app.i18n import translate

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def boss(app: RunningApp) -> Iterator[Person]:
    """A platform admin; one of the providers has lost its key's trust."""
    person = make_person(app)
    execute(app, "UPDATE users SET is_platform_admin = true WHERE email = $1", person.email)
    execute(
        app, "INSERT INTO ai_providers (name, kind, model, base_url, key_masked, disabled_at, last_error, last_error_at) "
        "VALUES ('Uji Gagal', 'openai', 'm-1', 'https://ai.invalid/v1', 'sk-…9z', now(), 'key', now())",
    )  # fmt: skip
    yield person
    execute(app, "DELETE FROM ai_providers WHERE name = 'Uji Gagal'")
    execute(app, "UPDATE ai_settings SET rotation = 'priority' WHERE tenant_id IS NULL")


@pytest.fixture
def opened(app: RunningApp, browser: Browser) -> Iterator[Any]:
    contexts: list[BrowserContext] = []
    errors: list[str] = []

    def open_(person: Person, width: int = 1280, theme: Any = "light", language: str = "en") -> Page:
        context = browser.new_context(
            base_url=app.base_url, viewport={"width": width, "height": 844}, color_scheme=theme, reduced_motion="reduce"
        )
        contexts.append(context)
        context.add_cookies([person.cookie])
        context.add_init_script(f"try {{ localStorage.setItem('sapa_lang', '{language}') }} catch {{}}")
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(routes.ADMIN_AI)
        page.wait_for_function("document.querySelector('h1')?.innerText && !document.querySelector('.skeleton')")
        return page

    yield open_
    for context in contexts:
        context.close()
    assert errors == []


@pytest.mark.parametrize(("language", "width", "theme"), [
    ("id", 1280, "light"), ("en", 1280, "dark"), ("en", 390, "light"), ("id", 390, "dark"),
])  # fmt: skip
def test_the_list_and_its_dialog_read_well(boss: Person, opened: Any, language: str, width: int, theme: str) -> None:
    page = opened(boss, width, theme, language)
    expect(page.get_by_role("heading", level=1)).to_have_text(translate(language, "ai.admin_title"))
    expect(page.get_by_text("Uji Gagal").locator("visible=true").first).to_be_visible(timeout=PATIENCE_MS)
    assert serious(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    shot(page, f"admin-ai-{language}-{theme}-{width}")
    page.get_by_role("button", name=translate(language, "ai.add"), exact=True).first.click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label(translate(language, "ai.key"), exact=True)).to_be_visible(timeout=PATIENCE_MS)
    assert serious(page) == []
    shot(page, f"admin-ai-new-{language}-{theme}-{width}")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)


def test_how_calls_are_spread_is_kept(app: RunningApp, boss: Person, opened: Any) -> None:
    page = opened(boss)
    page.get_by_role("button", name=translate("en", "ai.rotation.round_robin"), exact=True).click()
    expect(page.get_by_text(translate("en", "ai.rotation_words.round_robin"))).to_be_visible(timeout=PATIENCE_MS)
    rows = execute(app, "SELECT rotation FROM ai_settings WHERE tenant_id IS NULL")
    assert [row["rotation"] for row in rows] == ["round_robin"]


def test_an_owner_is_led_home(app: RunningApp, opened: Any) -> None:
    page = opened(make_person(app))
    expect(page).to_have_url(re.compile(r"//[^/]+/(\?.*)?$"), timeout=PATIENCE_MS)
    expect(page.get_by_text(translate("en", "error.admin_only"))).to_be_visible()
    expect(page.get_by_text("Uji Gagal")).to_have_count(0)
