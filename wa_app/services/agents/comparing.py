"""How two configurations differ, field by field."""

from collections.abc import Iterator, Mapping
from typing import Any

from wa_app.schemas.agent_views import FieldChange
from wa_app.schemas.agents import AgentConfig


def diff(before: AgentConfig | None, after: AgentConfig) -> list[FieldChange]:
    """Each leaf that differs, in the order of the form; against None: all that is not the default."""
    old = dict(_leaves((before or AgentConfig()).model_dump(mode="json")))
    new = dict(_leaves(after.model_dump(mode="json")))
    return [
        FieldChange(field=name, label=f"agent.field.{name}", before=old.get(name), after=new.get(name))
        for name in dict.fromkeys((*new, *old))
        if old.get(name) != new.get(name)
    ]


def _leaves(value: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted names; a list is one value, since its places mean nothing to a reader."""
    for key, one in value.items():
        name = f"{path}.{key}" if path else key
        if isinstance(one, Mapping):
            yield from _leaves(one, name)
        else:
            yield name, one
