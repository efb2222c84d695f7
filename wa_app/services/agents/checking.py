"""A configuration from outside: parsed, tidied, and refused field by field."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy import text

from wa_app.db import TenantUnitOfWork
from wa_app.errors import FieldError, Invalid
from wa_app.schemas.agents import AgentConfig

MAX_TOPIC: Final = 80
_CODES: Final[Mapping[str, str]] = {
    "missing": "value_missing", "extra_forbidden": "field_unknown", "string_too_long": "value_too_long",
    "too_long": "value_too_long", "greater_than_equal": "value_too_small", "less_than_equal": "value_too_large",
    "enum": "value_not_allowed", "literal_error": "value_not_allowed", "uuid_parsing": "value_not_id",
    "uuid_type": "value_not_id", "string_pattern_mismatch": "agent_hours_wrong",
}  # fmt: skip


def parse(raw: Mapping[str, Any]) -> AgentConfig:
    """The configuration, tidied. Raises Invalid with the dotted name of each field that cannot be used."""
    try:
        config = AgentConfig.model_validate(raw)
    except ValidationError as error:
        raise Invalid(*[_field(dict(one)) for one in error.errors()], code="agent_invalid") from error
    config = _tidy(config)
    if problems := list(_problems(config)):
        raise Invalid(*problems, code="agent_invalid")
    return config


def merged(base: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """`change` laid over `base`, dict by dict; lists and plain values are replaced whole.

    >>> merged({"a": {"x": 1, "y": 2}, "b": [1]}, {"a": {"y": 3}, "b": []})
    {'a': {'x': 1, 'y': 3}, 'b': []}
    """
    result = dict(base)
    for key, value in change.items():
        old = result.get(key)
        result[key] = merged(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return result


def _field(entry: Mapping[str, Any]) -> FieldError:
    name = ".".join(str(part) for part in entry.get("loc", ())) or "config"
    code = _CODES.get(str(entry.get("type")), "value_invalid")
    context = entry.get("ctx") or {}
    if code == "value_not_allowed":
        return FieldError(name, code, {"allowed": str(context.get("expected", ""))})
    limit = next((str(context[key]) for key in ("max_length", "ge", "le") if key in context), "")
    return FieldError(name, code, {"limit": limit})


def _tidy(config: AgentConfig) -> AgentConfig:
    """Without NUL, outer spaces and doubles, so that two ways to write the same are no change."""
    plain = AgentConfig.model_validate(_clean(config.model_dump(mode="json")))
    topics = list(dict.fromkeys(" ".join(one.split()) for one in plain.forbidden_topics if one.strip()))
    hours = sorted(plain.behaviour.hours, key=lambda one: (one.day, one.start))
    return plain.model_copy(update={
        "forbidden_topics": topics,
        "document_ids": _unique(plain.document_ids), "device_ids": _unique(plain.device_ids),
        "behaviour": plain.behaviour.model_copy(update={"hours": hours}),
    })  # fmt: skip


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\x00", "").strip()
    if isinstance(value, list):
        return [_clean(one) for one in value]
    return {key: _clean(one) for key, one in value.items()} if isinstance(value, dict) else value


def _unique(ids: Sequence[UUID] | None) -> list[UUID] | None:
    return None if ids is None else list(dict.fromkeys(ids))


def _problems(config: AgentConfig) -> Iterable[FieldError]:
    """What the types do not say."""
    behaviour = config.behaviour
    if behaviour.delay_max_s < behaviour.delay_min_s:
        yield FieldError("behaviour.delay_max_s", "agent_delays_swapped")
    for n, hours in enumerate(behaviour.hours):
        if hours.start == hours.end:
            yield FieldError(f"behaviour.hours.{n}.end", "agent_hours_empty")
    for n, topic in enumerate(config.forbidden_topics):
        if len(topic) > MAX_TOPIC:
            yield FieldError(f"forbidden_topics.{n}", "value_too_long", {"limit": MAX_TOPIC})


def unready(config: AgentConfig) -> list[FieldError]:
    """What a draft may lack but a version that answers customers may not."""
    found = []
    if not config.name:
        found.append(FieldError("name", "agent_name_missing"))
    if not any(mode.is_on for mode in config.modes.values()):
        found.append(FieldError("modes", "agent_modes_missing"))
    if config.device_ids == []:
        found.append(FieldError("device_ids", "agent_devices_missing"))
    return found


_KNOWN: Final[Mapping[str, tuple[str, str]]] = {
    "device_ids": ("SELECT id FROM devices WHERE tenant_id = :t AND id = ANY(:ids) AND deleted_at IS NULL", "agent_device_unknown"),
    "document_ids": (
        "SELECT id FROM knowledge_documents WHERE tenant_id = :t AND id = ANY(:ids) AND deleted_at IS NULL", "agent_document_unknown",
    ),
    "provider_id": (
        "SELECT id FROM ai_providers WHERE (tenant_id = :t OR tenant_id IS NULL) AND id = ANY(:ids) AND deleted_at IS NULL",
        "agent_provider_unknown",
    ),
}  # fmt: skip


async def check_rows(uow: TenantUnitOfWork, config: AgentConfig, before: AgentConfig | None = None) -> None:
    """Raise Invalid for rows that are not this tenant's. What was chosen before and is gone since may stay."""
    found: list[FieldError] = []
    for field, (query, code) in _KNOWN.items():
        wanted = _ids(config, field) - (_ids(before, field) if before else set())
        if not wanted:
            continue
        known = set((await uow.session.execute(text(query), {"t": uow.tenant_id, "ids": list(wanted)})).scalars())
        if wanted - known:
            found.append(FieldError(field, code))
    if found:
        raise Invalid(*found, code="agent_invalid")


def _ids(config: AgentConfig, field: str) -> set[UUID]:
    value = getattr(config, field)
    return set(value if isinstance(value, list) else [value]) - {None} if value else set()
