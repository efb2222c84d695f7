"""Linking a number in the browser, the sandbox being the phone; both languages, desktop and phone width."""

import re
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.fixtures.app import RunningApp
from tests.fixtures.people import Person, make_person

pytestmark = pytest.mark.browser
LINKED_MS = 20_000


@pytest.fixture
def owner(app: RunningApp) -> Person:
    """Somebody who is signed in to a fresh tenant."""
    return make_person(app)


def _open(browser: Browser, app: RunningApp, owner: Person, language: str, width: int) -> Page:
    context = browser.new_context(viewport={"width": width, "height": 832}, base_url=app.base_url)
    context.add_cookies([owner.cookie])
    context.add_init_script(f"localStorage.setItem('sapa_lang', '{language}')")
    page = context.new_page()
    page.errors = []  # type: ignore[attr-defined]
    page.on("pageerror", lambda error: page.errors.append(str(error)))  # type: ignore[attr-defined]
    page.goto("/devices")
    # The list is there; on a busy machine the first words over the socket take their time.
    expect(page.get_by_role("table").or_(page.locator(".empty"))).to_be_visible(timeout=LINKED_MS)
    return page


@pytest.fixture
def pages(browser: Browser) -> Iterator[Browser]:
    yield browser
    for context in browser.contexts:
        context.close()


def _session(app: RunningApp, name: str) -> str:
    sessions = httpx.get(f"{app.waha_url}/sandbox/state").json()["sessions"]
    return str([s["name"] for s in sessions if s["metadata"].get("device.name") == name][-1])


def _phone_does(app: RunningApp, device: str, what: str, **body: object) -> None:
    path = f"{app.waha_url}/sandbox/sessions/{_session(app, device)}/{what}"
    httpx.post(path, json=body).raise_for_status()


def test_links_a_number_by_scan_in_indonesian(app: RunningApp, owner: Person, pages: Browser) -> None:
    page = _open(pages, app, owner, "id", 1280)
    page.get_by_role("button", name="Tautkan nomor").first.click()
    page.get_by_role("button", name="Lanjut ke kode QR").click()
    expect(page.get_by_role("alert").filter(has_text="Isi nama perangkat.")).to_be_visible()
    page.get_by_label("Nama perangkat").fill("Toko Bandung")
    page.get_by_role("button", name="Lanjut ke kode QR").click()

    dialog = page.get_by_role("dialog", name="Tautkan Toko Bandung")
    expect(dialog.get_by_alt_text("Kode QR untuk menautkan nomor")).to_be_visible(timeout=LINKED_MS)
    expect(dialog).to_contain_text(re.compile(r"Kode berganti dalam \d+ detik"))
    _phone_does(app, "Toko Bandung", "scan", phone="6281298000001", name="Kopi Senja")
    expect(dialog).to_have_count(0, timeout=LINKED_MS)
    row = page.get_by_role("row").filter(has_text="Toko Bandung")
    expect(row).to_contain_text("+62 812-9800-0001")
    expect(row).to_contain_text("Tersambung")

    switch = row.get_by_role("switch", name="Ikutkan Toko Bandung dalam siaran")
    switch.click()
    expect(switch).to_have_attribute("aria-checked", "false")

    _phone_does(app, "Toko Bandung", "drop", status="FAILED")
    expect(page.get_by_role("alert").filter(has_text="Dikeluarkan dari ponsel")).to_be_visible(timeout=LINKED_MS)
    expect(row).to_contain_text("Gagal")

    row.get_by_role("button", name="Menu lain").click()
    page.get_by_role("menuitem", name="Hapus perangkat").click()
    question = page.get_by_role("alertdialog", name="Hapus Toko Bandung?")
    expect(question.get_by_role("button", name="Batal")).to_be_focused()
    question.get_by_role("button", name="Hapus Toko Bandung").click()
    expect(page.get_by_text("Belum ada nomor yang tertaut")).to_be_visible()
    assert not page.errors  # type: ignore[attr-defined]


def test_links_a_number_by_letters_on_a_phone_in_english(app: RunningApp, owner: Person, pages: Browser) -> None:
    page = _open(pages, app, owner, "en", 390)
    page.get_by_role("button", name="Link a number").first.click()
    page.get_by_label("Device name").fill("Dago store")
    page.get_by_role("button", name="Continue to the QR code").click()

    dialog = page.get_by_role("dialog", name="Link Dago store")
    dialog.get_by_label("Number on that phone").fill("12")
    get_code = dialog.get_by_role("button", name="Get a code")
    expect(get_code).to_be_enabled(timeout=LINKED_MS)
    get_code.click()
    expect(dialog.get_by_role("alert").filter(has_text="too short")).to_be_visible()
    dialog.get_by_label("Number on that phone").fill("0812-9800-0002")
    get_code.click()
    expect(dialog).to_contain_text(re.compile(r"[A-Z2-9]{4}-[A-Z2-9]{4}"))
    _phone_does(app, "Dago store", "scan", passkey=True)
    expect(dialog).to_contain_text("One more step on the phone", timeout=LINKED_MS)
    _phone_does(app, "Dago store", "confirm")
    expect(dialog).to_have_count(0, timeout=LINKED_MS)

    row = page.get_by_role("row").filter(has_text="Dago store")
    expect(row).to_contain_text("Connected")
    row.click()
    expect(page.get_by_role("heading", level=1, name="Dago store")).to_be_visible(timeout=LINKED_MS)
    page.get_by_label("Shortest (seconds)").fill("60")
    page.get_by_label("Per day", exact=True).click()
    expect(page.get_by_role("alert").filter(has_text="The longest gap must be")).to_be_visible()
    page.get_by_label("Longest (seconds)").fill("90")
    page.get_by_label("Per day", exact=True).fill("200")
    page.get_by_label("Per hour", exact=True).click()
    expect(page.get_by_text("About 200 messages a day, 48 an hour.")).to_be_visible()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("button", name="Save")).to_have_count(0)
    page.reload()
    expect(page.get_by_label("Shortest (seconds)")).to_have_value("60", timeout=LINKED_MS)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "no sideways scrolling"
    assert not page.errors  # type: ignore[attr-defined]


def test_another_tenant_sees_nothing_of_it(app: RunningApp, owner: Person, pages: Browser) -> None:
    page = _open(pages, app, owner, "id", 1280)
    expect(page.get_by_text("Belum ada nomor yang tertaut")).to_be_visible()
