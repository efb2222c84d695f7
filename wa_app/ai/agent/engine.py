"""An agent's turn: look, ask once, check, decide. No database and no channel: it is told a task and gives an outcome.

What a model does wrong ends in an outcome: nonsense in place of an answer, a refusal, a claim without a source. What may pass,
no provider or no budget just now, is raised, so that the caller can try again while the customer still waits.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

from wa_app.ai.agent import judging, neutral, prompt, saying, wishes
from wa_app.ai.agent.judging import Judged, Shown
from wa_app.ai.agent.language import detect
from wa_app.ai.agent.partial import answer_so_far
from wa_app.ai.agent.query import query_of
from wa_app.ai.agent.schema import SCHEMA
from wa_app.ai.agent.topics import forbidden
from wa_app.errors import AppError, NotFound, Unavailable
from wa_app.schemas.agents import AgentOutcome, AgentTask, Outcome
from wa_app.schemas.ai import ChatRequest, ChatResult, Grounding, Piece
from wa_app.schemas.knowledge import Passage
from wa_app.schemas.traces import Trace, TraceStep

PASSAGES: Final = 5
MAX_OUTPUT: Final = 1024
FINAL: Final = frozenset({"ai_blocked", "ai_context_too_long", "ai_request_refused"})
"""What the gateway says of a request that no provider will answer."""
Search = Callable[..., Awaitable[list[Passage]]]
Chat = Callable[[UUID, ChatRequest], Awaitable[ChatResult]]
Stream = Callable[[UUID, ChatRequest], AsyncIterator[Piece | ChatResult]]


@dataclass(frozen=True, slots=True)
class Tools:
    """What an agent may use. Tests give their own."""

    search: Search
    chat: Chat
    stream: Stream


def real_tools() -> Tools:
    """The tenant's documents and the gateway; imported when first used, since they bring vendors' libraries."""
    from wa_app.ai import gateway, knowledge

    return Tools(knowledge.search, gateway.chat, gateway.stream)


async def answer(task: AgentTask, tools: Tools | None = None) -> AgentOutcome:
    """What an agent says to a customer's newest words.

    Raises Unavailable("ai_unavailable") and LimitReached("ai_budget_reached"), which may pass.
    """
    turn = _Turn(task, tools or real_tools())
    early = await turn.prepare()
    if early is not None:
        return early
    try:
        return turn.conclude(await turn.ask())
    except Unavailable as trouble:
        return turn.refused_by_model(trouble)


async def stream(task: AgentTask, tools: Tools | None = None) -> AsyncIterator[Piece | AgentOutcome]:
    """The same, with the answer as it is being written; the outcome comes last and is what counts.

    Pieces are shown before the checks have seen the whole: for the tester, never for a customer.
    """
    turn = _Turn(task, tools or real_tools())
    early = await turn.prepare()
    if early is not None:
        yield early
        return
    try:
        async for piece in turn.listen():
            yield piece
    except Unavailable as trouble:
        yield turn.refused_by_model(trouble)


class _Turn:
    """One task on its way to an outcome, with its trace."""

    def __init__(self, task: AgentTask, tools: Tools) -> None:
        self.task, self.tools, self.trace = task, tools, Trace()
        wanted = task.config.language
        self.language: str = detect(task.text, task.language) if wanted == "auto" else wanted
        self.passages: tuple[Passage, ...] = ()
        self.request: ChatRequest | None = None
        self.secret = ""

    async def prepare(self) -> AgentOutcome | None:
        """Everything before the model; an outcome when none is needed."""
        text, config = self.task.text, self.task.config
        if not neutral.has_words(text):
            return self._early(Outcome.SILENT, "", "no_words")
        if wishes.wants_person(text):
            return self._early(Outcome.HANDOVER, saying.handover(self.language), "customer_wish")
        if forbidden(text[: neutral.MAX_MESSAGE], config.forbidden_topics) is not None:
            return self._early(Outcome.REFUSED, saying.forbidden(self.language), "forbidden_topic")
        self.passages = tuple(await self._look())
        self._write_request()
        return None

    async def _look(self) -> list[Passage]:
        config = self.task.config
        if wishes.is_small_talk(self.task.text) or config.document_ids == []:
            self.trace.add(TraceStep.KNOWLEDGE, "skipped", passages=[])
            return []
        query = query_of(self.task.text, self.task.history)
        try:
            found = await self.tools.search(self.task.tenant_id, query, limit=PASSAGES, document_ids=config.document_ids)
        except Unavailable as error:
            self.trace.add(TraceStep.KNOWLEDGE, "unavailable", query=query, why=error.code, passages=[])
            return []
        kept = [one for one in found if not neutral.talks_to_model(judging.passage_text(one))]
        left_out = [one for one in found if one not in kept]
        if left_out:
            names = ", ".join(sorted({one.document_name for one in left_out}))
            self.trace.add(TraceStep.KNOWLEDGE, "left_out", n=len(left_out), names=names[:200], passages=_described(left_out))
        best = max((one.score for one in kept), default=0.0)
        self.trace.add(
            TraceStep.KNOWLEDGE, "found" if kept else "none", query=query, n=len(kept), best=round(best, 3), best_percent=_percent(best),
            passages=_described(kept),
        )  # fmt: skip
        return kept

    def _write_request(self) -> None:
        task, config = self.task, self.task.config
        made = prompt.build(task, self.passages, self.language)
        small_talk = wishes.is_small_talk(task.text)
        question = neutral.plain(task.text)[: neutral.MAX_MESSAGE] if small_talk else query_of(task.text, task.history)
        self.secret = made.secret
        self.request = ChatRequest(
            feature=task.feature, system=made.system, turns=made.turns, json_schema=SCHEMA, max_output_tokens=MAX_OUTPUT,
            grounding=Grounding(question, self.passages, self.language, config.min_confidence),
            provider_id=task.provider_id or config.provider_id, job_key=task.job_key,
        )  # fmt: skip

    async def ask(self) -> ChatResult:
        """One call of the gateway; a provider that the agent prefers but cannot have is done without."""
        assert self.request is not None
        try:
            return await self.tools.chat(self.task.tenant_id, self.request)
        except (Unavailable, NotFound) as trouble:
            if not self._may_choose_another(trouble):
                raise
        return await self.tools.chat(self.task.tenant_id, self._freely())

    async def listen(self) -> AsyncIterator[Piece | AgentOutcome]:
        """Pieces of the answer, then the outcome."""
        assert self.request is not None
        heard, shown = "", ""
        async for item in self._pieces():
            if isinstance(item, ChatResult):
                yield self.conclude(item)
                return
            heard += item.text
            readable = answer_so_far(heard)
            if len(readable) > len(shown) and readable.startswith(shown):
                yield Piece(readable[len(shown) :])
                shown = readable
        raise Unavailable("ai_unavailable")

    async def _pieces(self) -> AsyncIterator[Piece | ChatResult]:
        assert self.request is not None
        has_begun = False
        try:
            async for item in self.tools.stream(self.task.tenant_id, self.request):
                has_begun = True
                yield item
            return
        except (Unavailable, NotFound) as trouble:
            if has_begun or not self._may_choose_another(trouble):
                raise
        async for item in self.tools.stream(self.task.tenant_id, self._freely()):
            yield item

    def _may_choose_another(self, trouble: AppError) -> bool:
        return trouble.code not in FINAL and self.task.provider_id is None and self.task.config.provider_id is not None

    def _freely(self) -> ChatRequest:
        assert self.request is not None
        key = f"{self.request.job_key}:any" if self.request.job_key else None
        return replace(self.request, provider_id=None, job_key=key)

    def conclude(self, result: ChatResult) -> AgentOutcome:
        """The outcome of what the model wrote."""
        skipped = [{"provider": one.provider_name, "model": one.model, "why": one.outcome, "ms": round(one.ms, 1)}
                   for one in result.attempts if one.outcome != "ok"]  # fmt: skip
        self.trace.add(
            TraceStep.MODEL, "answered", provider=result.provider_name, provider_id=str(result.provider_id), kind=result.kind, model=result.model,
            input_tokens=result.usage.input, output_tokens=result.usage.output, cached_tokens=result.usage.cached_input,
            cost_micros=result.cost_micros, latency_ms=round(result.latency_ms, 1), skipped=skipped, finish=result.finish.value,
        )  # fmt: skip
        judged = judging.judge(Shown(self.task, self.passages, self.language, self.secret), result)
        return self._outcome(judged, result)

    def refused_by_model(self, trouble: Unavailable) -> AgentOutcome:
        """An outcome for what no other try would mend; everything else is raised again."""
        if trouble.code not in FINAL:
            raise trouble
        self.trace.add(TraceStep.MODEL, "refused", why=trouble.code)
        outcome, text = saying.unsure(self.task.config, self.language)
        return self._early(outcome, text, "blocked")

    def _early(self, outcome: Outcome, text: str, reason: str) -> AgentOutcome:
        mode = wishes.mode_of(self.task.text)
        insights = wishes.read(self.task.text, mode)
        if reason == "customer_wish":
            insights = insights.model_copy(update={"intent": "human"})
        return self._outcome(Judged(outcome, text, mode, reason=reason, insights=insights), None)

    def _outcome(self, judged: Judged, result: ChatResult | None) -> AgentOutcome:
        insights = judged.insights
        threshold = self.task.config.min_confidence
        self.trace.add(TraceStep.INSIGHTS, "read", **insights.model_dump(mode="json"))
        self.trace.add(
            TraceStep.ANSWER, f"agent_{judged.reason or 'answer'}", decision=judged.outcome.value, reason=judged.reason, mode=judged.mode.value,
            language=self.language, confidence=judged.confidence, confidence_percent=_percent(judged.confidence), threshold=threshold,
            threshold_percent=_percent(threshold), version=self.task.version,
            sources=_described(judged.sources), claims=[{"what": one.what, "value": one.value[:120]} for one in judged.claims[:10]],
        )  # fmt: skip
        reason = judged.reason if judged.outcome is Outcome.HANDOVER else ""
        return AgentOutcome(
            judged.outcome, judged.answer, judged.mode, judged.sources, judged.confidence, reason, insights, tuple(self.trace.entries), result,
        )  # fmt: skip


def _described(passages: Sequence[Passage]) -> list[dict[str, object]]:
    return [
        {"document_id": str(one.document_id), "document": one.document_name[:120], "page": one.page, "score": round(one.score, 3)}
        for one in passages
    ]


def _percent(share: float) -> int:
    return round(share * 100)
