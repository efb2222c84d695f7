"""Long work from the list of the inbox: a file of what is on show, deleting several, deleting all."""

import csv
import io
import os
import re
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest
from playwright.sync_api import Locator, expect

import pages  # noqa: F401  (first, as the application itself imports them)
from state.inbox.jobs import JobsState
from tests.browser.test_answers_story import Shopkeeper, shopkeeper  # noqa: F401  (a fixture)
from tests.browser.test_inbox import AT_ONCE_MS, Desk
from tests.browser.test_inbox_chat import colleague, execute, in_thread  # noqa: F401  (a fixture)
from tests.browser.test_inbox_list import Agent, begun
from tests.browser.test_look import serious, suits_everyone
from tests.browser.test_sockets import Client
from tests.browser.test_story import PATIENCE_MS
from tests.fixtures.app import RunningApp
from wa_app.kit.clock import utc_now

pytestmark = pytest.mark.browser

FORMULA = "=HYPERLINK(0)"
LATER = "() => { const now = Date.now; Date.now = () => now() + 3_600_000; }"
_HALF = "UPDATE chat_jobs SET status = 'running', processed = 1200, total = 5000, file_id = NULL, lease_until = now() + interval '1 hour' WHERE tenant_id = $1 AND status = 'done'"
_FAIL = "UPDATE chat_jobs SET status = 'failed', error_code = 'storage_full', file_id = NULL WHERE tenant_id = $1"


def opens(agent: Agent, name: str) -> Locator:
    """A line of the menu in the list's head."""
    agent.page.locator("#inbox-more").click()
    agent.page.get_by_role("dialog").get_by_role("button", name=agent.words(f"inbox_jobs.{name}")).click()
    dialog = agent.page.get_by_role("dialog", name=agent.words(f"inbox_jobs.{name}"))
    expect(dialog).to_be_visible()
    return dialog


def looks(agent: Agent, name: str, *, axe: bool = True) -> None:
    """Nothing serious for axe, at any width or in the dark; with SAPA_SHOTS pictures of it."""
    page = agent.page
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        expect(page.locator("html.dark")).to_have_count(int(theme == "dark"))
        if axe and theme == "light":
            suits_everyone(page)
        elif axe:
            assert serious(page) == []
        if folder := os.environ.get("SAPA_SHOTS"):
            for width in (390, 1280):
                page.set_viewport_size({"width": width, "height": 844})
                page.screenshot(path=Path(folder) / f"{name}-{agent.language}-{width}-{theme}.png")
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    page.set_viewport_size({"width": 1280, "height": 844})


def saved(agent: Agent, link: Locator) -> tuple[str, list[tuple[str, str]]]:
    """What a link to a file gives: its name, and who said what in it."""
    with agent.page.expect_download() as caught:
        link.click()
    table = csv.DictReader(io.StringIO(Path(caught.value.path()).read_text("utf-8-sig")))
    return caught.value.suggested_filename, [(one["name"], one["text"]) for one in table]


def tenant(agent: Desk) -> str:
    found: str = agent.api("GET", "/auth/me")["tenant"]["id"]
    return found


def test_what_is_on_show_becomes_a_file(
    shopkeeper: Callable[..., Shopkeeper],  # noqa: F811
) -> None:
    agent = begun(shopkeeper("id", 1280), "6281255550071", "6281277770071")
    page = agent.page
    agent.says("6281277770071", FORMULA, "Kopi luwak masih ada?")
    agent.is_listed(FORMULA)
    agent.says("6281277770072", "Budi", "Sudah lunas ya.")
    agent.is_listed("Budi", FORMULA)
    agent.ready()
    for key in ("j", "e"):
        page.keyboard.press(key)
    agent.is_listed(FORMULA)

    dialog = opens(agent, "export")
    expect(dialog.get_by_role("radio").first).to_be_focused()
    dialog.get_by_role("button", name=agent.words("inbox_jobs.export.do")).press("Enter")
    link = dialog.get_by_role("link", name=agent.words("inbox_jobs.download"))
    expect(link).to_be_visible(timeout=PATIENCE_MS)
    expect(dialog).to_contain_text(agent.words("inbox_jobs.of", n=1))
    looks(agent, "export")
    page.keyboard.press("Escape")
    expect(page.locator("#inbox-more")).to_be_focused()

    # The strip above the list has it too; what is in another folder is not in the file, and a name is no formula.
    strip = page.locator(".job-strip")
    link = strip.get_by_role("link", name=agent.words("inbox_jobs.download"))
    name, said = saved(agent, link)
    assert re.fullmatch(r"chats-\d{8}-\d{4}\.csv", name)
    assert said == [(f"'{FORMULA}", "Kopi luwak masih ada?")]
    # An hour later the link is too old: a fresh one is fetched and followed.
    old = link.get_attribute("href")
    page.evaluate(LATER)
    assert saved(agent, link) == (name, said)
    assert link.get_attribute("href") != old

    # A file that failed says why and can be asked for again.
    in_thread(execute(agent.app.superuser_url, _FAIL, tenant(agent)))
    opens(agent, "export")
    page.keyboard.press("Escape")
    expect(strip).to_contain_text(agent.words("error.storage_full"), timeout=AT_ONCE_MS)
    looks(agent, "failed", axe=False)
    strip.get_by_role("button", name=agent.words("common.retry")).click()
    expect(link).to_be_visible(timeout=PATIENCE_MS)
    expect(strip.locator(".chat-job")).to_have_count(1)

    # One that takes long shows how far it is, and stops when somebody says so.
    in_thread(execute(agent.app.superuser_url, _HALF, tenant(agent)))
    opens(agent, "export")
    page.keyboard.press("Escape")
    expect(strip).to_contain_text(agent.words("inbox_jobs.progress", done="1.200", total="5.000"), timeout=AT_ONCE_MS)
    expect(strip.get_by_role("progressbar")).to_have_attribute("aria-valuenow", "24")
    looks(agent, "running")
    strip.get_by_role("button", name=agent.words("inbox_jobs.cancel")).click()
    expect(strip).to_contain_text(agent.words("inbox_jobs.cancelled"), timeout=AT_ONCE_MS)
    # New work takes the place of what is over.
    opens(agent, "export").get_by_role("button", name=agent.words("inbox_jobs.export.do")).click()
    page.keyboard.press("Escape")
    expect(link).to_be_visible(timeout=PATIENCE_MS)
    expect(strip.locator(".chat-job")).to_have_count(1)
    strip.get_by_role("button", name=agent.words("common.close")).click()
    expect(strip).to_have_count(0)


def test_several_are_deleted_after_a_question_by_who_may(
    shopkeeper: Callable[..., Shopkeeper],  # noqa: F811
    colleague: Callable[..., Desk],  # noqa: F811
) -> None:
    agent = begun(shopkeeper("en", 1280), "6281255550073", "6281277770073")
    other = colleague(agent, "Ani Lestari", "agent")
    ani = Agent(agent.app, other.page, agent.language)
    ani.page.goto("/inbox")
    page = agent.page
    for n, name in enumerate(("Ani", "Budi", "Citra")):
        agent.says(f"628127777007{n}", name, "Halo")
        expect(agent.row(name)).to_be_visible(timeout=AT_ONCE_MS)
    ani.is_listed("Citra", "Budi", "Ani")
    may_not_delete(ani)
    ani.row("Citra").click()
    expect(ani.bubble("Halo")).to_be_visible(timeout=AT_ONCE_MS)

    agent.ready()
    for key in ("j", "x", "j", "x"):
        page.keyboard.press(key)
    bar = page.get_by_role("toolbar")
    expect(bar).to_contain_text(agent.words("inbox_list.picked", n=2))
    trash = bar.get_by_role("button", name=agent.words("common.delete"))
    # Nothing goes before the answer, and "no" is what Enter would say.
    trash.click()
    dialog = page.get_by_role("dialog", name=agent.words("inbox_jobs.delete", n=2))
    expect(dialog).to_contain_text(agent.words("inbox_jobs.delete.final"))
    looks(agent, "delete")
    page.keyboard.press("Enter")
    expect(dialog).to_have_count(0)
    expect(trash).to_be_focused()
    agent.is_listed("Citra", "Budi", "Ani")

    trash.press("Enter")
    dialog.get_by_role("button", name=agent.words("inbox_jobs.delete.do", n=2)).click()
    expect(page.locator(".job-strip")).to_contain_text(agent.words("inbox_jobs.deleted", n=2), timeout=PATIENCE_MS)
    expect(page.locator("#inbox-more")).to_be_focused()
    agent.is_listed("Ani")
    expect(agent.folder("all").locator(".n")).to_have_text("1", timeout=AT_ONCE_MS)
    assert [one["contact"]["name"] for one in agent.api("GET", "/chats")["items"]] == ["Ani"]
    # Who had it open is told that it is gone, and the page lives on.
    ani.see("inbox.gone")
    ani.row("Ani").click()
    expect(ani.bubble("Halo")).to_be_visible(timeout=AT_ONCE_MS)


def may_not_delete(ani: Agent) -> None:
    """An agent's page offers neither files nor deleting, and a bare websocket with their cookie does nothing either."""
    page = ani.page
    ani.ready()
    for key in ("j", "x"):
        page.keyboard.press(key)
    bar = page.get_by_role("toolbar")
    expect(bar).to_contain_text(ani.words("inbox_list.picked", n=1))
    expect(bar.get_by_role("button", name=ani.words("common.delete"))).to_have_count(0)
    page.keyboard.press("Escape")
    page.locator("#inbox-more").click()
    expect(page.get_by_role("dialog").get_by_role("button")).to_have_text([ani.words("inbox_jobs.times")])
    page.keyboard.press("Escape")
    cookie = next(one["value"] for one in page.context.cookies() if one["name"] == "sapa_session")
    chat = ani.api("GET", "/chats")["items"][0]["id"]
    assert in_thread(_by_hand(ani.app, f"sapa_session={cookie}", chat)) == 4
    assert len(ani.api("GET", "/chats")["items"]) == 3
    assert in_thread(execute(ani.app.superuser_url, "SELECT 1 FROM chat_jobs WHERE tenant_id = $1", tenant(ani))) == []


async def _by_hand(app: RunningApp, cookie: str, chat: str) -> int:
    """Call the handlers without a page. How often that was refused."""
    client, name = Client(cookie), JobsState.get_full_name()
    await client.open(app.base_url)
    await client.call(f"{name}.delete", ids=[chat])
    await client.call(f"{name}.export", kind="csv", view="all", device="", team="", tag="", who="")
    folder = {"view": "all", "device": "", "team": "", "tag": "", "who": ""}
    await client.call(f"{name}.count", **folder)
    await client.call(f"{name}.delete_all", **folder, until=utc_now().isoformat())
    await client.call(f"{name}.put_away", job_id=str(uuid4()))
    for _ in range(100):
        if client.words().count("error.forbidden") == 4:
            break
        await client.socket.sleep(0.1)
    await client.socket.disconnect()
    return client.words().count("error.forbidden")


def test_all_that_match_are_deleted_after_a_question_with_their_number(
    shopkeeper: Callable[..., Shopkeeper],  # noqa: F811
) -> None:
    agent = begun(shopkeeper("id", 1280), "6281255550076", "6281277770076")
    page = agent.page
    for n, name in enumerate(("Ani", "Budi", "Citra", "Dewi")):
        agent.says(f"628127777008{n}", name, "Halo")
        expect(agent.row(name)).to_be_visible(timeout=AT_ONCE_MS)
    agent.ready()
    for key in ("j", "e"):
        page.keyboard.press(key)
    agent.is_listed("Citra", "Budi", "Ani")

    # Beside those that are selected, all of the folder; what is said after the question stays.
    for key in ("j", "x"):
        page.keyboard.press(key)
    page.get_by_role("toolbar").get_by_role("button", name=agent.words("common.delete")).click()
    dialog = page.locator(".delete-sheet")
    every = dialog.get_by_role("radio", name=agent.words("inbox_jobs.delete.matching", n=3))
    expect(every).to_be_enabled(timeout=AT_ONCE_MS)
    expect(dialog.get_by_role("heading")).to_have_text(agent.words("inbox_jobs.delete.one"))
    every.check()
    expect(dialog.get_by_role("heading")).to_have_text(agent.words("inbox_jobs.delete", n=3))
    expect(dialog).to_contain_text(agent.words("inbox_list.folder.all"))
    looks(agent, "delete-all")
    agent.says("6281277770080", "Ani", "Masih ada?")
    expect(agent.row("Ani")).to_contain_text("Masih ada?", timeout=AT_ONCE_MS)
    dialog.get_by_role("button", name=agent.words("inbox_jobs.delete.do", n=3)).click()
    expect(page.locator(".job-strip")).to_contain_text(agent.words("inbox_jobs.deleted", n=2), timeout=PATIENCE_MS)
    agent.is_listed("Ani")

    # From the menu, of another folder: only that.
    agent.go("closed")
    agent.is_listed("Dewi")
    page.locator("#inbox-more").click()
    page.get_by_role("dialog").get_by_role("button", name=agent.words("inbox_jobs.delete.all")).click()
    expect(dialog.get_by_role("radio")).to_have_count(0)
    expect(dialog.get_by_role("button", name=agent.words("common.cancel"))).to_be_focused()
    dialog.get_by_role("button", name=agent.words("inbox_jobs.delete.do", n=1)).click()
    expect(agent.row("Dewi")).to_have_count(0, timeout=PATIENCE_MS)
    agent.folder("all").click()
    agent.is_listed("Ani")
