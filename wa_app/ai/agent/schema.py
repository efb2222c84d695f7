"""The JSON schema that goes with a request: `AgentAnswer` as every vendor takes it.

Written out rather than generated: vendors in strict mode want every key required, nothing else allowed, and no
references or bounds. `answer` stands first, so that it can be shown while the rest is still being written.
"""

from typing import Any, Final

from wa_app.schemas.agents import Mode


def _object(**properties: Any) -> dict[str, Any]:
    return {
        "type": "object", "properties": properties, "required": list(properties), "additionalProperties": False,
    }  # fmt: skip


_TEXT: Final = {"type": "string"}
SCHEMA: Final[dict[str, Any]] = _object(
    answer={**_TEXT, "description": "What the customer reads."},
    mode={**_TEXT, "enum": [mode.value for mode in Mode]},
    sources={"type": "array", "items": {"type": "integer"}, "description": "Numbers of the documents used."},
    confidence={"type": "number", "description": "0 to 1: how sure the documents and facts say this."},
    handover={"type": "boolean", "description": "A person must go on."},
    handover_reason=_TEXT,
    insights=_object(
        intent={**_TEXT, "description": "price, availability, shipping, payment, opening_hours, location, order, complaint, return, promotion, greeting, thanks, or another word."},
        sentiment={**_TEXT, "enum": ["positive", "neutral", "negative"]},
        product=_TEXT,
        urgency={**_TEXT, "enum": ["low", "medium", "high"]},
        tags={"type": "array", "items": _TEXT},
    ),
)
