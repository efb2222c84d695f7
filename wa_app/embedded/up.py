"""`./sapa up`: everything from nothing to a running Sapa with a demo, and all of it stopped again at the end."""

import asyncio
import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import FrameType

from wa_app.config import ROOT, Settings, get_settings
from wa_app.embedded import frontend, node, outside, programs, servers
from wa_app.embedded.errors import LauncherError
from wa_app.embedded.process import Program, port_answers, port_is_free, wait_until
from wa_app.embedded.secrets import Secrets
from wa_app.embedded.steps import say, step, total_s
from wa_app.embedded.supervisor import Supervisor

DEMO_EMAIL = "demo@sapa.test"
SANDBOX_KEY = "sandbox"


@dataclass(frozen=True)
class Options:
    """The flags of `./sapa up`."""

    port: int
    data: Path
    demo: bool


class Stopped(Exception):
    """A signal asked us to end."""


def up(options: Options) -> int:
    """Run until Ctrl-C or TERM. Raises LauncherError when something is missing or broken."""
    settings = get_settings()
    home = options.data.resolve()
    if not port_is_free(options.port, "0.0.0.0"):
        raise LauncherError(f"Port {options.port} is taken: stop what listens there, or choose another with --port.")
    _make_home(home)
    signals = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda _number, _frame: _on_signal(signals, _number, _frame))
    with _only_one(home):
        supervisor = Supervisor(home)
        try:
            _bring_up(options, settings, home, supervisor)
            _watch(supervisor, signals)
        except Stopped:
            pass
        finally:
            signals.set()
            say("\nStopping …")
            frontend.cancel()
            supervisor.stop()
            say("Everything has stopped.")
    return 0


def _on_signal(signals: threading.Event, _number: int, _frame: FrameType | None) -> None:
    # The first signal unwinds the launcher; while it stops, further ones are ignored.
    if not signals.is_set():
        signals.set()
        raise Stopped


def _make_home(home: Path) -> None:
    # Logs, mails and uploads in it are nobody else's business; PostgreSQL's user only passes through.
    os.umask(0o077)
    try:
        home.mkdir(parents=True, exist_ok=True)
        home.chmod(0o711)
        (home / "log").mkdir(exist_ok=True)
    except OSError as problem:
        raise LauncherError(
            f"The data folder {home} cannot be used ({problem.strerror}): choose another with --data."
        ) from problem


@contextmanager
def _only_one(home: Path) -> Iterator[None]:
    with (home / "up.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as taken:
            lock.seek(0)
            raise LauncherError(
                f"Sapa already runs with this data folder (process {lock.read().strip() or 'unknown'}): stop it first, "
                "or choose another folder with --data."
            ) from taken
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def _bring_up(options: Options, settings: Settings, home: Path, supervisor: Supervisor) -> None:
    say(f"Sapa starts; data in {home}, logs in {supervisor.logs}")
    builder = _Builder(supervisor.logs / "frontend.log")
    builder.start()
    with step("Prepare the embedded servers") as notes:
        chosen = servers.choose(home, settings)
        if chosen.postgres and not chosen.postgres.data.is_relative_to(home):
            notes.append(f"PostgreSQL's user cannot reach {home}; its data is in {chosen.postgres.data}")
    environment = _complete(options, settings, home, chosen.environment)
    with step("Start the servers") as notes:
        supervisor.start([server.program() for server in chosen.embedded], environment)
        _await_servers(chosen, supervisor)
        asyncio.run(outside.check(chosen.environment, settings))
        notes.append(", ".join(server.program().name for server in chosen.embedded) or "all from outside")
    _note_environment(supervisor, environment)
    with step("Bring the database up to date"):
        run_command(["migrate"], environment, supervisor.log("migrate"))
    with step("Build the frontend") as notes:
        notes.append("built" if builder.result() else "nothing changed")
    with step("Start Sapa"):
        ours = _programs(options, settings, environment)
        supervisor.add(ours)
        _await_app(options.port, environment, supervisor)
    if options.demo and settings.env != "prod":
        with step("Fill in the demo"):
            run_command(["seed"], environment, supervisor.log("seed"))
    _farewell(options, settings, environment, Secrets(home))


class _Builder:
    """The frontend's build beside the other steps; `result` waits for it and raises what it raised."""

    def __init__(self, log: Path) -> None:
        self._log, self._built, self._error = log, False, None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.start = self._thread.start

    _error: LauncherError | None

    def _run(self) -> None:
        try:
            node.check()
            self._built = frontend.build(self._log)
        except LauncherError as problem:
            self._error = problem

    def result(self) -> bool:
        while self._thread.is_alive():
            self._thread.join(0.2)
        if self._error is not None:
            raise self._error
        return self._built


def _await_servers(chosen: servers.Servers, supervisor: Supervisor) -> None:
    for server in chosen.embedded:
        name = server.program().name

        def given_up(name: str = name) -> bool:
            return not supervisor.alive() or supervisor.restarts(name) >= 2

        wait_until(server.answers, 90, given_up, partial(server.failure, supervisor.log(name)))
    if chosen.postgres:
        asyncio.run(chosen.postgres.ensure_owner())


def _complete(options: Options, settings: Settings, home: Path, environment: dict[str, str]) -> dict[str, str]:
    done = {
        **environment,
        "SAPA_PORT": str(options.port),
        "WAHA_URL": settings.waha_url,
        "WAHA_API_KEY": settings.waha_api_key,
    }
    if not settings.waha_url:
        # The same port each time: devices remember their server's address.
        ports = servers.Ports(home)
        done |= {"WAHA_URL": f"http://127.0.0.1:{ports.get('sandbox')}", "WAHA_API_KEY": SANDBOX_KEY}
        ports.save()
    return done


def _note_environment(supervisor: Supervisor, environment: dict[str, str]) -> None:
    """For `./sapa migrate`, `seed`, `create-admin` and `doctor` while this runs; gone when it stops."""
    note = supervisor.run / "environment.json"
    note.touch(mode=0o600)
    note.write_text(json.dumps(environment))


def _programs(options: Options, settings: Settings, environment: dict[str, str]) -> list[Program]:
    host = "0.0.0.0"
    ours = [programs.web(options.port, host), *map(programs.worker, programs.WORKERS), programs.scheduler()]
    if not settings.waha_url:
        port = int(environment["WAHA_URL"].rsplit(":", 1)[1])
        ours.insert(0, programs.sandbox(port, Path(environment["SAPA_DATA"]) / "sandbox.json"))
    return ours


def _await_app(port: int, environment: dict[str, str], supervisor: Supervisor) -> None:
    def given_up() -> bool:
        return not supervisor.alive() or supervisor.restarts("web") >= 3

    wait_until(
        lambda: _pings(port), 180, given_up, lambda: f"Sapa did not answer: the reason is in {supervisor.log('web')}."
    )
    if supervisor.starts("sandbox").exists():
        sandbox = int(environment["WAHA_URL"].rsplit(":", 1)[1])
        wait_until(
            lambda: port_answers(sandbox), 30, lambda: supervisor.restarts("sandbox") >= 3,
            lambda: f"The WAHA sandbox did not start: the reason is in {supervisor.log('sandbox')}.",
        )  # fmt: skip


def _pings(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/ping", timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


def run_command(arguments: list[str], environment: dict[str, str], log: Path) -> None:
    """One of our own commands as a process of its own (keeps this one small); its last words on failure."""
    done = subprocess.run(
        [sys.executable, "-m", "wa_app.cli", *arguments],
        cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        log.write_text(done.stdout + done.stderr)
        words = (done.stderr.strip() or done.stdout.strip() or "no reason given").splitlines()
        raise LauncherError(f"./sapa {arguments[0]} failed: {words[-1]}; more in {log}.")


def _farewell(options: Options, settings: Settings, environment: dict[str, str], secrets: Secrets) -> None:
    say(f"\nSapa runs after {total_s():.1f} s. Ctrl-C stops everything; ./sapa doctor shows how it is.")
    if not settings.waha_url:
        say(f"  WhatsApp    {environment['WAHA_URL']}  (sandbox: be the customer here)")
    say(f"  Open        http://localhost:{options.port}")
    if options.demo and settings.env != "prod":
        say(f"  Demo login  {DEMO_EMAIL} / {secrets.get('DEMO_PASSWORD', 16)}")


def _watch(supervisor: Supervisor, signals: threading.Event) -> None:
    """Tell about restarts until a signal comes; LauncherError when the supervisor itself is gone."""
    seen: dict[str, int] = {}
    while not signals.wait(2):
        if not supervisor.alive():
            raise LauncherError(f"The supervisor ended by itself: see {supervisor.logs}/supervisord.log.")
        for noted in supervisor.run.glob("*.starts"):
            restarts = supervisor.restarts(noted.stem)
            if restarts > seen.get(noted.stem, 0) and (restarts <= 3 or restarts % 10 == 0):
                say(f"  ! {noted.stem} ended and was started again ({restarts}); see {supervisor.log(noted.stem)}")
            seen[noted.stem] = restarts
