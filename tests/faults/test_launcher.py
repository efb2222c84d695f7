"""`./sapa up` as a person runs it: everything up, a killed process back, nothing left behind."""

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from time import monotonic

import psutil
import pytest

from tests.fixtures.services import run_folder
from wa_app.config import ROOT
from wa_app.embedded import process
from wa_app.embedded.child import MARK

pytestmark = pytest.mark.faults

PROCESSES = {"web", "worker", "worker-answers", "worker-lanes", "worker-heavy", "scheduler", "sandbox"}
SERVERS = {"postgres", "redis-queue", "redis-state", "chroma"}
IDLE_LIMIT_MB = 2048


class Up:
    """One running `./sapa up`."""

    def __init__(self, home: Path) -> None:
        self.home, self.port = home, process.free_port()
        self.output = home / "output.txt"
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("DATABASE_", "REDIS_"))
        }
        environment |= {"SAPA_ENV": "dev", "SAPA_DATA": str(home)}
        self.environment = environment
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "wa_app.cli", "up", "--no-demo", "--port", str(self.port), "--data", str(home)],
                cwd=ROOT, env=environment, stdout=output, stderr=output,
            )  # fmt: skip

    def until(self, ready: Callable[[], bool], seconds: float, what: str) -> None:
        deadline, pause = monotonic() + seconds, Event()
        while not ready():
            assert self.process.poll() is None, self.output.read_text()
            assert monotonic() < deadline, f"{what}:\n{self.output.read_text()}"
            pause.wait(0.2)

    def says(self, words: str) -> bool:
        return words in self.output.read_text()

    def answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/ping", timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False

    def doctor(self) -> dict[str, dict[str, object]]:
        """The running programs by name, as `./sapa doctor` sees them."""
        done = subprocess.run(
            [sys.executable, "-m", "wa_app.cli", "doctor", "--json", "--data", str(self.home)],
            cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        report = json.loads(done.stdout)
        assert report["total_mb"] <= IDLE_LIMIT_MB
        assert report["max_connections"] > 0
        assert sum(report["pools"].values()) <= report["max_connections"]
        return {one["state"]["name"]: one["state"] for one in report["running"]}

    def marked(self) -> list[str]:
        """Command lines of living processes that this `up` started."""
        wanted = f"{self.home}/run/"
        found = []
        for one in psutil.process_iter():
            try:
                if one.environ().get(MARK, "").startswith(wanted):
                    found.append(" ".join(one.cmdline()))
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue
        return found


@pytest.fixture
def up() -> Iterator[Up]:
    home = run_folder() / "up"
    home.mkdir(mode=0o711)
    running = Up(home)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.process.send_signal(signal.SIGTERM)
            running.process.wait(60)


def test_brings_everything_up_restarts_the_killed_and_leaves_nothing(up: Up) -> None:
    up.until(lambda: up.says("Sapa runs after"), 600, "it did not come up")
    states = up.doctor()
    assert set(states) >= PROCESSES | SERVERS
    assert up.marked()

    web = states["web"]["pid"]
    assert isinstance(web, int)
    os.kill(web, signal.SIGKILL)
    up.until(lambda: up.doctor()["web"]["restarts"] == 1, 120, "web was not started again")
    up.until(up.answers, 180, "web did not answer after its restart")
    assert up.doctor()["web"]["pid"] != web

    up.process.send_signal(signal.SIGTERM)
    assert up.process.wait(60) == 0
    assert "Everything has stopped." in up.output.read_text()
    assert up.marked() == []
    assert process.port_is_free(up.port)
