"""The media library in a browser: upload, small pictures, search, use, delete; the picker of the composer."""

import io
import re
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from pages import routes
from tests.browser.test_admin import PATIENCE_MS, opened, shot
from tests.browser.test_look import serious
from tests.fixtures.app import RunningApp
from tests.fixtures.people import make_person
from wa_app.i18n import translate

pytestmark = pytest.mark.browser
__all__ = ["opened"]


def picture(colour: str) -> bytes:
    out = io.BytesIO()
    image = Image.radial_gradient("L").resize((1200, 900)).convert("RGB")
    Image.blend(image, Image.new("RGB", image.size, colour), 0.6).save(out, "PNG")
    return out.getvalue()


def upload(page: Page, language: str, name: str, mime: str, body: bytes) -> None:
    page.get_by_role("button", name=translate(language, "media.upload"), exact=True).first.click()
    page.locator(".dlg input[type=file]").set_input_files({"name": name, "mimeType": mime, "buffer": body})
    expect(page.locator(".media-card", has_text=name)).to_be_visible(timeout=PATIENCE_MS)


@pytest.mark.parametrize(("language", "width", "theme"), [("id", 1280, "light"), ("en", 390, "dark")])
def test_the_life_of_a_file(app: RunningApp, opened: Any, language: str, width: int, theme: str) -> None:
    person = make_person(app)
    page = opened(person, routes.MEDIA, width, theme, language)
    expect(page.get_by_text(translate(language, "media.empty.title"))).to_be_visible(timeout=PATIENCE_MS)
    shot(page, f"media-empty-{language}-{theme}-{width}")
    for name, colour in (("Promo Gajian.png", "orange"), ("Batik Pagi.png", "teal"), ("Kopi Lestari.png", "brown")):
        upload(page, language, name, "image/png", picture(colour))
    upload(page, language, "Daftar Harga.pdf", "application/pdf", b"%PDF-1.7 harga")
    small = page.locator(".media-card", has_text="Batik Pagi").locator("img")
    expect(small).to_be_visible()
    assert small.evaluate("image => image.complete && image.naturalWidth") == 360
    assert serious(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    shot(page, f"media-{language}-{theme}-{width}")

    page.get_by_role("searchbox").fill("gajian")
    expect(page.locator(".media-card")).to_have_count(1, timeout=PATIENCE_MS)
    page.locator(".media-card").click()
    expect(page.locator(".drawer img")).to_be_visible(timeout=PATIENCE_MS)
    page.wait_for_function("document.querySelector('.drawer img').naturalWidth === 1200")
    assert serious(page) == []
    shot(page, f"media-detail-{language}-{theme}-{width}")
    page.get_by_role("button", name=translate(language, "media.use")).click()
    expect(page).to_have_url(re.compile(r"/campaigns/[0-9a-f-]{36}/edit"), timeout=PATIENCE_MS)

    page.goto(routes.MEDIA)
    page.locator(".media-card", has_text="Promo Gajian").click()
    expect(page.locator(".media-uses")).to_contain_text("Promo Gajian", timeout=PATIENCE_MS)
    for name in ("Promo Gajian", "Kopi Lestari"):
        if name == "Kopi Lestari":
            page.keyboard.press("Escape")
            page.locator(".media-card", has_text=name).click()
            expect(page.locator(".drawer")).to_contain_text(name)
        page.locator(".drawer").get_by_role("button", name=translate(language, "media.delete"), exact=True).click()
        page.get_by_role("alertdialog").get_by_role("button", name=translate(language, "media.delete"), exact=True).click()
        if name == "Promo Gajian":
            words = translate(language, "error.file_in_use", name="Promo Gajian.png")
            expect(page.get_by_text(words)).to_be_visible(timeout=PATIENCE_MS)
    expect(page.locator(".media-card", has_text="Kopi Lestari")).to_have_count(0, timeout=PATIENCE_MS)
    expect(page.locator(".media-card", has_text="Promo Gajian")).to_have_count(1)


def test_refuses_what_whatsapp_does_not_take(app: RunningApp, opened: Any) -> None:
    page = opened(make_person(app), routes.MEDIA)
    page.get_by_role("button", name=translate("en", "media.upload"), exact=True).first.click()
    body = b"\xff\xd8\xff" + b"\0" * (17 * 1024 * 1024)
    page.locator(".dlg input[type=file]").set_input_files({"name": "big.jpg", "mimeType": "image/jpeg", "buffer": body})
    words = translate("en", "error.media_image_too_large", limit_mb=16)
    expect(page.get_by_text(words)).to_be_visible(timeout=PATIENCE_MS)


def test_the_composer_takes_a_file_from_the_library(app: RunningApp, opened: Any) -> None:
    person = make_person(app)
    page = opened(person, routes.MEDIA)
    upload(page, "en", "Batik Pagi.png", "image/png", picture("teal"))
    page.goto(routes.CAMPAIGN_NEW)
    page.locator(".rail-step").nth(1).click()
    page.get_by_role("button", name=translate("en", "media.pick")).click()
    expect(page.get_by_role("dialog").locator(".media-card")).to_have_count(1, timeout=PATIENCE_MS)
    shot(page, "media-picker-en-light-1280")
    page.get_by_role("dialog").locator(".media-card").click()
    expect(page.locator(".ed-foot")).to_contain_text("Batik Pagi.png", timeout=PATIENCE_MS)
