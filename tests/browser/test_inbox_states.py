"""What the inbox says while it loads, when nothing comes, when it is empty; and what it offers is not older than the question."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.test_answers_story import Shopkeeper, shopkeeper  # noqa: F401  (a fixture)
from tests.browser.test_inbox import AT_ONCE_MS
from tests.browser.test_inbox_list import begun
from tests.browser.test_look import serious
from tests.browser.test_story import PATIENCE_MS

pytestmark = pytest.mark.browser


def test_the_list_says_what_it_does_not_know_yet(
    shopkeeper: Callable[..., Shopkeeper],  # noqa: F811
) -> None:
    agent = begun(shopkeeper("id", 1280), "6281255550082", "6281277770082")
    page = agent.page
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    # Numbers are linked already: to link one is no advice.
    agent.see("inbox.empty.waits")
    expect(page.get_by_role("link", name=agent.words("inbox.empty.do"))).to_have_count(0)

    # Made after the page was opened, and offered all the same.
    agent.says("6281277770082", "Siti", "Halo")
    expect(agent.row("Siti")).to_be_visible(timeout=AT_ONCE_MS)
    agent.api("POST", "/contacts/tags", {"name": "Grosir"})
    agent.ready()
    for key in ("j", "x"):
        page.keyboard.press(key)
    page.get_by_role("toolbar").get_by_role("button", name=agent.words("inbox_list.do.tag")).click()
    expect(page.get_by_role("option", name="Grosir")).to_be_visible(timeout=AT_ONCE_MS)
    page.get_by_role("option", name="Grosir").click()
    # A toast has the colours of the theme.
    toast = page.locator("[data-sonner-toast][data-mounted=true]").first
    expect(toast).to_be_visible(timeout=AT_ONCE_MS)
    raised = page.evaluate("(() => { const el = document.createElement('i'); el.style.background = 'var(--raised)'; document.body.append(el); return getComputedStyle(el).backgroundColor; })()")
    expect(toast).to_have_css("background-color", raised)

    # The server does not answer: no number is claimed, and what is to be pressed lies free.
    page.context.route_web_socket("**/_event/**", lambda _: None)
    silent = page.context.new_page()
    silent.emulate_media(color_scheme="dark", reduced_motion="reduce")
    silent.goto("/inbox")
    late = silent.locator(".list-late")
    expect(late).to_be_visible(timeout=PATIENCE_MS)
    expect(silent.locator(".folders .n")).to_have_count(0)
    for width in (1280, 390):
        silent.set_viewport_size({"width": width, "height": 844})
        late.get_by_role("button", name=agent.words("common.retry")).click(trial=True, timeout=AT_ONCE_MS)
        assert serious(silent) == []
