"""The blacklist and the group grabber as a person uses them; a STOP on a phone moves the open page."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, expect

from pages import routes
from tests.browser.test_story import PATIENCE_MS, Storyteller, sandbox
from tests.fixtures.app import RunningApp

pytestmark = pytest.mark.browser


@pytest.fixture
def shop(app: RunningApp, browser: Browser) -> Iterator[Callable[[str, int], Storyteller]]:
    contexts = []

    def make(language: str, width: int) -> Storyteller:
        context = browser.new_context(
            base_url=app.base_url, viewport={"width": width, "height": 844}, reduced_motion="reduce"
        )
        contexts.append(context)
        context.add_init_script(f"localStorage.setItem('sapa_lang', '{language}')")
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        person = Storyteller(app, page, language)
        person.sign_up()
        return person

    yield make
    for context in contexts:
        context.close()


@pytest.mark.parametrize(("language", "width"), [("id", 1280), ("en", 390)])
def test_adds_many_takes_one_off_and_brings_a_file_in(
    shop: Callable[[str, int], Storyteller], language: str, width: int
) -> None:
    person = shop(language, width)
    page = person.page
    person.api("POST", "/contacts", {"phone": "+6281200003312", "name": "Siti Rahma"})
    page.goto(routes.CONTACTS_BLACKLIST)
    person.see("blacklist.empty.title")
    person.press("blacklist.add")
    page.fill("#blacklist_numbers", "0812-0000-3312\nbukan nomor\n0813 0000 4182")
    person.press("blacklist.add.do", n=3)
    person.see("blacklist.refused")
    expect(page.get_by_role("alert")).to_contain_text("bukan nomor")
    page.keyboard.press("Escape")
    expect(page.locator("tbody tr")).to_have_count(2)
    expect(page.locator("tbody")).to_contain_text("Siti Rahma")
    expect(page.locator("tbody")).not_to_contain_text("81200003312")

    page.get_by_role("searchbox").fill("0812 0000 3312")
    expect(page.locator("tbody tr")).to_have_count(1)
    page.locator("tbody tr").get_by_role("button").last.click()
    page.get_by_role("menuitem").first.click()
    person.press("blacklist.remove.do")
    expect(page.locator("tbody tr")).to_have_count(0)
    assert person.api("GET", "/blacklist")["total"] == 1

    page.goto(routes.CONTACTS_BLACKLIST)
    person.press("blacklist.import")
    rows = "".join(f"0812{n:08d}\n" for n in range(1001, 1051)) + "rusak\n"
    page.set_input_files(
        "input[type=file]", {"name": "lama.csv", "mimeType": "text/csv", "buffer": f"nomor\n{rows}".encode()}
    )
    person.press("blacklist.add.do", n=50)
    person.see("blacklist.imported", name="lama.csv", added=50, already=0)
    expect(page.locator("tbody tr")).to_have_count(50)
    assert person.api("GET", "/blacklist")["total"] == 51


@pytest.mark.parametrize(("language", "width", "phone"), [("id", 390, "628121112001"), ("en", 1280, "628121112002")])
def test_takes_a_group_over_and_hears_a_stop(
    app: RunningApp, shop: Callable[[str, int], Storyteller], language: str, width: int, phone: str
) -> None:
    person = shop(language, width)
    page = person.page
    person.link_a_number(phone)
    session = person.api("GET", "/devices")["items"][0]["session"]
    people = {"subject": "Pecinta Kopi", "count": 40, "hidden": 6, "secret": 4, "first": int(phone) * 10 + 1}
    sandbox(app, f"/sandbox/sessions/{session}/group", people)
    page.goto(routes.CONTACTS_GROUPS)
    page.get_by_text("Pecinta Kopi", exact=True).click()
    person.press("groups.next", n=1)
    start = page.get_by_role("button", name=person.words("groups.start", n=1)).locator("visible=true").first
    expect(start).to_be_disabled()
    page.get_by_text(person.words("groups.agree")).click()
    start.click()
    person.see("imports.status.done")
    done = person.api("GET", "/contacts/grabs")["items"][0]
    assert (done["status"], done["created"], done["without_phone"], done["skipped"]) == ("done", 40, 4, 1)
    assert person.api("GET", "/contacts?limit=1&source=group")["total"] == 40

    page.goto(routes.CONTACTS_BLACKLIST)
    person.see("blacklist.empty.title")
    sandbox(app, f"/sandbox/sessions/{session}/inbound", {"from": str(people["first"]), "text": "Stop ya kak"})
    expect(page.locator("tbody tr")).to_have_count(1, timeout=PATIENCE_MS)
    expect(page.locator("tbody")).to_contain_text("Stop ya kak")


def test_words_are_tried_before_they_are_saved(shop: Callable[[str, int], Storyteller]) -> None:
    person = shop("id", 390)
    page = person.page
    page.goto(routes.SETTINGS_OPT_OUT)
    page.fill("#opt_trial", "sudahan ya kak")
    person.see("opt_out.trial.nothing")
    page.fill("#stop_words", "STOP\nSUDAHAN")
    person.see("opt_out.trial.stop")
    page.fill("#start_words", "stop!")
    person.press("common.save")
    expect(page.get_by_role("alert")).to_contain_text(person.words("error.opt_word_in_both", word="stop!"))
    page.fill("#start_words", "MULAI")
    person.press("common.save")
    expect(page.get_by_role("alert")).to_have_count(0)
    assert person.api("GET", "/settings/opt-out")["opt_out_words"] == ["STOP", "SUDAHAN"]
