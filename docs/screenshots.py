"""Take the pictures of the documentation from a running Sapa.

    python docs/screenshots.py http://localhost:8000 EMAIL PASSWORD [--all] [--out docs/images]

Without `--all` only the pictures that documents show are taken; with it every page, at phone
and desktop width, light and dark, in both languages, for looking at one's work.
"""

import argparse
import os
import re
from itertools import product
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, sync_playwright

SIZES = {1280: 832, 390: 844}
PAGES = {"home": "/", "campaigns": "/campaigns", "contacts": "/contacts", "import": "/contacts/import",
         "blacklist": "/contacts/blacklist", "groups": "/contacts/groups", "devices": "/devices", "media": "/media",
         "agents": "/knowledge/agents", "settings": "/settings", "opt_out": "/settings/opt-out"}
SHOWN = {("home", "id", "light", 1280)}
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync", "--no-first-run"]


def sign_in(page: Page, email: str, password: str) -> None:
    page.goto("/login", wait_until="networkidle")
    page.fill("input[name=email]", email)
    page.fill("input[name=password]", password)
    page.press("input[name=password]", "Enter")
    page.wait_for_url(lambda url: urlsplit(url).path == "/")


def settle(page: Page) -> None:
    """Wait until the page shows its data, not its skeletons."""
    page.wait_for_load_state("networkidle")
    page.wait_for_function("document.querySelector('h1')?.innerText && !document.querySelector('.late, .skeleton')")


def ask(page: Page) -> None:
    """Open the first agent and let it answer the first suggestion, so that the page shows a talk and its trace."""
    page.locator(".agent-card .tbl-link").first.click()
    page.wait_for_url(re.compile(r"/knowledge/agents/[0-9a-f-]{36}"))
    if page.get_by_role("group").locator("button:visible", has_text=re.compile("Coba|Try")).count():
        page.get_by_role("group").locator("button:visible", has_text=re.compile("Coba|Try")).click()
    page.locator(".hints button").first.click()
    page.locator(".bubble.ai button.by, .bubble.out button.by").first.wait_for()


def shots(browser: Browser, options: argparse.Namespace) -> None:
    for language, theme, width in product(("id", "en"), ("light", "dark"), SIZES):
        wanted = [name for name in [*PAGES, "campaign", "agent"] if options.all or (name, language, theme, width) in SHOWN]
        if not wanted:
            continue
        context = browser.new_context(
            base_url=options.url, viewport={"width": width, "height": SIZES[width]}, device_scale_factor=2,
            color_scheme=theme, reduced_motion="reduce",
        )
        context.add_init_script(f"localStorage.setItem('sapa_lang', '{language}'); localStorage.setItem('theme', '{theme}')")
        page = context.new_page()
        sign_in(page, options.email, options.password)
        for name in wanted:
            page.goto(PAGES.get(name, "/knowledge/agents" if name == "agent" else "/campaigns"), wait_until="networkidle")
            if name == "campaign":
                page.locator("tbody tr", has=page.locator(".ribbon")).first.click()
                page.wait_for_url(re.compile(r"/campaigns/[0-9a-f-]{36}"))
            if name == "agent":
                ask(page)
            settle(page)
            page.screenshot(path=options.out / f"{name}-{language}-{theme}-{width}.png")
        context.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("email")
    parser.add_argument("password")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "images")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=os.environ.get("CHROMIUM_PATH", "/usr/bin/chromium"), args=FLAGS)
        shots(browser, options)
        browser.close()


if __name__ == "__main__":
    main()
