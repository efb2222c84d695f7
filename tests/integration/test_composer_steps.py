"""The composer's further steps as a browser drives them: what is on show, and what is stored."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

import pages  # noqa: F401  (first, so that states and pages import in their order)
from state import base
from state.campaign_composer import CampaignComposerState
from tests.fixtures.audience import Town, make_town
from wa_app.db import system_unit_of_work, unit_of_work
from wa_app.schemas.campaigns import CampaignView
from wa_app.schemas.contacts import TagCreate
from wa_app.services import campaigns, message_templates, tags

pytestmark = pytest.mark.usefixtures("settings")


async def call(state: Any, name: str, *args: Any) -> Any:
    """A handler as the event loop of Reflex calls it."""
    return await CampaignComposerState.event_handlers[name].fn(state, *args)


async def composer(monkeypatch: pytest.MonkeyPatch) -> tuple[Town, Any]:
    town = await make_town(contacts=5)

    async def somebody(_: str) -> Any:
        return SimpleNamespace(principal=town.principal)

    monkeypatch.setattr(base, "signed_in", somebody)
    state = CampaignComposerState()
    state.name, state.everyone, state.scope = "Uji", True, "all"
    return town, state


async def stored(town: Town, state: Any) -> CampaignView:
    async with unit_of_work(town.principal) as uow:
        return await campaigns.get(uow, UUID(state.draft_id))


async def test_variants_are_written_one_beside_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    town, state = await composer(monkeypatch)
    await call(state, "set_message", "Halo https://toko.example/a")
    await call(state, "add_variant")
    assert [(one["letter"], one["share"]) for one in state.ab] == [("A", 50), ("B", 50)]
    await call(state, "set_message", "Pagi")
    await call(state, "add_variant")
    await call(state, "set_share", 0, 60.0)
    view = await stored(town, state)
    assert [(one.letter, one.share, one.message_template) for one in view.variants] == [
        ("A", 60, "Halo https://toko.example/a"), ("B", 20, "Pagi"), ("C", 20, "Pagi"),
    ]  # fmt: skip
    await call(state, "show_variant", 0)
    assert (state.message, state.ab_at) == ("Halo https://toko.example/a", 0)
    await call(state, "flip_tracking")
    assert "/link/" in state.preview
    await call(state, "set_test_percent", "20")
    await call(state, "set_winner_by", "reply")
    view = await stored(town, state)
    assert (view.track_links, view.winner_by, view.test and view.test.percent) == (True, "reply", 20)
    assert "variants_alike" in {one["code"] for one in state.checks}
    await call(state, "drop_variant")
    await call(state, "drop_variant")
    view = await stored(town, state)
    assert (view.variants, view.test, view.message_template) == ([], None, "Pagi")
    assert state.ab == []


@pytest.mark.parametrize("values", [(0, "100"), (1, "1"), (4, "98"), (2, "x"), (9, "50"), (3, "0")])
async def test_shares_always_add_up(monkeypatch: pytest.MonkeyPatch, values: tuple[int, str]) -> None:
    _, state = await composer(monkeypatch)
    await call(state, "set_message", "Halo")
    for _ in range(6):
        await call(state, "add_variant")
    await call(state, "set_share", *values)
    shares = [one["share"] for one in state.ab]
    assert (len(shares), sum(shares), min(shares) >= 1, state.ab_error) == (5, 100, True, "")


async def test_repetition_is_stored_once_it_makes_sense(monkeypatch: pytest.MonkeyPatch) -> None:
    town, state = await composer(monkeypatch)
    await call(state, "set_message", "Halo")
    await call(state, "set_repeat", "weekly")
    await call(state, "flip_repeat_day", "0")
    assert state.repeat_error == "repeat_no_day"
    await call(state, "flip_repeat_day", "4")
    await call(state, "set_repeat_at", "")
    assert state.repeat_error == "repeat_incomplete"
    await call(state, "set_repeat_at", "08:30")
    await call(state, "set_repeat_runs", 3.0)
    view = await stored(town, state)
    assert view.repeat is not None
    assert (view.repeat.weekdays, view.repeat.at.isoformat(), view.repeat.max_runs) == ([4], "08:30:00", 3)
    await call(state, "set_repeat", "never")
    assert (await stored(town, state)).repeat is None


async def test_a_text_is_kept_and_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    town, state = await composer(monkeypatch)
    await call(state, "set_message", "Promo {{name}}")
    await call(state, "keep", {"template_name": " "})
    assert state.keep_error == "message_template_name_missing"
    await call(state, "keep", {"template_name": "Promo"})
    await call(state, "set_message", "lain")
    await call(state, "open_picker")
    assert [one["name"] for one in state.picker_rows] == ["Promo"]
    await call(state, "pick_template", state.picker_rows[0]["id"])
    view = await stored(town, state)
    assert (view.message_template, str(view.template_id)) == ("Promo {{name}}", state.picker_rows[0]["id"])
    async with unit_of_work(town.principal) as uow:
        assert (await message_templates.list_(uow))[0][0].used == 1


async def test_what_cannot_be_saved_any_more_leads_to_the_running_broadcast(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another tab started it: what is typed here would never be sent, and says so."""
    town, state = await composer(monkeypatch)
    await call(state, "set_message", "Halo")
    campaign = UUID(state.draft_id)
    async with unit_of_work(town.principal) as uow:
        await campaigns.start(uow, campaign)
    answer = await call(state, "set_message", "Halo lagi")
    assert isinstance(answer, list)
    assert f"/campaigns/{campaign}" in str(answer[1].args)
    assert "campaign_cannot_edit" in str(answer[0].args)


async def test_an_error_without_a_field_on_the_page_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tag that was deleted meanwhile, a scheduled broadcast left without a text."""
    town, state = await composer(monkeypatch)
    await call(state, "set_message", "Halo")
    state.scope, state.everyone, state.wanted = "tags", False, ["Hilang"]
    assert "tag_unknown" in str((await call(state, "toggle_unwanted", "Hilang juga")).args)
    state.scope, state.everyone, state.wanted, state.unwanted = "all", True, [], []
    async with unit_of_work(town.principal) as uow:
        when = datetime.now(UTC) + timedelta(days=1)
        await campaigns.schedule(uow, UUID(state.draft_id), when)
    assert "message_missing" in str((await call(state, "set_message", " ")).args)
    assert (await stored(town, state)).message_template == "Halo"


async def test_the_preview_knows_the_tags_of_whoever_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    town, state = await composer(monkeypatch)
    async with unit_of_work(town.principal) as uow:
        vip = (await tags.create(uow, TagCreate(name="VIP"))).id
    async with system_unit_of_work() as uow:
        await uow.session.execute(
            text("INSERT INTO contact_tags (tenant_id, contact_id, tag_id) SELECT tenant_id, id, :tag FROM contacts "
                 "WHERE tenant_id = :t ORDER BY id DESC LIMIT 1"), {"t": town.tenant_id, "tag": vip},
        )  # fmt: skip
    state.footer = False
    await call(state, "set_message", "{{#if tag VIP}}Depan{{else}}Biasa{{/if}}")
    assert state.preview == "Depan"
    await call(state, "next_sample")
    assert state.preview == "Biasa"


@pytest.mark.parametrize("value", ["²", "٣", "9" * 5000, "-1", "1e9", "NaN"])
async def test_numbers_that_are_none_break_nothing(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    _, state = await composer(monkeypatch)
    await call(state, "set_message", "Halo")
    for name in ("set_delay_min", "set_delay_max", "set_test_percent", "set_test_hours", "pick_sample"):
        await call(state, name, value)
