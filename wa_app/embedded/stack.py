"""Servers and processes started directly, without the supervisor: for tests, benches and one-off commands."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from wa_app.config import ROOT, Settings
from wa_app.embedded import postgres, process, programs, roles, servers
from wa_app.embedded.errors import LauncherError
from wa_app.embedded.process import Program


class Stack:
    """Use as a context manager: everything started through it is stopped at the end, last first."""

    def __init__(
        self,
        home: Path,
        settings: Settings,
        *,
        durable: bool = True,
        wanted: tuple[str, ...] = ("postgres", "redis", "chroma"),
        max_connections: int = 0,
    ) -> None:
        self.home = home
        self.servers = servers.choose(
            home, settings, durable=durable, wanted=wanted, max_connections=max_connections
        )
        self.running: dict[str, tuple[Program, subprocess.Popen[bytes]]] = {}

    @property
    def environment(self) -> dict[str, str]:
        return self.servers.environment

    def __enter__(self) -> Self:
        try:
            for server in self.servers.embedded:
                self.spawn(server.program())
            for server in self.servers.embedded:
                name = server.program().name
                self.wait(name, server.answers, 60, partial(server.failure, self.log(name)))
                if isinstance(server, postgres.Postgres):
                    asyncio.run(server.ensure_owner())
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def log(self, name: str) -> Path:
        folder = self.home / "log"
        folder.mkdir(exist_ok=True)
        return folder / f"{name}.log"

    def spawn(self, program: Program) -> subprocess.Popen[bytes]:
        """Start (or start again) a program in this stack's environment."""
        env = {**self.environment, **program.env}
        started = process.spawn(Program(**{**vars(program), "env": env}), self.log(program.name))
        self.running[program.name] = (program, started)
        return started

    def wait(
        self, name: str, ready: Callable[[], bool], timeout_s: float, failure: Callable[[], str] | None = None
    ) -> None:
        """Until the program is ready. LauncherError with its last words, or what `failure` makes of them."""
        _, running = self.running[name]
        process.wait_until(ready, timeout_s, lambda: running.poll() is not None, failure or partial(self._last_words, name))

    def _last_words(self, name: str) -> str:
        return f"{name} did not start; it said:\n{process.tail(self.log(name), 40)}"

    def kill(self, name: str) -> None:
        """`kill -9` the program and its whole group, as a crash would."""
        program, running = self.running.pop(name)
        process.stop(running, "KILL", program.stop_wait_s)

    def stop_one(self, name: str) -> None:
        program, running = self.running.pop(name)
        process.stop(running, program.stop_signal, program.stop_wait_s)

    def stop(self) -> None:
        for name in reversed(list(self.running)):
            self.stop_one(name)

    def start_sandbox(self, port: int) -> str:
        """The WAHA look-alike; returns its address and puts it into the environment."""
        url = f"http://127.0.0.1:{port}"
        self.environment.update(WAHA_URL=url, WAHA_API_KEY=self.environment.get("WAHA_API_KEY") or "sandbox")
        self.spawn(programs.sandbox(port))
        self.wait("sandbox", lambda: process.port_answers(port), 30)
        return url

    def migrate(self) -> None:
        """Roles, then `alembic upgrade head`."""
        migrate(self.environment)


def migrate(environment: dict[str, str]) -> None:
    """Make the roles and bring the database up to date. LauncherError with Alembic's last words on failure."""
    asyncio.run(roles.ensure(environment["DATABASE_URL"], environment["SAPA_SECRET_KEY"]))
    if not (ROOT / "alembic.ini").exists():
        raise LauncherError("alembic.ini is missing: this clone is incomplete, run git status.")
    done = subprocess.run(
        [sys.executable, "-m", "alembic", "upgrade", "head"],
        cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        words = (done.stderr.strip() or done.stdout.strip() or "no reason given").splitlines()[-1]
        raise LauncherError(f"The migrations failed ({words}); see ./sapa migrate for the whole message.")
