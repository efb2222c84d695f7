"""The steps of a decision, in the order of DESIGN §6. Each takes the context, notes what it found, and may end it.

A step that ends a decision returns it; None hands on to the next one.
"""

from dataclasses import replace
from datetime import timedelta
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from wa_app.inbound.router import hours
from wa_app.inbound.router.context import ActiveAgent, Heard, RouterContext
from wa_app.inbound.router.decision import Action, By, Decision
from wa_app.kit import zones
from wa_app.models.auto_replies import AnswerDelay
from wa_app.schemas.auto_replies import RuleDecision, RuleMatch, RuleQuestion
from wa_app.schemas.traces import Trace, TraceStep
from wa_app.sending.rendering import parse

LOOP_WINDOW_S: Final = 600
LOOP_ANSWERS: Final = 20
"""After so many answers to one person within the window it is taken for a machine that answers ours."""
MAX_RECENT: Final = 1000
MAX_QUESTION: Final = 8_000
"""Characters of a question that go on to a model; rules see all of it."""


def consent(context: RouterContext, trace: Trace) -> Decision | None:
    """Whether a machine may answer here at all: no loops, no groups, nobody who asked to be left alone."""
    reason = ""
    if context.is_own_number:
        reason = "own_number"
    elif context.is_group and not context.answers_groups:
        reason = "group"
    elif context.stop:
        reason = "stopped"
    elif context.is_group:
        if context.bot_answers_lately >= context.group_answers_per_h:
            trace.add(TraceStep.CONSENT, "group_limit", answers=context.bot_answers_lately)
            return Decision(Action.SILENT, reason="group_limit")
    elif context.bot_answers_lately >= LOOP_ANSWERS:
        trace.add(TraceStep.CONSENT, "loop", answers=context.bot_answers_lately, minutes=LOOP_WINDOW_S // 60)
        return Decision(Action.SILENT, reason="loop", handover=True, handover_reason="loop")
    if not reason:
        trace.add(TraceStep.CONSENT, "given")
        return None
    trace.add(TraceStep.CONSENT, reason)
    return Decision(Action.SILENT, reason=reason)


def human(context: RouterContext, trace: Trace) -> Decision | None:
    """Whether a person has taken over, or switched the machine off."""
    if context.is_bot_active:
        trace.add(TraceStep.HUMAN, "none")
        return None
    reason = context.human or "switched_off"
    trace.add(TraceStep.HUMAN, reason)
    return Decision(Action.SILENT, reason=reason)


def reading(context: RouterContext, trace: Trace) -> Decision | None:
    """Wait until pictures and documents are read; end here when there is nothing to read at all."""
    waiting = sum(one.is_being_read for one in context.messages)
    if waiting and not context.waited_for_reading:
        trace.add(TraceStep.READING, "waiting", files=waiting)
        return Decision(Action.WAIT, reason="reading")
    files = [one for one in context.messages if one.kind != "text"]
    characters = sum(len(one.read_text) for one in files)
    reasons = ", ".join(dict.fromkeys(one.unread for one in files if one.unread and not one.is_being_read))
    if not question_of(context.messages):
        kinds = ", ".join(sorted({one.kind for one in context.messages}))
        trace.add(TraceStep.READING, "unread" if reasons else "empty", kinds=kinds, reasons=reasons)
        return Decision(Action.SILENT, reason="empty")
    if not files:
        trace.add(TraceStep.READING, "text", messages=len(context.messages))
    else:
        failed = sum(one.reading == "failed" or one.is_being_read or bool(one.unread) for one in files)
        figures = {"files": len(files), "characters": characters, "failed": failed, "reasons": reasons}
        trace.add(TraceStep.READING, "partly" if reasons else "read", **figures)
    return None


async def rules(context: RouterContext, trace: Trace) -> Decision | None:
    """Keyword rules: each message is asked for itself, then all of them as one text. One answer covers all that fired.

    Rules that do not end the matter answer with ASK: whoever comes next is asked as well.
    """
    if "rules" in context.without:
        trace.add(TraceStep.RULES, "skipped")
        return None
    found, asked, quotes = await _matches(context)
    if not found:
        considered = len(asked.considered) if asked else 0
        trace.add(TraceStep.RULES, "none", considered=considered)
        return None
    names = ", ".join(one.name for one in found)
    considered = len(asked.considered) if asked else 0
    trace.add(TraceStep.RULES, "matched", name=names, keyword=found[0].keyword, considered=considered, rule_id=str(found[0].id))
    texts = [parse(one.response_text).render(context.values, context.seed).strip() for one in found]
    made = Decision(
        Action.ANSWER, By.RULE, "\n\n".join(one for one in texts if one), next((one.file_id for one in found if one.file_id), None),
        question=question_of(context.messages), rule_ids=tuple(one.id for one in found), rules=asked,
        handover=any(one.hand_over for one in found), handover_reason="rule" if any(one.hand_over for one in found) else "",
        at_once=all(one.delay == AnswerDelay.AT_ONCE for one in found), quotes=quotes if context.is_group else None,
    )  # fmt: skip
    if not any(one.stops_here for one in found):
        return replace(made, action=Action.ASK)
    if not made.text and made.file_id is None:
        trace.add(TraceStep.ANSWER, "rule_silent")
        return replace(made, action=Action.SILENT, reason="rule_silent")
    trace.add(TraceStep.ANSWER, "by_rule")
    return made


async def _matches(context: RouterContext) -> tuple[list[RuleMatch], RuleDecision | None, UUID | None]:
    """Rules that fire, each once, in the order of the messages; the answer that says most about why (not); the last message that fired."""
    said = {text: one.id for one in context.messages if (text := text_of(one))}
    texts = list(said)
    whole = question_of(context.messages)
    found: dict[UUID, RuleMatch] = {}
    told: RuleDecision | None = None
    quotes: UUID | None = None
    for text in texts:
        answer = await _ask_rules(context, text)
        if answer.match is not None and answer.match.id not in found:
            found[answer.match.id], quotes = answer.match, said[text]
            told = told if told is not None and told.match else answer
        told = told or answer
    # In a group each speaks for themselves.
    if not found and len(texts) > 1 and not context.is_group:
        answer = await _ask_rules(context, whole)
        if answer.match is not None:
            return [answer.match], answer, context.messages[-1].id
    return list(found.values()), told, quotes


async def _ask_rules(context: RouterContext, text: str) -> RuleDecision:
    # A group's limits are counted under its conversation.
    whose = context.conversation_id if context.is_group else context.contact_id
    return await context.parts.rules(RuleQuestion(text, context.device_id, whose, context.at))


async def flows(context: RouterContext, trace: Trace) -> Decision | None:
    """A flow that runs here, or that these words start."""
    for ask in () if "flows" in context.without else context.parts.flows:
        found = await ask(context)
        if found is not None:
            trace.add(TraceStep.FLOW, "matched", name=found.name, flow_id=str(found.id))
            trace.add(TraceStep.ANSWER, "by_flow")
            return Decision(Action.ANSWER, By.FLOW, found.text, found.file_id, question=question_of(context.messages))
    return None


async def agent(context: RouterContext, trace: Trace) -> Decision | None:
    """Whether an agent is to be asked; when nobody is there, the customer is told so once instead."""
    question = question_of(context.messages)
    found = None
    if "agent" not in context.without and not context.is_group:
        found = context.agent or await context.parts.agent(context.device_id)
    if found is None:
        return None
    if (away := _away(context, found, trace)) is not None:
        return away
    if not has_words(question):
        trace.add(TraceStep.ANSWER, "no_words")
        return Decision(Action.SILENT, By.AGENT, reason="no_words", agent=found)
    return Decision(Action.ASK, By.AGENT, question=question, agent=found)


def _away(context: RouterContext, found: ActiveAgent, trace: Trace) -> Decision | None:
    behaviour, zone = found[2].behaviour, zone_of(context.zone)
    if not behaviour.away_text.strip() or hours.is_open(behaviour.hours, context.at, zone):
        return None
    if context.away_at is not None and context.away_at >= hours.closed_since(behaviour.hours, context.at, zone):
        trace.add(TraceStep.ANSWER, "away_told")
        return Decision(Action.SILENT, By.AGENT, reason="away_told", agent=found)
    trace.add(TraceStep.ANSWER, "away")
    text = parse(behaviour.away_text).render(context.values, context.seed)
    question = question_of(context.messages)
    return Decision(Action.ANSWER, By.AGENT, text, question=question, agent=found, is_away=True)


def silence(context: RouterContext, trace: Trace) -> Decision:
    """Nobody had anything to say."""
    trace.add(TraceStep.ANSWER, "nobody")
    return Decision(Action.SILENT, reason="nobody", question=question_of(context.messages))


def floods(context: RouterContext, every: int, window_s: int) -> int:
    """The number of the customer's message that asks for an apology in this turn; 0: none does."""
    if every <= 0:
        return 0
    since = context.at - timedelta(seconds=window_s)
    before = sum(at > since for at in context.recent)
    total = before + len(context.messages)
    crossed = total // every
    return crossed * every if crossed > before // every else 0


def text_of(one: Heard) -> str:
    """What a message says: its own words, then what was read from its file."""
    return "\n".join(part for part in (_plain(one.text), _plain(one.read_text)) if part)


def question_of(messages: tuple[Heard, ...]) -> str:
    """The words of all messages, in order."""
    return "\n".join(text for text in map(text_of, messages) if text)


def has_words(text: str) -> bool:
    """Whether there is anything to answer: letters, digits or a question mark, not emojis alone."""
    return any(char.isalnum() or char in "?？؟" for char in text)


def _plain(text: str) -> str:
    return text.replace("\x00", "").strip()


def zone_of(name: str) -> ZoneInfo:
    known = zones.zone_name(name, None, None)
    return ZoneInfo("UTC") if known is None else zones.zone(known)
