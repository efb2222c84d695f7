"""The gateway against vendors on this machine: who is asked, what is counted, what a failure does."""

import asyncio
from collections.abc import AsyncIterator
from time import monotonic
from typing import Any

import pytest
from sqlalchemy import text as sql

from tests.fixtures.providers import add_provider, booked, clear_platform, counted, provider_row, set_settings
from tests.fixtures.services import environment
from tests.fixtures.tenants import make_tenant
from tests.fixtures.vendors import HANG, USAGE, Vendors, refusal, sample, text, written
from wa_app import db
from wa_app.ai import gateway
from wa_app.config import Settings
from wa_app.errors import LimitReached, NotFound, Unavailable
from wa_app.kit.ids import new_id
from wa_app.models.ai import ProviderKind, Rotation, Source
from wa_app.schemas.agents import AgentAnswer
from wa_app.schemas.ai import ChatRequest, ChatResult, Finish, Grounding, Piece, Turn
from wa_app.schemas.knowledge import Passage
from wa_app.schemas.principal import Principal

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": False}


@pytest.fixture
async def tenant(settings: Settings) -> AsyncIterator[Principal]:
    await clear_platform()
    with environment(SAPA_AI_PRIVATE_ADDRESSES="true"):
        yield await make_tenant()
        await gateway.close()
    await clear_platform()
    await db.dispose()


def ask(words: str = "Halo", **more: Any) -> ChatRequest:
    return ChatRequest("reply", "You are a shop.", (Turn("user", words),), **more)


def passages(*texts: str, score: float = 0.8) -> tuple[Passage, ...]:
    return tuple(Passage(new_id(), new_id(), "harga.pdf", 1, "", one, score) for one in texts)


async def test_without_any_key_the_documents_answer(tenant: Principal) -> None:
    prices = "Kemeja batik Rp 185.000\nKain parang Rp 150.000\nOngkir Rp 12.000"
    grounding = Grounding("berapa harga kain parang?", passages(prices))
    result = await gateway.chat(tenant.tenant_id, ask(grounding=grounding, json_schema=AgentAnswer.model_json_schema()))
    assert (result.kind, result.cost_micros) == ("quote", 0)
    answer = AgentAnswer.model_validate(result.parsed)
    assert answer.answer == "Kain parang Rp 150.000"
    assert (answer.sources, answer.insights.intent) == ([1], "price")
    assert answer.confidence > 0.6


async def test_the_documents_do_not_know_everything(tenant: Principal) -> None:
    grounding = Grounding("berapa harga sepatu kulit?", passages("Kain parang Rp 150.000"), "en", 0.5)
    result = await gateway.chat(tenant.tenant_id, ask(grounding=grounding))
    assert result.text == "Sorry, I could not find the answer in the information we have."


async def test_the_first_provider_answers_and_is_booked(tenant: Principal, vendors: Vendors) -> None:
    first = await add_provider(None, vendors.openai("a"), name="A", priority=1)
    await add_provider(None, vendors.openai("b"), name="B", priority=2)
    vendors.queue("a", text("Siap"))
    result = await gateway.chat(tenant.tenant_id, ask())
    assert (result.text, result.provider_name, result.provider_id) == ("Siap", "A", first)
    assert (result.usage.input, result.usage.output) == USAGE
    assert (vendors.count("a"), vendors.count("b")) == (1, 0)
    assert vendors.last("a").body["messages"][0] == {"role": "system", "content": "You are a shop."}
    row = (await booked(tenant.tenant_id))[0]
    assert (row.outcome, row.input_tokens, row.output_tokens, row.feature) == ("ok", *USAGE, "reply")
    assert [one[1:] for one in await counted(first)] == [(1, sum(USAGE))] * 2
    assert [one[1:] for one in await counted(tenant.tenant_id, "budget")] == [(1, sum(USAGE))] * 2


async def test_fifty_at_once_on_a_provider_with_ten_left(tenant: Principal, vendors: Vendors) -> None:
    first = await add_provider(None, vendors.openai("a"), name="A", priority=1, daily_limit=30)
    await add_provider(None, vendors.openai("b"), name="B", priority=2)
    for _ in range(20):
        await gateway.chat(tenant.tenant_id, ask())
    assert vendors.count("a") == 20
    results = await asyncio.gather(*(gateway.chat(tenant.tenant_id, ask()) for _ in range(50)))
    assert (vendors.count("a"), vendors.count("b")) == (30, 40)
    assert sorted(result.provider_name for result in results) == ["A"] * 10 + ["B"] * 40
    assert [one[1] for one in await counted(first)] == [30, 30]
    assert len(await booked(tenant.tenant_id)) == 70


async def test_a_provider_that_hangs_costs_its_time_limit_once(tenant: Principal, vendors: Vendors) -> None:
    slow = await add_provider(None, vendors.openai("slow"), name="Slow", priority=1, time_limit_s=1)
    await add_provider(None, vendors.openai("b"), name="B", priority=2)
    vendors.always["slow"] = HANG
    began = monotonic()
    first = await gateway.chat(tenant.tenant_id, ask())
    assert 1 <= monotonic() - began < 4
    assert [(one.provider_name, one.outcome) for one in first.attempts] == [("Slow", "upstream"), ("B", "ok")]
    second = await gateway.chat(tenant.tenant_id, ask())
    assert [(one.provider_name, one.outcome) for one in second.attempts] == [("Slow", "open"), ("B", "ok")]
    assert vendors.count("slow") == 1
    row = await provider_row(slow)
    assert 20 < row.open_s <= 30
    assert (row.failures, row.last_error) == (1, "upstream timeout")
    assert [one[1] for one in await counted(slow)] == [0, 0]


async def test_half_open_lets_one_call_find_out(tenant: Principal, vendors: Vendors) -> None:
    one = await add_provider(None, vendors.openai("a"), name="A", priority=1, failures=1)
    await _age_circuit(one)
    vendors.always["a"] = text("back", wait_s=0.3)
    results = await asyncio.gather(*(gateway.chat(tenant.tenant_id, ask()) for _ in range(5)))
    assert sorted(result.provider_name for result in results) == ["A", "Sapa", "Sapa", "Sapa", "Sapa"]
    assert vendors.count("a") == 1
    row = await provider_row(one)
    assert (row.failures, row.open_until, row.probe_until) == (0, None, None)


async def test_a_probe_that_fails_opens_for_longer(tenant: Principal, vendors: Vendors) -> None:
    one = await add_provider(None, vendors.openai("a"), name="A", priority=1, failures=2)
    await _age_circuit(one)
    vendors.always["a"] = sample("openai_error_500")
    await gateway.chat(tenant.tenant_id, ask())
    row = await provider_row(one)
    assert (row.failures, vendors.count("a")) == (3, 2), "one short retry, by us"
    assert 110 < row.open_s <= 120


async def _age_circuit(provider_id: Any) -> None:

    async with db.system_unit_of_work() as uow:
        await uow.session.execute(sql("UPDATE ai_providers SET open_until = now() - interval '1 s' WHERE id = :id"), {"id": provider_id})


@pytest.mark.parametrize(
    ("name", "outcome", "calls"),
    [
        ("openai_error_401", "key", 1), ("openai_error_429_rate", "throttle", 1), ("openai_error_429_quota", "exhausted", 1),
        ("openai_error_500", "upstream", 2), ("openai_error_404_model", "config", 1), ("deepseek_error_402", "exhausted", 1),
        ("groq_error_429", "throttle", 1), ("ollama_error_404_model", "config", 1), ("openrouter_error_429", "throttle", 1),
    ],
)  # fmt: skip
async def test_the_next_one_takes_over(
    tenant: Principal, vendors: Vendors, name: str, outcome: str, calls: int
) -> None:
    first = await add_provider(None, vendors.openai("a"), name="A", priority=1)
    await add_provider(None, vendors.openai("b"), name="B", priority=2)
    vendors.always["a"] = sample(name)
    result = await gateway.chat(tenant.tenant_id, ask())
    assert [one.outcome for one in result.attempts] == [outcome, "ok"]
    assert vendors.count("a") == calls
    assert [row.outcome for row in await booked(tenant.tenant_id)] == [outcome, "ok"]
    await gateway.chat(tenant.tenant_id, ask())
    if outcome != "throttle":
        assert vendors.count("a") == calls, "it is left alone"
    row = await provider_row(first)
    assert (row.disabled_at is not None) == (outcome == "key")
    if outcome in ("exhausted", "config"):
        assert row.cool_reason == outcome


async def test_a_throttled_provider_is_left_alone_as_long_as_it_asks(tenant: Principal, vendors: Vendors) -> None:
    one = await add_provider(None, vendors.openai("a"), priority=1)
    vendors.queue("a", refusal(429, headers={"retry-after": "38"}))
    await gateway.chat(tenant.tenant_id, ask())
    row = await provider_row(one)
    assert 30 < row.cool_s <= 38
    assert row.cool_reason == "throttle"


async def test_a_dead_key_switches_all_its_models_off(tenant: Principal, vendors: Vendors) -> None:
    one = await add_provider(None, vendors.openai("a"), priority=1, key="sk-dead", model="big")
    other = await add_provider(None, vendors.openai("a"), priority=2, key="sk-dead", model="small")
    alive = await add_provider(None, vendors.openai("c"), priority=3, key="sk-alive", name="C")
    vendors.always["a"] = sample("openai_error_401")
    assert (await gateway.chat(tenant.tenant_id, ask())).provider_name == "C"
    assert vendors.count("a") == 2
    for provider_id, is_off in ((one, True), (other, True), (alive, False)):
        assert ((await provider_row(provider_id)).disabled_at is not None) is is_off


@pytest.mark.parametrize(
    ("name", "code"),
    [("openai_error_400_context", "ai_context_too_long"), ("groq_error_413_request_too_large", "ai_context_too_long"),
     ("anthropic_error_400", "ai_request_refused")],
)  # fmt: skip
async def test_what_no_other_would_mend_is_told(tenant: Principal, vendors: Vendors, name: str, code: str) -> None:
    first = await add_provider(None, vendors.openai("a"), priority=1)
    await add_provider(None, vendors.openai("b"), priority=2)
    vendors.always["a"] = sample(name)
    with pytest.raises(Unavailable, match=code):
        await gateway.chat(tenant.tenant_id, ask())
    assert (vendors.count("a"), vendors.count("b")) == (1, 0)
    assert [one[1:] for one in await counted(first)] == [(0, 0)] * 2
    assert [one[1:] for one in await counted(tenant.tenant_id, "budget")] == [(0, 0)] * 2


async def test_json_is_checked_and_mended_once(tenant: Principal, vendors: Vendors) -> None:
    await add_provider(None, vendors.openai("a"), priority=1)
    vendors.queue("a", text("here you are: {\"n\": \"three\"}"), written({"n": 3}))
    result = await gateway.chat(tenant.tenant_id, ask(json_schema=SCHEMA))
    assert result.parsed == {"n": 3}
    assert result.usage.input == 2 * USAGE[0]
    assert "three" in vendors.last("a").body["messages"][-1]["content"]


async def test_a_model_that_cannot_do_json_is_passed_over_but_not_punished(tenant: Principal, vendors: Vendors) -> None:
    first = await add_provider(None, vendors.openai("a"), priority=1)
    await add_provider(None, vendors.openai("b"), priority=2, name="B")
    vendors.always["a"] = text("I would rather not")
    vendors.always["b"] = written({"n": 4})
    result = await gateway.chat(tenant.tenant_id, ask(json_schema=SCHEMA))
    assert (result.provider_name, result.parsed, vendors.count("a")) == ("B", {"n": 4}, 2)
    row = await provider_row(first)
    assert (row.open_until, row.last_error) == (None, "upstream bad_json")
    assert [one[2] for one in await counted(first)] == [2 * sum(USAGE)] * 2, "what it took is counted all the same"


async def test_own_key_never_falls_back_to_the_platforms(tenant: Principal, vendors: Vendors) -> None:
    await add_provider(None, vendors.openai("platform"), priority=1)
    await add_provider(tenant.tenant_id, vendors.openai("own"), priority=5, name="Mine")
    vendors.always["own"] = sample("openai_error_500")
    with pytest.raises(Unavailable, match="ai_unavailable"):
        await gateway.chat(tenant.tenant_id, ask())
    assert (vendors.count("own"), vendors.count("platform")) == (2, 0)
    await set_settings(tenant.tenant_id, source=Source.OWN_FIRST)
    result = await gateway.chat(tenant.tenant_id, ask())
    assert [one.outcome for one in result.attempts] == ["open", "ok"]
    assert vendors.count("platform") == 1


async def test_a_package_may_forbid_own_providers(tenant: Principal, vendors: Vendors) -> None:

    async with db.system_unit_of_work() as uow:
        await uow.session.execute(sql("INSERT INTO packages (key, name, limits) VALUES ('ai_small', 'S', CAST(:l AS jsonb)) "
                                      "ON CONFLICT (key) DO NOTHING"), {"l": '{"ai_providers": 0, "ai_requests_day": 2}'})
    small = await make_tenant(package="ai_small")
    await add_provider(small.tenant_id, vendors.openai("own"), priority=1)
    await add_provider(None, vendors.openai("platform"), priority=1, name="P")
    names = [(await gateway.chat(small.tenant_id, ask())).provider_name for _ in range(3)]
    assert names == ["P", "P", "Sapa"], "beyond the package only what costs nothing answers"
    assert vendors.count("own") == 0


async def test_another_tenants_provider_is_unknown(tenant: Principal, vendors: Vendors) -> None:
    stranger = await make_tenant()
    foreign = await add_provider(stranger.tenant_id, vendors.openai("x"))
    with pytest.raises(NotFound):
        await gateway.chat(tenant.tenant_id, ask(provider_id=foreign))
    assert vendors.count("x") == 0


async def test_a_chosen_provider_is_the_only_one_asked(tenant: Principal, vendors: Vendors) -> None:
    chosen = await add_provider(None, vendors.openai("b"), priority=9)
    await add_provider(None, vendors.openai("a"), priority=1)
    vendors.queue("b", refusal(503), refusal(503))
    with pytest.raises(Unavailable):
        await gateway.chat(tenant.tenant_id, ask(provider_id=chosen))
    assert (vendors.count("a"), vendors.count("b")) == (0, 2)


async def test_the_budget_of_a_tenant_is_exact(tenant: Principal, vendors: Vendors) -> None:
    await add_provider(None, vendors.openai("a"), priority=1)
    await set_settings(tenant.tenant_id, daily_requests=5)
    results = await asyncio.gather(*(gateway.chat(tenant.tenant_id, ask()) for _ in range(12)), return_exceptions=True)
    refused = [one for one in results if isinstance(one, LimitReached)]
    assert (len(refused), {one.code for one in refused}, vendors.count("a")) == (7, {"ai_budget_reached"}, 5)


async def test_a_job_is_booked_once(tenant: Principal, vendors: Vendors) -> None:
    one = await add_provider(None, vendors.openai("a"), priority=1)
    for _ in range(3):
        await gateway.chat(tenant.tenant_id, ask(job_key="answer:1"))
    assert len(await booked(tenant.tenant_id)) == 1
    assert [line[1] for line in await counted(tenant.tenant_id, "budget")] == [1, 1]
    assert [line[1] for line in await counted(one)] == [3, 3], "the vendor counts every call"


async def test_rotations(tenant: Principal, vendors: Vendors) -> None:
    for name in ("a", "b", "c"):
        await add_provider(None, vendors.openai(name), name=name, priority=1, weight=8 if name == "c" else 1)
    await set_settings(None, rotation=Rotation.ROUND_ROBIN)
    names = [(await gateway.chat(tenant.tenant_id, ask())).provider_name for _ in range(6)]
    assert sorted(names[:3]) == ["a", "b", "c"]
    assert names[:3] == names[3:]
    await set_settings(None, rotation=Rotation.WEIGHTED)
    drawn = [(await gateway.chat(tenant.tenant_id, ask())).provider_name for _ in range(40)]
    assert drawn.count("c") > 20


async def collect(tenant: Principal, request: ChatRequest) -> tuple[list[str], ChatResult]:
    pieces: list[str] = []
    async for item in gateway.stream(tenant.tenant_id, request):
        if isinstance(item, ChatResult):
            return pieces, item
        pieces.append(item.text)
    raise AssertionError("no result")


async def test_a_stream_ends_with_its_result(tenant: Principal, vendors: Vendors) -> None:
    await add_provider(None, vendors.openai("a"), priority=1)
    vendors.queue("a", text("satu dua tiga"))
    pieces, result = await collect(tenant, ask())
    assert ("".join(pieces), len(pieces), result.text) == ("satu dua tiga", 3, "satu dua tiga")
    assert (result.usage.input, result.usage.output, result.finish) == (*USAGE, Finish.STOP)
    assert (await booked(tenant.tenant_id))[0].first_ms is not None


async def test_a_stream_fails_over_before_its_first_piece(tenant: Principal, vendors: Vendors) -> None:
    await add_provider(None, vendors.openai("a"), priority=1)
    await add_provider(None, vendors.openai("b"), priority=2, name="B")
    vendors.queue("a", sample("openai_error_429_rate"))
    vendors.queue("b", text("dari b"))
    pieces, result = await collect(tenant, ask())
    assert ("".join(pieces), result.provider_name) == ("dari b", "B")


async def test_a_stream_that_is_cut_is_booked_as_we_count_it(tenant: Principal, vendors: Vendors) -> None:
    one = await add_provider(None, vendors.openai("a"), priority=1)
    await add_provider(None, vendors.openai("b"), priority=2)
    vendors.queue("a", text("satu dua tiga empat").cut(2))
    stream = gateway.stream(tenant.tenant_id, ask())
    assert [(await anext(stream)).text for _ in range(2)] == ["satu ", "dua "]
    with pytest.raises(Unavailable, match="ai_stream_cut"):
        await anext(stream)
    assert vendors.count("b") == 0
    row = (await booked(tenant.tenant_id))[0]
    assert (row.outcome, row.is_estimated) == ("cut", True)
    assert row.output_tokens > 0
    assert [line[1] for line in await counted(one)] == [1, 1]


async def test_who_stops_listening_pays_for_what_was_said(tenant: Principal, vendors: Vendors) -> None:
    await add_provider(None, vendors.openai("a"), priority=1)
    vendors.queue("a", text("satu dua tiga empat"))
    stream = gateway.stream(tenant.tenant_id, ask())
    assert isinstance(await anext(stream), Piece)
    await stream.aclose()
    row = (await booked(tenant.tenant_id))[0]
    assert (row.outcome, row.is_estimated) == ("cut", True)
    assert [line[1] for line in await counted(tenant.tenant_id, "budget")] == [1, 1]


async def test_a_cancelled_call_gives_everything_back(tenant: Principal, vendors: Vendors) -> None:
    one = await add_provider(None, vendors.openai("a"), priority=1)
    vendors.always["a"] = HANG
    call = asyncio.create_task(gateway.chat(tenant.tenant_id, ask()))
    await asyncio.to_thread(vendors.until, "a", 1)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert [line[1:] for line in await counted(one)] == [(0, 0)] * 2
    assert [line[1:] for line in await counted(tenant.tenant_id, "budget")] == [(0, 0)] * 2


async def test_the_whole_call_has_one_time_limit(tenant: Principal, vendors: Vendors) -> None:
    for name in ("a", "b"):
        await add_provider(None, vendors.openai(name), priority=1, time_limit_s=5)
        vendors.always[name] = HANG
    began = monotonic()
    result = await gateway.chat(tenant.tenant_id, ask("Halo", deadline_s=1.0))
    assert monotonic() - began < 3
    assert [one.outcome for one in result.attempts] == ["upstream", "deadline", "ok"]
    assert result.kind == "quote"


async def test_embeddings_come_from_the_one_that_was_named(tenant: Principal, vendors: Vendors) -> None:
    one = await add_provider(None, vendors.openai("a"), priority=1)
    vectors = await gateway.embed(tenant.tenant_id, ["ab", "abcd"], provider_id=one)
    assert [vector[:2] for vector in vectors] == [[2.0, 0.0], [4.0, 1.0]]
    vendors.queue("a", refusal(503))
    with pytest.raises(Unavailable):
        await gateway.embed(tenant.tenant_id, ["ab"], provider_id=one)
    assert [row.outcome for row in await booked(tenant.tenant_id)] == ["ok", "upstream"]
    quoting = await gateway.chat(tenant.tenant_id, ask())
    assert quoting.kind == ProviderKind.QUOTE
