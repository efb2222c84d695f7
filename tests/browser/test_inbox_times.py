"""Times of service in the inbox: by person and team for who sees the team, one's own for who does not."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.test_answers_story import Shopkeeper, shopkeeper  # noqa: F401  (a fixture)
from tests.browser.test_inbox import AT_ONCE_MS, Desk
from tests.browser.test_inbox_chat import colleague, execute, in_thread  # noqa: F401  (a fixture)
from tests.browser.test_inbox_jobs import looks, opens, tenant
from tests.browser.test_inbox_list import Agent, begun
from tests.browser.test_story import PATIENCE_MS

pytestmark = pytest.mark.browser

ANSWER = "Masih ada, Kak."


def test_times_of_service_are_shown_by_person_and_team(
    shopkeeper: Callable[..., Shopkeeper],  # noqa: F811
) -> None:
    agent = begun(shopkeeper("en", 1280), "6281255550074", "6281277770074")
    page = agent.page
    dialog = opens(agent, "times")
    expect(dialog).to_contain_text(agent.words("inbox_times.empty", n=7), timeout=AT_ONCE_MS)
    expect(dialog.get_by_role("link", name=agent.words("inbox_times.set"))).to_have_attribute("href", re.compile("/settings/business"))
    looks(agent, "times-empty", axe=False)
    page.keyboard.press("Escape")

    agent.api("PATCH", "/settings/answers", {"first_response_target_min": 5, "resolution_target_min": 60})
    team = agent.api("POST", "/teams", {"name": "Penjualan"})["id"]
    agent.customer = "6281277770074"
    agent.says("6281277770074", "Siti", "Masih ada?")
    agent.row("Siti").click()
    page.locator("#composer").fill(ANSWER)
    page.locator("#composer").press("Enter")
    agent.gets(ANSWER)
    agent.api("POST", f"/chats/{agent.chat}/assign", {"team_id": team})
    agent.says("6281277770075", "Budi", "Halo")
    expect(agent.row("Budi")).to_be_visible(timeout=AT_ONCE_MS)
    page.goto("/inbox")
    expect(agent.row("Budi")).to_be_visible(timeout=PATIENCE_MS)

    dialog = opens(agent, "times")
    lines = dialog.locator("tbody tr:not(.times-group)")
    expect(lines).to_have_count(3, timeout=AT_ONCE_MS)
    for n, name in enumerate((
        agent.words("inbox_times.all", n=2), agent.words("inbox_times.you", name="Ratna Wulandari"), "Penjualan",
    )):  # fmt: skip
        expect(lines.nth(n)).to_contain_text(name)
        expect(lines.nth(n)).to_contain_text(agent.words("inbox_times.within", n=1, all=1))
    opened = dialog.locator(".times-open").first
    expect(opened).to_contain_text(agent.words("inbox_times.unanswered"))
    expect(opened.locator("b")).to_have_text("1")
    expect(opened).to_contain_text(agent.words("inbox_times.late", n=0))
    looks(agent, "times")
    # What came ten minutes ago and nobody answered is overdue.
    old = "UPDATE conversation_cases SET opened_at = opened_at - interval '10 minutes' WHERE tenant_id = $1 AND answered_at IS NULL"
    in_thread(execute(agent.app.superuser_url, old, tenant(agent)))
    dialog.get_by_role("button", name=agent.words("inbox_times.last", n=30)).click()
    expect(dialog.locator("caption")).to_have_text(agent.words("inbox_times.caption", n=30), timeout=AT_ONCE_MS)
    expect(opened).to_contain_text(agent.words("inbox_times.late", n=1))
    page.keyboard.press("Escape")
    expect(page.locator("#inbox-more")).to_be_focused()


def test_an_agent_sees_only_their_own_times(
    shopkeeper: Callable[..., Shopkeeper],  # noqa: F811
    colleague: Callable[..., Desk],  # noqa: F811
) -> None:
    owner = begun(shopkeeper("id", 1280), "6281255550077", "6281277770077")
    owner.api("PATCH", "/settings/answers", {"first_response_target_min": 5, "resolution_target_min": 60})
    owner.api("POST", "/teams", {"name": "Penjualan"})
    other = colleague(owner, "Ani Lestari", "agent")
    ani = Agent(owner.app, other.page, owner.language)
    ani.page.goto("/inbox")
    for customer, name in (("6281277770077", "Siti"), ("6281277770078", "Budi")):
        owner.says(customer, name, "Masih ada?")
        expect(owner.row(name)).to_be_visible(timeout=AT_ONCE_MS)
    answers(owner, "Siti")

    # Whoever has answered nobody is shown nobody's.
    dialog = opens(ani, "times")
    lines = dialog.locator("tbody tr")
    expect(lines).to_have_count(1, timeout=AT_ONCE_MS)
    expect(lines.first).to_contain_text(ani.words("inbox_times.all", n=2))
    expect(dialog).to_contain_text(ani.words("inbox_times.not_you"))
    ani.page.keyboard.press("Escape")
    answers(ani, "Budi")
    dialog = opens(ani, "times")
    expect(lines).to_have_count(2, timeout=AT_ONCE_MS)
    expect(lines.nth(1)).to_contain_text(ani.words("inbox_times.you", name="Ani Lestari"))
    expect(dialog).to_contain_text(ani.words("inbox_times.own"))
    for hidden in ("Ratna Wulandari", "Penjualan"):
        expect(dialog).not_to_contain_text(hidden)
    expect(dialog.get_by_role("link", name=ani.words("inbox_times.set"))).to_have_count(0)
    looks(ani, "times-own")
    shown = ani.api("GET", "/chats/service-times")
    assert [one["name"] for one in shown["people"]] == ["Ani Lestari"]
    assert shown["teams"] == []

    # The owner sees both.
    dialog = opens(owner, "times")
    expect(dialog.locator("tbody tr")).to_have_count(3, timeout=AT_ONCE_MS)
    expect(dialog).to_contain_text("Ani Lestari")


def answers(agent: Agent, name: str) -> None:
    agent.row(name).click()
    agent.page.locator("#composer").fill(ANSWER)
    agent.page.locator("#composer").press("Enter")
    expect(agent.bubble(ANSWER, "out")).to_be_visible(timeout=AT_ONCE_MS)
