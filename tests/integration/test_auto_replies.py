"""Keyword rules: which one fires and why the others do not, limits that hold under pressure, writing them."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from tests.fixtures.api import Signed, make_signed_tenant
from tests.fixtures.audience import add_device
from wa_app import db
from wa_app.config import Settings
from wa_app.db import system_unit_of_work, unit_of_work
from wa_app.errors import Forbidden, Invalid, LimitReached, NotFound
from wa_app.kit.clock import utc_now
from wa_app.kit.ids import new_id
from wa_app.models.auto_replies import LimitPeriod, MatchType
from wa_app.schemas.auto_replies import (
    AutoReplyCreate,
    AutoReplyUpdate,
    AutoReplyView,
    RuleDecision,
    RuleFilter,
    RuleOrder,
    RuleQuestion,
    WindowInput,
)
from wa_app.schemas.principal import Principal
from wa_app.services import auto_replies
from wa_app.services.auto_replies import compiled

SATURDAY_NOON = datetime(2026, 11, 28, 5, tzinfo=UTC)
"""12.00 in Jakarta."""


@pytest.fixture(autouse=True)
async def _connections(settings: Settings) -> AsyncIterator[None]:
    yield
    await db.dispose()


@pytest.fixture
def me(signed: Signed) -> Principal:
    return signed.principal


async def rule(me: Principal, *keywords: str, **fields: Any) -> AutoReplyView:
    data = AutoReplyCreate(keywords=list(keywords), **{"response_text": "Halo {{name}}", **fields})
    async with unit_of_work(me) as uow:
        return await auto_replies.create(uow, data)


async def decide(
    me: Principal, message: str, *, device_id: UUID | None = None, contact_id: UUID | None = None, at: datetime = SATURDAY_NOON
) -> RuleDecision:
    async with unit_of_work(me) as uow:
        return await auto_replies.decide(uow, RuleQuestion(message, device_id, contact_id, at))


async def hit(me: Principal, rule_id: UUID, contact_id: UUID | None, at: datetime = SATURDAY_NOON) -> bool:
    async with unit_of_work(me) as uow:
        return await auto_replies.count_hit(uow, rule_id, contact_id, at)


async def device(me: Principal, name: str = "Toko") -> UUID:
    async with system_unit_of_work() as uow:
        return await add_device(uow, me.tenant_id, name)


def whys(decision: RuleDecision) -> dict[str, str]:
    return {one.name: one.why for one in decision.considered}


async def test_the_first_by_priority_fires_and_each_rule_says_why(me: Principal) -> None:
    other = await device(me, "Lain")
    here = await device(me, "Sini")
    await rule(me, "harga", name="mati", is_active=False)
    await rule(me, "harga", name="lain", device_ids=[other])
    await rule(me, "harga", name="malam", windows=[WindowInput(days=[5], start=time(20), end=time(6))])
    await rule(me, "harga", name="lewat", until_date=date(2026, 11, 27))
    await rule(me, "harga", name="nanti", from_date=date(2026, 11, 29))
    await rule(me, "har", name="dalam")
    await rule(me, "promo", name="jauh")
    winner = await rule(me, "brp", "harga", name="harga", hand_over=True, stops_here=False)
    await rule(me, r"har.a", name="pola", match_type=MatchType.REGEX)
    found = await decide(me, "Hargaaa kopi?", device_id=here)
    assert whys(found) == {
        "mati": "inactive", "lain": "other_device", "malam": "outside_schedule", "lewat": "over", "nanti": "not_begun",
        "dalam": "inside_word", "jauh": "keyword_absent", "harga": "fired", "pola": "lower_priority",
    }  # fmt: skip
    assert [one.name for one in found.considered if one.matched] == ["harga"]
    assert found.match is not None
    assert (found.match.id, found.match.keyword, found.match.hand_over, found.match.stops_here) == (winner.id, "harga", True, False)
    async with unit_of_work(me) as uow:
        await auto_replies.reorder(uow, RuleOrder(ids=[(await auto_replies.list_(uow))[0][-1].id]))
    assert (await decide(me, "harga")).match.name == "pola"  # type: ignore[union-attr]


async def test_a_tenant_without_rules_decides_nothing(me: Principal) -> None:
    assert await decide(me, "harga") == RuleDecision(None, ())


async def change_and_fail(me: Principal, rule_id: UUID) -> None:
    """Rules that were compiled inside a transaction that is taken back."""
    async with unit_of_work(me) as uow:
        await auto_replies.update(uow, rule_id, AutoReplyUpdate(keywords=["harga"]))
        found = await auto_replies.decide(uow, RuleQuestion("harga", None, None, SATURDAY_NOON))
        raise ZeroDivisionError if found.match is not None else AssertionError


async def test_rules_are_compiled_once_per_change(me: Principal, monkeypatch: pytest.MonkeyPatch) -> None:
    made = await rule(me, "harga")
    seen: list[object] = []
    original = compiled._compiled
    monkeypatch.setattr(compiled, "_compiled", lambda row: seen.append(row) or original(row))
    for _ in range(3):
        assert (await decide(me, "harga")).match is not None
    assert len(seen) == 1
    async with unit_of_work(me) as uow:
        await auto_replies.update(uow, made.id, AutoReplyUpdate(keywords=["promo"]))
    assert (await decide(me, "harga")).match is None
    assert len(seen) == 2
    with pytest.raises(ZeroDivisionError):
        await change_and_fail(me, made.id)
    assert (await decide(me, "harga")).match is None


async def test_a_message_of_65_000_characters_and_a_hostile_pattern_stay_quick(me: Principal) -> None:
    await rule(me, "(a+)+$", match_type=MatchType.REGEX)
    await rule(me, "habis")
    async with asyncio.timeout(5):
        assert (await decide(me, "a" * 65_000 + "!")).match is None
        assert (await decide(me, "a " * 32_000 + "habis")).match is not None
        assert (await decide(me, "a\x00" * 32_000)).match is not None
        assert (await decide(me, "🙏" * 1_000)).match is None


async def test_of_fifty_at_once_exactly_one_fires(me: Principal) -> None:
    made = await rule(me, "harga", limit_times=1, limit_period=LimitPeriod.DAY)
    contact = new_id()

    async def message() -> bool:
        async with unit_of_work(me) as uow:
            found = await auto_replies.decide(uow, RuleQuestion("harga", None, contact, SATURDAY_NOON))
            return found.match is not None and await auto_replies.count_hit(uow, made.id, contact, SATURDAY_NOON)

    assert sum(await asyncio.gather(*(message() for _ in range(50)))) == 1
    assert (await decide(me, "harga", contact_id=contact)).considered[0].why == "limit_reached"
    assert (await decide(me, "harga", contact_id=new_id())).match is not None
    assert (await decide(me, "harga")).match is not None


async def test_of_a_thousand_hits_none_is_lost(me: Principal) -> None:
    made = await rule(me, "harga")
    people = [new_id() for _ in range(40)]
    now = datetime.now(UTC)
    for _ in range(5):
        assert all(await asyncio.gather(*(hit(me, made.id, person, now) for person in people)))
    async with unit_of_work(me) as uow:
        found = (await auto_replies.get(uow, made.id)).hits
        rows = (await uow.session.execute(text("SELECT count(*) FROM auto_reply_hits"))).scalar_one()
    assert (found.total, found.week, found.days[-1], found.last_at) == (200, 200, 200, now)
    assert rows > 4


async def test_a_limit_begins_anew_with_its_period(me: Principal) -> None:
    made = await rule(me, "harga", limit_times=2, limit_period=LimitPeriod.DAY)
    who = new_id()
    late = datetime(2026, 11, 28, 16, 59, tzinfo=UTC)
    assert [await hit(me, made.id, who, late) for _ in range(3)] == [True, True, False]
    midnight = late + timedelta(minutes=1)
    assert (await decide(me, "harga", contact_id=who, at=midnight)).match is not None
    assert [await hit(me, made.id, who, midnight) for _ in range(3)] == [True, True, False]
    assert await hit(me, made.id, who, late) is False


async def test_a_rule_rests_between_two_answers(me: Principal) -> None:
    made = await rule(me, "harga", cooldown_s=600)
    who = new_id()
    assert await hit(me, made.id, who)
    soon, later = SATURDAY_NOON + timedelta(seconds=599), SATURDAY_NOON + timedelta(seconds=600)
    assert whys(await decide(me, "harga", contact_id=who, at=soon)) == {"harga": "cooling_down"}
    assert not await hit(me, made.id, who, soon)
    assert (await decide(me, "harga", contact_id=who, at=later)).match is not None
    assert await hit(me, made.id, who, later)


async def test_a_rule_that_is_gone_does_not_fire(me: Principal) -> None:
    made = await rule(me, "harga")
    async with unit_of_work(me) as uow:
        await auto_replies.remove(uow, [made.id])
    assert not await hit(me, made.id, new_id())
    async with unit_of_work(me) as uow:
        assert await auto_replies.restore(uow, [made.id]) == 1
    assert await hit(me, made.id, new_id())


async def test_old_days_become_one_row_and_what_is_deleted_is_forgotten(me: Principal) -> None:
    made = await rule(me, "harga", limit_times=3)
    now = datetime.now(UTC)
    for days in (0, 6, 7, 50, 90):
        assert await hit(me, made.id, new_id(), now - timedelta(days=days))
    async with system_unit_of_work() as system:
        await auto_replies.tidy(system)
    async with unit_of_work(me) as uow:
        found = (await auto_replies.get(uow, made.id)).hits
        days = (await uow.session.execute(text("SELECT count(DISTINCT day) FROM auto_reply_hits"))).scalar_one()
        people = (await uow.session.execute(text("SELECT count(*) FROM auto_reply_contacts"))).scalar_one()
        await auto_replies.remove(uow, [made.id])
    assert (found.total, found.week, found.days[0], found.days[-1], days, people) == (5, 2, 1, 1, 4, 4)
    async with system_unit_of_work() as system:
        await system.session.execute(text("UPDATE auto_replies SET deleted_at = now() - interval '31 days' WHERE id = :i"), {"i": made.id})
        assert await auto_replies.purge(system) == 1
    async with unit_of_work(me) as uow:
        assert await auto_replies.restore(uow, [made.id]) == 0


async def test_says_what_is_wrong_by_field(me: Principal) -> None:
    async def refused(*keywords: str, **fields: Any) -> set[tuple[str, str]]:
        with pytest.raises(Invalid) as error:
            await rule(me, *keywords, **fields)
        return {(one.field, one.code) for one in error.value.fields}

    assert await refused() == {("keywords", "keywords_missing")}
    assert await refused("?!", "a" * 201) == {("keywords", "keyword_without_words"), ("keywords", "keyword_too_long")}
    assert await refused(r"(a)\1", match_type=MatchType.REGEX) == {("keywords", "regex_backreference")}
    assert await refused("a", response_text=" ") == {("response_text", "rule_answer_missing")}
    assert await refused("a", response_text="{a|b") == {("response_text", "spintax_unclosed")}
    assert await refused("a", keeps_silent=True, stops_here=False) == {("stops_here", "rule_does_nothing")}
    assert await refused("a", from_date=date(2026, 2, 2), until_date=date(2026, 2, 1)) == {("until_date", "rule_ends_before_start")}
    assert await refused("a", file_id=new_id(), device_ids=[new_id()]) == {
        ("file_id", "file_not_found"), ("device_ids", "device_not_found"),
    }  # fmt: skip
    stranger = await make_signed_tenant("Lain")
    theirs = await device(stranger.principal)
    assert await refused("a", device_ids=[theirs]) == {("device_ids", "device_not_found")}


async def test_silence_is_an_answer_too(me: Principal) -> None:
    made = await rule(me, "ok", "makasih", keeps_silent=True, response_text="x", match_type=MatchType.EXACT)
    found = (await decide(me, "Terima kasih!!")).match
    assert found is not None
    assert found.is_silent
    assert (found.response_text, found.stops_here) == ("", True)
    async with unit_of_work(me) as uow:
        assert (await auto_replies.update(uow, made.id, AutoReplyUpdate(name="Diam"))).keeps_silent
        assert not (await auto_replies.update(uow, made.id, AutoReplyUpdate(response_text="Sama-sama"))).keeps_silent


async def test_keywords_are_kept_once_and_devices_as_given(me: Principal) -> None:
    phone = await device(me)
    made = await rule(me, " harga ", "HARGAAA", "hrg", "promo\x00", device_ids=[phone, phone])
    assert (made.name, made.keywords, made.device_ids, made.priority) == ("harga", ["harga", "promo"], [phone], 1)
    async with unit_of_work(me) as uow:
        kept = await auto_replies.update(uow, made.id, AutoReplyUpdate(device_ids=[], limit_times=2))
    assert (kept.device_ids, kept.limit_times, kept.keywords) == ([], 2, ["harga", "promo"])


async def test_sums_count_all_rules_that_match_not_only_a_page(me: Principal) -> None:
    for number in range(3):
        made = await rule(me, f"promo{number}", is_active=number != 1)
        async with unit_of_work(me) as uow:
            assert await auto_replies.count_hit(uow, made.id, None, utc_now())
    await rule(me, "harga")
    async with unit_of_work(me) as uow:
        assert len((await auto_replies.list_(uow, limit=1))[0]) == 1
        assert await auto_replies.sums(uow) == (3, 3)
        assert await auto_replies.sums(uow, RuleFilter(q="promo", is_active=True)) == (2, 2)


async def test_is_listed_in_order_searched_filtered_and_paged(me: Principal) -> None:
    phone = await device(me)
    for number, name in enumerate("abcd"):
        await rule(me, f"kata {name}", name=name, is_active=name != "b", device_ids=[phone] if name == "c" else [], priority=9 - number)

    async def names(**where: Any) -> str:
        async with unit_of_work(me) as uow:
            return "".join(one.name for one in (await auto_replies.list_(uow, RuleFilter(**where)))[0])

    assert await names() == "dcba"
    assert (await names(q="KATÁ c"), await names(is_active=False), await names(device_id=new_id())) == ("c", "b", "dba")
    assert (await names(device_id=phone), await names(match_type=MatchType.REGEX)) == ("dcba", "")
    async with unit_of_work(me) as uow:
        first, after, total = await auto_replies.list_(uow, limit=3)
        rest, end, _ = await auto_replies.list_(uow, limit=3, after=after)
    assert ([one.name for one in first], total, [one.name for one in rest], end) == (["d", "c", "b"], 4, ["a"], None)


async def test_is_copied_behind_itself_switched_and_ordered(me: Principal) -> None:
    one, two = await rule(me, "satu"), await rule(me, "dua")
    async with unit_of_work(me) as uow:
        copy = await auto_replies.duplicate(uow, one.id)
        assert (copy.name, copy.is_active, copy.priority) == ("satu (2)", False, 2)
        assert [row.is_active for row in await auto_replies.toggle(uow, [one.id, copy.id])] == [False, True]
        assert [row.is_active for row in await auto_replies.toggle(uow, [one.id, copy.id], active=True)] == [True, True]
        await auto_replies.reorder(uow, RuleOrder(ids=[two.id]))
        assert [row.name for row in (await auto_replies.list_(uow))[0]] == ["dua", "satu", "satu (2)"]
        with pytest.raises(NotFound):
            await auto_replies.reorder(uow, RuleOrder(ids=[new_id()]))


async def test_a_package_limits_rules_and_gets_room_back(me: Principal) -> None:
    async with system_unit_of_work() as uow:
        await uow.session.execute(text("INSERT INTO packages (key, name, limits) VALUES ('rules2', 'x', '{\"auto_replies\": 2}') ON CONFLICT DO NOTHING"))
        await uow.session.execute(text("UPDATE tenants SET package_key = 'rules2' WHERE id = :t"), {"t": me.tenant_id})
    one = await rule(me, "satu")
    await rule(me, "dua")
    with pytest.raises(LimitReached, match="auto_replies_limit_reached"):
        await rule(me, "tiga")
    async with unit_of_work(me) as uow:
        await auto_replies.remove(uow, [one.id])
    await rule(me, "tiga")
    with pytest.raises(LimitReached):
        async with unit_of_work(me) as uow:
            await auto_replies.restore(uow, [one.id])


async def test_needs_the_verbs(me: Principal) -> None:
    made = await rule(me, "harga")
    reader = Principal(me.tenant_id, me.user_id, frozenset({"rules.read"}))
    nobody = Principal(me.tenant_id, me.user_id, frozenset())
    async with unit_of_work(reader) as uow:
        assert (await auto_replies.get(uow, made.id)).name == "harga"
        for refused in (auto_replies.remove(uow, [made.id]), auto_replies.toggle(uow, [made.id]), auto_replies.duplicate(uow, made.id)):
            with pytest.raises(Forbidden):
                await refused
    async with unit_of_work(nobody) as uow:
        with pytest.raises(Forbidden):
            await auto_replies.list_(uow)


async def test_nobody_reaches_another_tenants_rules(me: Principal) -> None:
    stranger = (await make_signed_tenant("Lain")).principal
    made = await rule(me, "harga")
    async with unit_of_work(stranger) as uow:
        for refused in (
            auto_replies.get(uow, made.id), auto_replies.update(uow, made.id, AutoReplyUpdate(name="x")),
            auto_replies.toggle(uow, [made.id]), auto_replies.duplicate(uow, made.id), auto_replies.remove(uow, [made.id]),
            auto_replies.reorder(uow, RuleOrder(ids=[made.id])),
        ):  # fmt: skip
            with pytest.raises(NotFound):
                await refused
        assert await auto_replies.restore(uow, [made.id]) == 0
    assert not await hit(stranger, made.id, new_id())
    assert (await decide(stranger, "harga")).match is None
