"""Browser tests run Debian's Chromium against the running application."""

from typing import Any

import pytest

from tests.fixtures.app import RunningApp

CHROMIUM_FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run",
]  # fmt: skip


@pytest.fixture(scope="session", autouse=True)
def _started_before_the_browser(chromium_path: str, app: RunningApp) -> None:
    """Playwright keeps an event loop running in this thread, in which `asyncio.run` no longer can."""


@pytest.fixture(scope="session")
def base_url(app: RunningApp) -> str:
    """Playwright resolves relative addresses against it: `page.goto("/contacts")`."""
    return app.base_url


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any], chromium_path: str) -> dict[str, Any]:
    return {**browser_type_launch_args, "executable_path": chromium_path, "args": CHROMIUM_FLAGS}
