"""Runs supervisord over the embedded servers and our processes, and asks it how they are.

supervisord restarts what ends, waiting a second longer before each new try while a program does not
stay up, and stops everything on TERM: our processes first, then the servers.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import xmlrpc.client
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wa_app.embedded import child
from wa_app.embedded.errors import LauncherError
from wa_app.embedded.process import Program, stop, wait_until

# A program that ends within this time counts as a failed start and is tried again more slowly.
STAYS_UP_S = 3
LONGEST_SOCKET_PATH = 100


@dataclass(frozen=True)
class State:
    """How one program is: its state in supervisord's words, process id (0: none), restarts and uptime."""

    name: str
    state: str
    pid: int
    restarts: int
    uptime_s: int


class Supervisor:
    """One supervisord for one data folder."""

    def __init__(self, home: Path) -> None:
        self.run, self.logs = home / "run", home / "log"
        self.conf = self.run / "supervisord.conf"
        self._process: subprocess.Popen[bytes] | None = None
        self._ours: set[str] = set()

    @property
    def socket(self) -> Path:
        """The control socket; unix sockets allow only short paths, so a long one is looked up in a note."""
        direct = self.run / "supervisor.sock"
        if len(str(direct)) < LONGEST_SOCKET_PATH:
            return direct
        note = self.run / "socket-folder"
        if not note.exists():
            note.write_text(tempfile.mkdtemp(prefix="sapa-"))
        return Path(note.read_text()) / "supervisor.sock"

    def log(self, name: str) -> Path:
        return self.logs / f"{name}.log"

    def starts(self, name: str) -> Path:
        """Where each start of the program is noted, one line each."""
        return self.run / f"{name}.starts"

    def start(self, servers: Sequence[Program], environment: dict[str, str]) -> None:
        """Start supervisord with the embedded servers; `add` brings the rest."""
        shutil.rmtree(self.run, ignore_errors=True)
        self.run.mkdir(parents=True)
        self.run.chmod(0o700)
        self.logs.mkdir(exist_ok=True)
        self._write(servers)
        command = Program(
            "supervisord", (sys.executable, "-W", "ignore", "-m", "supervisor.supervisord", "-n", "-c", str(self.conf))
        )
        with (self.logs / "supervisord.err").open("wb") as errors:
            self._process = subprocess.Popen(
                command.argv(),
                env={**os.environ, **environment},
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                start_new_session=True,
            )
        wait_until(self.answers, 15, lambda: not self.alive(), lambda: f"The supervisor did not start: see {self.logs}.")

    def add(self, programs: Sequence[Program]) -> None:
        """Start more programs; those that run already keep running."""
        known = self.conf.read_text()
        self.conf.write_text(known + "".join(self._section(program) for program in programs))
        self._ours |= {program.name for program in programs}
        with self.rpc() as rpc:
            rpc.reloadConfig()
            for program in programs:
                rpc.addProcessGroup(program.name)

    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def answers(self) -> bool:
        try:
            with self.rpc() as rpc:
                return bool(rpc.getState()["statename"] == "RUNNING")
        except (OSError, xmlrpc.client.Error):
            return False

    @contextmanager
    def rpc(self) -> Iterator[Any]:
        """supervisord's own interface, over the socket that only we may open."""
        from supervisor.xmlrpc import SupervisorTransport

        transport = SupervisorTransport(None, None, f"unix://{self.socket}")
        try:
            yield xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport).supervisor
        finally:
            transport.close()

    def states(self) -> list[State]:
        """Every program, or LauncherError when no supervisor runs on this data folder."""
        try:
            with self.rpc() as rpc:
                rows = rpc.getAllProcessInfo()
        except (OSError, xmlrpc.client.Error) as problem:
            raise LauncherError("Sapa does not run with this data folder: start it with ./sapa up.") from problem
        return [self._state(row) for row in rows]

    def _state(self, row: dict[str, Any]) -> State:
        running = row["statename"] == "RUNNING"
        uptime = row["now"] - row["start"] if running else 0
        return State(row["name"], row["statename"], row["pid"], self.restarts(row["name"]), uptime)

    def restarts(self, name: str) -> int:
        noted = self.starts(name)
        return max(0, len(noted.read_bytes().splitlines()) - 1) if noted.exists() else 0

    def stop(self) -> None:
        """Ask our processes to end together, then TERM to supervisord; returns when everything has ended."""
        if self._process is not None:
            self._stop_ours()
            stop(self._process, "TERM", 60)
            child.end_marked(str(self.run))
        note = self.run / "socket-folder"
        if note.exists():
            shutil.rmtree(note.read_text(), ignore_errors=True)
        shutil.rmtree(self.run, ignore_errors=True)

    def _stop_ours(self) -> None:
        # On TERM alone supervisord would stop one program after the other.
        try:
            with self.rpc() as rpc:
                for row in rpc.getAllProcessInfo():
                    if row["statename"] in ("RUNNING", "STARTING") and row["name"] in self._ours:
                        rpc.stopProcess(row["name"], False)
        except (OSError, xmlrpc.client.Error):
            return

    def _write(self, servers: Sequence[Program]) -> None:
        head = [
            "[supervisord]", "nodaemon=true", "silent=true", f"logfile={_value(str(self.logs / 'supervisord.log'))}",
            "logfile_maxbytes=5MB", "logfile_backups=1", f"pidfile={_value(str(self.run / 'supervisord.pid'))}",
            *(["user=root"] if os.geteuid() == 0 else []),
            "[unix_http_server]", f"file={_value(str(self.socket))}", "chmod=0700",
            "[rpcinterface:supervisor]",
            "supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface", "",
        ]  # fmt: skip
        self.conf.touch(mode=0o600)
        self.conf.write_text("\n".join(head) + "".join(self._section(server) for server in servers))

    def _section(self, program: Program) -> str:
        environment = ",".join(f'{name}="{_value(value)}"' for name, value in program.env.items())
        lines = [
            "", f"[program:{program.name}]", f"command={_command(program.argv(self.starts(program.name)))}",
            f"directory={_value(str(program.cwd.absolute()))}", f"environment={environment}", "autostart=true",
            "autorestart=true", f"startsecs={STAYS_UP_S}", "startretries=100000",
            f"stopsignal={program.stop_signal}", f"stopwaitsecs={program.stop_wait_s}", "killasgroup=true",
            # supervisord expands this one twice.
            "redirect_stderr=true", f"stdout_logfile={_value(_value(str(self.log(program.name))))}",
            "stdout_logfile_maxbytes=10MB", "stdout_logfile_backups=2",
            # The highest number stops first: our processes before the servers.
            f"priority={100 if program.group == 'embedded' else 900}", "",
        ]  # fmt: skip
        return "\n".join(lines)


def _value(text: str) -> str:
    """Text for the configuration file, where % begins an expansion."""
    return text.replace("%", "%%")


def _command(argv: Sequence[str]) -> str:
    quoted = (part.replace("\\", "\\\\").replace('"', '\\"') for part in argv)
    return " ".join(f'"{_value(part)}"' for part in quoted)
