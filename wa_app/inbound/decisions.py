"""What a turn keeps of its decision: enough to send it later, and to show what is coming and why."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import orjson

from wa_app.inbound.router import Action, By, Decision
from wa_app.schemas.traces import TraceEntry


def preview(decision: Decision) -> str:
    """What a turn keeps of its decision: enough to send it later, and to show what is coming."""
    outcome = decision.outcome
    return orjson.dumps({
        "action": decision.action.value, "by": decision.by.value if decision.by else None, "text": decision.text,
        "file_id": str(decision.file_id) if decision.file_id else None, "handover": decision.handover,
        "handover_reason": decision.handover_reason, "question": short(decision.question),
        "reason": decision.reason, "rules": [str(one) for one in decision.rule_ids],
        "insights": outcome.insights.model_dump() if outcome else None,
        "confidence": outcome.confidence if outcome else None,
        "agent": [str(decision.agent[0]), decision.agent[1]] if decision.agent else None,
    }).decode()  # fmt: skip


def kept(turn: Mapping[str, Any], asked: Decision) -> Decision | None:
    """What the agent decided before, when nothing was written since and the same version answers."""
    stored = turn["decision"]
    if not stored or turn["decided_messages"] != turn["messages"] or stored["action"] not in ("answer", "silent"):
        return None
    assert asked.agent is not None
    if stored["agent"] != [str(asked.agent[0]), asked.agent[1]] or stored["by"] != By.AGENT.value:
        return None
    return Decision(
        Action(stored["action"]), By.AGENT, stored["text"], reason=stored["reason"], handover=stored["handover"],
        handover_reason=stored["handover_reason"], question=asked.question, agent=asked.agent,
        file_id=UUID(stored["file_id"]) if stored["file_id"] else None, rule_ids=tuple(UUID(one) for one in stored["rules"]),
        trace=tuple(TraceEntry.model_validate(one) for one in turn["trace"]),
    )  # fmt: skip


def trace(entries: "tuple[TraceEntry, ...]") -> str:
    return orjson.dumps([entry.model_dump(mode="json") for entry in entries]).decode()


def short(text: str) -> str:
    return text if len(text) <= 500 else f"{text[:499]}…"
