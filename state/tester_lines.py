"""Lines of a talk with an agent as the page shows them, and what is kept of each behind it. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from wa_app.kit.clock import utc_now
from wa_app.schemas.agent_trials import TrialOutcome, TrialReply
from wa_app.schemas.agents import Insights
from wa_app.schemas.ai import Turn
from wa_app.schemas.knowledge import Passage
from wa_app.schemas.traces import TraceEntry, TraceStep

Talk = dict[str, dict[str, Any]]
"""Line id → what the page asks for only when somebody looks: passages, trace, the text that was read."""
MAX_LINES: Final = 60
WHYS: Final = frozenset({
    "key", "exhausted", "throttle", "context", "request", "blocked", "upstream", "disabled", "cooling", "open", "deadline",
})  # fmt: skip
"""Why a provider was passed over, as far as there are words for it: `agent_page.passed_over.<why>`."""
PLAIN: Final = frozenset({(TraceStep.HUMAN, "none"), (TraceStep.READING, "text")})
"""What is so of every test: saying it each time hides the rest."""
ANSWERED: Final = frozenset({"by_rule", "by_flow", "by_agent", "agent_answer", "answer", "away", "flood"})
MAX_HISTORY: Final = 10
MAX_PASSAGE: Final = 3000
MAX_DETAILS: Final = 15
"""Answers whose passages and traces are kept: the state of a tab is written to Redis with every event."""
BY_AGENT: Final = frozenset({
    TrialOutcome.ANSWER, TrialOutcome.UNSURE, TrialOutcome.HANDOVER, TrialOutcome.REFUSED, TrialOutcome.AWAY,
})  # fmt: skip


def line_in(line_id: str, text: str, file_name: str) -> dict[str, Any]:
    """What the customer wrote."""
    return {"id": line_id, "turn": line_id, "kind": "in", "text": text, "file": file_name, "at": utc_now().isoformat()}


def line_note(code: str, args: Mapping[str, Any]) -> dict[str, Any]:
    """Why no answer came."""
    plain = {key: str(value) for key, value in args.items()}
    return {"id": f"e{utc_now().timestamp()}", "turn": "", "kind": "error", "code": code, "args": plain, "text": ""}


def line_out(line_id: str, turn: str, reply: TrialReply, name: str) -> dict[str, Any]:
    """An answer, or that there is none. `ai` is the agent's voice, `out` a rule's or a flow's."""
    kind = "silent" if not reply.answer and not reply.has_file else "ai" if reply.outcome in BY_AGENT else "out"
    return {
        "id": line_id, "turn": turn, "kind": kind, "text": reply.answer, "outcome": reply.outcome.value,
        "by": reply.rule_name if reply.outcome is TrialOutcome.RULE else name, "mode": reply.mode, "has_file": reply.has_file,
        "sources": _sources(reply.sources), "at": utc_now().isoformat(), "ms": reply.ms,
        "tokens": reply.tokens, "cost": -1 if reply.cost_micros is None else reply.cost_micros,
        "provider": reply.provider,
    }  # fmt: skip


def _sources(passages: Sequence[Passage]) -> list[dict[str, Any]]:
    """One line for each document and page, with the number of its first passage."""
    found: dict[tuple[Any, Any], dict[str, Any]] = {}
    for at, one in enumerate(passages):
        found.setdefault((one.document_id, one.page), {"name": one.document_name, "page": one.page or 0, "at": at})
    return list(found.values())[:3]


def detail_of(reply: TrialReply) -> dict[str, Any]:
    """What is shown of an answer once somebody asks why."""
    found = [*reply.found, *(one for one in reply.sources if one not in reply.found)]
    return {
        "text": reply.answer,
        "trace": trace_rows(reply.trace),
        "passages": [_passage(one, reply) for one in found],
        "cited": [found.index(one) for one in reply.sources],
        "skipped": _skipped(reply.trace),
        "facts": _facts(reply.insights),
        "ms": reply.ms,
        "outcome": reply.outcome.value,
        "rule": str(reply.rule_id or ""),
        "detail": {
            "tokens": reply.tokens, "cost": -1 if reply.cost_micros is None else reply.cost_micros,
            "provider": reply.provider, "model": reply.model, "confidence": round(reply.confidence * 100),
            "handover": reply.handover_reason,
        },
    }  # fmt: skip


def forget_old(talk: Talk) -> None:
    """Let go of what stood behind answers that were given long ago; their words stay."""
    answers = [line_id for line_id, kept in talk.items() if kept.get("trace")]
    for line_id in answers[:-MAX_DETAILS]:
        kept = talk[line_id]
        talk[line_id] = {name: kept[name] for name in ("text", "ms", "outcome", "rule")} | {"passages": [], "cited": []}


def _passage(one: Passage, reply: TrialReply) -> dict[str, Any]:
    return {
        "document": str(one.document_id), "name": one.document_name, "page": one.page or 0, "heading": one.heading,
        "text": one.text[:MAX_PASSAGE], "score": round(one.score, 2),
        "used": any(source.chunk_id == one.chunk_id for source in reply.sources),
    }  # fmt: skip


def _skipped(trace: Sequence[TraceEntry]) -> list[dict[str, str]]:
    """Providers that were passed over before one answered."""
    found = next((entry.detail.get("skipped") for entry in trace if entry.step is TraceStep.MODEL), None)
    rows = found if isinstance(found, list) else []
    plain = [(str(one.get("provider", "")), str(one.get("why", ""))) for one in rows if isinstance(one, dict)]
    return [{"provider": name, "why": why if why in WHYS else "other"} for name, why in plain]


def trace_rows(trace: Sequence[TraceEntry]) -> list[dict[str, Any]]:
    """The steps of a decision as `components.talk.step_row` draws them."""
    return [_entry(one, n) for n, one in enumerate(trace) if (one.step, one.outcome) not in PLAIN]


def _entry(entry: TraceEntry, n: int) -> dict[str, Any]:
    args = {key: value if isinstance(value, int | float) and not isinstance(value, bool) else str(value)
            for key, value in entry.detail.items() if not isinstance(value, list | dict)}  # fmt: skip
    return {"n": n, "step": entry.step.value, "outcome": entry.outcome, "args": args, "ms": entry.ms,
            "look": _look(entry)}  # fmt: skip


def _look(entry: TraceEntry) -> str:
    """How a step is drawn: `hot` took part in the answer, `end` is the answer, `off` stopped it."""
    if entry.step is TraceStep.ANSWER:
        return "end" if entry.outcome in ANSWERED else "off"
    if entry.outcome in ("none", "given", "text", "skipped"):
        return ""
    if entry.step in (TraceStep.CONSENT, TraceStep.HUMAN):
        return "off"
    return "hot"


def _facts(insights: Insights | None) -> list[dict[str, str]]:
    """What was read from the customer's words, without what nothing was said of."""
    if insights is None:
        return []
    rows = [("intent", insights.intent), ("product", insights.product), ("sentiment", insights.sentiment),
            ("urgency", insights.urgency), ("tags", ", ".join(insights.tags))]  # fmt: skip
    return [{"key": key, "value": value} for key, value in rows if value]


def history_of(lines: Sequence[Mapping[str, Any]], talk: Talk, turn: str) -> tuple[Turn, ...]:
    """The talk before a text, oldest first."""
    found: list[Turn] = []
    for line in lines:
        if line["id"] == turn:
            break
        if line["kind"] == "in":
            said = talk.get(line["id"], {})
            found.append(Turn("user", "\n".join(filter(None, (said.get("text"), said.get("attachment"))))))
        elif line["kind"] in ("ai", "out") and line["text"]:
            found.append(Turn("assistant", line["text"]))
    return tuple(found[-MAX_HISTORY:])
