"""Start a program that ends with its parent; run as a script by `process.spawn` and the supervisor.

Standard library only, run with `python -I -S`: it must start in a few milliseconds. It drops to another
user when asked, asks the kernel to signal it when the parent dies, notes the start in a file (`doctor`
counts restarts from it), ends what a crashed forerunner left behind and becomes the program.
"""

import argparse
import ctypes
import os
import pwd
import signal
import sys
import time

PR_SET_PDEATHSIG = 1
MARK = "SAPA_STARTED_AS"


def _drop_to(user: str) -> None:
    entry = pwd.getpwnam(user)
    os.setgroups([])
    os.setgid(entry.pw_gid)
    os.setuid(entry.pw_uid)
    os.environ["HOME"] = entry.pw_dir
    os.environ["USER"] = user


def _end_with_parent(number: int) -> None:
    # Changing the user clears the request, so this comes after _drop_to.
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, number)


def end_marked(prefix: str) -> None:
    """Kill every process whose mark begins with the prefix, except this one.

    A process killed by force leaves its own children (web workers, job workers) running as orphans.
    """
    wanted = f"{MARK}={prefix}".encode()
    for name in os.listdir("/proc") if os.path.isdir("/proc") else []:
        if not name.isdigit() or int(name) == os.getpid():
            continue
        try:
            with open(f"/proc/{name}/environ", "rb") as environ:
                marked = any(entry.startswith(wanted) for entry in environ.read().split(b"\0"))
            if marked:
                os.kill(int(name), signal.SIGKILL)
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue


def main() -> None:
    """Parse our own flags, then become the command after `--`."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--user", default="")
    parser.add_argument("--death-signal", default="TERM")
    parser.add_argument("--starts", default="")
    parser.add_argument("--nice", type=int, default=0)
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()
    if options.starts:
        with open(options.starts, "a", encoding="ascii") as log:
            log.write(f"{time.time():.0f} {os.getpid()}\n")
        end_marked(options.starts)
        os.environ[MARK] = options.starts
    if options.nice:
        os.nice(options.nice)
    if options.user:
        _drop_to(options.user)
    _end_with_parent(getattr(signal, f"SIG{options.death_signal}"))
    os.execvp(options.command[0], options.command)


if __name__ == "__main__":
    main()
