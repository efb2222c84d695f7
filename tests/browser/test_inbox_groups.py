"""A group in the inbox: switched on in the settings, who says what, a file of a member, an answer that quotes, a rule's answer."""

import base64
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.test_answers_story import Shopkeeper, shopkeeper  # noqa: F401  (a fixture)
from tests.browser.test_inbox import AT_ONCE_MS
from tests.browser.test_inbox_chat import Talker
from tests.browser.test_look import suits_everyone
from tests.browser.test_story import PATIENCE_MS, sandbox
from tests.fixtures.scans import receipt_jpeg

pytestmark = pytest.mark.browser

SITI, BUDI, SOMEBODY = "6281277780081", "6281277780082", "6281277780083"
QUIET = [f"62812777801{n:02d}" for n in range(5)]
"""Members who say nothing."""
SUBJECT, ANSWER = "Arisan RT 5", "Iuran bulan ini Rp 50.000."


class Neighbour(Talker):
    """Somebody whose number is in a group with its customers."""

    group = ""

    def switch_groups_on(self) -> None:
        self.page.goto("/settings/business")
        form = self.page.locator("form", has=self.page.locator("[name=groups]"))
        form.get_by_role("checkbox", name=self.words("replies.groups.on")).check()
        form.get_by_role("button", name=self.words("common.save")).click()
        self.until(lambda: bool(self.api("GET", "/settings/answers")["groups"]), "the switch is kept")

    def join(self) -> None:
        made = sandbox(self.app, f"/sandbox/sessions/{self.session}/group", {"subject": SUBJECT, "members": [SITI, BUDI, SOMEBODY, *QUIET], "admins": 1})
        self.group = made["id"]

    def says(self, phone: str, name: str, text: str, photo: bytes = b"") -> None:
        media = {"data": base64.b64encode(photo).decode(), "mimetype": "image/jpeg", "filename": "bukti.jpg"} if photo else None
        body = {"from": phone, "name": name, "text": text, "group": self.group, "media": media}
        sandbox(self.app, f"/sandbox/sessions/{self.session}/inbound", body)

    def in_group(self) -> list[dict[str, Any]]:
        """The group's messages as WhatsApp has them."""
        path = f"/sandbox/chat?session={self.session}&chat={self.group}"
        items: list[dict[str, Any]] = sandbox(self.app, path, None, "GET")["items"]
        return items


@pytest.mark.parametrize(("language", "width"), [("id", 1280), ("en", 390)])
def test_a_group_talks_and_is_answered(
    shopkeeper: Callable[..., Shopkeeper], language: str, width: int  # noqa: F811
) -> None:
    told, is_phone = shopkeeper(language, width), width < 640
    desk = Neighbour(told.app, told.page, told.language)
    desk.begin(f"62812555{width:05d}", "6281277780084")
    desk.api("POST", "/auto-replies", {"keywords": ["iuran"], "match_type": "CONTAINS", "response_text": ANSWER, "name": "Iuran"})
    desk.switch_groups_on()
    desk.join()
    page = desk.page
    page.goto("/inbox")
    desk.see("inbox.empty.title")
    desk.says(SITI, "Siti Aminah", "Arisan jam berapa?")
    expect(desk.row(SUBJECT)).to_contain_text("Arisan jam berapa?", timeout=PATIENCE_MS)
    # A group has a mark of its own; nothing says that the AI answers in it.
    expect(desk.row(SUBJECT).locator(".avatar.of-many svg")).to_be_visible()
    expect(desk.row(SUBJECT)).to_contain_text(desk.words("inbox.turn.rule"))
    desk.opens(SUBJECT)
    question = desk.bubble("Arisan jam berapa?")
    expect(question.locator(".member")).to_have_text("Siti Aminah")
    desk.says(BUDI, "Budi Santoso", "Ini buktinya", receipt_jpeg())
    photo = desk.bubble("Ini buktinya")
    expect(photo.locator(".member")).to_have_text("Budi Santoso", timeout=AT_ONCE_MS)
    expect(photo.locator("img")).to_be_visible(timeout=PATIENCE_MS)
    desk.says(SOMEBODY, "", "Saya ikut.")
    expect(desk.bubble("Saya ikut.").locator(".member")).to_be_visible(timeout=AT_ONCE_MS)
    # A rule answers into the group and quotes who asked.
    desk.says(SITI, "Siti Aminah", "Berapa iuran bulan ini?")
    expect(desk.bubble(ANSWER, "out").locator(".quote")).to_have_text("Berapa iuran bulan ini?", timeout=PATIENCE_MS)
    # A person answers one line of many: the quote stands in the field, in the bubble, and in WhatsApp.
    question.hover()
    question.locator("button.answer").click()
    desk.field.fill("Jam 4 sore, Bu Siti.")
    desk.field.press("Enter")
    ours = desk.bubble("Jam 4 sore, Bu Siti.", "out")
    expect(ours.locator(".quote")).to_have_text("Arisan jam berapa?", timeout=AT_ONCE_MS)
    desk.until(lambda: any(one["text"] == "Jam 4 sore, Bu Siti." for one in desk.in_group()), "the answer is in the group")
    asked, answer = desk.in_group()[0], desk.in_group()[-1]
    assert answer["reply_to"].startswith(f"false_{desk.group}_{asked['id']}_")
    assert [one["text"] for one in desk.in_group() if one["from_me"]] == [ANSWER, "Jam 4 sore, Bu Siti."]
    # What stands beside it is about a group, not about a customer.
    if is_phone:
        page.get_by_role("button", name=desk.words("inbox.show_customer", name=SUBJECT)).click()
    expect(page.locator(".pane-about")).to_contain_text(desk.words("inbox.group.words"))
    expect(page.locator(".pane-about")).not_to_contain_text(desk.words("contacts.consent"))
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        suits_everyone(page)
    page.set_viewport_size({"width": width, "height": 844})
    assert desk.api("GET", "/contacts")["items"] == []
    # Everybody in it: we, the admin, then those with a name; a search finds by name and by number.
    people = page.locator(".about-members")
    expect(people.get_by_role("listitem")).to_have_count(9, timeout=PATIENCE_MS)
    expect(people.get_by_role("listitem").first).to_contain_text(desk.words("inbox.you"))
    expect(people.get_by_role("listitem").nth(1)).to_contain_text("Siti Aminah")
    expect(people.get_by_role("listitem").nth(1)).to_contain_text(desk.words("inbox_members.admin"))
    field = people.get_by_label(desk.words("inbox_members.find"))
    field.fill("budi")
    expect(people.get_by_role("listitem")).to_have_count(1, timeout=AT_ONCE_MS)
    expect(people.get_by_role("listitem")).to_contain_text("Budi Santoso")
    field.fill("0812-7778-0083")
    expect(people.get_by_role("listitem")).to_have_count(1, timeout=AT_ONCE_MS)
    field.fill("tidak ada")
    expect(people).to_contain_text(desk.words("inbox_members.nobody"), timeout=AT_ONCE_MS)
    field.fill("")
    expect(people.get_by_role("listitem")).to_have_count(9, timeout=AT_ONCE_MS)
    # Who is a customer too leads to their own talk.
    expect(people.get_by_role("button", name="Siti Aminah")).to_have_count(0)
    sandbox(desk.app, f"/sandbox/sessions/{desk.session}/inbound", {"from": SITI, "name": "Siti Aminah", "text": "Saya mau pesan."})
    desk.until(lambda: len(desk.api("GET", "/contacts")["items"]) == 1, "Siti is a contact")
    page.reload()
    if is_phone:
        page.get_by_role("button", name=desk.words("inbox.show_customer", name=SUBJECT)).click()
    member = people.get_by_role("button", name="Siti Aminah")
    expect(member).to_be_visible(timeout=PATIENCE_MS)
    member.click()
    expect(desk.bubble("Saya mau pesan.")).to_be_visible(timeout=PATIENCE_MS)
    # A search shows the mark that the list shows.
    page.goto("/inbox")
    page.get_by_role("button", name=desk.words("inbox.search")).click()
    page.locator("#inbox-search").fill("arisan")
    expect(page.locator(".found.person", has_text=SUBJECT).locator(".avatar.of-many svg")).to_be_visible(timeout=PATIENCE_MS)
