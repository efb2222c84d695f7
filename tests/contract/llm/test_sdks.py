"""The vendors' real SDKs behind our adapters, against recorded answers served on this machine.

How often a vendor was asked is counted by the server: an SDK that retries by itself would be seen.
"""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from tests.fixtures.vendors import CLOSE, SAMPLES, USAGE, Reply, Vendors, sample, text, written
from wa_app.ai.gateway import adapters
from wa_app.ai.gateway.shapes import Adapter, Answer, Ask, Endpoint, Fault, Why
from wa_app.kit.ids import new_id
from wa_app.models.ai import ProviderKind
from wa_app.schemas.ai import Finish, Turn, Usage

SCHEMA = {
    "title": "CityLocation", "type": "object", "required": ["city", "country"],
    "properties": {"city": {"type": "string"}, "country": {"type": "string", "default": ""}},
}  # fmt: skip
KINDS = (ProviderKind.OPENAI, ProviderKind.GEMINI, ProviderKind.ANTHROPIC)
Make = Callable[[ProviderKind], Any]


def question(**more: Any) -> Ask:
    return Ask("Be brief.", (Turn("user", "Hi"), Turn("assistant", "Yes?"), Turn("user", "Capital of France?")), **more)


@pytest.fixture
async def adapter(vendors: Vendors) -> AsyncIterator[Make]:
    """Adapters by kind, all speaking to the vendor `v`."""
    made: list[Adapter] = []

    async def make(kind: ProviderKind, base_url: str = "", model: str = "m-1") -> Adapter:
        base = base_url or (vendors.openai("v") if kind is ProviderKind.OPENAI else vendors.url("v"))
        endpoint = Endpoint(new_id(), "V", kind, base, model, "key-123", "f", is_own=False)
        made.append(await adapters.make(endpoint))
        return made[-1]

    yield make
    for one in made:
        await one.close()


async def streamed(adapter: Adapter, ask: Ask) -> tuple[list[str], Answer]:
    pieces: list[str] = []
    async for piece in adapter.stream(ask):
        if isinstance(piece, Answer):
            return pieces, piece
        pieces.append(piece)
    raise AssertionError("a stream ends with its answer")


SUCCESSES = [
    (ProviderKind.OPENAI, "openai_chat", Finish.STOP, "potato", 809 - 768),
    (ProviderKind.OPENAI, "groq_chat", Finish.STOP, "Paris", None),
    (ProviderKind.OPENAI, "deepseek_chat_reasoner", Finish.STOP, "street", None),
    (ProviderKind.OPENAI, "ollama_v1_chat_json_schema", Finish.STOP, "Paris", None),
    (ProviderKind.GEMINI, "gemini_generate", Finish.STOP, "Hello", None),
    (ProviderKind.ANTHROPIC, "anthropic_messages", Finish.STOP, "Paris", None),
]


@pytest.mark.parametrize(("kind", "name", "finish", "word", "_"), SUCCESSES)
async def test_recorded_answers(
    vendors: Vendors, adapter: Make, kind: ProviderKind, name: str, finish: Finish, word: str, _: Any
) -> None:
    vendors.queue("v", sample(name))
    answer = await (await adapter(kind)).chat(question())
    assert word in answer.text
    assert answer.finish is finish
    assert answer.usage is not None
    assert answer.usage.input > 0
    assert answer.usage.output > 0
    assert (vendors.count("v"), vendors.last("v").key) == (1, "key-123")


async def test_reasoning_is_part_of_the_output_at_openai(vendors: Vendors, adapter: Make) -> None:
    vendors.queue("v", sample("openai_chat"))
    answer = await (await adapter(ProviderKind.OPENAI)).chat(question())
    assert answer.usage is not None
    assert (answer.usage.output, answer.usage.reasoning) == (809, 768)


async def test_thoughts_stand_beside_the_candidates_at_gemini(vendors: Vendors, adapter: Make) -> None:
    reply = sample("gemini_max_tokens_empty_thinking")
    vendors.queue("v", reply)
    answer = await (await adapter(ProviderKind.GEMINI)).chat(question())
    told = reply.body["usageMetadata"]
    assert (answer.text, answer.finish) == ("", Finish.LENGTH)
    assert answer.usage is not None
    assert answer.usage.output == told["totalTokenCount"] - told["promptTokenCount"]
    assert answer.usage.reasoning == told["thoughtsTokenCount"]


async def test_anthropic_counts_the_cache_apart(vendors: Vendors, adapter: Make) -> None:
    body = dict(sample("anthropic_messages").body)
    body["usage"] = {"input_tokens": 10, "cache_read_input_tokens": 30, "cache_creation_input_tokens": 5, "output_tokens": 2}
    vendors.queue("v", Reply(body=body))
    answer = await (await adapter(ProviderKind.ANTHROPIC)).chat(question())
    assert answer.usage == Usage(45, 30, 2)


async def test_a_blocked_prompt_has_no_candidates(vendors: Vendors, adapter: Make) -> None:
    vendors.queue("v", sample("gemini_blocked_prompt"))
    answer = await (await adapter(ProviderKind.GEMINI)).chat(question())
    assert (answer.text, answer.finish) == ("", Finish.BLOCKED)


@pytest.mark.parametrize("kind", KINDS)
async def test_what_is_sent(vendors: Vendors, adapter: Make, kind: ProviderKind) -> None:
    vendors.always["v"] = written({"city": "Paris", "country": "France"})
    await (await adapter(kind)).chat(question(json_schema=SCHEMA, max_output_tokens=77, temperature=0.2))
    asked = vendors.last("v")
    body = asked.body
    if kind is ProviderKind.OPENAI:
        assert asked.path == "/v/v1/chat/completions"
        assert [one["role"] for one in body["messages"]] == ["system", "user", "assistant", "user"]
        assert body["response_format"]["json_schema"]["schema"]["properties"]["city"] == {"type": "string"}
        assert (body["max_tokens"], body["temperature"]) == (77, 0.2)
    elif kind is ProviderKind.GEMINI:
        assert asked.path == "/v/v1beta/models/m-1:generateContent"
        assert [one["role"] for one in body["contents"]] == ["user", "model", "user"]
        assert body["generationConfig"]["responseJsonSchema"]["required"] == ["city", "country"]
        assert body["generationConfig"]["maxOutputTokens"] == 77
        assert body["systemInstruction"]["parts"][0]["text"] == "Be brief."
    else:
        assert asked.path.startswith("/v/v1/messages")
        assert (body["max_tokens"], [one["role"] for one in body["messages"]]) == (77, ["user", "assistant", "user"])
        assert "JSON schema" in body["system"]


async def test_openai_itself_is_held_to_the_schema(vendors: Vendors, adapter: Make) -> None:
    from wa_app.ai.gateway.adapters.openai_like import OpenAiLike
    from wa_app.ai.gateway.vendors import VENDORS

    made = await adapter(ProviderKind.OPENAI, model="o3-mini")
    assert isinstance(made, OpenAiLike)
    made.vendor = VENDORS["openai"]
    vendors.always["v"] = written({"city": "Paris", "country": "France"})
    await made.chat(question(json_schema=SCHEMA, temperature=0.2))
    body = vendors.last("v").body
    form = body["response_format"]["json_schema"]
    assert form["strict"] is True
    assert (form["schema"]["required"], form["schema"]["additionalProperties"]) == (["city", "country"], False)
    assert "default" not in form["schema"]["properties"]["country"]
    assert "temperature" not in body, "models that think refuse it"
    assert body["max_completion_tokens"] == 1024


async def test_a_model_without_schemas_is_asked_in_words(vendors: Vendors, adapter: Make) -> None:
    error = {"error": {"message": "This model does not support response format `json_schema`.", "type": "invalid_request_error"}}
    vendors.queue("v", Reply(400, {}, error), written({"city": "Paris", "country": "France"}))
    made = await adapter(ProviderKind.OPENAI)
    assert "Paris" in (await made.chat(question(json_schema=SCHEMA))).text
    body = vendors.last("v").body
    assert body["response_format"] == {"type": "json_object"}
    assert "JSON schema" in body["messages"][0]["content"]
    await made.chat(question(json_schema=SCHEMA))
    assert vendors.count("v") == 3, "it is not asked for schemas again"


ERRORS = [
    (ProviderKind.OPENAI, "openai_error_400_context", Why.CONTEXT, None),
    (ProviderKind.OPENAI, "openai_error_401", Why.KEY, None),
    (ProviderKind.OPENAI, "openai_error_404_model", Why.CONFIG, None),
    (ProviderKind.OPENAI, "openai_error_429_quota", Why.EXHAUSTED, None),
    (ProviderKind.OPENAI, "openai_error_429_rate", Why.THROTTLE, 0.12),
    (ProviderKind.OPENAI, "openai_error_500", Why.UPSTREAM, None),
    (ProviderKind.OPENAI, "groq_error_413_request_too_large", Why.CONTEXT, None),
    (ProviderKind.OPENAI, "groq_error_429", Why.THROTTLE, 4.0),
    (ProviderKind.OPENAI, "groq_error_400_tool_use_failed", Why.REQUEST, None),
    (ProviderKind.OPENAI, "deepseek_error_402", Why.EXHAUSTED, None),
    (ProviderKind.OPENAI, "ollama_error_404_model", Why.CONFIG, None),
    (ProviderKind.OPENAI, "openrouter_error_429", Why.THROTTLE, None),
    (ProviderKind.GEMINI, "gemini_error_400_context", Why.CONTEXT, None),
    (ProviderKind.GEMINI, "gemini_error_400_key", Why.KEY, None),
    (ProviderKind.GEMINI, "gemini_error_429", Why.THROTTLE, 37.0),
    (ProviderKind.GEMINI, "gemini_error_503", Why.UPSTREAM, None),
    (ProviderKind.ANTHROPIC, "anthropic_error_400", Why.REQUEST, None),
    (ProviderKind.ANTHROPIC, "anthropic_error_400_context", Why.CONTEXT, None),
    (ProviderKind.ANTHROPIC, "anthropic_error_401", Why.KEY, None),
    (ProviderKind.ANTHROPIC, "anthropic_error_429", Why.THROTTLE, 12.0),
    (ProviderKind.ANTHROPIC, "anthropic_error_529", Why.UPSTREAM, None),
]


def test_every_recorded_error_has_a_class() -> None:
    assert {path.stem for path in SAMPLES.glob("*_error_*.json")} == {name for _, name, *_ in ERRORS}


@pytest.mark.parametrize(("kind", "name", "why", "hint"), ERRORS)
@pytest.mark.parametrize("way", ["chat", "stream"])
async def test_recorded_errors(
    vendors: Vendors, adapter: Make, kind: ProviderKind, name: str, why: Why, hint: float | None, way: str
) -> None:
    vendors.always["v"] = sample(name)
    made = await adapter(kind)
    with pytest.raises(Fault) as caught:
        await (made.chat(question()) if way == "chat" else streamed(made, question()))
    assert caught.value.why is why
    assert caught.value.hint_s == (pytest.approx(hint) if hint is not None else None)
    assert caught.value.retry == (why is Why.UPSTREAM or "tool_use" in name)
    assert vendors.count("v") == 1, "no SDK retries by itself"


async def test_a_day_that_is_used_up_at_gemini(vendors: Vendors, adapter: Make) -> None:
    body = sample("gemini_error_429").body
    body["error"]["details"][0]["violations"][0]["quotaId"] = "GenerateRequestsPerDayPerProjectPerModel-FreeTier"
    vendors.always["v"] = Reply(429, {}, body)
    with pytest.raises(Fault) as caught:
        await (await adapter(ProviderKind.GEMINI)).chat(question())
    assert (caught.value.why, caught.value.detail) == (Why.EXHAUSTED, "per_day")


async def test_openrouter_answers_200_with_an_error(vendors: Vendors, adapter: Make) -> None:
    vendors.always["v"] = Reply(200, {}, {"error": {"code": 502, "message": "Provider returned error"}})
    with pytest.raises(Fault) as caught:
        await (await adapter(ProviderKind.OPENAI)).chat(question())
    assert (caught.value.why, vendors.count("v")) == (Why.UPSTREAM, 1)


async def test_a_page_instead_of_json_is_a_wrong_address(vendors: Vendors, adapter: Make) -> None:
    vendors.always["v"] = Reply(200, {"content-type": "text/html"}, "<html>hello</html>")
    with pytest.raises(Fault) as caught:
        await (await adapter(ProviderKind.OPENAI)).chat(question())
    assert caught.value.why in (Why.CONFIG, Why.UPSTREAM)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("way", ["chat", "stream"])
async def test_nobody_listens_there(vendors: Vendors, adapter: Make, kind: ProviderKind, way: str) -> None:
    made = await adapter(kind, "http://127.0.0.1:9/v1")
    with pytest.raises(Fault) as caught:
        await (made.chat(question()) if way == "chat" else streamed(made, question()))
    assert (caught.value.why, caught.value.detail, caught.value.retry) == (Why.UPSTREAM, "unreachable", True)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_line_that_goes_dead(vendors: Vendors, adapter: Make, kind: ProviderKind) -> None:
    vendors.always["v"] = CLOSE
    with pytest.raises(Fault) as caught:
        await (await adapter(kind)).chat(question())
    assert (caught.value.why, vendors.count("v")) == (Why.UPSTREAM, 1)


STREAMS = [
    (ProviderKind.OPENAI, "openai_chat_stream", None), (ProviderKind.OPENAI, "deepseek_chat_stream", 212),
    (ProviderKind.GEMINI, "gemini_generate_stream", 8), (ProviderKind.ANTHROPIC, "anthropic_messages_stream", 282),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "name", "output"), STREAMS)
async def test_recorded_streams(
    vendors: Vendors, adapter: Make, kind: ProviderKind, name: str, output: int | None
) -> None:
    vendors.queue("v", sample(name))
    pieces, answer = await streamed(await adapter(kind), question())
    assert "".join(pieces) == answer.text
    assert answer.usage is not None, "the usage of a stream comes at its end"
    assert answer.usage.output == (output or answer.usage.output)
    assert answer.usage.input > 0
    assert vendors.count("v") == 1


@pytest.mark.parametrize("kind", KINDS)
async def test_a_stream_in_pieces(vendors: Vendors, adapter: Make, kind: ProviderKind) -> None:
    vendors.queue("v", text("satu dua tiga"))
    pieces, answer = await streamed(await adapter(kind), question())
    assert (pieces, answer.text) == (["satu ", "dua ", "tiga"], "satu dua tiga")
    assert answer.usage is not None
    assert (answer.usage.input, answer.usage.output) == USAGE


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("events", [0, 3])
async def test_a_stream_that_is_cut(vendors: Vendors, adapter: Make, kind: ProviderKind, events: int) -> None:
    vendors.queue("v", text("satu dua tiga empat lima").cut(events))
    with pytest.raises(Fault) as caught:
        await streamed(await adapter(kind), question())
    assert caught.value.why is Why.UPSTREAM


async def test_a_stream_without_usage_leaves_the_counting_to_us(vendors: Vendors, adapter: Make) -> None:
    vendors.queue("v", text("satu dua", with_usage=False))
    _, answer = await streamed(await adapter(ProviderKind.OPENAI), question())
    assert answer.usage is None


async def test_an_error_inside_a_stream(vendors: Vendors, adapter: Make) -> None:
    events = sample("anthropic_messages_stream").events or ()
    error = 'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}'
    vendors.queue("v", Reply(events=(*events[:2], error)))
    with pytest.raises(Fault) as caught:
        await streamed(await adapter(ProviderKind.ANTHROPIC), question())
    assert caught.value.why is Why.UPSTREAM


@pytest.mark.parametrize("kind", KINDS)
async def test_an_answer_that_ran_out_of_room(vendors: Vendors, adapter: Make, kind: ProviderKind) -> None:
    vendors.always["v"] = text("", finish="length")
    answer = await (await adapter(kind)).chat(question())
    assert (answer.text, answer.finish) == ("", Finish.LENGTH)


@pytest.mark.parametrize("kind", KINDS)
async def test_models_are_listed(vendors: Vendors, adapter: Make, kind: ProviderKind) -> None:
    found = await (await adapter(kind)).models()
    assert found == (["gemini-2.5-flash", "gemini-2.5-pro"] if kind is ProviderKind.GEMINI else ["model-b", "model-a"])


async def test_embeddings(vendors: Vendors, adapter: Make) -> None:
    found = await (await adapter(ProviderKind.OPENAI)).embed(["ab", "abcd"], None, for_query=False)
    assert [vector[:2] for vector in found.vectors] == [[2.0, 0.0], [4.0, 1.0]]
    assert found.tokens == 9
    vendors.queue("v", Reply(body={"embeddings": [{"values": [3.0, 4.0]}, {"values": [0.0, 2.0]}]}))
    found = await (await adapter(ProviderKind.GEMINI)).embed(["ab", "abcd"], 2, for_query=True)
    assert found.vectors == [[0.6, 0.8], [0.0, 1.0]], "brought to length one"
    assert found.tokens is None
    asked = vendors.last("v").body["requests"][0]
    assert (asked["taskType"], asked["outputDimensionality"]) == ("RETRIEVAL_QUERY", 2)
    with pytest.raises(Fault):
        await (await adapter(ProviderKind.ANTHROPIC)).embed(["a"], None, for_query=True)


async def test_the_environment_gives_nobody_a_key(
    vendors: Vendors, adapter: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OPENAI_API_KEY", "GEMINI_API_KEY", "GOOGLE_API_KEY", "ANTHROPIC_API_KEY", "OPENAI_ORG_ID"):
        monkeypatch.setenv(name, "from-the-environment")
    for kind in KINDS:
        vendors.forget()
        await (await adapter(kind)).chat(question())
        assert vendors.last("v").key == "key-123"
        assert "from-the-environment" not in str(vendors.last("v").headers)
