"""The inbox in Chromium, timed inside the page: from the click until what was asked for has been drawn."""

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from bench.desk.people import Agent
from wa_app.embedded import doctor
from wa_app.embedded.errors import LauncherError
from wa_app.services.sessions import COOKIE

FLAGS: Final = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run")
WAIT_MS: Final = 20_000
# Two frames after the condition holds, the picture of it is on the screen.
_TIMED: Final = """
async ([act, done, argument]) => {
  const holds = new Function("x", "return (" + done + ")"), doIt = new Function("x", act);
  if (holds(argument)) throw new Error("it is there before it was asked for");
  const begun = performance.now();
  doIt(argument);
  const frame = () => new Promise((go) => requestAnimationFrame(go));
  while (!holds(argument)) {
    if (performance.now() - begun > 20000) throw new Error("never: " + done + " " + JSON.stringify(argument));
    await frame();
  }
  await frame();
  return performance.now() - begun;
}
"""
GO_HOME: Final = "document.querySelector(`nav a[href='/']`).click()"
GO_INBOX: Final = "document.querySelector(`nav a[href^='/inbox']`).click()"
ROWS: Final = "document.querySelectorAll('.chat-row[data-id]').length > 5"
CLICK_ROW: Final = "document.querySelector(`.chat-row[data-id='${x.chat}']`).click()"
BEGIN_SEARCH: Final = "document.getElementById('inbox-search') || document.querySelector(`[data-search], .list-pane header button`).click()"
# As React hears a person type: the last letter of the word counts, so the pause before asking is in the figure.
TYPE: Final = """
const field = document.getElementById("inbox-search");
Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value").set.call(field, x);
field.dispatchEvent(new Event("input", { bubbles: true }));
"""
FOUND: Final = """
document.querySelector(".found-list")?.getAttribute("aria-busy") === "false"
  && ([...document.querySelectorAll(".found mark")].some((one) => one.textContent.toLowerCase() === x)
    || document.querySelector(".found-list .empty")?.textContent.includes(x))
"""
LAST_LINE: Final = "[...document.querySelectorAll('.bubble')].some((one) => one.dataset.line === x.line)"


class Desk:
    """One browser's page of an agent."""

    def __init__(self, page: Any) -> None:
        self.page = page

    async def timed(self, act: str, done: str, argument: object = None) -> float:
        """Milliseconds from doing something until it shows."""
        found: float = await self.page.evaluate(_TIMED, [act, done, argument])
        return found

    async def opened(self, times: int) -> list[float]:
        """Coming from the first page to the inbox."""
        taken = []
        for _ in range(times):
            await self.page.evaluate(GO_HOME)
            await self.page.wait_for_function("!document.querySelector('.chat-row')", timeout=WAIT_MS)
            await self.page.wait_for_load_state("networkidle")
            taken.append(await self.timed(GO_INBOX, ROWS))
        return taken

    async def reloaded(self, times: int) -> list[float]:
        """Everything anew, as after typing the address: scripts from the browser's cache, a new socket, a new list."""
        taken = []
        for _ in range(times):
            begun = time.perf_counter()
            await self.page.goto("/inbox", wait_until="commit")
            await self.page.wait_for_function(ROWS, timeout=WAIT_MS, polling="raf")
            taken.append((time.perf_counter() - begun) * 1000)
        return taken

    async def drawn(self) -> list[str]:
        """Ids of the conversations that the list draws now."""
        ids: list[str] = await self.page.evaluate("[...document.querySelectorAll('.chat-row[data-id]')].map((row) => row.dataset.id)")
        return ids

    async def switched(self, chats: Sequence[dict[str, str]]) -> list[float]:
        """From one conversation to the next: until its last message is there."""
        return [await self.timed(CLICK_ROW, LAST_LINE, chat) for chat in chats]

    async def searched(self, words: Sequence[str]) -> list[float]:
        """From a word's last letter until messages with it are listed, or that there are none."""
        await self.page.evaluate(BEGIN_SEARCH)
        await self.page.wait_for_selector("#inbox-search", timeout=WAIT_MS)
        return [await self.timed(TYPE, FOUND, word) for word in words]

    async def shows(self, words: str) -> None:
        """Wait for words anywhere on the screen."""
        await self.page.wait_for_function("(x) => document.body.innerText.includes(x)", arg=words, timeout=WAIT_MS, polling="raf")


@asynccontextmanager
async def chromium(base_url: str, agents: Sequence[Agent]) -> AsyncIterator[list[Desk]]:
    """A browser with one page per agent, each signed in, at 1280 × 832."""
    from playwright.async_api import async_playwright

    if not (path := doctor.find_chromium()):
        raise LauncherError("Chromium is missing: apt-get install chromium, or set CHROMIUM_PATH.")
    async with async_playwright() as player:
        browser = await player.chromium.launch(executable_path=path, args=list(FLAGS))
        desks = []
        for agent in agents:
            context = await browser.new_context(base_url=base_url, viewport={"width": 1280, "height": 832})
            await context.add_cookies([{"name": COOKIE, "value": agent.token, "url": base_url}])
            desks.append(Desk(await context.new_page()))
        try:
            yield desks
        finally:
            await browser.close()
