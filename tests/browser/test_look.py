"""Every page in both themes and three widths: axe finds nothing serious, nothing scrolls sideways, the console is clean."""

import re
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect
from sqlalchemy import text

from pages import routes
from tests.fixtures.app import RunningApp
from tests.fixtures.people import Person, finish_some, in_app, make_person
from wa_app import db
from wa_app.schemas.principal import Principal

pytestmark = pytest.mark.browser

WIDTHS = (320, 390, 1280)
SIGNED_IN = (
    routes.HOME,
    routes.CONTACTS,
    routes.CONTACTS_IMPORT,
    routes.CONTACTS_BLACKLIST,
    routes.CONTACTS_GROUPS,
    routes.DEVICES,
    routes.MEDIA,
    routes.CAMPAIGNS,
    routes.CAMPAIGN_NEW,
    routes.AUTOMATION,
    routes.KNOWLEDGE,
    routes.AGENTS,
    routes.SETTINGS,
    routes.SETTINGS_SECURITY,
    routes.SETTINGS_BUSINESS,
    routes.SETTINGS_OPT_OUT,
    routes.SETTINGS_TEAM,
    routes.SETTINGS_TEAMS,
    routes.SETTINGS_QUICK_REPLIES,
    routes.SETTINGS_API_KEYS,
    routes.SETTINGS_AI,
    routes.DEV_COMPONENTS,
)
SIGNED_OUT = (routes.SIGN_IN, routes.SIGN_UP, routes.FORGOT_PASSWORD, routes.RESET_PASSWORD, "/nowhere")
Opener = Callable[..., Page]


@pytest.fixture(scope="session")
def busy(app: RunningApp) -> Person:
    return make_person(app, busy=True)


@pytest.fixture
def open_page(app: RunningApp, browser: Browser, busy: Person) -> Iterator[Opener]:
    """Opens a path in a context of its own; the test fails on errors in the console."""
    errors: list[str] = []
    contexts: list[BrowserContext] = []

    def open_(path: str, *, width: int = 1280, theme: Any = "light", language: str = "id", person: Any = busy) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": 844}, color_scheme=theme, reduced_motion="reduce"
        )
        contexts.append(context)
        if person is not None:
            context.add_cookies([person.cookie])
        context.add_init_script(f"localStorage.getItem('sapa_lang') ?? localStorage.setItem('sapa_lang', '{language}')")
        page = context.new_page()
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(app.base_url + path)
        expect(page.locator("h1:visible")).to_have_count(1)
        page.wait_for_function(
            "document.querySelector('.late, .skeleton') === null || location.pathname.includes('dev')"
        )
        return page

    yield open_
    for context in contexts:
        context.close()
    assert [error for error in errors if "404 (Not Found)" not in error] == []


def serious(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [
        f"{item['id']}: {node['html'][:160]} {node.get('failureSummary', '')[:200]}"
        for item in found
        if item["impact"] in ("serious", "critical")
        for node in item["nodes"]
    ]


def suits_everyone(page: Page) -> None:
    """At each width no sideways scrolling and nothing serious for axe."""
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 844})
        # Charts measure themselves a frame after the window.
        page.wait_for_function("width => document.documentElement.scrollWidth <= width", arg=width, timeout=10_000)
        assert serious(page) == [], f"at {width} px"


@pytest.mark.parametrize("path", SIGNED_IN + SIGNED_OUT)
def test_page_is_usable_by_everyone(open_page: Opener, path: str) -> None:
    """In either language and either theme, opened on the smallest phone."""
    page = open_page(path, width=WIDTHS[0])
    suits_everyone(page)
    page.set_viewport_size({"width": WIDTHS[0], "height": 844})
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    page.get_by_role("button", name="Bahasa: ID").locator("visible=true").click()
    expect(page.locator("html.dark[lang=en]")).to_have_count(1)
    suits_everyone(page)


@pytest.mark.parametrize(("language", "theme"), [("id", "light"), ("en", "dark")])
def test_inbox_is_usable_by_everyone(app: RunningApp, open_page: Opener, language: str, theme: str) -> None:
    """It has the whole screen to itself: language and theme were chosen elsewhere."""
    person = make_person(app, busy=True)
    in_app(app, _talk(person.tenant_id))
    page = open_page(routes.INBOX, width=WIDTHS[0], language=language, theme=theme, person=person)
    expect(page.locator(".chat-row")).to_have_count(4)
    suits_everyone(page)


async def _talk(tenant_id: UUID) -> None:
    """Everybody has written; one waits for a person, one is urgent."""
    async with db.unit_of_work(Principal.system(tenant_id)) as uow:
        await uow.session.execute(text(
            "INSERT INTO conversations (id, tenant_id, contact_id, device_id, chat_id, last_message_at, unread, waiting_since, priority, needs_human_at) "
            "SELECT gen_random_uuid(), c.tenant_id, c.id, d.id, '', now(), n, now() - make_interval(mins => 12 * n), "
            "CASE n WHEN 2 THEN 'urgent' ELSE 'none' END, CASE n WHEN 3 THEN now() END "
            "FROM (SELECT *, row_number() OVER (ORDER BY id)::int AS n FROM contacts) c, (SELECT id FROM devices LIMIT 1) d"
        ))  # fmt: skip


def test_a_page_that_was_built_on_another_day_is_taken_over_as_it_is(app: RunningApp, browser: Browser, busy: Person) -> None:
    """Pages are written when they are built: date and greeting of that hour must not meet those of now."""
    context = browser.new_context(base_url=app.base_url)
    context.add_cookies([busy.cookie])
    page, errors = context.new_page(), []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.clock.set_fixed_time("2031-03-07T03:00:00Z")
    page.goto(routes.HOME)
    expect(page.locator("main")).to_contain_text("7 Maret 2031")
    context.close()
    assert errors == []


def test_language_changes_at_once_and_is_remembered(open_page: Opener) -> None:
    page = open_page(routes.HOME)
    nav = page.get_by_role("navigation").first
    expect(nav.get_by_text("Siaran")).to_be_visible()
    page.get_by_role("button", name="Bahasa: ID").locator("visible=true").click()
    expect(nav.get_by_text("Broadcasts")).to_be_visible()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    page.reload()
    expect(nav.get_by_text("Broadcasts")).to_be_visible()
    cookies = {cookie["name"]: cookie["value"] for cookie in page.context.cookies()}
    assert cookies["sapa_lang"] == "en"


def test_theme_is_remembered(open_page: Opener) -> None:
    page = open_page(routes.HOME)
    page.get_by_role("button", name="Tampilan").locator("visible=true").click()
    page.get_by_role("menuitem", name="Gelap").click()
    expect(page.locator("html.dark")).to_have_count(1)
    page.reload()
    expect(page.locator("html.dark")).to_have_count(1)


def test_palette_and_shortcuts_work_by_keyboard(open_page: Opener) -> None:
    page = open_page(routes.HOME)
    expect(page.locator("html[data-keys]")).to_have_count(1)  # before, keys are lost: nobody listens yet
    page.keyboard.press("Control+k")
    box = page.get_by_role("combobox", name="Cari atau jalankan perintah")
    expect(box).to_be_focused()
    page.keyboard.type("perangkat")
    expect(page.get_by_role("option")).to_have_count(2)
    page.keyboard.press("Escape")
    expect(box).to_have_count(0)
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Pintasan papan ketik")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    page.keyboard.press("b")
    page.wait_for_url("**" + routes.CAMPAIGNS)


def test_home_counts_what_the_ledger_says(open_page: Opener) -> None:
    page = open_page(routes.HOME, language="en")
    expect(page.get_by_text("Promo Gajian Kopi Lestari", exact=True)).to_be_visible()
    expect(page.get_by_text("812 of 1,240")).to_be_visible()
    expect(page.get_by_text("Device Laundry Cling is disconnected")).to_be_visible()
    assert page.get_by_role("img", name="Read 412, Delivered 247").count() >= 1


def test_new_tenant_is_led_to_the_first_broadcast(app: RunningApp, open_page: Opener) -> None:
    page = open_page(routes.HOME, person=make_person(app))
    expect(page.get_by_text("0 dari 4 selesai")).to_be_visible()
    expect(page.get_by_role("link", name="Tautkan perangkat")).to_have_attribute("href", routes.DEVICES)


def test_without_a_session_the_sign_in_page_opens(open_page: Opener, app: RunningApp, browser: Browser) -> None:
    page = browser.new_page()
    page.goto(app.base_url + routes.HOME)
    page.wait_for_url(re.compile(r"/login/?\?next="))
    page.close()


def test_toasts_speak_the_readers_language(open_page: Opener) -> None:
    page = open_page(routes.DEV_COMPONENTS, language="en")
    page.get_by_role("button", name="Toast galat").click()
    expect(page.get_by_text("Your role does not allow this.")).to_be_visible()


def test_selecting_rows_swaps_the_toolbar_without_a_jump(open_page: Opener) -> None:
    page = open_page(routes.DEV_COMPONENTS)
    head = page.locator(".tbl thead").first
    before = head.bounding_box()
    page.get_by_label("Pilih Siti Rahmawati").click()
    expect(page.get_by_text("1 dipilih")).to_be_visible()
    after = head.bounding_box()
    assert before is not None
    assert after is not None
    assert abs(before["y"] - after["y"]) < 1


def test_offline_is_said_and_passes(app: RunningApp, browser: Browser, busy: Person) -> None:
    context = browser.new_context()
    context.add_cookies([busy.cookie])
    page = context.new_page()
    page.goto(app.base_url + routes.HOME)
    expect(page.get_by_text("Menunggu Anda")).to_be_visible()
    context.set_offline(True)
    expect(page.get_by_text("Sambungan terputus.")).to_be_visible(timeout=60_000)
    context.set_offline(False)
    expect(page.get_by_text("Sambungan terputus.")).to_be_hidden(timeout=30_000)
    context.close()


def test_home_moves_without_reload(app: RunningApp, open_page: Opener) -> None:
    person = make_person(app, busy=True)
    page = open_page(routes.HOME, person=person)
    expect(page.get_by_text("812 dari 1.240")).to_be_visible()
    finish_some(app, person, 100)
    expect(page.get_by_text("912 dari 1.240")).to_be_visible()


def test_reflex_upload_route_does_not_exist(app: RunningApp, page: Page) -> None:
    assert page.request.get(app.base_url + "/_upload").status == 404
    assert page.request.post(app.base_url + "/_upload").status in (404, 405)
