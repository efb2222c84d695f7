"""The pages come up in a real browser and reach the server they were loaded from."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.fixtures.app import RunningApp

pytestmark = pytest.mark.browser


def test_page_opens_its_socket_to_the_address_it_came_from(app: RunningApp, page: Page) -> None:
    sockets: list[str] = []
    errors: list[str] = []
    page.on("websocket", lambda socket: sockets.append(socket.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    with page.expect_websocket():
        page.goto(app.base_url)
    expect(page.locator("body")).to_contain_text(re.compile(r"\w"))
    assert not errors
    assert all(url.startswith(app.base_url.replace("http", "ws")) for url in sockets)
