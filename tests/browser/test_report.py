"""A finished broadcast's report in the browser, and what one does from there."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from playwright.sync_api import Browser, Page, WebSocketRoute, expect
from sqlalchemy import text

from pages import routes
from tests.browser.test_look import serious
from tests.fixtures.app import RunningApp
from tests.fixtures.people import Person, _apart, _within, make_person
from wa_app.db import unit_of_work
from wa_app.schemas.campaigns import CampaignCreate, Target
from wa_app.schemas.contacts import ContactCreate
from wa_app.schemas.principal import Principal
from wa_app.services import campaigns, contacts, seed

pytestmark = pytest.mark.browser


@dataclass(frozen=True)
class Done:
    person: Person
    campaign: str
    silent: int


async def _finish(tenant_id: UUID) -> tuple[str, int]:
    async with unit_of_work(Principal.system(tenant_id)) as uow:
        for n in range(80):
            await contacts.create(uow, ContactCreate(phone=f"+6281200007{n:03d}", name=f"Orang {n}", tags=["Kopi"]))
        devices = list((await uow.session.execute(text("SELECT id FROM devices ORDER BY id"))).scalars())
        made = (await campaigns.create(uow, CampaignCreate(
            name="Promo Biji Kopi", message_template=seed.DONE, target=Target(tags=["Kopi"])
        ))).id  # fmt: skip
        await seed._finished(uow, made, devices, datetime.now(UTC) - timedelta(days=2), 58)
        rows = text("SELECT count(*) FROM outbound_messages WHERE campaign_id = :c AND state IN ('sent', 'delivered')")
        return str(made), (await uow.session.execute(rows, {"c": made})).scalar_one()


@pytest.fixture(scope="module")
def done(app: RunningApp) -> Done:
    person = make_person(app, busy=True)
    return Done(person, *_apart(_within(app, _finish(person.tenant_id))))


@pytest.fixture
def page(app: RunningApp, browser: Browser, done: Done) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 844}, reduced_motion="reduce", base_url=app.base_url)
    context.add_cookies([done.person.cookie])
    context.add_init_script("localStorage.getItem('sapa_lang') ?? localStorage.setItem('sapa_lang', 'en')")
    made, errors = context.new_page(), list[str]()
    made.on("pageerror", lambda error: errors.append(str(error)))
    yield made
    context.close()
    assert errors == []


def open_report(page: Page, done: Done) -> None:
    page.goto(routes.campaign_report(done.campaign))
    expect(page.locator(".funnel")).to_be_visible()


@pytest.mark.parametrize("width", [390, 1280])
def test_the_report_is_readable_by_everyone(page: Page, done: Done, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 844})
    open_report(page, done)
    expect(page.locator(".hours svg")).to_have_attribute("aria-label", re.compile("most were read at"))
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert serious(page) == []
    page.emulate_media(color_scheme="dark")
    page.evaluate("localStorage.setItem('sapa_lang', 'id')")
    page.reload()
    expect(page.get_by_text("Dari rencana sampai balasan")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert serious(page) == []


def test_a_file_is_made_and_can_be_fetched(page: Page, done: Done) -> None:
    open_report(page, done)
    page.get_by_role("button", name="Export").click()
    page.get_by_role("menuitem", name="Report as PDF").click()
    link = page.get_by_role("link", name="Download")
    expect(link).to_be_visible(timeout=30_000)
    answer = page.request.get(link.get_attribute("href") or "")
    assert answer.body().startswith(b"%PDF-")


def test_trying_again_takes_only_what_was_chosen(page: Page, done: Done) -> None:
    page.goto(routes.campaign_report(done.campaign) + "?retry=1")
    box = page.get_by_role("dialog", name="Which ones to send again?")
    expect(box).to_be_visible()
    expect(box.get_by_role("button", name=re.compile(r"Send \d+ messages? again"))).to_be_enabled()
    for check in box.get_by_role("checkbox").all():
        check.uncheck()
    expect(box.get_by_role("button", name=re.compile("Send 0"))).to_be_disabled()


def test_a_box_flips_at_once_and_falls_back_when_the_server_says_nothing(page: Page, done: Done) -> None:
    held: list[str | bytes] = []
    muted = False

    def relay(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()
        socket.on_message(lambda message: held.append(message) if muted else server.send(message))

    page.route_web_socket(re.compile("/_event"), relay)
    page.goto(routes.campaign_report(done.campaign) + "?retry=1")
    check = page.get_by_role("dialog").get_by_role("checkbox").first
    expect(check).to_be_checked()
    muted = True
    check.uncheck()
    expect(check).to_be_checked(timeout=8_000)
    assert any("toggle_reason" in str(message) for message in held)


def test_writing_again_opens_a_draft_for_silent_readers(page: Page, done: Done) -> None:
    open_report(page, done)
    page.get_by_role("button", name=re.compile(f"Write again to {done.silent} who")).click()
    page.get_by_role("alertdialog").get_by_role("button", name="Make the draft").click()
    page.wait_for_url(re.compile(r"/campaigns/[0-9a-f-]{36}/edit"))
    expect(page.get_by_role("heading", level=1)).to_contain_text("Promo Biji Kopi (belum baca)")
    expect(page.get_by_text(re.compile("Risk of a block")).first).to_be_visible()
