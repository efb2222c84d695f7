"""Teams, quick replies and targets of service as an owner sets them up, on a desk and on a phone."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from pages import routes
from tests.browser.test_look import serious
from tests.fixtures.app import RunningApp
from tests.fixtures.people import make_person
from wa_app.i18n import translate

pytestmark = pytest.mark.browser
PATIENCE_MS = 20_000


class Desk:
    """An owner at a browser."""

    def __init__(self, page: Page, language: str, name: str) -> None:
        self.page, self.language, self.name = page, language, name

    def t(self, key: str, **args: str | int) -> str:
        return translate(self.language, key, **args)

    def opens(self, path: str) -> None:
        self.page.goto(path)
        expect(self.page.locator("h1:visible")).to_have_count(1)
        self.page.wait_for_function("document.querySelector('.late, .skeleton') === null")

    def button(self, key: str) -> Locator:
        return self.page.get_by_role("button", name=self.t(key), exact=True).locator("visible=true")

    def looks(self, name: str) -> None:
        """Nothing serious for axe, nothing scrolls sideways; with SAPA_SHOTS a picture in both themes."""
        for theme in ("light", "dark"):
            self.page.emulate_media(color_scheme=theme, reduced_motion="reduce")  # type: ignore[arg-type]
            expect(self.page.locator("html.dark")).to_have_count(int(theme == "dark"))
            self.page.evaluate("Promise.all(document.getAnimations().map(one => one.finished.catch(() => null)))")
            assert serious(self.page) == []
            if folder := os.environ.get("SAPA_SHOTS"):
                self.page.screenshot(path=Path(folder) / f"{self.name}-{name}-{theme}.png")
        assert self.page.evaluate("document.documentElement.scrollWidth <= innerWidth")

    def says(self, words: str) -> None:
        expect(self.page.get_by_text(words).locator("visible=true").first).to_be_visible(timeout=PATIENCE_MS)


@pytest.fixture(params=[("id", 1280), ("en", 390)], ids=["id-desktop", "en-phone"])
def desk(request: pytest.FixtureRequest, app: RunningApp, browser: Browser) -> Iterator[Desk]:
    language, width = request.param
    context = browser.new_context(base_url=app.base_url, viewport={"width": width, "height": 844}, reduced_motion="reduce")
    context.add_cookies([make_person(app).cookie])
    context.add_init_script(f"localStorage.setItem('sapa_lang', '{language}')")
    errors: list[Any] = []
    page = context.new_page()
    page.on("pageerror", lambda error: errors.append(error))
    yield Desk(page, language, f"{language}-{width}")
    context.close()
    assert errors == []


def test_a_team_is_made_changed_and_deleted(desk: Desk) -> None:
    page = desk.page
    desk.opens(routes.SETTINGS_TEAMS)
    desk.says(desk.t("teams.none"))
    desk.looks("teams-empty")
    desk.button("teams.new").click()
    page.locator("#team_name").press("Enter")
    desk.says(desk.t("error.team_name_missing"))
    page.locator("#team_name").fill("Servis")
    page.get_by_role("checkbox", name="Ratna Wulandari").check()
    desk.looks("teams-form")
    desk.button("common.save").click()
    desk.says("Servis")
    desk.says("Ratna Wulandari")
    desk.button("teams.new").click()
    page.locator("#team_name").fill("servis")
    desk.button("common.save").click()
    desk.says(desk.t("error.team_exists"))
    page.keyboard.press("Escape")
    desk.looks("teams-some")
    page.get_by_role("main").get_by_role("button", name=desk.t("common.more")).click()
    page.get_by_role("menuitem", name=desk.t("common.delete")).click()
    desk.says(desk.t("teams.remove.title", name="Servis"))
    desk.button("teams.remove").click()
    desk.says(desk.t("teams.none"))


def test_a_quick_reply_is_written_found_and_deleted(desk: Desk) -> None:
    page = desk.page
    desk.opens(routes.SETTINGS_QUICK_REPLIES)
    desk.says(desk.t("quick.none"))
    desk.looks("quick-empty")
    desk.button("quick.new").click()
    page.locator("#shortcut").fill("dua kata")
    desk.button("common.save").click()
    desk.says(desk.t("error.shortcut_invalid"))
    page.locator("#shortcut").fill("/Harga")
    page.locator("#title").fill("Daftar harga")
    page.locator("#category").fill("Jual")
    page.locator("#body").fill("Kak {{name}}, mulai 10rb ya.")
    desk.looks("quick-form")
    desk.button("common.save").click()
    expect(page.get_by_text("/harga", exact=True)).to_be_visible(timeout=PATIENCE_MS)
    desk.button("quick.new").click()
    page.locator("#shortcut").fill("alamat")
    page.locator("#body").fill("Jl. Mawar 5")
    page.get_by_role("checkbox", name=desk.t("quick.only_me")).check()
    desk.button("common.save").click()
    desk.says(desk.t("quick.personal"))
    desk.looks("quick-some")
    page.get_by_role("main").get_by_role("searchbox").fill("mulai")
    expect(page.get_by_text("/alamat", exact=True)).to_have_count(0, timeout=PATIENCE_MS)
    page.get_by_role("main").get_by_role("searchbox").fill("tidak ada")
    desk.says(desk.t("table.nothing_found"))
    desk.button("table.clear_filters").click()
    expect(page.get_by_text("/alamat", exact=True)).to_be_visible(timeout=PATIENCE_MS)
    page.get_by_role("main").get_by_role("button", name=desk.t("common.more")).first.click()
    page.get_by_role("menuitem", name=desk.t("common.delete")).click()
    desk.says(desk.t("quick.remove.title", name="alamat"))
    desk.button("quick.remove").click()
    expect(page.get_by_text("/alamat", exact=True)).to_have_count(0, timeout=PATIENCE_MS)


def test_targets_are_kept(desk: Desk) -> None:
    page = desk.page
    desk.opens(routes.SETTINGS_BUSINESS)
    desk.says(desk.t("inbox_settings.title"))
    page.locator("#first_response_target_min").fill("99999")
    save = page.locator("form", has=page.locator("#first_response_target_min")).get_by_role("button", name=desk.t("common.save"))
    save.click()
    expect(page.get_by_role("alert").filter(has_text=re.compile(r"10.080"))).to_be_visible(timeout=PATIENCE_MS)
    page.locator("#first_response_target_min").fill("15")
    page.get_by_role("checkbox", name=desk.t("inbox_settings.auto_assign")).check()
    save.click()
    desk.says(desk.t("common.saved"))
    desk.opens(routes.SETTINGS_BUSINESS)
    expect(page.locator("#first_response_target_min")).to_have_value("15")
    expect(page.get_by_role("checkbox", name=desk.t("inbox_settings.auto_assign"))).to_be_checked()
    desk.looks("targets")
