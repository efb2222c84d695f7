"""Embedded servers and the supervisor, as processes."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from time import monotonic

import psutil
import pytest

from tests.fixtures.services import environment, run_folder
from wa_app.config import ROOT, get_settings
from wa_app.embedded import process
from wa_app.embedded.errors import LauncherError
from wa_app.embedded.stack import Stack
from wa_app.embedded.supervisor import Supervisor

SLEEP = "import time; time.sleep(600)"
PARENT = f"import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', '{SLEEP}']); time.sleep(600)"
NO_SERVERS = {
    "DATABASE_URL": "",
    "DATABASE_APP_URL": "",
    "DATABASE_SYSTEM_URL": "",
    "REDIS_URL": "",
    "REDIS_STATE_URL": "",
}


@pytest.fixture
def home(request: pytest.FixtureRequest) -> Path:
    """A data folder PostgreSQL's own user can reach."""
    place = run_folder() / f"{request.node.name}-{os.getpid()}"
    place.mkdir(mode=0o711)
    return place


async def until(ready: Callable[[], bool], seconds: float = 20) -> None:
    deadline = monotonic() + seconds
    while not ready():
        assert monotonic() < deadline, "it did not come about in time"
        await asyncio.sleep(0.05)


def alive(one: psutil.Process) -> bool:
    try:
        return bool(one.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def pid_of(supervisor: Supervisor) -> int:
    with supervisor.rpc() as rpc:
        return int(rpc.getPID())


def test_database_survives_a_restart_and_damage_is_one_sentence(home: Path) -> None:
    with environment(**NO_SERVERS):
        with Stack(home, get_settings(), durable=False, wanted=("postgres",)) as stack:
            server = stack.servers.postgres
            assert server is not None
            asyncio.run(server.ensure_owner())
        (server.data / "global" / "pg_control").write_bytes(b"damaged")
        with (
            pytest.raises(LauncherError, match=r"data folder looks damaged: move it away \(mv .*restore a backup"),
            Stack(home, get_settings(), durable=False, wanted=("postgres",)),
        ):
            pass


async def test_supervisor_restarts_the_killed_and_leaves_nothing_behind(home: Path) -> None:
    supervisor = Supervisor(home)
    supervisor.start([process.Program("server", (sys.executable, "-c", PARENT), cwd=home, group="embedded")], {})
    try:
        supervisor.add([process.Program("ours", (sys.executable, "-c", SLEEP), cwd=home)])
        await until(lambda: {one.state for one in supervisor.states()} == {"RUNNING"})
        first = {one.name: one.pid for one in supervisor.states()}
        os.kill(first["ours"], signal.SIGKILL)
        await until(lambda: supervisor.restarts("ours") == 1)
        await until(lambda: {one.state for one in supervisor.states()} == {"RUNNING"})
        states = {one.name: one for one in supervisor.states()}
        assert states["ours"].pid != first["ours"]
        assert states["server"].restarts == 0
        processes = psutil.Process(pid_of(supervisor)).children(recursive=True)
        assert len(processes) == 3
    finally:
        supervisor.stop()
    await until(lambda: not any(alive(one) for one in processes), 2)
    assert not supervisor.run.exists()


async def test_orphans_of_a_killed_process_end_before_it_starts_again(home: Path) -> None:
    supervisor = Supervisor(home)
    supervisor.start([process.Program("server", (sys.executable, "-c", PARENT), cwd=home)], {})
    try:
        await until(lambda: supervisor.answers() and len(psutil.Process(supervisor.states()[0].pid).children()) == 1)
        top = psutil.Process(supervisor.states()[0].pid)
        orphan = top.children()[0]
        top.kill()
        await until(lambda: supervisor.restarts("server") == 1)
        await until(lambda: not alive(orphan))
    finally:
        supervisor.stop()


async def test_children_end_with_a_killed_supervisor(home: Path) -> None:
    supervisor = Supervisor(home)
    supervisor.start([process.Program("server", (sys.executable, "-c", SLEEP), cwd=home)], {})
    try:
        await until(lambda: {one.state for one in supervisor.states()} == {"RUNNING"})
        child = psutil.Process(supervisor.states()[0].pid)
        os.kill(pid_of(supervisor), signal.SIGKILL)
        await until(lambda: not alive(child))
    finally:
        supervisor.stop()


def test_second_up_on_the_same_folder_is_refused(home: Path) -> None:
    import fcntl

    with (home / "up.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        command = [sys.executable, "-m", "wa_app.cli", "up", "--port", str(process.free_port()), "--data", str(home)]
        answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert answer.returncode == 2
    assert answer.stderr.startswith("Sapa already runs with this data folder")
