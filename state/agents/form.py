"""An agent's configuration as fields of a page: dotted names to texts and switches, and back. Pure."""

from collections.abc import Mapping
from typing import Any, Final

from wa_app.errors import FieldError, Invalid
from wa_app.schemas.agents import AgentConfig, Mode

MODES: Final = tuple(mode.value for mode in Mode)
CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "preset": ("", "service", "sales"), "language": ("auto", "id", "en"), "tone": ("warm", "neutral", "formal"),
    "emoji": ("none", "some", "many"), "length": ("short", "medium", "long"),
    "unsure": ("say_so", "hand_over", "stay_silent"),
}  # fmt: skip
"""Fields with a fixed choice; the texts are `agent_page.<field>.<value>`."""
WORDS: Final = (
    "name", "persona", "facts.hours", "facts.address", "facts.payment", "facts.other",
    *(f"modes.{mode}.instructions" for mode in MODES), "unsure_text", "behaviour.flood_text", "behaviour.away_text",
)  # fmt: skip
NUMBERS: Final = (
    "behaviour.delay_min_s", "behaviour.delay_max_s", "behaviour.flood_every", "behaviour.flood_window_s",
)
FLAGS: Final = (*(f"modes.{mode}.is_on" for mode in MODES), "behaviour.seen", "behaviour.typing")
PERCENT: Final = "min_confidence"
MAX_LENGTH: Final = 5000
DAYS: Final = range(7)


def read(config: AgentConfig) -> tuple[dict[str, str], dict[str, bool]]:
    """The texts and the switches of a configuration."""
    raw = config.model_dump(mode="json")
    words = {name: str(_at(raw, name)) for name in (*WORDS, *NUMBERS, *CHOICES)}
    words[PERCENT] = str(round(config.min_confidence * 100))
    words["provider_id"] = str(config.provider_id or "")
    return words, {name: bool(_at(raw, name)) for name in FLAGS}


def hours(config: AgentConfig) -> list[dict[str, str]]:
    """Rows of the working hours."""
    return [{"day": str(one.day), "start": one.start, "end": one.end} for one in config.behaviour.hours]


def change(name: str, value: str) -> dict[str, Any]:
    """What a changed field means for the configuration. Raises Invalid at the field.

    >>> change("facts.hours", "08.00-21.00")
    {'facts': {'hours': '08.00-21.00'}}
    """
    if name in NUMBERS:
        return nested(name, _whole(name, value))
    if name == PERCENT:
        return {name: min(100, max(0, _whole(name, value))) / 100}
    if name == "provider_id":
        return {name: value or None}
    if name in CHOICES:
        if value not in CHOICES[name]:
            raise Invalid(FieldError(name, "value_invalid"))
        return {name: value}
    if name not in WORDS:
        raise Invalid(FieldError(name, "field_unknown"))
    return nested(name, value[:MAX_LENGTH])


def nested(name: str, value: Any) -> dict[str, Any]:
    """`a.b` with a value as `{"a": {"b": value}}`."""
    for part in reversed(name.split(".")):
        value = {part: value}
    found: dict[str, Any] = value
    return found


def _whole(name: str, value: str) -> int:
    try:
        return int(float(value))
    except ValueError:
        raise Invalid(FieldError(name, "value_invalid")) from None


def _at(raw: Mapping[str, Any], name: str) -> Any:
    value: Any = raw
    for part in name.split("."):
        value = value.get(part, "") if isinstance(value, Mapping) else ""
    return value


def suggestions(config: AgentConfig) -> list[str]:
    """Questions a customer is likely to begin with: keys of texts, by what the agent has been told and may do."""
    found = ["hours"] if config.facts.hours else []
    found += ["payment"] if config.facts.payment else []
    found += ["address"] if config.facts.address else []
    on = {mode for mode, one in config.modes.items() if one.is_on}
    found += ["price"] if Mode.FAQ in on else []
    found += ["order"] if Mode.ORDER in on else []
    found += ["complaint"] if Mode.COMPLAINT in on else []
    return found[:5]
