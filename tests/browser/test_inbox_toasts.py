"""What is told in passing covers neither the field of a chat nor what is to be pressed in a sheet."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.test_answers_story import Shopkeeper, shopkeeper  # noqa: F401  (a fixture)
from tests.browser.test_inbox import AT_ONCE_MS
from tests.browser.test_inbox_jobs import opens
from tests.browser.test_inbox_list import begun
from tests.browser.test_look import serious

pytestmark = pytest.mark.browser

PHONE, DESK = {"width": 390, "height": 844}, {"width": 1280, "height": 844}


def toast_on(page: Page) -> Locator:
    found = page.locator("[data-sonner-toast][data-mounted=true]").first
    expect(found).to_be_visible(timeout=AT_ONCE_MS)
    # It comes in by moving.
    page.wait_for_function("el => Promise.all(el.getAnimations().map((one) => one.finished)).then(() => true)", arg=found.element_handle())
    return found


def apart(one: Locator, other: Locator) -> None:
    a, b = one.bounding_box(), other.bounding_box()
    assert a
    assert b
    covers = a["x"] < b["x"] + b["width"] and b["x"] < a["x"] + a["width"] and a["y"] < b["y"] + b["height"] and b["y"] < a["y"] + a["height"]
    assert not covers, (a, b)
    assert a["y"] >= 0


def test_toasts_cover_nothing_that_is_to_be_pressed(
    shopkeeper: Callable[..., Shopkeeper],  # noqa: F811
) -> None:
    agent = begun(shopkeeper("id", 390), "6281255550080", "6281277770080")
    page = agent.page
    for n, name in enumerate(("Ani", "Budi")):
        agent.says(f"628127777008{n}", name, "Halo")
        expect(agent.row(name)).to_be_visible(timeout=AT_ONCE_MS)
    agent.ready()

    # Put away from the list: over the bar at the foot; a sheet that opens then is free of it.
    agent.row("Ani").focus()
    page.keyboard.press("e")
    apart(toast_on(page), page.locator(".bottombar"))
    sheet = opens(agent, "export")
    apart(toast_on(page), sheet.get_by_role("button", name=agent.words("inbox_jobs.export.do")))
    apart(toast_on(page), sheet)
    assert serious(page) == []
    page.keyboard.press("Escape")

    # In the chat: under its head, above all that is said and written.
    agent.row("Budi").click()
    expect(page.locator("#composer")).to_be_visible(timeout=AT_ONCE_MS)
    page.locator("#chat-menu").click()
    page.locator(".panel").get_by_role("button", name=agent.words("inbox_chat.close")).click()
    for size in (PHONE, DESK):
        page.set_viewport_size(size)  # type: ignore[arg-type]
        apart(toast_on(page), page.locator(".compose"))
        apart(toast_on(page), page.locator(".chat-head"))
