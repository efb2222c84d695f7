"""`./sapa worker`: one Dramatiq process, or all three kinds in one container."""

import os
import signal
import subprocess
import threading

from wa_app.embedded import programs
from wa_app.embedded.errors import LauncherError
from wa_app.embedded.process import stop


def run(only: str) -> int:
    """Run the named kind of worker in the place of this process, or all kinds until one of them ends."""
    if only and only not in programs.WORKERS:
        raise LauncherError(f"There is no worker called {only}: choose {', '.join(programs.WORKERS)}.")
    if only:
        os.nice(programs.WORKERS[only].nice)
        command = programs.worker(only).command
        os.execv(command[0], command)
    return _all()


def _all() -> int:
    running = [subprocess.Popen(programs.worker(name).argv()) for name in programs.WORKERS]
    pause = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: pause.set())
    try:
        while all(one.poll() is None for one in running):
            if pause.wait(1):
                return 0
    except KeyboardInterrupt:
        return 0
    finally:
        for one in running:
            stop(one, wait_s=25)
    # A container's own restart policy brings all of them back.
    return 1
