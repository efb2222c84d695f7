"""From what a model wrote to what a customer gets. Nothing here trusts the model.

In this order: an answer that gives instructions away or speaks of a forbidden topic is refused; one that claims what
stands nowhere is not said; a complaint, and whoever wants a person, goes to a person; what is below the
agent's threshold goes the way the tenant chose; the rest is the answer. See ADR 0019.
"""

from dataclasses import dataclass, field
from typing import Final

from wa_app.ai.agent import grounding, leaks, prompt, saying, wishes
from wa_app.ai.agent.grounding import Grounds, Ungrounded
from wa_app.ai.agent.topics import forbidden
from wa_app.schemas.agents import AgentAnswer, AgentConfig, AgentTask, Insights, Mode, Outcome
from wa_app.schemas.ai import ChatResult, Finish
from wa_app.schemas.knowledge import Passage

WEAK_SUPPORT: Final = 0.1
FULL_SUPPORT: Final = 0.4
UNSUPPORTED_AT_MOST: Final = 0.4
UNBACKED: Final = 0.45


@dataclass(frozen=True, slots=True)
class Shown:
    """What the model was given, as far as the checks need it."""

    task: AgentTask
    passages: tuple[Passage, ...]
    language: str
    secret: str


@dataclass(frozen=True, slots=True)
class Judged:
    """The decision, and why."""

    outcome: Outcome
    answer: str
    mode: Mode = Mode.FAQ
    sources: tuple[Passage, ...] = ()
    confidence: float = 0.0
    reason: str = ""
    """Why it is not simply the answer: a stable word."""
    insights: Insights = field(default_factory=Insights)
    claims: tuple[Ungrounded, ...] = ()


def judge(shown: Shown, result: ChatResult) -> Judged:
    """What becomes of a model's result."""
    parsed = _parsed(result)
    if parsed is None:
        return _unsure(shown, Judged(Outcome.UNSURE, "", insights=wishes.read(shown.task.text, Mode.FAQ)), "blocked" if result.finish is Finish.BLOCKED else "no_answer")
    is_quote = result.kind == "quote"
    mode = wishes.mode_of(shown.task.text) if is_quote else parsed.mode
    insights = _insights(parsed, shown.task.text, mode) if is_quote else parsed.insights
    sources = tuple(shown.passages[n - 1] for n in dict.fromkeys(parsed.sources) if 1 <= n <= len(shown.passages))
    said = saying.tidy(parsed.answer, shown.task.config)
    base = Judged(Outcome.ANSWER, said, mode, sources, 0.0, "", insights)
    return _refused(shown, base, parsed) or _decided(shown, base, parsed, is_quote=is_quote)


def _parsed(result: ChatResult) -> AgentAnswer | None:
    if result.parsed is None or result.finish is Finish.BLOCKED:
        return None
    try:
        return AgentAnswer.model_validate(result.parsed)
    except ValueError:
        return None


def _insights(parsed: AgentAnswer, text: str, mode: Mode) -> Insights:
    """`quote` finds the product; what kind of talk it is, our own words tell better."""
    return wishes.read(text, mode).model_copy(update={"product": parsed.insights.product})


def _refused(shown: Shown, base: Judged, parsed: AgentAnswer) -> Judged | None:
    task = shown.task
    leaked = leaks.leak(
        f"{parsed.answer}\n{parsed.handover_reason}", secret=shown.secret, ours=prompt.ours(), tenants=tenants_words(task.config),
        open_texts=open_texts(shown),
    )  # fmt: skip
    if leaked is not None:
        return _replace(base, Outcome.REFUSED, saying.refused(shown.language), "leak")
    topic = forbidden(parsed.answer, task.config.forbidden_topics)
    if topic is not None or parsed.handover_reason.strip().lower() == "forbidden_topic":
        return _replace(base, Outcome.REFUSED, saying.forbidden(shown.language), "forbidden_topic")
    return None


def _decided(shown: Shown, base: Judged, parsed: AgentAnswer, *, is_quote: bool) -> Judged:
    config, language = shown.task.config, shown.language
    claims = tuple(grounding.ungrounded(parsed.answer, grounds(shown)))
    sure = parsed.confidence if is_quote else confidence(shown, base, parsed)
    base = _replace(base, base.outcome, base.answer, "", confidence=0.0 if claims else round(sure, 3), claims=claims)
    line = saying.handover(language, base.mode)
    mode = config.modes.get(base.mode)
    if mode is None or not mode.is_on:
        return _replace(base, Outcome.HANDOVER, saying.handover(language), "mode_off")
    if base.mode is Mode.COMPLAINT:
        return _replace(base, Outcome.HANDOVER, line if claims or is_quote or not base.answer else base.answer, "complaint")
    if is_quote and base.mode is Mode.ORDER and not wishes.is_question(shown.task.text):
        return _replace(base, Outcome.HANDOVER, line, "order")
    if parsed.handover and not is_quote:
        return _replace(base, Outcome.HANDOVER, line if claims or not base.answer else base.answer, _wish(base.mode))
    if claims:
        return _unsure(shown, base, "ungrounded")
    if base.confidence < config.min_confidence or not base.answer:
        return _unsure(shown, base, "low_confidence")
    return base


def _wish(mode: Mode) -> str:
    return "order" if mode is Mode.ORDER else "model_wish"


def _unsure(shown: Shown, base: Judged, reason: str) -> Judged:
    outcome, text = saying.unsure(shown.task.config, shown.language)
    return _replace(base, outcome, text, reason)


def _replace(
    base: Judged, outcome: Outcome, answer: str, reason: str, *, confidence: float | None = None, claims: tuple[Ungrounded, ...] | None = None
) -> Judged:
    return Judged(
        outcome, answer, base.mode, base.sources, base.confidence if confidence is None else confidence, reason, base.insights,
        base.claims if claims is None else claims,
    )  # fmt: skip


def confidence(shown: Shown, base: Judged, parsed: AgentAnswer) -> float:
    """How far an answer can be relied on: the model's own word, weighed with what speaks for it.

    With passages: half the model, three tenths the search, two tenths how much of the wording stands in them; an answer
    that shares next to nothing with what it cites stays below every usual threshold. Without: small talk, a
    question back and an order being taken need none; what the facts bear out counts; anything else counts less than half.
    """
    model = parsed.confidence
    if base.sources:
        share = grounding.support(parsed.answer, [passage_text(one) for one in base.sources] + facts(shown.task))
        value = 0.5 * model + 0.3 * max(one.score for one in base.sources) + 0.2 * min(1.0, share / FULL_SUPPORT)
        return min(value, UNSUPPORTED_AT_MOST) if share < WEAK_SUPPORT else value
    if base.mode is Mode.ORDER or wishes.is_small_talk(shown.task.text) or parsed.answer.rstrip().endswith("?"):
        return model
    share = grounding.support(parsed.answer, [*facts(shown.task), *(turn.text for turn in shown.task.history if turn.role == "assistant")])
    return model if share >= FULL_SUPPORT else model * UNBACKED


def passage_text(passage: Passage) -> str:
    return f"{passage.document_name}\n{passage.heading}\n{passage.text}"


def facts(task: AgentTask) -> list[str]:
    """What holds without a document: the tenant's own facts and names."""
    given = task.config.facts
    return [given.hours, given.address, given.payment, given.other, task.business, task.config.name, task.now]


def tenants_words(config: AgentConfig) -> str:
    return "\n".join((config.persona, *(mode.instructions for mode in config.modes.values())))


def grounds(shown: Shown) -> Grounds:
    """Whom an answer may believe, and how far."""
    task = shown.task
    trusted = [passage_text(one) for one in shown.passages] + facts(task)
    trusted += [tenants_words(task.config), task.config.unsure_text, *(turn.text for turn in task.history if turn.role == "assistant")]
    customer = [task.text, task.summary, *(turn.text for turn in task.history if turn.role == "user")]
    return Grounds(tuple(text for text in trusted if text), tuple(text for text in customer if text))


def open_texts(shown: Shown) -> list[str]:
    """What may be repeated word by word."""
    task = shown.task
    return [*(passage_text(one) for one in shown.passages), *facts(task), task.text, task.summary, *(turn.text for turn in task.history)]
