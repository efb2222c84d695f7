"""Fills in a JSON schema that is not the agent's: the text where a text is wanted, else what says nothing."""

from typing import Any, Final

TEXTS: Final = frozenset({"answer", "text", "summary", "reply", "suggestion", "message", "content", "result"})


def fill(schema: dict[str, Any], text: str, known: dict[str, Any]) -> dict[str, Any]:
    """An object of the schema: known values by name, the text, defaults, and emptiness."""
    made = _value(schema, schema, "", text, known)
    return made if isinstance(made, dict) else {}


def _value(node: dict[str, Any], root: dict[str, Any], name: str, text: str, known: dict[str, Any]) -> Any:
    if "$ref" in node:
        target: Any = root
        for step in str(node["$ref"]).removeprefix("#/").split("/"):
            target = target.get(step, {})
        return _value(target, root, name, text, known)
    if name in known:
        return known[name]
    if "default" in node and name not in TEXTS:
        return node["default"]
    if "const" in node or "enum" in node:
        return node["const"] if "const" in node else node["enum"][0]
    for key in ("anyOf", "oneOf", "allOf"):
        if key in node:
            return _value(node[key][0], root, name, text, known)
    return _plain(node, root, name, text, known)


def _plain(node: dict[str, Any], root: dict[str, Any], name: str, text: str, known: dict[str, Any]) -> Any:
    kind = node.get("type", "object" if "properties" in node else "string")
    if kind == "object":
        parts = node.get("properties", {})
        return {key: _value(part, root, key, text, known if not name else {}) for key, part in parts.items()}
    if kind == "array":
        return []
    if kind in ("integer", "number"):
        return node.get("minimum", 0)
    if kind == "boolean":
        return False
    return text if name in TEXTS else "" if kind == "string" else None
