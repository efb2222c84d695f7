"""The child process that parses a file, seen from the worker.

It knows no secret of ours (its environment is empty), is bound by the kernel in memory and time, and is
killed when it does not answer. What it sends is taken frame by frame, so a page is drawn while the one before
is read, and never more than one waits.
"""

import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import structlog

from wa_app.ai.parsing import frames
from wa_app.ai.parsing.frames import Frame
from wa_app.ai.parsing.shapes import Limits, Refused
from wa_app.config import ROOT

log = structlog.get_logger(__name__)

ANSWER_S: Final = 60.0
"""How long a child may think about one page."""


@asynccontextmanager
async def parsing(path: Path, mime: str, limits: Limits) -> AsyncIterator[AsyncIterator[Frame]]:
    """The frames of a file's content; the child is gone when the block ends. Iterating raises Refused."""
    child = await _started(path, mime, limits)
    try:
        yield _frames(child)
    finally:
        child.kill()
        await asyncio.shield(asyncio.to_thread(_end, child))


async def _started(path: Path, mime: str, limits: Limits) -> subprocess.Popen[bytes]:
    """A running child. When we are cancelled while it starts, it is ended as soon as it is there."""
    starting = asyncio.ensure_future(asyncio.to_thread(_start, path, mime, limits))
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        starting.add_done_callback(_unwanted)
        raise


def _unwanted(starting: "asyncio.Future[subprocess.Popen[bytes]]") -> None:
    if not starting.cancelled() and starting.exception() is None:
        child = starting.result()
        child.kill()
        _end(child)


def _start(path: Path, mime: str, limits: Limits) -> subprocess.Popen[bytes]:
    command = [
        sys.executable, "-m", "wa_app.ai.parsing.child", str(path), mime, str(limits.memory), str(limits.cpu_s),
        str(limits.max_pages),
    ]  # fmt: skip
    environment = {"PYTHONPATH": str(ROOT), "LANG": "C.UTF-8", "PATH": "/usr/bin:/bin", "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(  # noqa: S603 - our own interpreter and module
        command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip


def _end(child: subprocess.Popen[bytes]) -> None:
    child.wait()
    if child.stdout is not None:
        child.stdout.close()


async def _frames(child: subprocess.Popen[bytes]) -> AsyncIterator[Frame]:
    while True:
        frame = await _next(child)
        if frame is None:
            raise await asyncio.to_thread(_cause, child)
        kind = frame.head.get("kind")
        if kind == "end":
            return
        if kind == "refused":
            raise Refused(str(frame.head["code"]), **_args(frame.head["args"]))
        yield frame


async def _next(child: subprocess.Popen[bytes]) -> Frame | None:
    assert child.stdout is not None
    try:
        async with asyncio.timeout(ANSWER_S):
            return await asyncio.to_thread(frames.read, child.stdout)
    except TimeoutError:
        log.warning("reading.child_silent")
        child.kill()
        raise Refused("file_read_timeout") from None


def _args(found: Any) -> dict[str, str | int]:
    return {str(name): value if isinstance(value, int) else str(value) for name, value in dict(found).items()}


def _cause(child: subprocess.Popen[bytes]) -> Refused:
    """Why a child went without a last word."""
    try:
        code = child.wait(5)
    except subprocess.TimeoutExpired:
        child.kill()
        code = child.wait()
    log.info("reading.child_died", code=code)
    if code in (-signal.SIGXCPU, -signal.SIGKILL):
        return Refused("file_too_complex")
    return Refused("file_broken")
