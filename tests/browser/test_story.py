"""The main job as a person does it: sign up, link a number, import contacts, send a broadcast, watch it arrive."""

import json
import re
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.fixtures.app import RunningApp
from wa_app.i18n import translate
from wa_app.kit.ids import new_id

pytestmark = pytest.mark.browser

PEOPLE = 10
PATIENCE_MS = 60_000
PASSWORD = "kopi tubruk tanpa gula"
TEMPLATE = "{Halo|Hai|Pagi} {{name|Kak}}, {promo|diskon} kopi minggu ini."


class Storyteller:
    """A new person at one browser, who speaks one language."""

    def __init__(self, app: RunningApp, page: Page, language: str) -> None:
        self.app, self.page, self.language = app, page, language

    def words(self, key: str, **args: str | int) -> str:
        return translate(self.language, key, **args)

    def press(self, key: str, **args: str | int) -> None:
        self.page.get_by_role("button", name=self.words(key, **args)).locator("visible=true").first.click()

    def see(self, key: str, **args: str | int) -> None:
        expect(self.page.get_by_text(self.words(key, **args)).locator("visible=true").first).to_be_visible(
            timeout=PATIENCE_MS
        )

    def sign_up(self) -> None:
        self.page.goto("/signup")
        self.page.fill("input[name=name]", "Ratna Wulandari")
        self.page.fill("input[name=business_name]", "Nusa Niaga")
        self.page.fill("input[name=email]", f"{new_id()}@example.com")
        self.page.fill("input[name=password]", PASSWORD)
        self.press("auth.sign_up.button")
        self.page.wait_for_url(lambda url: urlsplit(url).path == "/", timeout=PATIENCE_MS)
        expect(self.page.get_by_role("heading", level=1)).to_contain_text("Ratna")

    def link_a_number(self, phone: str) -> None:
        self.page.goto("/devices")
        self.press("devices.add")
        self.page.fill("input[name=device_name]", "Kopi Lestari")
        self.page.keyboard.press("Enter")
        dialog = self.page.get_by_role("dialog")
        dialog.get_by_role("button", name=self.words("devices.link.by_qr"), exact=True).click()
        expect(dialog.get_by_alt_text(self.words("qr.image"))).to_be_visible(timeout=PATIENCE_MS)
        self.scan(phone)
        expect(dialog).to_have_count(0, timeout=PATIENCE_MS)
        self.see("device.state.connected")

    def scan(self, phone: str) -> None:
        """What the phone in the person's hand does; here the sandbox's."""
        session = self.api("GET", "/devices")["items"][0]["session"]
        sandbox(self.app, f"/sandbox/sessions/{session}/scan", {"phone": phone})

    def import_contacts(self, prefix: str) -> None:
        rows = "".join(f"Orang {n},0812-{prefix}-{n:04d},Bandung\n" for n in range(1, PEOPLE + 1))
        self.page.goto("/contacts/import")
        self.page.set_input_files(
            "input[type=file]",
            {"name": "pelanggan.csv", "mimeType": "text/csv", "buffer": f"nama,no hp,kota\n{rows}".encode()},
        )
        self.press("imports.do.check", n=PEOPLE)
        self.press("imports.do.import", n=PEOPLE)
        self.see("imports.done")

    def hurry(self) -> None:
        """No pause between messages: a test does not wait like a person."""
        device = self.api("GET", "/devices")["items"][0]
        self.api("PATCH", f"/devices/{device['id']}", {"pacing": {"delay_min_s": 0, "delay_max_s": 0, "typing": False}})

    def broadcast(self) -> None:
        self.page.goto("/campaigns/new")
        self.press("composer.step.message")
        self.page.get_by_role("textbox", name=self.words("composer.step.message")).fill(TEMPLATE)
        expect(self.page.locator(".preview-side .bubble")).to_contain_text("Orang", timeout=PATIENCE_MS)
        self.page.locator(".rail-step").last.click()
        self.press("composer.send")
        self.press("composer.ask.do", n=PEOPLE)
        self.page.wait_for_url(re.compile(r"/campaigns/[0-9a-f-]{36}/?$"), timeout=PATIENCE_MS)

    def watch_it_arrive(self) -> None:
        """No reload: the page moves by itself until everybody has read it."""
        read = self.page.locator(".legend-cell", has_text=self.words("status.read"))
        expect(read).to_contain_text(str(PEOPLE), timeout=PATIENCE_MS)
        self.see("campaign.state.completed")

    def sent_by_sandbox(self) -> dict[str, int]:
        """What really left, as the sandbox counted it."""
        session = self.api("GET", "/devices")["items"][0]["session"]
        counts = sandbox(self.app, f"/sandbox/counts?session={session}&items=false", None, "GET")
        return {name: counts[name] for name in ("asked", "accepted", "distinct", "duplicates")}

    def api(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        answer = self.page.request.fetch(
            f"{self.app.base_url}/api/v1{path}", method=method, headers={"Origin": self.app.base_url}, data=body
        )
        assert answer.ok, answer.text()
        return answer.json()


def sandbox(app: RunningApp, path: str, body: dict[str, Any] | None, method: str = "POST") -> Any:
    request = urllib.request.Request(
        app.waha_url + path, json.dumps(body).encode() if body is not None else None, {"Content-Type": "application/json"}, method=method
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.loads(answer.read() or b"null")


@pytest.fixture
def teller(app: RunningApp, browser: Browser) -> Iterator[Callable[[str, int], Storyteller]]:
    contexts: list[BrowserContext] = []
    errors: list[str] = []

    def make(language: str, width: int) -> Storyteller:
        context = browser.new_context(
            base_url=app.base_url, viewport={"width": width, "height": 844}, reduced_motion="reduce"
        )
        contexts.append(context)
        context.add_init_script(f"localStorage.setItem('sapa_lang', '{language}')")
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.on("pageerror", lambda error: errors.append(str(error)))
        return Storyteller(app, page, language)

    sandbox(app, "/sandbox/config", {"acks": "instant"}, "PATCH")
    yield make
    for context in contexts:
        context.close()
    assert errors == []


@pytest.mark.parametrize(("language", "width", "prefix"), [("id", 1280, "1111"), ("en", 1280, "2222"), ("id", 390, "3333")])
def test_the_main_job_runs(teller: Callable[[str, int], Storyteller], language: str, width: int, prefix: str) -> None:
    person = teller(language, width)
    person.sign_up()
    person.link_a_number(f"62812{prefix}9999")
    person.import_contacts(prefix)
    person.hurry()
    person.broadcast()
    person.watch_it_arrive()
    assert person.sent_by_sandbox() == {"asked": PEOPLE, "accepted": PEOPLE, "distinct": PEOPLE, "duplicates": 0}
