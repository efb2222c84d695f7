"""What must agree between machines is decided by the database's clock, not by that of a process."""

import ast
from pathlib import Path

import pytest

from wa_app.config import ROOT

DECIDES = ("wa_app/leases.py", "wa_app/sending", "wa_app/inbound", "tasks")
"""Where rows become due, leases pass and messages expire."""
CLOCKS = {("datetime", "now"), ("datetime", "utcnow"), ("time", "time"), ("time", "time_ns"), ("clock", "utc_now")}
ALLOWED = {
    "wa_app/inbound/conversations.py": "the time of a message whose sender gave none; nothing waits for it",
    "wa_app/inbound/trying.py": "what would be answered at this moment; nothing becomes due by it",
    "wa_app/sending/planning.py": "when an audience was frozen, shown to people",
    "tasks/middleware.py": "when something failed, and in which minute; ages of messages go by Redis's clock",
}


def python_files() -> list[str]:
    found = [path for place in DECIDES for path in (sorted((ROOT / place).rglob("*.py")) or [ROOT / place])]
    return [str(path.relative_to(ROOT)) for path in found]


def reads_of_the_clock(tree: ast.AST) -> list[int]:
    lines = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and (node.value.id, node.attr) in CLOCKS:
            lines.append(node.lineno)
        if isinstance(node, ast.ImportFrom) and any(alias.name == "utc_now" for alias in node.names):
            lines.append(node.lineno)
        if isinstance(node, ast.Name) and node.id == "current_millis":
            lines.append(node.lineno)
    return lines


@pytest.mark.parametrize("path", python_files())
def test_engines_ask_the_database_what_time_it_is(path: str) -> None:
    lines = reads_of_the_clock(ast.parse(Path(ROOT / path).read_text()))
    assert path in ALLOWED or not lines, f"{path} reads this process's clock in lines {lines}: use now() of the database"


def test_the_check_sees_a_clock() -> None:
    assert reads_of_the_clock(ast.parse("x = datetime.now(UTC)")) == [1]
    assert reads_of_the_clock(ast.parse("from wa_app.kit.clock import utc_now")) == [1]
