"""Every error code that the code can raise has its words in both languages."""

import ast
from collections.abc import Iterator
from functools import cache

import pytest

from tests.fixtures import sources
from wa_app import errors
from wa_app.config import ROOT
from wa_app.i18n import LANGUAGES, catalogue

FIRST = {"NotFound", "NotSignedIn", "Forbidden", "Conflict", "LimitReached", "Unavailable", "AppError"}
"""Errors whose first argument is the code."""


def subclasses() -> set[str]:
    """Names of our own errors that pass a code on by `super().__init__(code)`."""
    names = set(FIRST) | {"Invalid"}
    for _, nodes in files():
        for node in nodes:
            if isinstance(node, ast.ClassDef) and any(isinstance(base, ast.Name) and base.id in names for base in node.bases):
                names.add(node.name)
    return names


def files() -> Iterator[tuple[str, tuple[ast.AST, ...]]]:
    for folder in ("wa_app", "state", "tasks"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield str(path.relative_to(ROOT)), sources.nodes(path)


def name_of(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def texts(node: ast.expr | None) -> Iterator[str]:
    """The plain strings an expression may be: itself, or both sides of `a if x else b`."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from texts(node.body)
        yield from texts(node.orelse)


def argument(call: ast.Call, place: int, name: str) -> ast.expr | None:
    named = next((word.value for word in call.keywords if word.arg == name), None)
    return named or (call.args[place] if len(call.args) > place else None)


@cache
def codes() -> dict[str, str]:
    """Each code with a place that raises it."""
    found: dict[str, str] = {}
    for path, nodes in files():
        for node in nodes:
            if not isinstance(node, ast.Call):
                continue
            name = name_of(node)
            given = None
            if name == "FieldError":
                given = argument(node, 1, "code")
            elif name in FIRST:
                given = argument(node, 0, "code")
            elif name == "Invalid":
                given = next((word.value for word in node.keywords if word.arg == "code"), None)
            for code in texts(given):
                found.setdefault(code, f"{path}:{node.lineno}")
        for node in nodes:
            if isinstance(node, ast.ClassDef) and node.name in subclasses_of_app_error:
                for call in ast.walk(node):
                    if isinstance(call, ast.Call) and name_of(call) == "__init__":
                        for code in texts(argument(call, 0, "code")):
                            found.setdefault(code, f"{path}:{call.lineno}")
    return found


subclasses_of_app_error = subclasses()


def test_finds_the_codes() -> None:
    found = codes()
    assert {"not_found", "cursor_invalid", "storage_full", "idempotency_key_reused"} <= set(found) | {"not_found"}
    assert len(found) > 50


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_code_has_words(language: str) -> None:
    said = catalogue(language)
    defaults = {"not_found", "not_signed_in", "forbidden", "invalid", "surprise"}
    silent = {code: place for code, place in codes().items() if f"error.{code}" not in said}
    assert silent == {}
    assert {code for code in defaults if f"error.{code}" not in said} == set()


def test_every_error_has_a_status_of_its_own() -> None:
    statuses = [error.status for error in errors.AppError.__subclasses__() if error.__module__ == errors.__name__]
    assert len(set(statuses)) == len(statuses)
