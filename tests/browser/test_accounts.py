"""Signing in and out in a browser, in both languages and on a phone; a forgotten password."""

import re
import time
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.fixtures.app import RunningApp
from wa_app.i18n import translate
from wa_app.kit.ids import new_id

pytestmark = pytest.mark.browser
PASSWORD = "kopi susu tetangga"
NEW = "teh hangat pagi hari"
PATIENCE_MS = 30_000
HOME = re.compile(r"//[^/]+/(\?.*)?$")
LOGIN = re.compile(r"/login")


@pytest.fixture(params=[("id", 1280), ("en", 390)], ids=["id-desktop", "en-phone"])
def person(request: pytest.FixtureRequest, app: RunningApp, browser: Browser) -> Any:
    language, width = request.param
    context = browser.new_context(base_url=app.base_url, viewport={"width": width, "height": 844})
    context.add_init_script(f"try {{ localStorage.setItem('sapa_lang', '{language}') }} catch {{}}")
    yield Person(context.new_page(), language)
    context.close()


class Person:
    """Somebody at a browser, who reads one language."""

    def __init__(self, page: Page, language: str) -> None:
        self.page, self.language = page, language
        self.email = f"{new_id()}@example.com"

    def sees(self, key: str, **args: str | int) -> None:
        words = translate(self.language, key, **args)
        expect(self.page.get_by_text(words).locator("visible=true").first).to_be_visible(timeout=PATIENCE_MS)

    def fills(self, **fields: str) -> None:
        for name, value in fields.items():
            self.page.fill(f"#{name}", value)
        self.page.keyboard.press("Enter")

    def opens(self, path: str) -> None:
        self.page.goto(path)
        expect(self.page.locator("form button[type=submit]")).to_be_enabled()

    def signs_up(self) -> None:
        self.opens("/signup")
        self.fills(name="Ratna", business_name="Batik", email=self.email, password=PASSWORD)
        expect(self.page).to_have_url(HOME, timeout=PATIENCE_MS)

    def forgets_who_is_signed_in(self) -> None:
        self.page.context.clear_cookies()
        self.page.evaluate("sessionStorage.clear()")

    def mailed_link(self) -> str:
        """The link of the newest mail to this person."""
        ends = time.monotonic() + PATIENCE_MS / 1000
        while time.monotonic() < ends:
            items = self.page.request.get("/dev/outbox?format=json").json()["items"]
            for mail in items:
                if mail["to"] == self.email and "token=" in mail["text"]:
                    return "/reset-password?token=" + mail["text"].split("token=")[1].split()[0]
            self.page.wait_for_timeout(300)
        raise AssertionError("no mail came")


def test_signs_up_out_and_in_again(person: Person) -> None:
    page = person.page
    person.opens("/signup")
    person.fills(name="Ratna", business_name="", email="ratna", password="Password123!")
    person.sees("error.value_missing")
    person.fills(business_name="Batik")
    person.sees("error.email_invalid")
    person.sees("error.password_too_common")
    expect(page.locator("#email")).to_be_focused()
    expect(page.locator("#email")).to_have_attribute("aria-invalid", "true")
    person.fills(email=person.email, password=PASSWORD)
    expect(page).to_have_url(HOME, timeout=PATIENCE_MS)
    assert "sapa_session" not in page.evaluate("document.cookie")
    page.goto("/login")
    expect(page).to_have_url(HOME, timeout=PATIENCE_MS)
    person.forgets_who_is_signed_in()
    page.goto("/settings/team")
    expect(page).to_have_url(LOGIN, timeout=PATIENCE_MS)
    person.opens(page.url)
    person.fills(email=person.email, password="bukan yang ini")
    person.sees("error.credentials_wrong")
    person.fills(password=PASSWORD)
    expect(page).to_have_url(re.compile(r"/settings/team"), timeout=PATIENCE_MS)
    person.sees("settings.members")


def test_forgotten_password_is_set_anew_by_mail(person: Person) -> None:
    person.signs_up()
    person.forgets_who_is_signed_in()
    person.opens("/forgot-password")
    person.fills(email=person.email)
    person.sees("auth.forgot.sent")
    link = person.mailed_link()
    person.opens(link)
    person.fills(password=NEW)
    person.sees("auth.reset.done")
    person.opens(link)
    person.fills(password=PASSWORD)
    person.sees("error.token_spent")
    person.opens("/login")
    person.fills(email=person.email, password=NEW)
    expect(person.page).to_have_url(HOME, timeout=PATIENCE_MS)


def test_settings_change_language_and_make_a_key(person: Person) -> None:
    page = person.page
    person.signs_up()
    page.goto("/settings/api-keys")
    make = page.get_by_role("button", name=translate(person.language, "settings.new_key")).locator("visible=true").first
    make.click()
    page.fill("#key_name", "Toko")
    page.keyboard.press("Enter")
    key = page.get_by_role("dialog").locator("code")
    expect(key).to_have_text(re.compile("^sapa_live_"), timeout=PATIENCE_MS)
    answer = page.request.get("/api/v1/contacts", headers={"X-Api-Key": key.inner_text()})
    assert answer.status == 200
    page.goto("/settings")
    expect(page.locator("#name")).to_have_value("Ratna", timeout=PATIENCE_MS)
    other = "en" if person.language == "id" else "id"
    page.select_option("#language", other)
    page.locator("form button[type=submit]").click()
    person.language = other
    person.sees("settings.profile.help")
