"""An agent's page as a person uses it: settings that save themselves, the talk, test cases, versions; on a phone too."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.test_look import serious
from tests.fixtures import scans
from tests.fixtures.app import RunningApp
from tests.fixtures.people import Person, make_person
from wa_app.i18n import translate

pytestmark = pytest.mark.browser

PATIENCE_MS = 30_000
READ_MS = 90_000
"""A picture is read behind everything else: on a busy machine it waits."""


class Desk:
    """A signed-in person on an agent's page."""

    def __init__(self, app: RunningApp, page: Page, language: str) -> None:
        self.app, self.page, self.language = app, page, language

    def words(self, key: str, **args: Any) -> str:
        return translate(self.language, key, **args)

    def button(self, key: str, **args: Any) -> Any:
        return self.page.get_by_role("button", name=self.words(key, **args), exact=True).locator("visible=true").first

    def api(self, method: str, path: str, body: Any = None) -> Any:
        headers = {"Origin": self.app.base_url}
        answer = self.page.request.fetch(f"{self.app.base_url}/api/v1{path}", method=method, headers=headers, data=body)
        assert answer.ok, answer.text()
        return answer.json()

    def open_new(self, preset: str = "service") -> str:
        made: str = self.api("POST", "/agents", {"preset": preset, "language": self.language})["id"]
        self.page.goto(f"/knowledge/agents/{made}")
        expect(self.page.locator(".agent-cols")).to_be_visible(timeout=PATIENCE_MS)
        return made

    def say(self, text: str) -> Any:
        before = self.page.locator(".bubble button.by, .talk-note button").count()
        self.page.fill("#say", text)
        self.page.keyboard.press("Enter")
        answers = self.page.locator(".bubble button.by, .talk-note button")
        expect(answers).to_have_count(before + 1, timeout=PATIENCE_MS)
        return answers.last


@pytest.fixture(scope="module")
def person(app: RunningApp) -> Person:
    return make_person(app)


@pytest.fixture
def desk(app: RunningApp, browser: Browser, person: Person) -> Iterator[Callable[..., Desk]]:
    contexts: list[BrowserContext] = []
    errors: list[str] = []

    def make(language: str = "id", width: int = 1280, theme: Any = "light", who: Person = person) -> Desk:
        context = browser.new_context(
            base_url=app.base_url, viewport={"width": width, "height": 844}, color_scheme=theme, reduced_motion="reduce"
        )
        contexts.append(context)
        context.add_cookies([who.cookie])  # type: ignore[list-item]
        context.add_init_script(f"localStorage.setItem('sapa_lang', '{language}')")
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        return Desk(app, page, language)

    yield make
    for context in contexts:
        context.close()
    assert errors == []


@pytest.mark.parametrize(("language", "theme", "width"), [("id", "light", 1280), ("en", "dark", 1280), ("id", "dark", 390), ("en", "light", 320)])
def test_the_page_is_usable_by_everyone(desk: Callable[..., Desk], language: str, theme: str, width: int) -> None:
    at = desk(language, width, theme)
    at.open_new()
    at.say(at.words("agent_page.hint.price"))
    for pane in ("settings", "talk", "why"):
        tab = at.page.get_by_role("button", name=at.words(f"agent_page.pane.{pane}"), exact=True)
        if tab.is_visible():
            tab.click()
            expect(tab).to_have_attribute("aria-pressed", "true")
        assert at.page.evaluate("document.documentElement.scrollWidth") <= width
        assert serious(at.page) == []


def test_a_phone_shows_the_box_to_write_in_without_scrolling(desk: Callable[..., Desk]) -> None:
    at = desk("id", 390, "dark")
    at.open_new()
    at.button("agent_page.pane.talk").click()
    box = at.page.locator("#say").bounding_box()
    bar = at.page.get_by_role("navigation").locator("visible=true").last.bounding_box()
    assert box is not None
    assert bar is not None
    assert box["y"] + box["height"] <= bar["y"]


def test_a_setting_saves_itself_and_an_older_page_does_not_overwrite_it(desk: Callable[..., Desk]) -> None:
    at, other = desk(), desk()
    agent_id = at.open_new()
    other.page.goto(f"/knowledge/agents/{agent_id}")
    expect(other.page.locator(".agent-cols")).to_be_visible()
    at.page.fill("#agent-persona", "Singkat saja.")
    at.page.keyboard.press("Tab")
    expect(other.page.get_by_text(at.words("agent_page.stale"))).to_be_visible()
    assert at.api("GET", f"/agents/{agent_id}")["draft"]["persona"] == "Singkat saja."
    other.page.fill("#agent-persona", "Panjang lebar.")
    other.page.keyboard.press("Tab")
    other.button("agent_page.stale.do").click()
    expect(other.page.locator("#agent-persona")).to_have_value("Singkat saja.")
    assert at.api("GET", f"/agents/{agent_id}")["draft"]["persona"] == "Singkat saja."


def test_a_wrong_value_is_said_at_its_field(desk: Callable[..., Desk]) -> None:
    at = desk()
    agent_id = at.open_new()
    at.page.locator("summary", has_text=at.words("agent_page.behaviour")).click()
    at.page.fill("#agent-behaviour-delay-min-s", "600")
    at.page.keyboard.press("Tab")
    expect(at.page.locator("#agent-behaviour-delay-max-s-note")).to_be_visible()
    at.page.fill("#agent-behaviour-delay-max-s", "900")
    at.page.keyboard.press("Tab")
    expect(at.page.locator("#agent-behaviour-delay-max-s-note")).to_have_count(0)
    assert at.api("GET", f"/agents/{agent_id}")["draft"]["behaviour"]["delay_max_s"] == 900


def test_stop_silences_the_talk_and_start_opens_it(desk: Callable[..., Desk]) -> None:
    at = desk()
    at.open_new()
    expect(at.say("STOP")).to_be_visible()
    at.say("Halo, masih ada?")
    expect(at.page.get_by_text(at.words("agent_page.silent.stopped"))).to_be_visible()
    at.say("START")
    at.say("Halo, masih ada?")
    expect(at.page.get_by_text(at.words("agent_page.silent.stopped"))).to_have_count(1)
    at.button("agent_page.restart").click()
    expect(at.page.locator(".bubble")).to_have_count(0)


def test_two_sides_hear_the_same_text(desk: Callable[..., Desk]) -> None:
    at = desk()
    at.open_new()
    at.button("agent_page.compare").click()
    at.page.fill("#say", "Halo")
    at.page.keyboard.press("Enter")
    expect(at.page.locator(".talk-body .chat")).to_have_count(2)
    expect(at.page.locator(".bubble.in")).to_have_count(2)
    expect(at.page.locator(".bubble button.by, .talk-note button")).to_have_count(2)


def test_a_kept_answer_is_asked_again_before_publishing(desk: Callable[..., Desk]) -> None:
    at = desk()
    agent_id = at.open_new()
    at.say("Berapa ongkir ke Malang?")
    at.button("agent_page.keep").click()
    dialog = at.page.get_by_role("dialog")
    dialog.locator("textarea[name=contains]").fill("kata yang tidak ada")
    dialog.get_by_role("button", name=at.words("agent_page.expect.save")).click()
    expect(dialog).to_have_count(0)
    at.button("agent_page.publish", n=1).click()
    dialog.get_by_role("button", name=at.words("agent_page.run")).click()
    expect(dialog.get_by_text(at.words("agent_page.passed.some", n=0, total=1))).to_be_visible()
    dialog.get_by_role("button", name=at.words("agent_page.publish", n=1)).click()
    expect(at.page.get_by_text(at.words("agent_page.active", n=1))).to_be_visible()
    assert at.api("GET", f"/agents/{agent_id}")["live"]["number"] == 1


def test_a_picture_is_read_and_asked_with(desk: Callable[..., Desk]) -> None:
    at = desk()
    at.open_new()
    at.button("agent_page.file.attach").click()
    at.page.locator(".talk-foot input[type=file]").set_input_files(
        {"name": "bukti.jpg", "mimeType": "image/jpeg", "buffer": scans.receipt_jpeg(1_250_000)}
    )
    expect(at.page.locator(".attach-chip")).to_contain_text("bukti.jpg")
    expect(at.page.locator(".attach-chip")).to_contain_text(at.words("agent_page.file.read"), timeout=READ_MS)
    assert serious(at.page) == []
    at.say("Ini buktinya kak")
    expect(at.page.locator(".bubble .attached").first).to_contain_text("bukti.jpg")
    expect(at.page.locator(".attach-chip")).to_have_count(0)


def test_a_better_answer_is_taught(desk: Callable[..., Desk]) -> None:
    at = desk()
    at.open_new()
    question, answer = "Apakah boleh bayar di tempat untuk kain batik?", "Boleh, bayar di tempat untuk Jabodetabek."
    at.say(question)
    at.button("agent_page.fix").click()
    dialog = at.page.get_by_role("dialog")
    expect(dialog.locator("textarea[name=question]")).to_have_value(question)
    dialog.locator("textarea[name=answer]").fill("")
    dialog.get_by_role("button", name=at.words("agent_page.fix.do"), exact=True).click()
    expect(dialog.get_by_role("alert").first).to_be_visible()
    dialog.locator("textarea[name=answer]").fill(answer)
    assert serious(at.page) == []
    dialog.get_by_role("button", name=at.words("agent_page.fix.do"), exact=True).click()
    expect(at.page.get_by_text(at.words("agent_page.fix.done"))).to_be_visible()
    expect(dialog).to_have_count(0)
    taught = [one["name"] for one in at.api("GET", "/knowledge?kind=pair")["items"]]
    assert taught == [question]


def test_an_old_version_is_brought_back(desk: Callable[..., Desk]) -> None:
    at = desk("en")
    agent_id = at.open_new("sales")
    for name in ("Satu", "Dua"):
        at.api("PATCH", f"/agents/{agent_id}", {"config": {"name": name}})
        at.api("POST", f"/agents/{agent_id}/publish", {})
    at.page.reload()
    at.button("agent_page.history").click()
    drawer = at.page.get_by_role("dialog")
    expect(drawer.locator(".version")).to_have_count(2)
    drawer.get_by_role("button", name=at.words("agent_page.roll_back")).click()
    at.page.get_by_role("alertdialog").get_by_role("button", name=at.words("agent_page.back.do", n=1)).click()
    expect(at.page.get_by_text(at.words("agent_page.active", n=3))).to_be_visible()


def test_a_strangers_agent_is_not_found(app: RunningApp, desk: Callable[..., Desk]) -> None:
    mine = desk()
    agent_id = mine.open_new()
    stranger = desk(who=make_person(app))
    stranger.page.goto(f"/knowledge/agents/{agent_id}")
    expect(stranger.page.get_by_text(stranger.words("agent_page.missing"))).to_be_visible()
    expect(stranger.page.locator(".agent-cols")).to_have_count(0)


def test_the_list_leads_to_a_new_agent(desk: Callable[..., Desk]) -> None:
    at = desk()
    at.page.goto("/knowledge/agents")
    at.button("agents.new").click()
    at.page.get_by_role("dialog").get_by_role("button", name=at.words("agents.preset.sales")).click()
    at.page.wait_for_url(re.compile(r"/knowledge/agents/[0-9a-f-]{36}"))
    expect(at.page.locator(".agent-cols")).to_be_visible()
