"""The left pane's handlers: a window over many conversations that stays true, acts on several, news told once."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

import pages  # noqa: F401  (first, as the application itself imports them)
from state import base
from state.inbox import acting, listing
from state.inbox.beginning import BeginState
from state.inbox.finding import FindState
from state.inbox.listing import InboxState
from state.inbox.news import Seen, news_of
from tests.fixtures.api import Signed
from tests.fixtures.audience import add_device
from tests.integration.test_inbox import hears
from wa_app.api.v1 import events
from wa_app.db import TenantUnitOfWork, system_unit_of_work, unit_of_work
from wa_app.errors import Invalid, NotFound
from wa_app.kit.ids import new_id
from wa_app.schemas.contacts import TagCreate
from wa_app.schemas.conversations import ChatFilters, ChatSend
from wa_app.services import conversations, tags
from wa_app.services.conversations import takeover

MANY = 23
_FILL = """
WITH p AS (
  INSERT INTO contacts (id, tenant_id, name, phone) SELECT gen_random_uuid(), :t, 'Orang ' || n, '+62811' || lpad(n::text, 7, '0')
  FROM generate_series(1, :n) n RETURNING id, phone)
INSERT INTO conversations (id, tenant_id, contact_id, device_id, chat_id, last_message_at)
SELECT gen_random_uuid(), :t, id, :d, '', now() - make_interval(mins => right(phone, 7)::int) FROM p
"""


@pytest.fixture
async def device(signed: Signed) -> UUID:
    async with system_unit_of_work() as uow:
        made: UUID = await add_device(uow, signed.tenant_id, "Satu")
    return made


@pytest.fixture
def state(signed: Signed, monkeypatch: pytest.MonkeyPatch) -> Any:
    async def somebody(_: str) -> Any:
        return SimpleNamespace(principal=signed.principal)

    monkeypatch.setattr(base, "signed_in", somebody)
    monkeypatch.setattr(listing, "PAGE", 5)
    return InboxState()


async def call(state: Any, name: str, *args: Any) -> Any:
    """A handler as the event loop of Reflex calls it."""
    return await type(state).event_handlers[name].fn(state, *args)


async def fill(signed: Signed, device: UUID) -> list[str]:
    """Many conversations. Their ids, the latest first."""
    async with system_unit_of_work() as uow:
        await uow.session.execute(text(_FILL), {"t": signed.tenant_id, "d": device, "n": MANY})
    async with unit_of_work(signed.principal) as uow:
        return [str(one.id) for one in (await conversations.list_(uow, limit=200)).items]


def ids(state: Any) -> list[str]:
    return [row["id"] for row in state.rows]


async def test_a_window_goes_down_and_up_again(signed: Signed, device: UUID, state: Any) -> None:
    every = await fill(signed, device)
    await call(state, "again")
    assert (ids(state), state.more, state.above) == (every[:5], True, 0)
    seen = list(ids(state))
    while state.more:
        await call(state, "down")
        seen += [one for one in ids(state) if one not in seen]
        assert len(state.rows) <= 5 * listing.PAGES
        assert ids(state) == every[state.above : state.above + len(state.rows)]
    assert seen == every
    while state.above:
        await call(state, "up")
        assert ids(state) == every[state.above : state.above + len(state.rows)]
    assert ids(state) == every[: 5 * listing.PAGES]
    for row, first in ((17, 15), (999, 20), (3, 0), ("x", 0)):
        while state.more and row != 3:
            await call(state, "down")
        await call(state, "jump", row)
        assert (state.above, ids(state)) == (first, every[first : first + 5])
    await call(state, "down")
    assert ids(state) == every[:10]


async def test_what_changes_is_put_where_it_belongs(signed: Signed, device: UUID, state: Any) -> None:
    every = await fill(signed, device)
    await call(state, "again")
    await call(state, "down")
    newest = str(await hears(signed, device, "Halo", "+628111000777"))
    async with unit_of_work(signed.principal) as uow:
        await state._merge(uow, {newest, every[3]})
        assert ids(state) == [newest, *every[:10]]
        assert [row["text"] for row in state.rows[:2]] == ["Halo", ""]
        await conversations.close(uow, UUID(every[2]))
        await uow.session.execute(text("UPDATE conversations SET last_message_at = now() WHERE id = :i"), {"i": every[20]})
        await state._merge(uow, {every[2], every[20]})
        assert ids(state) == [every[20], newest, *[one for one in every[:10] if one != every[2]]]
        await uow.session.execute(text("UPDATE conversations SET last_message_at = now() - interval '9 days' WHERE id = :i"), {"i": every[0]})
        await state._merge(uow, {every[0]})
    assert every[0] not in ids(state)
    # Every conversation is met once on the way down, whatever moved meanwhile.
    while state.more:
        await call(state, "down")
    assert len(ids(state)) == len(set(ids(state)))
    assert ids(state)[-1] == every[0]


async def test_nothing_is_left_out_when_more_came_in_above_than_a_page_holds(signed: Signed, device: UUID, state: Any) -> None:
    every = await fill(signed, device)
    await call(state, "again")
    for _ in range(listing.PAGES):
        await call(state, "down")
    assert state.above == 5
    fresh = [str(await hears(signed, device, "Halo", f"+62811100077{n}")) for n in range(7)]
    await call(state, "up")
    seen = list(ids(state))
    while state.more:
        await call(state, "down")
        seen += [one for one in ids(state) if one not in seen]
    assert seen == [*reversed(fresh), *every]


async def test_folders_and_filters_are_those_of_the_services(signed: Signed, device: UUID, state: Any) -> None:
    mine, other = await hears(signed, device, "satu"), await hears(signed, device, "dua", "+628111000998")
    async with unit_of_work(signed.principal) as uow:
        tag = await tags.create(uow, TagCreate(name="Komplain"))
        await conversations.assign(uow, mine, signed.user_id)
        await conversations.set_tags(uow, other, [tag.id])
        await state._count(uow)
        await state._read_choices(uow)
    assert (state.counts["mine"], state.counts["unassigned"], state.counts["all"]) == (1, 1, 2)
    assert [one["name"] for one in state.choices["tag"]] == ["Komplain"]
    assert [one["id"] for one in state.choices["who"]] == [str(signed.user_id)]
    for asked, expected in (
        (("mine", "", "", "", ""), [mine]), (("unassigned", "", "", "", ""), [other]), (("all", "", "", str(tag.id), ""), [other]),
        (("all", "", "", "", str(signed.user_id)), [mine]), (("all", str(device), "", "", ""), [other, mine]),
        (("all", str(new_id()), "", "", ""), []), (("closed", "", "", "", ""), []), (("x", "x", "x", "x", "x"), [other, mine]),
    ):  # fmt: skip
        await call(state, "show", *asked, "x")
        assert ids(state) == [str(one) for one in expected], asked


async def test_one_act_on_several_leaves_out_who_is_gone(signed: Signed, device: UUID, state: Any) -> None:
    first, second = await hears(signed, device, "satu"), await hears(signed, device, "dua", "+628111000998")
    both = [str(first), str(second)]
    await call(state, "again")
    await call(state, "act", "assign", [*both, str(new_id())], str(signed.user_id))
    assert {row["who"] for row in state.rows} == {str(signed.user_id)}
    await call(state, "act", "snooze", both, "tomorrow")
    assert state.rows == []
    assert state.counts["snoozed"] == 2
    await call(state, "act", "reopen", both, "")
    await call(state, "act", "read", both, "")
    assert [row["unread"] for row in state.rows] == [0, 0]
    await call(state, "act", "close", both, "")
    assert state.rows == []
    assert state.counts["closed"] == 2
    for verb, value in (("drop", ""), ("snooze", "yesterday"), ("tag", "x"), ("assign", "x")):
        await call(state, "act", verb, both, value)
    assert state.counts["closed"] == 2


async def test_another_tenants_conversation_cannot_be_touched(signed: Signed, device: UUID, other: Signed) -> None:
    chat = str(await hears(signed, device, "Halo"))
    async with unit_of_work(other.principal) as uow:
        tag = await tags.create(uow, TagCreate(name="Asing"))
        for verb, value in (("close", ""), ("reopen", ""), ("archive", ""), ("snooze", "hour"), ("read", ""),
                            ("assign", str(other.user_id)), ("team", ""), ("tag", str(tag.id))):  # fmt: skip
            with pytest.raises(NotFound):
                await acting._each(uow, verb, [chat], value, "Asia/Jakarta")
            assert await acting._each(uow, verb, [chat, str(new_id())], value, "Asia/Jakarta") == []
        assert await news_of(uow, [{"kind": "message", "conversation_id": chat}], Seen(str(other.user_id), set())) == []
    async with unit_of_work(signed.principal) as uow:
        view = await conversations.get(uow, UUID(chat))
        assert (view.status, view.unread, view.assigned_to, view.tags) == ("open", 1, None, [])
        with pytest.raises(NotFound):
            await acting._each(uow, "assign", [chat], str(other.user_id), "Asia/Jakarta")


async def test_news_is_told_once_and_to_whom_it_concerns(signed: Signed, device: UUID) -> None:
    chat, old = await hears(signed, device, "Halo"), await hears(signed, device, "Lama", "+628111000998", ago_min=30)
    me = str(signed.user_id)
    batch: list[dict[str, Any]] = [{"kind": "message", "conversation_id": str(one)} for one in (chat, old)]
    async with unit_of_work(signed.principal) as uow:
        (item,) = await news_of(uow, batch, Seen(me, set()))
        assert (item["id"], item["kind"], item["text"], item["mine"]) == (str(chat), "message", "Halo", False)
        assert await news_of(uow, batch, Seen(me, {item["mark"]})) == []
        await conversations.assign(uow, chat, signed.user_id)
        await takeover.hand_over(uow, chat, "complaint", "Rusak")
        needs = {"kind": "conversation", "id": str(chat), "needs_human": True}
        assert [(one["kind"], one["mine"]) for one in await news_of(uow, [*batch, needs], Seen(me, set()))] == [("needs", True)]
        await conversations.add_note(uow, old, "Tolong", [signed.user_id])
        named = {"kind": "conversation", "id": str(old), "mentions": [me]}
        assert [(one["kind"], one["text"]) for one in await news_of(uow, [named], Seen(me, set()))] == [("mention", "")]
        assert await news_of(uow, [named | {"mentions": [str(new_id())]}], Seen(me, set())) == []


async def test_search_finds_people_and_words(signed: Signed, device: UUID, state: Any) -> None:
    chat = await hears(signed, device, "Ongkir ke Malang berapa?")
    finder: Any = FindState()
    await call(finder, "find", "  siti ")
    assert ([row["id"] for row in finder.people], finder.hits, finder.query) == ([str(chat)], [], "siti")
    await call(finder, "find", "ongkir mal")
    assert ([hit["chat"] for hit in finder.hits], finder.people) == ([str(chat)], [])
    async with unit_of_work(signed.principal) as uow:
        await conversations.close(uow, chat)
    await call(finder, "find", "siti")
    assert [row["status"] for row in finder.people] == ["closed"]
    await call(finder, "find", " ")
    assert (finder.query, finder.people, finder.hits) == ("", [], [])


async def test_a_new_message_goes_to_a_number_or_says_why_not(signed: Signed, device: UUID, state: Any) -> None:
    dialog: Any = BeginState()
    await call(dialog, "find", "0811-1000-321")
    assert (dialog.phone, dialog.people) == ("0811-1000-321", [])
    assert await call(dialog, "start", "", "12", str(device)) is None
    assert dialog.problem
    assert await call(dialog, "start", "", "0811-1000-321", str(new_id())) is None
    assert dialog.problem == "not_found"
    assert len(await call(dialog, "start", "", "0811-1000-321", str(device))) == 2
    await call(dialog, "find", "0811-1000-321")
    assert [one["phone"] for one in dialog.people] == ["+628111000321"]
    async with unit_of_work(signed.principal) as uow:
        assert (await uow.session.execute(text("SELECT count(*) FROM conversations"))).scalar_one() == 1


async def test_a_draft_stands_in_its_writers_row_and_in_nobody_elses(signed: Signed, device: UUID, state: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    chat = await hears(signed, device, "Ada warna lain?")
    other = replace(signed.principal, user_id=new_id())
    told: list[dict[str, Any]] = []

    def tell(_: Any, kind: str, **data: Any) -> None:
        told.append({"kind": kind, **{key: str(value) for key, value in data.items()}})

    monkeypatch.setattr(TenantUnitOfWork, "publish", tell)
    await call(state, "again")
    for words, shown in (("  Ada, Kak.\n", "Ada, Kak."), ("x" * 999, "x" * 120), (" ", None), ("", None)):
        told.clear()
        async with unit_of_work(signed.principal) as uow:
            await conversations.save_draft(uow, chat, words)
            await state._follow(uow, [one for one in told if listing._is_own_draft(one, str(signed.principal.user_id))])
        assert [row["draft"] for row in state.rows] == [shown]
        assert not any(listing._is_own_draft(one, str(other.user_id)) for one in told)
        # Nothing that was nothing before is told.
        assert [one["kind"] for one in told] == ([] if words == "" else ["draft"])
        async with unit_of_work(other) as uow:
            assert [one.draft for one in (await conversations.list_(uow)).items] == [None]
            assert (await conversations.get(uow, chat)).draft is None
    line = (await messages_of(signed, chat))[0]
    async with unit_of_work(signed.principal) as uow:
        await conversations.save_draft(uow, chat, "", reply_to=line)
        assert (await conversations.get(uow, chat)).draft is None, "a quoted line alone is nothing yet"
        await conversations.save_draft(uow, chat, "Ada biru")
        await conversations.send(uow, chat, ChatSend(text="Ada biru"), key="k")
        assert (await conversations.get(uow, chat)).draft is None
    program = replace(signed.principal, user_id=None, kind="api_key")
    async with unit_of_work(program) as uow:
        assert (await conversations.get(uow, chat)).draft is None
    assert not events.may_see(signed.principal, {"kind": "draft", "id": str(chat), "user_id": str(signed.principal.user_id)})


async def messages_of(signed: Signed, chat: UUID) -> list[UUID]:
    async with unit_of_work(signed.principal) as uow:
        return [one.id for one in (await conversations.messages(uow, chat)).items]


async def test_who_has_waited_longest_comes_first_and_the_calm_behind_them(signed: Signed, device: UUID, state: Any) -> None:
    every = await fill(signed, device)
    # Seven wait, two of them since the same moment; the other conversations are calm.
    waiting = [every[4], every[20], every[1], every[9], every[13], every[7], every[22]]
    async with system_unit_of_work() as uow:
        for days, one in enumerate(waiting):
            at = {"i": one, "d": max(1, 9 - days)}
            await uow.session.execute(text("UPDATE conversations SET waiting_since = date_trunc('day', now()) - make_interval(days => :d) WHERE id = :i"), at)
        await uow.session.execute(text("UPDATE conversations SET waiting_since = (SELECT waiting_since FROM conversations WHERE id = :o) WHERE id = :i"), {"i": every[2], "o": every[1]})
    twins = sorted([every[1], every[2]])
    order = [every[4], every[20], *twins, every[9], every[13], every[7], every[22]]
    order += [one for one in every if one not in order]
    met, cursor = list[str](), None
    async with unit_of_work(signed.principal) as uow:
        for _ in range(9):
            page = await conversations.list_(uow, filters=ChatFilters(sort="waiting"), cursor=cursor, limit=3)
            met, cursor = [*met, *(str(one.id) for one in page.items)], page.next_cursor
            if cursor is None:
                break
    assert met == order
    await call(state, "show", "all", "", "", "", "", "waiting")
    assert (ids(state), state.filters["sort"]) == (order[:5], "waiting")
    while state.more:
        await call(state, "down")
        assert ids(state) == order[state.above : state.above + len(state.rows)]
    while state.above:
        await call(state, "up")
        assert ids(state) == order[state.above : state.above + len(state.rows)]
    # One of the calm begins to wait, one who waited is answered: both go where they belong.
    async with system_unit_of_work() as uow:
        await uow.session.execute(text("UPDATE conversations SET waiting_since = now() WHERE id = :i"), {"i": order[15]})
        await uow.session.execute(text("UPDATE conversations SET waiting_since = NULL WHERE id = :i"), {"i": order[0]})
    async with unit_of_work(signed.principal) as uow:
        await state._merge(uow, {order[15], order[0]})
    waits = [*order[1:8], order[15]]
    moved = [*waits, *(one for one in every if one not in waits)]
    assert ids(state) == moved[: len(state.rows)]
    await call(state, "show", "all", "", "", "", "", "")
    assert ids(state) == every[:5]


async def test_a_cursor_of_another_order_is_refused(signed: Signed) -> None:
    async with unit_of_work(signed.principal) as uow:
        for cursor, sort in (("w2026-01-01T00:00:00+00:00~" + str(new_id()), "newest"), ("wx", "waiting"), ("w", "newest")):
            with pytest.raises(Invalid):
                await conversations.list_(uow, filters=ChatFilters.model_validate({"sort": sort}), cursor=cursor)
