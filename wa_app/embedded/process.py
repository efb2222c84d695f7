"""Programs we start: how they are described, spawned, awaited and stopped."""

import os
import random
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

from wa_app.embedded.errors import LauncherError

CHILD = Path(__file__).with_name("child.py")
PORTS = (10_000, 32_000)


@dataclass(frozen=True)
class Program:
    """A process to run, for `spawn` in tests and for the supervisor in `./sapa up`."""

    name: str
    command: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: Path = Path()
    user: str = ""
    stop_signal: str = "TERM"
    stop_wait_s: int = 15
    group: str = "app"
    nice: int = 0

    def argv(self, starts: Path | None = None) -> list[str]:
        """The command behind our wrapper (`child.py`), which ties it to its parent's life."""
        wrapper = [sys.executable, "-I", "-S", str(CHILD), "--death-signal", self.stop_signal]
        if self.user:
            wrapper += ["--user", self.user]
        if self.nice:
            wrapper += ["--nice", str(self.nice)]
        if starts is not None:
            wrapper += ["--starts", str(starts)]
        return [*wrapper, "--", *self.command]


def free_port() -> int:
    """A TCP port that was free on loopback a moment ago.

    It lies below those that the system gives to outgoing connections (from 32768 on Linux): one of them could
    otherwise take it before the server it is meant for, which may start half a minute later.
    """
    dice = random.SystemRandom()
    for _ in range(100):
        port = dice.randrange(*PORTS)
        if port_is_free(port):
            return port
    raise LauncherError(f"No free TCP port was found between {PORTS[0]} and {PORTS[1]}.")


def port_is_free(port: int, host: str = "127.0.0.1") -> bool:
    """True when a server could listen on the port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


def port_answers(port: int, host: str = "127.0.0.1") -> bool:
    """True when something accepts connections on the port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((host, port)) == 0


def spawn(program: Program, log: Path) -> subprocess.Popen[bytes]:
    """Start the program in its own process group, output appended to `log`."""
    with log.open("ab") as output:
        return subprocess.Popen(
            program.argv(),
            env={**os.environ, **program.env},
            cwd=program.cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def stop(process: subprocess.Popen[bytes], stop_signal: str = "TERM", wait_s: float = 15) -> None:
    """Signal the program, wait, and kill what is left of its group."""
    if process.poll() is None:
        process.send_signal(signal.Signals[f"SIG{stop_signal}"])
        try:
            process.wait(wait_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def wait_until(ready: Callable[[], bool], timeout_s: float, ended: Callable[[], bool], failure: Callable[[], str]) -> None:
    """Poll until ready; LauncherError when the program ended or time ran out, with what `failure` then knows."""
    deadline = monotonic() + timeout_s
    pause = threading.Event()
    while not ready():
        if ended() or monotonic() > deadline:
            raise LauncherError(failure())
        pause.wait(0.05)


def tail(log: Path, lines: int = 5) -> str:
    """The last lines of a log, for the sentence that says what went wrong."""
    if not log.exists():
        return ""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
