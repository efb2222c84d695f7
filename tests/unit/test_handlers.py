"""Every event handler is a public endpoint: each one finds out who calls before it reaches anything.

A plain (not async) handler that names nothing of our services, engines or database can only move
what its own tab shows; all others must go through a door.
"""

import ast
from collections.abc import Iterator

import pytest

from tests.fixtures import sources
from wa_app.config import ROOT

PUBLIC_HANDLERS: set[str] = set()
"""Handlers that a stranger may call although they reach further. Give each a reason."""
BEHIND_THE_DOORS = ("wa_app.services", "wa_app.db", "wa_app.sending", "wa_app.channels", "wa_app.live", "wa_app.models",
                    "wa_app.files", "wa_app.mail", "wa_app.queues", "wa_app.leases", "wa_app.rates", "wa_app.ai", "wa_app.inbound")  # fmt: skip
FROM_WA_APP = tuple(name.removeprefix("wa_app.") for name in BEHIND_THE_DOORS)
DEMO = "components_demo.py"
"""Moves parts of the page of components, knows no data."""
DOORS = {"principal", "unit_of_work", "signed_in", "admin"}
"""What looks the session up."""
ADMIN_DOOR = {"admin"}
"""What also asks the database whether it is a platform admin."""


Method = ast.FunctionDef | ast.AsyncFunctionDef


def classes() -> dict[str, ast.ClassDef]:
    found = {}
    for path in (ROOT / "state").rglob("*.py"):
        if path.name != DEMO:
            found |= {node.name: node for node in sources.nodes(path) if isinstance(node, ast.ClassDef)}
    return found


def module_functions() -> dict[str, Method]:
    found = {}
    for path in (ROOT / "state").rglob("*.py"):
        found |= {node.name: node for node in sources.tree(path).body if isinstance(node, Method)}
    return found


def methods(cls: ast.ClassDef) -> dict[str, Method]:
    return {node.name: node for node in cls.body if isinstance(node, Method)}


def inherited(name: str, known: dict[str, ast.ClassDef]) -> dict[str, Method]:
    """A class's methods and those of its bases in `state`."""
    cls = known.get(name)
    if cls is None:
        return {}
    found: dict[str, Method] = {}
    for base in cls.bases:
        found |= inherited(base.id, known) if isinstance(base, ast.Name) else {}
    return found | methods(cls)


def decorators(method: Method) -> set[str]:
    nodes = [node.func if isinstance(node, ast.Call) else node for node in method.decorator_list]
    return {ast.unparse(node) for node in nodes}


def is_handler(method: Method) -> bool:
    """Reflex makes a handler of every public method, decorated or not."""
    names = decorators(method)
    return not method.name.startswith("_") and not names & {"rx.var", "not_an_event", "property", "staticmethod"}


def calls(method: Method) -> Iterator[str]:
    for node in ast.walk(method):
        if isinstance(node, ast.Call):
            match node.func:
                case ast.Attribute(value=ast.Name(id="self" | "cls"), attr=name) | ast.Name(id=name):
                    yield name


def is_guarded(
    method: Method, helpers: dict[str, Method], seen: frozenset[str] = frozenset(), doors: set[str] = DOORS
) -> bool:
    """Whether a method reaches a door, by itself or through a helper of its own."""
    called = set(calls(method))
    if called & doors:
        return True
    further = (called & helpers.keys()) - seen
    return any(is_guarded(helpers[name], helpers, seen | further, doors) for name in further)


def admin_handlers() -> list[tuple[str, Method, dict[str, Method]]]:
    """Handlers of the platform's own pages: all states in modules called `admin…`."""
    own = {
        node.name for path in (ROOT / "state").rglob("admin*.py") for node in sources.nodes(path)
        if isinstance(node, ast.ClassDef)
    }  # fmt: skip
    return [found for found in handlers() if found[0].partition(".")[0] in own]


def dangerous_names() -> set[str]:
    """What the modules of `state` call the parts that reach data."""
    found: set[str] = set()
    for path in (ROOT / "state").rglob("*.py"):
        for node in sources.nodes(path):
            if isinstance(node, ast.ImportFrom) and node.module:
                inside = node.module.startswith(BEHIND_THE_DOORS)
                found |= {
                    each.asname or each.name for each in node.names
                    if inside or (node.module == "wa_app" and each.name in FROM_WA_APP)
                }  # fmt: skip
            elif isinstance(node, ast.Import):
                found |= {each.asname or each.name for each in node.names if each.name.startswith("wa_app")}
    return found


def moves_its_tab_only(method: Method, helpers: dict[str, Method], dangerous: set[str]) -> bool:
    """Whether a handler cannot reach further than what its own tab shows."""
    if isinstance(method, ast.AsyncFunctionDef):
        return False
    named = {node.id for node in ast.walk(method) if isinstance(node, ast.Name)}
    helped = [helpers[name] for name in set(calls(method)) & helpers.keys() if name != method.name]
    return not named & dangerous and all(moves_its_tab_only(one, helpers, dangerous) for one in helped)


def handlers() -> Iterator[tuple[str, Method, dict[str, Method]]]:
    known, shared = classes(), module_functions()
    for name, cls in known.items():
        if any(isinstance(base, ast.Name | ast.Attribute) and "State" in ast.unparse(base) for base in cls.bases):
            helpers = shared | inherited(name, known)
            yield from ((f"{name}.{key}", m, helpers) for key, m in methods(cls).items() if is_handler(m))


def test_every_handler_finds_out_who_calls() -> None:
    dangerous = dangerous_names()
    open_ = {
        name
        for name, method, helpers in handlers()
        if not is_guarded(method, helpers) and not moves_its_tab_only(method, helpers, dangerous)
    }
    assert open_ == PUBLIC_HANDLERS


def test_every_handler_of_the_platforms_pages_asks_for_an_admin() -> None:
    """All of them, also those that only move their tab: none is of use to anybody else."""
    found = admin_handlers()
    assert len(found) > 5
    assert not [name for name, method, helpers in found if not is_guarded(method, helpers, doors=ADMIN_DOOR)]


def test_the_lint_of_admin_pages_sees_a_handler_that_asks_for_a_tenant_only() -> None:
    tree = ast.parse("async def h(self):\n    await self.principal()")
    method = tree.body[0]
    assert isinstance(method, Method)
    assert not is_guarded(method, {}, doors=ADMIN_DOOR)


def test_handlers_are_marked_as_such() -> None:
    """A public method without `@rx.event` would be an endpoint nobody meant."""
    assert not [name for name, method, _ in handlers() if "rx.event" not in decorators(method)]


def test_lint_sees_what_a_plain_handler_reaches() -> None:
    tree = ast.parse("def a(self):\n    self.x = 1\ndef b(self):\n    contacts.purge()\ndef c(self):\n    self._d()\n"
                     "def _d(self):\n    contacts.purge()\nasync def e(self):\n    self.x = 1")  # fmt: skip
    found = {node.name: node for node in tree.body if isinstance(node, Method)}
    harmless = {name for name, method in found.items() if moves_its_tab_only(method, found, {"contacts"})}
    assert harmless == {"a"}


@pytest.mark.parametrize(
    ("body", "guarded"),
    [
        ("await self.principal()", True),
        ("async with self.unit_of_work() as uow: pass", True),
        ("await self._load()", True),
        ("self.rows = []", False),
        ("principal = 1", False),
    ],
)
def test_lint_sees_guards_and_their_absence(body: str, guarded: bool) -> None:
    source = f"async def h(self):\n    {body}\nasync def _load(self):\n    await self.principal()"
    tree = ast.parse(source)
    handler, helper = tree.body
    assert isinstance(handler, Method)
    assert isinstance(helper, Method)
    assert is_guarded(handler, {"_load": helper}) is guarded
