"""A customer asks and gets the right answer: from a scanned price list, by a rule on what a photo says, never after STOP.

A person uploads, tries and publishes in the browser; the customer writes in the sandbox.
"""

import base64
import re
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.test_story import PATIENCE_MS, Storyteller, sandbox
from tests.fixtures import vendors as vendor_server
from tests.fixtures.app import RunningApp
from tests.fixtures.scans import price_list_pdf, receipt_jpeg
from tests.fixtures.vendors import Vendors

pytestmark = pytest.mark.browser

PRICE_LIST = "Daftar harga.pdf"
QUESTION, PRICE = "Kak, matcha latte harganya berapa?", "28.000"
OTHER_QUESTION, OTHER_PRICE = "Kak, jus alpukat harganya berapa?", "22.000"
AMOUNT = "1.250.000"
THANKS = "Terima kasih, bukti transfer sudah kami terima."
LOOK_S = 0.2
READING_MS = 240_000
"""A scan is read behind everything else: on a busy machine it waits."""


class Shopkeeper(Storyteller):
    """Somebody with a shop, and the customer who writes to it."""

    customer = ""

    def begin(self, phone: str, customer: str) -> None:
        """A tenant with a linked number that waits for nothing before it sends."""
        self.customer = customer
        self.sign_up()
        self.link_a_number(phone)
        self.hurry()

    @property
    def session(self) -> str:
        found: str = self.api("GET", "/devices")["items"][0]["session"]
        return found

    def upload_price_list(self) -> None:
        """A scan without a text layer becomes something to answer from, while the page looks on."""
        self.page.goto("/knowledge")
        pdf = {"name": PRICE_LIST, "mimeType": "application/pdf", "buffer": price_list_pdf()}
        self.page.locator("input[type=file]").first.set_input_files(pdf)
        row = self.page.locator("tr", has_text=PRICE_LIST).first
        expect(row.get_by_text(self.words("knowledge.stage.ready"), exact=True).first).to_be_visible(timeout=READING_MS)

    def make_agent(self) -> None:
        """From a preset; it is to answer at once, since a test does not wait like a person."""
        self.page.goto("/knowledge/agents")
        self.press("agents.new")
        self.page.get_by_role("dialog").get_by_role("button", name=self.words("agents.preset.service")).click()
        self.page.wait_for_url(re.compile(r"/knowledge/agents/[0-9a-f-]{36}"), timeout=PATIENCE_MS)
        expect(self.page.locator(".agent-cols")).to_be_visible(timeout=PATIENCE_MS)
        self.show("settings")
        self.page.locator("summary", has_text=self.words("agent_page.behaviour")).click()
        for field in ("min", "max"):
            self.page.fill(f"#agent-behaviour-delay-{field}-s", "0")
            self.page.keyboard.press("Tab")
        expect(self.page.get_by_text(self.words("agent_page.delay.none"), exact=True)).to_be_visible(timeout=PATIENCE_MS)

    def show(self, pane: str) -> None:
        """On a phone one pane is on show, on a desk all three are."""
        tab = self.page.get_by_role("button", name=self.words(f"agent_page.pane.{pane}"), exact=True)
        if tab.is_visible():
            tab.click()

    def try_it(self, question: str, words: str) -> None:
        """The draft answers in the tester, names its source, and shows why."""
        self.show("talk")
        self.page.fill("#say", question)
        self.page.keyboard.press("Enter")
        answer = self.page.locator(".bubble.ai", has_text=words).last
        expect(answer).to_be_visible(timeout=PATIENCE_MS)
        expect(answer.locator(".source").first).to_contain_text(PRICE_LIST)
        answer.locator(".source").first.click()
        expect(self.page.get_by_role("dialog")).to_contain_text(PRICE)
        self.page.keyboard.press("Escape")
        answer.locator("button.by").click()
        self.show("why")
        expect(self.page.locator(".trace .passage").first).to_contain_text(PRICE_LIST)

    def publish(self) -> None:
        self.press("agent_page.publish", n=1)
        self.page.get_by_role("dialog").get_by_role("button", name=self.words("agent_page.publish", n=1)).click()
        self.see("agent_page.active", n=1)

    def make_rule(self) -> None:
        """A keyword rule on the amount that will stand in a photo."""
        rule = {"keywords": [AMOUNT], "match_type": "CONTAINS", "response_text": THANKS, "name": "Bukti transfer"}
        self.api("POST", "/auto-replies", rule)

    def write(self, text: str = "", photo: bytes = b"") -> None:
        """The customer's side."""
        media = {"data": base64.b64encode(photo).decode(), "mimetype": "image/jpeg", "filename": "bukti.jpg"} if photo else None
        body = {"from": self.customer, "text": text, "name": "Siti", "media": media}
        sandbox(self.app, f"/sandbox/sessions/{self.session}/inbound", body)

    def received(self) -> list[str]:
        """What the customer's phone shows of us, oldest first."""
        asked = urlencode({"session": self.session, "chat": f"{self.customer}@c.us"})
        items = sandbox(self.app, f"/sandbox/chat?{asked}", None, "GET")["items"]
        return [one["text"] for one in items if one["from_me"]]

    def gets(self, words: str, n: int = 1) -> None:
        """The customer has received `n` messages with these words."""
        self.until(lambda: sum(words in one for one in self.received()) >= n, f"{n} × {words!r}")

    def until(self, holds: Callable[[], bool], what: str) -> None:
        ends = time.monotonic() + PATIENCE_MS / 1000
        while not holds():
            assert time.monotonic() < ends, f"{what}; received {self.received()}; decided {self.decided()}"
            time.sleep(LOOK_S)

    def stops(self) -> None:
        """STOP: confirmed once, then silence, however good the question; a person may answer."""
        self.write("STOP")
        self.gets("MULAI")
        before = len(self.received())
        self.write(OTHER_QUESTION)
        self.until(lambda: "stopped" in self.reasons(), "the turn after STOP was decided")
        assert len(self.received()) == before
        self.api("POST", f"/chats/{self.chat}/send", {"text": "Halo Kak Siti, ini Ratna."})
        self.gets("ini Ratna")

    def reasons(self) -> list[str]:
        """What the router's first step said of each text of the customer that was decided."""
        return [outcomes[0] for _, outcomes in self.decided()]

    def decided(self) -> list[tuple[str, list[str]]]:
        """What was decided about each text of the customer, the newest first, step by step."""
        messages = self.api("GET", f"/chats/{self.chat}/messages")["items"]
        return [(one["text"][:40], [step["outcome"] for step in one["trace"]]) for one in messages if one.get("trace")]

    @property
    def chat(self) -> str:
        found: str = self.api("GET", "/chats")["items"][0]["id"]
        return found

    def starts_again(self) -> None:
        """START lifts the stop; the person who took over gives the talk back to the machines."""
        before = sum(OTHER_PRICE in one for one in self.received())
        self.write("START")
        self.gets("Balas STOP")
        self.api("POST", f"/chats/{self.chat}/toggle-bot", {"active": True})
        self.write(OTHER_QUESTION)
        self.gets(OTHER_PRICE, before + 1)


@pytest.fixture
def shopkeeper(app: RunningApp, browser: Browser) -> Iterator[Callable[[str, int], Shopkeeper]]:
    contexts: list[BrowserContext] = []
    errors: list[str] = []

    def make(language: str, width: int) -> Shopkeeper:
        context = browser.new_context(base_url=app.base_url, viewport={"width": width, "height": 844}, reduced_motion="reduce")
        contexts.append(context)
        context.add_init_script(f"localStorage.setItem('sapa_lang', '{language}')")
        page: Page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.on("pageerror", lambda error: errors.append(str(error)))
        return Shopkeeper(app, page, language)

    sandbox(app, "/sandbox/config", {"acks": "instant"}, "PATCH")
    yield make
    for context in contexts:
        context.close()
    assert errors == []


def test_a_customer_gets_the_right_answer_without_any_key(shopkeeper: Callable[[str, int], Shopkeeper]) -> None:
    shop = shopkeeper("id", 1280)
    shop.begin("6281255550001", "6281277770001")
    shop.upload_price_list()
    shop.make_agent()
    shop.try_it(QUESTION, PRICE)
    shop.publish()
    shop.write(QUESTION)
    shop.gets(PRICE)
    shop.make_rule()
    shop.write(photo=receipt_jpeg(1_250_000))
    shop.gets(THANKS)
    shop.stops()
    shop.starts_again()


def says(answer: str) -> Any:
    """What a model writes: the structured answer the agent asks for."""
    return vendor_server.written({
        "answer": answer, "mode": "faq", "sources": [1], "confidence": 0.95, "handover": False, "handover_reason": "",
        "insights": {"intent": "tanya harga", "sentiment": "neutral", "product": "matcha latte", "urgency": "low", "tags": []},
    })  # fmt: skip


def test_with_a_key_the_same_works_through_the_vendors_sdk(
    shopkeeper: Callable[[str, int], Shopkeeper], vendors: Vendors
) -> None:
    shop = shopkeeper("id", 390)
    shop.begin("6281255550002", "6281277770002")
    provider = {"name": "Groq", "kind": "openai", "base_url": vendors.openai("groq"), "api_key": "gsk_test_0001", "model": "llama"}
    shop.api("POST", "/ai-providers", provider)
    vendors.always["groq"] = says("Matcha Latte harganya Rp 28.000 ya, Kak.")
    shop.upload_price_list()
    shop.make_agent()
    shop.try_it(QUESTION, "ya, Kak")
    assert "28.000" in str(vendors.last("groq").body), "the price list went along with the question"
    shop.publish()
    before = vendors.count("groq")
    shop.write(QUESTION)
    shop.gets("Rp 28.000 ya, Kak")
    assert vendors.count("groq") > before
