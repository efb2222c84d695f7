"""Queues in the open, by a platform admin; and that an owner, by page or by bare socket, gets nothing of it."""

import asyncio
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import dramatiq
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from redis import Redis

from pages import routes
from state.admin_queues import AdminQueuesState
from tests.browser.test_look import serious
from tests.browser.test_sockets import QUIET_S, Client, apart, handlers, signed_up
from tests.fixtures.app import RunningApp
from tests.fixtures.people import Person, make_person
from wa_app.i18n import translate

pytestmark = pytest.mark.browser
PATIENCE_MS = 20_000
SHOTS = os.environ.get("SAPA_SHOTS", "")
"""A folder for pictures of every look, for looking at one's work."""
DEAD = "dramatiq:default.XQ"


def execute(app: RunningApp, query: str, *values: Any) -> list[Any]:
    found: list[Any] = []

    async def run() -> None:
        connection = await asyncpg.connect(app.superuser_url)
        try:
            found.extend(await connection.fetch(query, *values))
        finally:
            await connection.close()

    apart(run())
    return found


def bury(app: RunningApp, actor: str, error: str, **ids: str) -> str:
    """A message that failed for good, as the workers leave one."""
    key = str(uuid4())
    message: dramatiq.Message[Any] = dramatiq.Message(
        queue_name="default", actor_name=actor, args=(), kwargs=ids,
        options={"redis_message_id": key, "retries": 4, "failure": {"error": error, "where": "mail/smtp.py:31"}},
    )  # fmt: skip
    with Redis.from_url(app.environment["REDIS_URL"]) as redis:
        redis.hset(f"{DEAD}.msgs", key, message.encode())
        redis.zadd(DEAD, {key: time.time() * 1000})
    return key


def fail_event(app: RunningApp, person: Person, event: str = "message") -> str:
    rows = execute(
        app, "INSERT INTO inbound_events (tenant_id, device_id, event, envelope_id, body, state, error, attempts, due_at) "
        "VALUES ($1, uuidv7(), $2, uuidv7()::text, '\\x00', 'failed', 'KeyError', 3, NULL) RETURNING id",
        person.tenant_id, event,
    )  # fmt: skip
    return str(rows[0]["id"])


@pytest.fixture(scope="module")
def boss(app: RunningApp) -> Person:
    """A platform admin, who also has a busy business."""
    person = make_person(app, busy=True)
    execute(app, "UPDATE users SET is_platform_admin = true WHERE email = $1", person.email)
    return person


@pytest.fixture
def opened(app: RunningApp, browser: Browser) -> Iterator[Any]:
    contexts: list[BrowserContext] = []
    errors: list[str] = []

    def open_(person: Person, path: str, width: int = 1280, theme: Any = "light", language: str = "en") -> Page:
        context = browser.new_context(
            base_url=app.base_url, viewport={"width": width, "height": 844}, color_scheme=theme, reduced_motion="reduce"
        )
        contexts.append(context)
        context.add_cookies([person.cookie])
        context.add_init_script(f"try {{ localStorage.setItem('sapa_lang', '{language}') }} catch {{}}")
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(path)
        # The markup is there before its handlers are: a click on it would be lost. Rows come with them.
        page.wait_for_function("document.querySelector('h1')?.innerText && !document.querySelector('.skeleton')")
        return page

    yield open_
    for context in contexts:
        context.close()
    assert errors == []


def tab(page: Page, language: str, name: str) -> None:
    page.get_by_role("button", name=translate(language, f"admin.tab.{name}"), exact=True).click()


def shot(page: Page, name: str) -> None:
    if SHOTS:
        page.screenshot(path=Path(SHOTS) / f"{name}.png", full_page=True)


@pytest.mark.parametrize(("language", "width", "theme"), [
    ("id", 1280, "light"), ("en", 1280, "dark"), ("en", 390, "light"), ("id", 390, "dark"),
])  # fmt: skip
def test_every_part_is_shown_and_reads_well(
    app: RunningApp, boss: Person, opened: Any, language: str, width: int, theme: str
) -> None:
    bury(app, "mail.send", "smtplib.SMTPServerDisconnected", letter="welcome", id=str(uuid4()))
    fail_event(app, boss)
    page = opened(boss, routes.ADMIN_QUEUES, width, theme, language)
    expect(page.get_by_role("heading", level=1)).to_have_text(translate(language, "admin.title"))
    parts = {
        "queues": "replies", "dead": "smtplib.SMTPServerDisconnected", "jobs": "lanes.wake", "ledger": "Nusa Niaga",
    }  # fmt: skip
    for name, words in parts.items():
        tab(page, language, name)
        expect(page.get_by_text(words).locator("visible=true").first).to_be_visible(timeout=PATIENCE_MS)
        assert serious(page) == [], name
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), name
        shot(page, f"admin-{name}-{language}-{theme}-{width}")


def test_a_platform_admin_finds_it_in_the_sidebar(boss: Person, opened: Any) -> None:
    page = opened(boss, "/")
    page.get_by_role("link", name=translate("en", "nav.admin_queues"), exact=True).click()
    expect(page).to_have_url(re.compile(routes.ADMIN_QUEUES))


def test_tries_again_and_drops_with_a_question(app: RunningApp, boss: Person, opened: Any) -> None:
    bury(app, "mail.send", "OneToDrop", letter="welcome", id=str(uuid4()))
    event = fail_event(app, boss, "one.to.retry")
    page = opened(boss, routes.ADMIN_QUEUES)
    tab(page, "en", "dead")
    row = page.locator("tbody tr", has_text="OneToDrop")
    row.get_by_role("button", name=translate("en", "common.more")).click()
    page.get_by_role("menuitem", name=translate("en", "admin.drop")).click()
    page.get_by_role("alertdialog").get_by_role("button", name=translate("en", "admin.drop")).click()
    expect(row).to_have_count(0, timeout=PATIENCE_MS)
    again = page.locator("tbody tr", has_text="one.to.retry")
    again.get_by_role("button", name=translate("en", "common.more")).click()
    page.get_by_role("menuitem", name=translate("en", "admin.retry")).click()
    expect(again).to_have_count(0, timeout=PATIENCE_MS)
    assert execute(app, "SELECT state FROM inbound_events WHERE id = $1::uuid", event)[0]["state"] != "failed"
    verbs = execute(app, "SELECT verb FROM audit_log WHERE tenant_id = $1 AND verb LIKE 'admin.%'", boss.tenant_id)
    assert {"admin.enter", "admin.dead.drop", "admin.dead.retry"} <= {row["verb"] for row in verbs}


def test_drops_all_of_a_kind(app: RunningApp, boss: Person, opened: Any) -> None:
    for _ in range(3):
        fail_event(app, boss)
    page = opened(boss, routes.ADMIN_QUEUES)
    tab(page, "en", "dead")
    page.get_by_role("button", name=translate("en", "admin.source.events"), exact=True).click()
    page.get_by_role("button", name=translate("en", "admin.drop_all")).click()
    page.get_by_role("alertdialog").get_by_role("button", name=translate("en", "admin.drop")).click()
    expect(page.get_by_text(translate("en", "admin.no_dead.title"))).to_be_visible(timeout=PATIENCE_MS)
    assert execute(app, "SELECT count(*) AS n FROM inbound_events WHERE state = 'failed'")[0]["n"] == 0


def test_shows_what_changes_without_a_reload(app: RunningApp, boss: Person, opened: Any) -> None:
    page = opened(boss, routes.ADMIN_QUEUES)
    tab(page, "en", "dead")
    fail_event(app, boss, "came.later")
    expect(page.get_by_text("came.later").first).to_be_visible(timeout=PATIENCE_MS)


def test_an_owner_does_not_see_it_and_is_led_home(app: RunningApp, opened: Any) -> None:
    owner = make_person(app)
    page = opened(owner, routes.ADMIN_QUEUES)
    expect(page).to_have_url(re.compile(r"//[^/]+/(\?.*)?$"), timeout=PATIENCE_MS)
    expect(page.get_by_text(translate("en", "error.admin_only"))).to_be_visible()
    expect(page.get_by_text(translate("en", "nav.admin_queues"), exact=True)).to_have_count(0)


def test_an_owner_on_a_bare_socket_learns_and_changes_nothing(app: RunningApp, boss: Person) -> None:
    event = fail_event(app, boss, "secret.event")
    key = bury(app, "mail.send", "SecretError", letter="welcome", id=str(uuid4()))
    apart(_owner_calls_everything(app, boss))
    assert execute(app, "SELECT state FROM inbound_events WHERE id = $1::uuid", event)[0]["state"] == "failed"
    with Redis.from_url(app.environment["REDIS_URL"]) as redis:
        assert redis.zscore(DEAD, key) is not None


async def _owner_calls_everything(app: RunningApp, boss: Person) -> None:
    cookie, _ = await signed_up(app)
    owner, admin = Client(cookie), Client(f"{boss.cookie['name']}={boss.cookie['value']}")
    await asyncio.gather(owner.open(app.base_url), admin.open(app.base_url))
    prefix = f"{AdminQueuesState.get_full_name()}."
    ours = [(name, arguments) for name, arguments in handlers() if name.startswith(prefix)]
    assert len(ours) > 8
    await admin.call(f"{prefix}load")
    values = {"row_id": f"events:{uuid4()}", "verb": "drop", "source": "events", "tab": "dead", "name": "tidy", "_": False}
    for name, arguments in ours:
        await owner.call(name, **{each: values.get(each, "events") for each in arguments})
    # In this order a handler that trusted its own vars would drop every webhook that failed.
    for name, payload in (("set_source", {"source": "events"}), ("ask_all", {"verb": "drop"}), ("confirm", {})):
        await owner.call(f"{prefix}{name}", **payload)
    await asyncio.sleep(QUIET_S)
    assert "secret.event" in admin.words(), "the control: the same call does something for a platform admin"
    for secret in ("secret.event", "SecretError", "lanes.wake", "Nusa Niaga"):
        assert secret not in owner.words()
    await asyncio.gather(owner.socket.disconnect(), admin.socket.disconnect())
