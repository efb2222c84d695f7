"""Everything that speaks OpenAI's chat completions, through OpenAI's SDK."""

import json
import re
from collections.abc import AsyncGenerator
from typing import Any, Final

import httpx2
import openai

from wa_app.ai.gateway import faults, jsons
from wa_app.ai.gateway.shapes import Answer, Ask, Endpoint, Fault, Vectors, Why
from wa_app.ai.gateway.vendors import Vendor, vendor_of
from wa_app.ai.gateway.web import http_client
from wa_app.schemas.ai import Finish, Usage

_FINISH: Final = {"length": Finish.LENGTH, "content_filter": Finish.BLOCKED}
_REASONS: Final = re.compile(r"^(o\d|gpt-5)")
"""Models of OpenAI that think first: they refuse a temperature."""
_NO_SCHEMA: Final = re.compile(r"response_format|json_schema", re.I)


def make(endpoint: Endpoint) -> "OpenAiLike":
    vendor = vendor_of(endpoint.kind, endpoint.base_url)
    http = http_client(guarded=endpoint.is_own)
    client = openai.AsyncOpenAI(
        api_key=endpoint.key or "none", base_url=endpoint.base_url or vendor.base_url, max_retries=0, http_client=http
    )
    # The SDK reads these from the environment, where they could only be somebody else's.
    client.organization = client.project = None
    return OpenAiLike(client, endpoint, vendor)


class OpenAiLike:
    """Adapter around one client."""

    def __init__(self, client: openai.AsyncOpenAI, endpoint: Endpoint, vendor: Vendor) -> None:
        self.client, self.model, self.vendor = client, endpoint.model, vendor
        self.takes_schemas = vendor.json_mode == "schema"

    async def chat(self, ask: Ask) -> Answer:
        try:
            return await self._chat(ask)
        except Fault as fault:
            if not (self._may_do_without_schema(ask, fault)):
                raise
            self.takes_schemas = False
            return await self._chat(ask)

    async def _chat(self, ask: Ask) -> Answer:
        try:
            found = await self.client.chat.completions.create(**self._body(ask))
        except openai.OpenAIError as error:
            raise _fault(error) from error
        _refuse_error(found)
        if not found.choices:
            raise Fault(Why.UPSTREAM, "no_choices", retry=True, usage=_usage(found.usage))
        choice = found.choices[0]
        text, refusal = choice.message.content or "", getattr(choice.message, "refusal", None)
        finish = Finish.BLOCKED if refusal else _FINISH.get(choice.finish_reason or "", Finish.STOP)
        return Answer(text, finish, _usage(found.usage), found.model or self.model)

    async def stream(self, ask: Ask) -> AsyncGenerator[str | Answer]:
        parts: list[str] = []
        finish, usage, model = Finish.STOP, None, self.model
        try:
            chunks = await self.client.chat.completions.create(
                **self._body(ask), stream=True, stream_options={"include_usage": True}
            )
            async with chunks:
                async for chunk in chunks:
                    _refuse_error(chunk)
                    usage, model = _usage(chunk.usage) or usage, chunk.model or model
                    # The last chunk carries the usage and no choices.
                    if not chunk.choices:
                        continue
                    choice = chunk.choices[0]
                    finish = _FINISH.get(choice.finish_reason or "", finish)
                    if choice.delta is not None and choice.delta.content:
                        parts.append(choice.delta.content)
                        yield choice.delta.content
        except (openai.OpenAIError, httpx2.HTTPError, json.JSONDecodeError) as error:
            raise _fault(error) from error
        yield Answer("".join(parts), finish, usage, model)

    async def embed(self, texts: list[str], dimensions: int | None, *, for_query: bool) -> Vectors:
        more: dict[str, Any] = {} if dimensions is None else {"dimensions": dimensions}
        try:
            found = await self.client.embeddings.create(model=self.model, input=texts, **more)
        except openai.OpenAIError as error:
            raise _fault(error) from error
        ordered = sorted(found.data, key=lambda one: one.index)
        return Vectors([list(one.embedding) for one in ordered], found.usage.prompt_tokens if found.usage else None)

    async def models(self) -> list[str]:
        try:
            return [one.id async for one in self.client.models.list()]
        except openai.OpenAIError as error:
            raise _fault(error) from error

    async def close(self) -> None:
        await self.client.close()

    def _body(self, ask: Ask) -> dict[str, Any]:
        system = ask.system
        body: dict[str, Any] = {"model": self.model, self.vendor.limit_word: ask.max_output_tokens}
        if ask.temperature is not None and not (self.vendor.key == "openai" and _REASONS.match(self.model)):
            body["temperature"] = ask.temperature
        if ask.json_schema is not None:
            body["response_format"] = self._format(ask.json_schema)
            if not self.takes_schemas:
                system = f"{system}\n\n{jsons.order(ask.json_schema)}".strip()
        said = [{"role": turn.role, "content": turn.text} for turn in ask.turns]
        body["messages"] = [{"role": "system", "content": system}, *said] if system else said
        return body

    def _format(self, schema: dict[str, Any]) -> dict[str, Any]:
        if not self.takes_schemas:
            return {"type": "json_object"}
        shown = jsons.strict(schema) if self.vendor.strict else schema
        return {"type": "json_schema", "json_schema": {"name": "answer", "schema": shown, "strict": self.vendor.strict}}

    def _may_do_without_schema(self, ask: Ask, fault: Fault) -> bool:
        """Some models of a vendor take a schema and others do not; the refusal says so."""
        known = fault.why is Why.REQUEST and bool(_NO_SCHEMA.search(fault.message))
        return known and ask.json_schema is not None and self.takes_schemas


def _refuse_error(found: Any) -> None:
    """OpenRouter answers 200 with an `error` in the body; its code is a number."""
    if not hasattr(found, "model_extra"):
        raise Fault(Why.CONFIG, "not_json")
    error = getattr(found, "error", None) or (found.model_extra or {}).get("error")
    if isinstance(error, dict):
        code = str(error.get("code") or "")
        raise faults.fault_of_status(int(code) if code.isdigit() else 502, {"error": error}, {})


def _usage(found: Any) -> Usage | None:
    """Tokens as OpenAI counts them: reasoning is part of the output already."""
    if found is None:
        return None
    cached = getattr(getattr(found, "prompt_tokens_details", None), "cached_tokens", None)
    cached = cached or (found.model_extra or {}).get("prompt_cache_hit_tokens") or 0
    reasoning = getattr(getattr(found, "completion_tokens_details", None), "reasoning_tokens", None) or 0
    return Usage(found.prompt_tokens or 0, cached, found.completion_tokens or 0, reasoning)


def _fault(error: Exception) -> Fault:
    if isinstance(error, openai.APIStatusError):
        return faults.fault_of_status(error.status_code, error.body, error.response.headers)
    if isinstance(error, openai.APIConnectionError | httpx2.HTTPError):
        return faults.unreachable(error)
    if isinstance(error, openai.APIError):
        # An error event inside a stream that had begun.
        body = error.body if isinstance(error.body, dict) else {}
        code = str(body.get("code") or "")
        return faults.fault_of_status(int(code) if code.isdigit() else 502, body, {})
    return Fault(Why.UPSTREAM, "answer_unreadable", retry=True)
