"""`./sapa doctor`: what is missing, what runs and what it uses, with the command that mends each."""

import asyncio
import ctypes
import json
import os
import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import psutil

from wa_app.config import get_settings
from wa_app.embedded import node, outside, programs
from wa_app.embedded.errors import LauncherError
from wa_app.embedded.process import port_is_free
from wa_app.embedded.roles import plain
from wa_app.embedded.supervisor import State, Supervisor

LIGHT_CHROMIUM = "chromium-headless-shell"
"""The same engine without windows of its own; the browser tests cost a seventh less processor time with it."""
CHROMIUM_NAMES = (LIGHT_CHROMIUM, "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
LEAST_FREE_GB = 2.0
MEMORY_GOAL_MB = 2048


@dataclass(frozen=True)
class Check:
    """One thing that should be there; `mend` is the command that brings it."""

    what: str
    ok: bool
    detail: str
    mend: str = ""


@dataclass(frozen=True)
class Running:
    """One program with the memory of its whole process tree (PSS, MB: shared pages counted once)."""

    state: State
    pss_mb: float
    processes: int


@dataclass
class Report:
    """Everything doctor knows."""

    checks: list[Check] = field(default_factory=list)
    running: list[Running] = field(default_factory=list)
    connections: dict[str, int] = field(default_factory=dict)
    max_connections: int = 0
    pools: dict[str, int] = field(default_factory=dict)

    @property
    def total_mb(self) -> float:
        return sum(one.pss_mb for one in self.running)

    @property
    def healthy(self) -> bool:
        stopped = [one for one in self.running if one.state.state != "RUNNING"]
        too_few = bool(self.max_connections) and sum(self.pools.values()) > self.max_connections
        return all(check.ok for check in self.checks) and not stopped and not too_few


def run(home: Path, *, as_json: bool) -> int:
    """Print the report; 0 when nothing needs mending, else 1."""
    report = examine(home.resolve())
    print(json.dumps(_plain(report)) if as_json else _text(report))
    return 0 if report.healthy else 1


def examine(home: Path) -> Report:
    report = Report(pools=programs.connections())
    report.running = _running(home)
    report.checks = [chromium(), libgl(), _node(), _disk(home), *_port(report.running)]
    _environment(home)
    if get_settings().database_url:
        try:
            report.connections, report.max_connections = asyncio.run(_connections(get_settings().database_url))
            report.checks.append(Check("PostgreSQL", True, outside.place(get_settings().database_url)))
        except LauncherError as problem:
            report.checks.append(Check("PostgreSQL", False, str(problem), "./sapa up"))
    return report


def find_chromium() -> str:
    """Path of a Chromium or Chrome for the browser tests, or nothing."""
    given = os.environ.get("CHROMIUM_PATH", "")
    found = [shutil.which(name) for name in ([given] if given else []) + list(CHROMIUM_NAMES)]
    return next((path for path in found if path), "")


def chromium() -> Check:
    found = find_chromium()
    return Check("Chromium (browser tests)", bool(found), found or "not found", "apt-get install chromium")


def libgl() -> Check:
    """OpenCV, which reads pictures for OCR, links to this library."""
    try:
        ctypes.CDLL("libGL.so.1")
    except OSError:
        return Check("libgl1 (reading pictures)", False, "not found: OCR is off", "apt-get install libgl1")
    return Check("libgl1 (reading pictures)", True, "libGL.so.1")


def _node() -> Check:
    try:
        return Check("Node (building the frontend)", True, node.check())
    except LauncherError as problem:
        return Check("Node (building the frontend)", False, str(problem), "./sapa up")


def _disk(home: Path) -> Check:
    place = next(folder for folder in (home, *home.parents) if folder.exists())
    free = shutil.disk_usage(place).free / 2**30
    return Check("Disk", free >= LEAST_FREE_GB, f"{free:.1f} GB free at {place}", "free some space, or --data DIR")


def _port(running: list[Running]) -> list[Check]:
    if running:
        return []
    port = get_settings().port
    free = port_is_free(port, "0.0.0.0")
    return [Check(f"Port {port}", free, "free" if free else "taken", "./sapa up --port N")]


def _running(home: Path) -> list[Running]:
    supervisor = Supervisor(home)
    if not supervisor.conf.exists():
        return []
    try:
        states = supervisor.states()
    except LauncherError:
        return []
    rows = [_measure(state) for state in sorted(states, key=lambda state: state.name)]
    own = supervisor.run / "supervisord.pid"
    for name, note in (("supervisord", own), ("launcher", home / "up.lock")):
        pid = int(note.read_text().strip() or 0) if note.exists() else 0
        if pid and psutil.pid_exists(pid):
            rows.append(Running(State(name, "RUNNING", pid, 0, 0), _pss_mb([psutil.Process(pid)]), 1))
    return rows


def _measure(state: State) -> Running:
    if not state.pid or not psutil.pid_exists(state.pid):
        return Running(state, 0.0, 0)
    top = psutil.Process(state.pid)
    tree = [top, *top.children(recursive=True)]
    return Running(state, _pss_mb(tree), len(tree))


def _pss_mb(processes: list[psutil.Process]) -> float:
    total = 0
    for one in processes:
        try:
            total += one.memory_full_info().pss
        except psutil.NoSuchProcess:
            continue
    return total / 2**20


def _environment(home: Path) -> None:
    """See the addresses a running `./sapa up` uses."""
    note = home / "run" / "environment.json"
    if note.exists():
        os.environ |= json.loads(note.read_text())
        get_settings.cache_clear()


async def _connections(url: str) -> tuple[dict[str, int], int]:
    import asyncpg

    try:
        connection = await asyncpg.connect(plain(url), timeout=5)
    except (OSError, TimeoutError, asyncpg.PostgresError) as problem:
        raise LauncherError(f"{outside.place(url)}: {problem or type(problem).__name__}") from problem
    try:
        # An ordinary role sees of other roles' sessions only who and where; backend_type would be empty.
        rows = await connection.fetch(
            "SELECT usename::text AS role, count(*) AS n FROM pg_stat_activity "
            "WHERE datname IS NOT NULL AND usename IS NOT NULL AND pid <> pg_backend_pid() GROUP BY 1 ORDER BY 1"
        )
        most = await connection.fetchval("SELECT current_setting('max_connections')::int")
    finally:
        await connection.close()
    return {row["role"]: row["n"] for row in rows}, most


def _plain(report: Report) -> dict[str, Any]:
    return {**asdict(report), "total_mb": round(report.total_mb, 1), "healthy": report.healthy}


def _text(report: Report) -> str:
    lines = ["What Sapa needs"]
    for check in report.checks:
        mend = "" if check.ok else f"   → {check.mend}"
        lines.append(f"  {'✓' if check.ok else '✗'} {check.what:<32} {check.detail}{mend}")
    lines += ["", "What runs"]
    if not report.running:
        lines.append("  nothing: start it with ./sapa up")
    for one in report.running:
        lines.append(_row(one))
    if report.running:
        goal = "" if report.total_mb <= MEMORY_GOAL_MB else f"   → over {MEMORY_GOAL_MB} MB"
        lines.append(f"  {'total':<16}{'':<10}{'':>8}{report.total_mb:>9.0f} MB{goal}")
    return "\n".join([*lines, "", *_database_lines(report)])


def _row(one: Running) -> str:
    state = one.state
    again = f"{state.restarts} restart{'s' if state.restarts != 1 else ''}" if state.restarts else ""
    mend = "" if state.state == "RUNNING" else f"   → see log/{state.name}.log in the data folder"
    return f"  {state.name:<16}{state.state:<10}{state.pid:>8}{one.pss_mb:>9.0f} MB  {again}{mend}"


def _database_lines(report: Report) -> list[str]:
    if not report.max_connections:
        return []
    used, pools = sum(report.connections.values()), sum(report.pools.values())
    by_role = ", ".join(f"{role} {count}" for role, count in report.connections.items()) or "none"
    fits = "" if pools <= report.max_connections else f"   → raise max_connections to {programs.max_connections()}"
    return [
        "Database connections",
        f"  in use {used} of {report.max_connections} ({by_role})",
        f"  all pools full: {pools} ({', '.join(f'{name} {most}' for name, most in report.pools.items())}){fits}",
    ]
