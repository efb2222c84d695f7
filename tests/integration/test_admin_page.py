"""What the states of the admin page and the library make of real rows, without a browser."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import text

from pages import routes
from state.admin_queues import AdminQueuesState
from state.media import MediaPickerState, MediaState
from tests.fixtures.api import Signed, make_signed_tenant
from tests.integration.test_admin import failed_event, failed_import
from tests.integration.test_media import picture
from wa_app import db
from wa_app.config import Settings
from wa_app.db import system_unit_of_work
from wa_app.errors import Forbidden
from wa_app.files.port import one_chunk
from wa_app.services import files


def state_of(cls: Any, who: Signed, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A state of somebody's tab."""

    async def principal(_: Any) -> Any:
        return who.principal

    monkeypatch.setattr(cls, "principal", principal)
    return cls(_reflex_internal_init=True)


@pytest.fixture
async def boss(settings: Settings) -> AsyncIterator[Signed]:
    made = await make_signed_tenant("Platform")
    async with system_unit_of_work() as uow:
        await uow.session.execute(text("UPDATE users SET is_platform_admin = true WHERE id = :id"), {"id": made.user_id})
    yield made
    await db.dispose()


async def test_the_admin_page_reads_acts_and_reads_again(
    boss: Signed, other: Signed, monkeypatch: pytest.MonkeyPatch
) -> None:
    event, job = await failed_event(other), await failed_import(other)
    page = state_of(AdminQueuesState, boss, monkeypatch)
    assert await page.load() is None
    assert page.ready
    assert page.reachable
    assert {row["name"] for row in page.rows} >= {"replies", "lanes", "inbound"}
    shown = {row["id"]: row for row in page.letters}
    assert shown[f"events:{event}"]["reason"] == "KeyError"
    assert shown[f"imports:{job}"]["tenant"] == "Lain"
    await page.set_source("events")
    assert {row["source"] for row in page.shown_letters} == {"events"}
    await page.ask_drop(f"events:{event}")
    assert (page.asked, page.asked_verb, page.asked_what) == (True, "drop", "message")
    await page.confirm()
    assert f"events:{event}" not in {row["id"] for row in page.letters}
    await page.ask_all("retry")
    assert page.asked_n == page.letter_counts["events"]
    await page.retry(f"imports:{job}")
    assert f"imports:{job}" not in {row["id"] for row in page.letters}
    for tab in ("dead", "jobs", "ledger", "nonsense"):
        await page.set_tab(tab)
    assert page.tab == "queues"


async def test_the_admin_page_leads_an_owner_home_and_its_handlers_refuse(
    boss: Signed, other: Signed, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = state_of(AdminQueuesState, other, monkeypatch)
    led = await page.load()
    assert routes.HOME in str(led[0].args)
    assert not page.ready
    assert not page.rows
    for call in (page.set_tab("dead"), page.set_source("events"), page.run_job("tidy"), page.retry("events:x"),
                 page.ask_drop("events:x"), page.ask_all("drop"), page.confirm(), page.close_question(False)):  # fmt: skip
        with pytest.raises(Forbidden, match="admin_only"):
            await call


async def test_the_library_pages_searches_and_deletes(boss: Signed, monkeypatch: pytest.MonkeyPatch) -> None:
    for n, colour in enumerate(("red", "green", "blue")):
        await files.store(boss.principal, f"Promo {n}.png", one_chunk(picture(colour)))
    monkeypatch.setattr("state.media.PAGE", 2)
    page = state_of(MediaState, boss, monkeypatch)
    await page.load()
    assert [row["name"] for row in page.rows] == ["Promo 2.png", "Promo 1.png"]
    assert page.n == 3
    assert page.rows[0]["thumb"]
    await page.more()
    assert [row["name"] for row in page.rows] == ["Promo 2.png", "Promo 1.png", "Promo 0.png"]
    await page.search("promo 1")
    assert [row["name"] for row in page.rows] == ["Promo 1.png"]
    await page.open(page.rows[0]["id"])
    assert page.shown["width"] == 640
    await page.delete()
    assert page.rows == []
    await page.clear()
    assert page.n == 2
    await page.open(page.rows[0]["id"])
    assert "/campaigns/" in str((await page.use()).args)
    await page.delete()
    assert page.n == 2, "a broadcast needs it now"


async def test_the_picker_shows_the_newest_when_it_opens(boss: Signed, monkeypatch: pytest.MonkeyPatch) -> None:
    await files.store(boss.principal, "Batik.png", one_chunk(picture("teal")))
    await files.store(boss.principal, "rusak.png", one_chunk(b"\x89PNG\r\n\x1a\n" + b"\0" * 99))
    page = state_of(MediaPickerState, boss, monkeypatch)
    await page.set_open(True)
    assert [row["name"] for row in page.rows] == ["Batik.png"], "what cannot be sent is not offered"
    await page.set_open(False)
    assert page.rows == []
