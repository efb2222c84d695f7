"""The machine goes on where a person left off: what the person promised is known to the agent that gets the talk back."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.test_answers_story import Shopkeeper, shopkeeper  # noqa: F401  (a fixture)
from tests.browser.test_inbox import AT_ONCE_MS
from tests.browser.test_inbox_chat import Talker
from tests.browser.test_story import PATIENCE_MS
from tests.fixtures import vendors as vendor_server
from tests.fixtures.vendors import Vendors

pytestmark = pytest.mark.browser

ASKED, TOLD = "Kak, matcha latte harganya berapa?", "Matcha latte harganya Rp 28.000, Kak."
OFFER = "Khusus Kak Siti saya kasih Rp 25.000 per gelas, nanti ambil atas nama Wulan ya."
THINKS = "Sip, saya pikir dulu ya."
NOTE = "Pelanggan lama, modalnya delapan belas ribu."
LATER = "Jadi kalau dua gelas totalnya berapa, dan ambilnya atas nama siapa?"
ANSWER = "Dua gelas matcha latte totalnya Rp 50.000, ambil atas nama Wulan ya, Kak."


def says(answer: str, *sources: int) -> vendor_server.Reply:
    """What a model writes: the structured answer the agent asks for."""
    return vendor_server.written({
        "answer": answer, "mode": "faq", "sources": list(sources), "confidence": 0.95, "handover": False, "handover_reason": "",
        "insights": {"intent": "tanya harga", "sentiment": "neutral", "product": "matcha latte", "urgency": "low", "tags": []},
    })  # fmt: skip


class Barista(Talker):
    """Somebody whose agent answers from a price list, through a vendor's SDK."""

    def learn_prices(self) -> None:
        pair = {"question": "Berapa harga matcha latte?", "answer": "Matcha latte Rp 28.000 per gelas."}
        made = self.api("POST", "/knowledge/pairs", {"pairs": [pair]})[0]["id"]
        self.until(lambda: self.api("GET", f"/knowledge/{made}")["status"] == "ready", "the price list is read")

    def put_agent_to_work(self) -> None:
        config = {"behaviour": {"delay_min_s": 0, "delay_max_s": 0}}
        made = self.api("POST", "/agents", {"preset": "service", "language": "id", "config": config})
        self.api("POST", f"/agents/{made['id']}/publish", {})

    @property
    def switch(self) -> Any:
        return self.page.get_by_role("switch", name=self.words("inbox.bot"))


def talk(request: vendor_server.Asked) -> list[tuple[str, str]]:
    """The turns of a request that are the talk, without what the agent is told about itself."""
    return [(one["role"], json.dumps(one["content"], ensure_ascii=False)) for one in request.body["messages"] if one["role"] != "system"]


def test_the_agent_goes_on_with_what_a_person_promised(
    shopkeeper: Callable[..., Shopkeeper], vendors: Vendors  # noqa: F811
) -> None:
    told = shopkeeper("id", 1280)
    desk = Barista(told.app, told.page, told.language)
    desk.begin("6281255550091", "6281277770091")
    desk.api("POST", "/ai-providers", {
        "name": "Groq", "kind": "openai", "base_url": vendors.openai("groq"), "api_key": "gsk_test_0002", "model": "llama",
    })  # fmt: skip
    desk.learn_prices()
    desk.put_agent_to_work()
    # The agent answers from the document and names it.
    vendors.always["groq"] = says(TOLD, 1)
    desk.page.goto("/inbox")
    desk.see("inbox.empty.title")
    desk.write(ASKED)
    desk.opens("Siti")
    expect(desk.bubble(TOLD, "ai").locator(".source")).to_have_count(1, timeout=PATIENCE_MS)
    desk.gets(TOLD)
    # A person takes over and promises something that stands in no document; the machine keeps silent.
    desk.field.fill(OFFER)
    desk.field.press("Enter")
    desk.gets(OFFER)
    expect(desk.switch).to_have_attribute("aria-checked", "false", timeout=AT_ONCE_MS)
    desk.note(NOTE)
    before = vendors.count("groq")
    desk.write(THINKS)
    desk.until(lambda: any(text == THINKS and "human" in outcomes for text, outcomes in desk.decided()), "the line was left to the person")
    assert vendors.count("groq") == before
    # The person hands back; what the customer asks then can only be answered by who knows the talk.
    desk.switch.click()
    expect(desk.switch).to_have_attribute("aria-checked", "true", timeout=AT_ONCE_MS)
    vendors.always["groq"] = says(ANSWER)
    desk.write(LATER)
    desk.gets(ANSWER)
    expect(desk.bubble(ANSWER, "ai")).to_have_count(1, timeout=PATIENCE_MS)
    said = talk(vendors.last("groq"))
    roles = [role for role, _ in said]
    assert roles == ["user", "assistant", "user"], said
    asked, answered, newest = (text for _, text in said)
    assert ASKED in asked
    assert TOLD in answered and OFFER in answered  # noqa: PT018 - both in this turn
    assert THINKS in newest or THINKS in asked
    assert LATER in newest
    assert NOTE not in json.dumps(vendors.last("groq").body, ensure_ascii=False), "what the team notes stays with the team"
    desk.until(lambda: not desk.api("GET", f"/chats/{desk.chat}").get("pending"), "nothing more waits to leave")
    assert [desk.received().count(one) for one in (TOLD, OFFER, ANSWER)] == [1, 1, 1]
