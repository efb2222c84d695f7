"""Builds the frontend, once per state of its sources."""

import fcntl
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from wa_app.config import ROOT
from wa_app.embedded import node
from wa_app.embedded.errors import LauncherError

WEB = ROOT / ".web"
STAMP = WEB / "sapa.stamp"
SOURCES = ("rxconfig.py", "requirements.txt", "wa_app", "pages", "state", "assets", "reflex.lock")
# Nothing in these reaches the browser.
APART = {
    "embedded",
    "sandbox",
    "api",
    "inbound",
    "channels",
    "sending",
    "cli.py",
    "__pycache__",
    "external",
    "catalogues.js",
}

_running: list["subprocess.Popen[bytes]"] = []


def fingerprint() -> str:
    """Changes when a file that may end in the bundle changes."""
    digest = sha256()
    for path in _files():
        digest.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _files() -> Iterator[Path]:
    for name in SOURCES:
        place = ROOT / name
        if place.is_file():
            yield place
        elif place.is_dir():
            inside = sorted(path for path in place.rglob("*") if path.is_file() and not path.is_symlink())
            yield from (path for path in inside if not APART & set(path.relative_to(ROOT).parts[1:]))


def is_fresh() -> bool:
    return STAMP.exists() and STAMP.read_text() == fingerprint() and (WEB / "build" / "client").is_dir()


def build(log: Path) -> bool:
    """Build unless nothing changed; True when it built. LauncherError with the reason on failure."""
    if not (ROOT / "rxconfig.py").exists():
        raise LauncherError("rxconfig.py is missing: this clone is incomplete, run git status.")
    with (ROOT / ".web.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if is_fresh():
            return False
        node.check()
        before = fingerprint()
        _export(log)
        STAMP.write_text(before)
    return True


def cancel() -> None:
    """End a build under way, with npm and all it started."""
    for export in _running:
        if export.poll() is None:
            os.killpg(export.pid, signal.SIGKILL)


def _export(log: Path) -> None:
    STAMP.unlink(missing_ok=True)
    # State goes to Redis only while serving; a build must not wait for one.
    env = {**os.environ, **node.environment(), "REFLEX_REDIS_URL": ""}
    lock = ROOT / "reflex.lock" / "package.json"
    locked = lock.read_text() if lock.exists() else "{}"
    command = [sys.executable, "-m", "reflex", "export", "--frontend-only", "--no-zip", "--env", "prod"]
    with log.open("wb") as output:
        _running.append(
            subprocess.Popen(
                command,
                cwd=ROOT,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        )
    code = _running[-1].wait()
    # Reflex writes the same packages in changing order; an unchanged lock must not look changed to git.
    if lock.exists() and json.loads(lock.read_text()) == json.loads(locked):
        lock.write_text(locked)
    if code or not (WEB / "build" / "client").is_dir():
        raise LauncherError(f"The frontend did not build: the reason is at the end of {log}.\n{_reason(log)}")


def _reason(log: Path) -> str:
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return "\n".join(lines[-8:])
