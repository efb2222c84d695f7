"""How a bench is written and run.

`bench/NAME.py` has `async def run(env: Bench) -> Result`, and may set `NEEDS` (a tuple out of `postgres`, `redis`,
`chroma`, `sandbox`, `worker`, `worker-lanes`, `worker-heavy`, `scheduler`; default postgres and redis) and
`CONNECTIONS` where more processes run than an installation has. The harness makes a temporary data
folder, starts durable servers in it, migrates, puts every address into the environment (so
`get_settings()` and everything above works), runs the bench and stops it all.

    ./sapa bench send                 a table for people and one JSON line, last
    ./sapa bench send --json          the JSON line alone
    ./sapa bench send --set n=2000    options of the bench, read with env.option("n", 20_000)
"""

import argparse
import asyncio
import importlib
import json
import keyword
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from wa_app.config import get_settings
from wa_app.embedded import process, programs
from wa_app.embedded.errors import LauncherError
from wa_app.embedded.stack import Stack

T = TypeVar("T", int, float, str)


@dataclass(frozen=True)
class Result:
    """What a bench found. `ratio` is the first figure of its row in DESIGN §11; `figures` holds every one."""

    name: str
    ratio: float
    figures: Mapping[str, float | int | str]
    holds: bool

    def json_line(self) -> str:
        figures = {key: _rounded(value) for key, value in self.figures.items()}
        return json.dumps({"bench": self.name, "ratio": _rounded(self.ratio), "figures": figures, "holds": self.holds})

    def table(self) -> str:
        rows = {"ratio": self.ratio, **self.figures, "holds": "yes" if self.holds else "NO"}
        width = max(map(len, rows))
        return "\n".join(f"  {name:<{width}}  {_rounded(value)!s:>14}" for name, value in rows.items())


def _rounded(value: float | int | str) -> float | int | str:
    return float(f"{value:.4g}") if isinstance(value, float) else value


@dataclass
class Bench:
    """What a running bench may use."""

    stack: Stack
    options: Mapping[str, str] = field(default_factory=dict)
    quiet: bool = False

    @property
    def data(self) -> Path:
        return self.stack.home

    @property
    def owner_url(self) -> str:
        """`postgresql://` address of the migrated database as its owner (plain, for asyncpg)."""
        return self.stack.environment["DATABASE_URL"]

    @property
    def superuser_url(self) -> str:
        """The same database as a superuser, for filling big tables."""
        server = self.stack.servers.postgres
        if server is None:
            raise LauncherError("This bench fills the embedded database: unset DATABASE_URL.")
        return server.address("postgres", server.superuser_password)

    @property
    def waha_url(self) -> str:
        return self.stack.environment["WAHA_URL"]

    def option(self, name: str, default: T) -> T:
        """An option of the command line (`--set name=value`), converted to the default's type."""
        return type(default)(self.options[name]) if name in self.options else default

    def say(self, text: str) -> None:
        """A line of progress for people (stderr, so the JSON line stays alone)."""
        if not self.quiet:
            print(text, file=sys.stderr, flush=True)

    def spawn(self, name: str) -> "subprocess.Popen[bytes]":
        """Start one of our processes (`worker`, `worker-lanes`, `worker-heavy`, `scheduler`)."""
        return self.stack.spawn(programs.scheduler() if name == "scheduler" else programs.worker(name))

    def kill(self, name: str) -> None:
        """`kill -9`."""
        self.stack.kill(name)

    def rss_mb(self, pid: int) -> float:
        """Proportional memory of a process and its children, in MB."""
        import psutil

        root = psutil.Process(pid)
        total = 0
        for one in (root, *root.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):  # a connection of PostgreSQL that has ended meanwhile
                total += one.memory_full_info().pss
        return total / 2**20

    def cpu_s(self, *names: str) -> dict[str, float]:
        """Seconds of processor that each of our processes has used so far, with its children and those that have ended."""
        import psutil

        used: dict[str, float] = {}
        for name in names or tuple(self.stack.running):
            used[name] = 0.0
            with suppress(psutil.NoSuchProcess):
                root = psutil.Process(self.stack.running[name][1].pid)
                for one in (root, *root.children(recursive=True)):
                    with suppress(psutil.NoSuchProcess):
                        spent = one.cpu_times()
                        used[name] += spent.user + spent.system + spent.children_user + spent.children_system
        return used


def execute(name: str, options: Mapping[str, str], quiet: bool) -> Result:
    """Set up, run and tear down one bench."""
    # A bench whose name Python reserves lives in `NAME_.py`.
    module = importlib.import_module(f"bench.{name}_" if keyword.iskeyword(name) else f"bench.{name}")
    needs: tuple[str, ...] = getattr(module, "NEEDS", ("postgres", "redis"))
    home = Path(tempfile.mkdtemp(prefix=f"sapa-bench-{name}-", dir=os.environ.get("SAPA_BENCH_DIR")))
    home.chmod(0o711)
    os.environ |= {
        "DATABASE_URL": "",
        "DATABASE_APP_URL": "",
        "DATABASE_SYSTEM_URL": "",
        "REDIS_URL": "",
        "REDIS_STATE_URL": "",
        "CHROMA_URL": "",
        "WAHA_URL": "",
        "SAPA_ENV": "dev",
    }
    get_settings.cache_clear()
    try:
        wanted = tuple(set(needs) & {"postgres", "redis", "chroma"})
        connections: int = getattr(module, "CONNECTIONS", 0)
        with Stack(home, get_settings(), wanted=wanted, max_connections=connections) as stack:
            return _within(stack, module, needs, options, quiet)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _within(stack: Stack, module: object, needs: tuple[str, ...], options: Mapping[str, str], quiet: bool) -> Result:
    bench = Bench(stack, options, quiet)
    if "postgres" in needs:
        stack.migrate()
    if "sandbox" in needs:
        stack.start_sandbox(process.free_port())
    os.environ |= stack.environment
    get_settings.cache_clear()
    for one in needs:
        if one.startswith("worker") or one == "scheduler":
            bench.spawn(one)
    result: Result = asyncio.run(module.run(bench))  # type: ignore[attr-defined]
    return result


def names() -> list[str]:
    found = (path.stem for path in Path(__file__).parent.glob("*.py"))
    return sorted(stem.removesuffix("_") for stem in found if stem not in ("__init__", "harness", "seeding"))


def main(arguments: list[str]) -> int:
    """Run one bench; 0 when its bar holds, 1 when not, 2 when it could not run."""
    parser = argparse.ArgumentParser(prog="sapa bench")
    parser.add_argument("name", choices=names())
    parser.add_argument("--json", action="store_true", help="print the JSON line alone")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="an option of the bench")
    options = parser.parse_args(arguments)
    try:
        result = execute(options.name, dict(one.split("=", 1) for one in options.set), options.json)
    except LauncherError as problem:
        print(problem, file=sys.stderr)
        return 2
    if not options.json:
        print(f"bench {result.name}\n{result.table()}")
    print(result.json_line())
    return 0 if result.holds else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
