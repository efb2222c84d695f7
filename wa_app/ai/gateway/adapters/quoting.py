"""The built-in provider as an adapter: it answers from `Ask.grounding` alone, at once."""

import asyncio
import json
import re
from collections.abc import AsyncGenerator
from typing import Any

from wa_app.ai.gateway import jsons
from wa_app.ai.gateway.circuits import BAD_JSON
from wa_app.ai.gateway.quote import answering, forms, reading
from wa_app.ai.gateway.quote.summary import summarise
from wa_app.ai.gateway.shapes import Answer, Ask, Endpoint, Fault, Vectors, Why
from wa_app.schemas.agents import AgentAnswer
from wa_app.schemas.ai import Finish, Usage

_WORD = re.compile(r"\S+\s*")


def make(endpoint: Endpoint) -> "Quoting":
    return Quoting(endpoint.model or "quote")


class Quoting:
    """Adapter without a client."""

    def __init__(self, model: str) -> None:
        self.model = model

    async def chat(self, ask: Ask) -> Answer:
        # Passages are short, but a document may hold hundreds of rows: the loop is not kept waiting.
        return await asyncio.to_thread(self._answer, ask)

    async def stream(self, ask: Ask) -> AsyncGenerator[str | Answer]:
        answer = await self.chat(ask)
        for word in _WORD.findall(answer.text):
            yield word
            await asyncio.sleep(0)
        yield answer

    async def embed(self, texts: list[str], dimensions: int | None, *, for_query: bool) -> Vectors:
        raise Fault(Why.REQUEST, "no_embeddings")

    async def models(self) -> list[str]:
        return ["quote"]

    async def close(self) -> None:
        return None

    def _answer(self, ask: Ask) -> Answer:
        text, known = _said(ask)
        if ask.json_schema is None:
            return Answer(text, Finish.STOP, Usage(), self.model)
        parsed = forms.fill(ask.json_schema, text, known)
        try:
            jsons.check(parsed, ask.json_schema)
        except jsons.NotAsAsked as error:
            raise Fault(Why.UPSTREAM, BAD_JSON) from error
        return Answer(json.dumps(parsed, ensure_ascii=False), Finish.STOP, Usage(), self.model, parsed)


def _said(ask: Ask) -> tuple[str, dict[str, Any]]:
    """The text, and the agent's fields where there was a question."""
    if ask.grounding is None:
        last = next((turn.text for turn in reversed(ask.turns) if turn.role == "user"), "")
        return reading.small_talk(last, "id") or summarise(ask.turns), {}
    question = ask.grounding.question
    quote = answering.answer(ask.grounding)
    talk = reading.small_talk(question, ask.grounding.language)
    made: AgentAnswer = reading.agent_answer(question, quote, talk)
    return made.answer, made.model_dump(mode="json")
