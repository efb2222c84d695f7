"""Gemini, through Google's SDK."""

import json
import math
from collections.abc import AsyncGenerator, Mapping
from typing import Any, Final

import httpx2
from google import genai
from google.genai import errors, types

from wa_app.ai.gateway import faults
from wa_app.ai.gateway.circuits import PER_DAY
from wa_app.ai.gateway.shapes import Answer, Ask, Endpoint, Fault, Vectors, Why
from wa_app.ai.gateway.web import http_client
from wa_app.schemas.ai import Finish, Usage

VERSION: Final = "v1beta"
"""Set on purpose: the SDK's default has changed between releases, and JSON schemas need this one."""
_BLOCKED: Final = frozenset({"SAFETY", "RECITATION", "PROHIBITED_CONTENT", "BLOCKLIST", "SPII", "LANGUAGE", "IMAGE_SAFETY"})
_DEAD_KEYS: Final = frozenset({"API_KEY_INVALID", "API_KEY_SERVICE_BLOCKED", "API_KEY_HTTP_REFERRER_BLOCKED", "API_KEY_IP_ADDRESS_BLOCKED"})
_RETRY_INFO: Final = "type.googleapis.com/google.rpc.RetryInfo"


def make(endpoint: Endpoint) -> "Gemini":
    http = http_client(guarded=endpoint.is_own)
    client = genai.Client(
        # The key is always given: with None the SDK takes one from the environment.
        api_key=endpoint.key or "none", vertexai=False,
        http_options=types.HttpOptions(
            base_url=endpoint.base_url or None, api_version=VERSION, httpx_async_client=http, timeout=120_000
        ),
    )  # fmt: skip
    return Gemini(client, http, endpoint.model)


class Gemini:
    """Adapter around one client. It holds the client for as long as it lives: a forgotten one closes its connections."""

    def __init__(self, client: genai.Client, http: Any, model: str) -> None:
        self.client, self.http, self.model = client, http, model

    async def chat(self, ask: Ask) -> Answer:
        try:
            found = await self.client.aio.models.generate_content(
                model=self.model, contents=_contents(ask), config=_config(ask)
            )
        except (errors.APIError, httpx2.HTTPError, json.JSONDecodeError) as error:
            raise _fault(error) from error
        text, finish = _read(found)
        return Answer(text, finish, _usage(found.usage_metadata), found.model_version or self.model)

    async def stream(self, ask: Ask) -> AsyncGenerator[str | Answer]:
        parts: list[str] = []
        finish, usage, model = Finish.STOP, None, self.model
        is_over = False
        try:
            chunks = await self.client.aio.models.generate_content_stream(
                model=self.model, contents=_contents(ask), config=_config(ask)
            )
            async for chunk in chunks:
                # Every chunk carries the usage so far: the last one counts.
                usage, model = _usage(chunk.usage_metadata) or usage, chunk.model_version or model
                text, finish = _read(chunk)
                is_over = is_over or _has_ended(chunk)
                if text:
                    parts.append(text)
                    yield text
        except (errors.APIError, httpx2.HTTPError, json.JSONDecodeError) as error:
            raise _fault(error) from error
        if not is_over:
            # There is no [DONE] here: a stream that ends without a reason was cut.
            raise Fault(Why.UPSTREAM, "cut", usage=None)
        yield Answer("".join(parts), finish, usage, model)

    async def embed(self, texts: list[str], dimensions: int | None, *, for_query: bool) -> Vectors:
        task = "RETRIEVAL_QUERY" if for_query else "RETRIEVAL_DOCUMENT"
        config = types.EmbedContentConfig(task_type=task, output_dimensionality=dimensions)
        try:
            found = await self.client.aio.models.embed_content(model=self.model, contents=[types.Content(parts=[types.Part(text=one)]) for one in texts], config=config)
        except (errors.APIError, httpx2.HTTPError, json.JSONDecodeError) as error:
            raise _fault(error) from error
        return Vectors([_unit(list(one.values or [])) for one in found.embeddings or []], None)

    async def models(self) -> list[str]:
        try:
            pager = await self.client.aio.models.list(config={"page_size": 200})
            return [
                (one.name or "").removeprefix("models/")
                async for one in pager
                if "generateContent" in (one.supported_actions or [])
            ]
        except (errors.APIError, httpx2.HTTPError, json.JSONDecodeError) as error:
            raise _fault(error) from error

    async def close(self) -> None:
        await self.client.aio.aclose()
        await self.http.aclose()
        self.client.close()


def _contents(ask: Ask) -> Any:
    roles = {"user": "user", "assistant": "model"}
    return [types.Content(role=roles[turn.role], parts=[types.Part(text=turn.text)]) for turn in ask.turns]


def _config(ask: Ask) -> types.GenerateContentConfig:
    form: dict[str, Any] = {}
    if ask.json_schema is not None:
        form = {"response_mime_type": "application/json", "response_json_schema": ask.json_schema}
    return types.GenerateContentConfig(
        system_instruction=ask.system or None, max_output_tokens=ask.max_output_tokens, temperature=ask.temperature,
        **form,
    )  # fmt: skip


def _read(found: types.GenerateContentResponse) -> tuple[str, Finish]:
    """Text and finish of an answer; a prompt that was blocked has no candidates at all."""
    if not found.candidates:
        blocked = found.prompt_feedback is not None and found.prompt_feedback.block_reason is not None
        return "", Finish.BLOCKED if blocked else Finish.STOP
    candidate = found.candidates[0]
    parts = (candidate.content.parts if candidate.content else None) or []
    text = "".join(part.text for part in parts if part.text and not part.thought)
    reason = str(getattr(candidate.finish_reason, "value", candidate.finish_reason) or "STOP")
    if reason == "MAX_TOKENS":
        return text, Finish.LENGTH
    return text, Finish.BLOCKED if reason in _BLOCKED else Finish.STOP


def _has_ended(found: types.GenerateContentResponse) -> bool:
    if not found.candidates:
        return found.prompt_feedback is not None
    return found.candidates[0].finish_reason is not None


def _usage(found: Any) -> Usage | None:
    """Thoughts stand beside the candidates and are paid as output: what is not prompt is output."""
    if found is None:
        return None
    asked, total = found.prompt_token_count or 0, found.total_token_count or 0
    thoughts = found.thoughts_token_count or 0
    output = max(total - asked, (found.candidates_token_count or 0) + thoughts)
    return Usage(asked, found.cached_content_token_count or 0, output, thoughts)


def _unit(vector: list[float]) -> list[float]:
    """Below their full length the vectors are not of length one."""
    length = math.sqrt(sum(one * one for one in vector))
    return [one / length for one in vector] if length else vector


def _fault(error: Exception) -> Fault:
    if isinstance(error, httpx2.HTTPError):
        return faults.unreachable(error)
    if not isinstance(error, errors.APIError):
        return Fault(Why.UPSTREAM, "answer_unreadable", retry=True)
    body = error.details if isinstance(error.details, Mapping) else {}
    inner = body.get("error", body)
    details = inner.get("details", []) if isinstance(inner, Mapping) else []
    message, status = error.message or "", int(error.code or 0)
    reasons = {str(one.get("reason", "")) for one in details if isinstance(one, Mapping)}
    if reasons & _DEAD_KEYS or "api key not valid" in message.lower():
        return Fault(Why.KEY, "400", message=message)
    if status == 429:
        return _throttled(details, message)
    fault = faults.fault_of_status(status, {"error": {"message": message, "code": error.status}}, {})
    # Its statuses are words where others have codes: only our class of them is kept.
    return Fault(fault.why, "model" if fault.detail == "model" else str(status), retry=fault.retry, message=message)


def _throttled(details: list[Any], message: str) -> Fault:
    """The wait stands in the body; a quota of a day is not over before California's midnight."""
    quotas = [
        str(violation.get("quotaId", ""))
        for one in details if isinstance(one, Mapping)
        for violation in one.get("violations", [])
    ]  # fmt: skip
    if any("PerDay" in quota for quota in quotas):
        return Fault(Why.EXHAUSTED, PER_DAY, message=message)
    waits = [faults.seconds_of(str(one.get("retryDelay", ""))) for one in details if one.get("@type") == _RETRY_INFO]
    return Fault(Why.THROTTLE, "429", hint_s=waits[0] if waits else None, message=message)
