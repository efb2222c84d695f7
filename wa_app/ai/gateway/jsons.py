"""JSON out of what a model wrote, and whether it is what was asked for."""

import copy
import json
import re
from typing import Any, Final

_FENCE: Final = re.compile(r"^\s*```(?:json)?\s*(.*?)\s*```\s*$", re.S)
_THINKING: Final = re.compile(r"^\s*<think>.*?</think>\s*", re.S)
MAX_PROBLEM: Final = 300


class NotAsAsked(ValueError):
    """What the model wrote is no JSON, or not of the schema; the text says what is wrong with it."""


def read(text: str, schema: dict[str, Any]) -> dict[str, Any]:
    """The object in a model's text. Raises NotAsAsked."""
    try:
        found = json.loads(_cleaned(text))
    except ValueError as error:
        raise NotAsAsked(f"not JSON: {str(error)[:MAX_PROBLEM]}") from error
    check(found, schema)
    if not isinstance(found, dict):
        raise NotAsAsked("not an object")
    return found


def check(found: Any, schema: dict[str, Any]) -> None:
    """Raises NotAsAsked when the value is not of the schema."""
    from jsonschema import Draft202012Validator, ValidationError

    try:
        Draft202012Validator(schema).validate(found)
    except ValidationError as error:
        raise NotAsAsked(f"{error.json_path}: {error.message[:MAX_PROBLEM]}") from error


def _cleaned(text: str) -> str:
    """Models wrap JSON in fences and sentences; the outermost braces are what counts."""
    plain = _THINKING.sub("", text)
    fenced = _FENCE.match(plain)
    plain = fenced.group(1) if fenced else plain.strip()
    if plain.startswith("{") or "{" not in plain:
        return plain
    return plain[plain.index("{") : plain.rindex("}") + 1] if "}" in plain else plain


def strict(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema as OpenAI's strict mode wants it: every property required, no others, no defaults."""
    made = copy.deepcopy(schema)
    _tighten(made)
    return made


def _tighten(node: Any) -> None:
    if isinstance(node, list):
        for one in node:
            _tighten(one)
    if not isinstance(node, dict):
        return
    node.pop("default", None)
    if isinstance(node.get("properties"), dict):
        node["required"], node["additionalProperties"] = list(node["properties"]), False
        for one in node["properties"].values():
            _tighten(one)
    for key in ("$defs", "definitions"):
        for one in (node.get(key) or {}).values():
            _tighten(one)
    for key in ("items", "anyOf", "allOf", "oneOf"):
        _tighten(node.get(key))
    if "$ref" in node:
        # Strict mode takes a reference only by itself.
        for key in [key for key in node if key not in ("$ref",)]:
            del node[key]


def order(schema: dict[str, Any]) -> str:
    """The words that make a model without schemas answer in JSON."""
    return f"Answer with one JSON object and nothing else. It must match this JSON schema:\n{json.dumps(schema)}"


def repair(problem: str) -> str:
    """The words of the one repair turn."""
    return f"That was not what the schema asks for ({problem}). Send the corrected JSON object and nothing else."
