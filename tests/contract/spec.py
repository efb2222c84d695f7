"""WAHA's own OpenAPI document as a judge of requests and answers."""

import functools
import json
import re
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, ValidationError

HERE = Path(__file__).parent / "waha"


@functools.cache
def document() -> dict[str, Any]:
    """The pinned document, with the generator's known slips mended: see `_mend`."""
    return _mend(json.loads((HERE / "openapi.json").read_text()))


def _mend(node: Any) -> Any:
    """Read `nullable` as OpenAPI 3.0 meant it, and strings that the generator calls objects as strings."""
    if isinstance(node, list):
        return [_mend(item) for item in node]
    if not isinstance(node, dict):
        return node
    node = {key: _mend(value) for key, value in node.items()}
    if node.get("type") == "object" and ("enum" in node or isinstance(node.get("default"), str)):
        node["type"] = "string"
    events = node.get("properties", {}).get("events")
    if isinstance(events, dict) and events.get("items") == {"type": "object"}:
        events["items"] = {"type": "string"}
    if node.pop("nullable", None) is True:
        return {"anyOf": [node, {"type": "null"}]}
    return node


def validator(schema: dict[str, Any]) -> Draft202012Validator:
    """A validator for one schema of the document."""
    return Draft202012Validator({**schema, "components": document()["components"]})


def operation(method: str, path: str) -> tuple[dict[str, Any], dict[str, str]]:
    """The operation a request meets and its path parameters; fixed paths win over templates."""
    found: list[tuple[int, dict[str, Any], dict[str, str]]] = []
    for template, methods in document()["paths"].items():
        match = re.fullmatch(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", template), path)
        if match and method.lower() in methods:
            found.append((template.count("{"), methods[method.lower()], match.groupdict()))
    assert found, f"no such call in the document: {method} {path}"
    _, op, names = min(found, key=lambda item: item[0])
    return op, names


def check_request(method: str, path: str, query: dict[str, str], body: Any) -> None:
    """Assert that WAHA knows the call, its query parameters and its body."""
    op, _ = operation(method, path)
    known = {p["name"]: p for p in op.get("parameters", []) if p["in"] == "query"}
    assert set(query) <= set(known), f"{path}: unknown query {set(query) - set(known)}"
    missing = [name for name, p in known.items() if p.get("required") and name not in query]
    assert not missing, f"{path}: query lacks {missing}"
    wanted = op.get("requestBody", {}).get("content", {}).get("application/json")
    if wanted is None:
        assert body is None, f"{path} takes no body"
        return
    problems = [
        f"{'/'.join(map(str, e.path))}: {e.message[:200]}" for e in validator(wanted["schema"]).iter_errors(body)
    ]
    assert not problems, f"{path}: {problems}"
    unknown = set(body) - _properties(wanted["schema"])
    assert not unknown, f"{path}: WAHA would drop {unknown}"


def _properties(schema: dict[str, Any]) -> set[str]:
    if "$ref" in schema:
        schema = document()["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return set(schema.get("properties", {}))


SEEN_MISSING = {"mediaUrl", "to", "participant", "location", "vCards", "replyTo", "assignedWorker"}
"""Fields that the document requires and captured answers leave out."""


def answer_problems(method: str, path: str, status: int, body: Any) -> list[str]:
    """What neither the document nor the captures allow in an answer, empty when nothing.

    Captures show null wherever a value is absent, which the document never says.
    """
    op, _ = operation(method, path)
    response = op["responses"].get(str(status))
    if response is None:
        return [f"no {status} in the document"]
    content = response.get("content", {}).get("application/json")
    if content is None:
        return []
    problems = [error for error in validator(content["schema"]).iter_errors(body) if not _captured(error)]
    return [f"{'/'.join(map(str, error.path))}: {error.message[:200]}" for error in problems]


def _captured(error: ValidationError) -> bool:
    if error.instance is None:
        return True
    return error.validator == "required" and any(f"'{name}'" in error.message for name in SEEN_MISSING)
