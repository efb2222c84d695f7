"""Our own processes (DESIGN §2): their commands, queues, threads and how many database connections they may hold."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from wa_app.config import ROOT
from wa_app.embedded import node
from wa_app.embedded.process import Program

WEB_WORKERS = 2
POOL_PER_ROLE = 5
ROLES = 2
SPARE_CONNECTIONS = 20


@dataclass(frozen=True)
class Worker:
    """One Dramatiq process: the queues it serves and its threads."""

    queues: tuple[str, ...]
    threads: int
    poll_ms: int = 200
    nice: int = 0
    """Above 0 it gives way to the other processes where the machine has no core to spare."""


WORKERS: Mapping[str, Worker] = {
    "worker": Worker(("inbound", "default"), 16),
    "worker-answers": Worker(("answers",), 32),
    "worker-lanes": Worker(("replies", "lanes"), 32),
    "worker-heavy": Worker(("ocr", "knowledge", "imports", "reports"), 8, poll_ms=500, nice=5),
}


def web(port: int, host: str = "127.0.0.1") -> Program:
    """UI, API and webhooks on one port; the frontend must be built."""
    command = (sys.executable, "-m", "wa_app.cli", "web", "--host", host, "--port", str(port))
    env = {**node.environment(), "GRANIAN_WORKERS": str(WEB_WORKERS), "SAPA_PORT": str(port)}
    return Program("web", command, env=env, cwd=ROOT, stop_wait_s=12)


def worker(name: str) -> Program:
    """A Dramatiq worker from `WORKERS`."""
    spec = WORKERS[name]
    command = (
        sys.executable, "-m", "dramatiq", "tasks.main", "--processes", "1",
        "--threads", str(spec.threads), "--queues", *spec.queues,
    )  # fmt: skip
    # An idle consumer looks for work again after at most this long (dramatiq's own default is 1000).
    env = {"dramatiq_worker_timeout": str(spec.poll_ms)}
    return Program(name, command, env=env, cwd=ROOT, stop_wait_s=25, nice=spec.nice)


def scheduler() -> Program:
    return Program("scheduler", (sys.executable, "-m", "wa_app.cli", "scheduler"), cwd=ROOT)


def sandbox(port: int, state: Path | None = None) -> Program:
    """The WAHA look-alike, only where no real WAHA is set; linked phones survive in the `state` file."""
    command = (sys.executable, "-m", "wa_app.cli", "sandbox", "--port", str(port))
    return Program("sandbox", command, env={"SANDBOX_STATE": str(state)} if state else {}, cwd=ROOT)


def connections() -> dict[str, int]:
    """The most database connections each process may hold, by name."""
    per_process = POOL_PER_ROLE * ROLES
    return {"web": WEB_WORKERS * per_process, **dict.fromkeys(WORKERS, per_process), "scheduler": per_process}


def max_connections() -> int:
    """What PostgreSQL must allow: all pools full, and room for migrations, `doctor` and a person with psql."""
    return sum(connections().values()) + SPARE_CONNECTIONS
