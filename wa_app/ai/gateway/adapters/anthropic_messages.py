"""Anthropic's messages, through its SDK."""

import json
from collections.abc import AsyncGenerator
from typing import Any, Final

import anthropic
import httpx2

from wa_app.ai.gateway import faults, jsons
from wa_app.ai.gateway.shapes import Answer, Ask, Endpoint, Fault, Vectors, Why
from wa_app.ai.gateway.vendors import VENDORS
from wa_app.ai.gateway.web import http_client
from wa_app.schemas.ai import Finish, Usage

_FINISH: Final = {"max_tokens": Finish.LENGTH, "refusal": Finish.BLOCKED, "model_context_window_exceeded": Finish.LENGTH}


def make(endpoint: Endpoint) -> "Messages":
    client = anthropic.AsyncAnthropic(
        api_key=endpoint.key or "none", base_url=endpoint.base_url or VENDORS["anthropic"].base_url, max_retries=0,
        http_client=http_client(guarded=endpoint.is_own),
    )  # fmt: skip
    return Messages(client, endpoint.model)


class Messages:
    """Adapter around one client."""

    def __init__(self, client: anthropic.AsyncAnthropic, model: str) -> None:
        self.client, self.model = client, model

    async def chat(self, ask: Ask) -> Answer:
        try:
            found = await self.client.messages.create(**self._body(ask))
        except (anthropic.AnthropicError, json.JSONDecodeError) as error:
            raise _fault(error) from error
        if not hasattr(found, "content"):
            raise Fault(Why.CONFIG, "not_json")
        text = "".join(block.text for block in found.content if block.type == "text")
        finish = _FINISH.get(found.stop_reason or "", Finish.STOP)
        return Answer(text, finish, _usage(found.usage), found.model or self.model)

    async def stream(self, ask: Ask) -> AsyncGenerator[str | Answer]:
        parts: list[str] = []
        finish, model, is_over = Finish.STOP, self.model, False
        asked, told = Usage(), False
        try:
            events = await self.client.messages.create(**self._body(ask), stream=True)
            async with events:
                async for event in events:
                    if event.type == "message_start":
                        asked, told, model = _usage(event.message.usage), True, event.message.model or model
                    elif event.type == "content_block_delta" and event.delta.type == "text_delta":
                        parts.append(event.delta.text)
                        yield event.delta.text
                    elif event.type == "message_delta":
                        finish = _FINISH.get(event.delta.stop_reason or "", finish)
                        # The output is counted from the beginning each time, never added up.
                        asked = Usage(asked.input, asked.cached_input, event.usage.output_tokens or 0)
                    elif event.type == "message_stop":
                        is_over = True
        except (anthropic.AnthropicError, httpx2.HTTPError, json.JSONDecodeError) as error:
            raise _fault(error) from error
        if not is_over:
            raise Fault(Why.UPSTREAM, "cut")
        yield Answer("".join(parts), finish, asked if told else None, model)

    async def embed(self, texts: list[str], dimensions: int | None, *, for_query: bool) -> Vectors:
        raise Fault(Why.REQUEST, "no_embeddings")

    async def models(self) -> list[str]:
        try:
            return [one.id async for one in self.client.models.list(limit=100)]
        except (anthropic.AnthropicError, json.JSONDecodeError) as error:
            raise _fault(error) from error

    async def close(self) -> None:
        await self.client.close()

    def _body(self, ask: Ask) -> dict[str, Any]:
        system = ask.system
        if ask.json_schema is not None:
            # Its own way to schemas is not in every model: words work in all, and the answer is checked anyway.
            system = f"{system}\n\n{jsons.order(ask.json_schema)}".strip()
        body: dict[str, Any] = {
            "model": self.model, "max_tokens": ask.max_output_tokens,
            "messages": [{"role": turn.role, "content": turn.text} for turn in ask.turns],
        }  # fmt: skip
        if system:
            body["system"] = system
        # No temperature: this SDK's call does not know it any more.
        return body


def _usage(found: Any) -> Usage:
    """`input_tokens` leaves the cache out; what was written to it and read from it was asked as well."""
    read, written = found.cache_read_input_tokens or 0, found.cache_creation_input_tokens or 0
    return Usage((found.input_tokens or 0) + read + written, read, found.output_tokens or 0)


def _fault(error: Exception) -> Fault:
    if isinstance(error, anthropic.APIStatusError):
        kind = _kind(error.body)
        # An error event comes inside a stream whose status was 200.
        status = _STATUSES.get(kind, 500) if error.status_code < 400 else error.status_code
        return faults.fault_of_status(status, error.body, error.response.headers)
    if isinstance(error, anthropic.APIConnectionError | httpx2.HTTPError):
        return faults.unreachable(error)
    if isinstance(error, anthropic.APIError) and (kind := _kind(error.body)):
        return faults.fault_of_status(_STATUSES.get(kind, 500), error.body, {})
    return Fault(Why.UPSTREAM, "answer_unreadable", retry=True)


_STATUSES: Final = {
    "invalid_request_error": 400, "authentication_error": 401, "billing_error": 402, "permission_error": 403,
    "not_found_error": 404, "request_too_large": 413, "rate_limit_error": 429, "api_error": 500, "overloaded_error": 529,
}  # fmt: skip


def _kind(body: Any) -> str:
    inner = body.get("error") if isinstance(body, dict) else None
    return str(inner.get("type") or "") if isinstance(inner, dict) else ""
