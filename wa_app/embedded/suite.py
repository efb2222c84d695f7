"""`./sapa test`: every check there is, stage by stage, with a plain pytest summary last."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from time import monotonic
from typing import IO
from xml.etree import ElementTree

from wa_app.config import ROOT
from wa_app.embedded import doctor, frontend
from wa_app.embedded.errors import LauncherError
from wa_app.embedded.steps import say

BIN = Path(sys.executable).parent
UNIT_LIMIT_S = 15.0
Output = IO[str] | None
"""Where a stage's tools write to; None is where everybody sees it."""


@dataclass(frozen=True)
class Stage:
    """A named part of the suite; `run` answers whether it passed, and lets its tools write to the file it is given.

    Stages that are `beside` follow one another in a lane of their own, and say what they said when they end: they
    keep one core busy, or wait most of their time. What `needs_all` begins when both lanes are done.
    """

    name: str
    run: Callable[[Output], bool]
    beside: bool = False
    needs_all: bool = False


@dataclass(frozen=True)
class Outcome:
    name: str
    passed: bool
    seconds: float


def run(only: list[str]) -> int:
    """Run all stages (or those named), go on after a failure, and fail if any failed."""
    prepare()
    stages = [stage for stage in all_stages() if not only or stage.name in only]
    unknown = set(only) - {stage.name for stage in all_stages()}
    if unknown:
        raise LauncherError(
            f"There is no stage {', '.join(sorted(unknown))}: choose {', '.join(s.name for s in all_stages())}."
        )
    begun = monotonic()
    outcomes = _two_lanes([stage for stage in stages if not stage.needs_all])
    outcomes += [_timed(stage) for stage in stages if stage.needs_all]
    return _summary(outcomes, monotonic() - begun)


def _two_lanes(stages: list[Stage]) -> list[Outcome]:
    first, second = ([stage for stage in stages if stage.beside is beside] for beside in (False, True))
    if not first or not second:
        return [_timed(stage) for stage in stages]
    with ThreadPoolExecutor(1) as aside:
        beside = [aside.submit(_told_later, stage) for stage in second]
        return [*map(_timed, first), *(one.result() for one in beside)]


def all_stages() -> list[Stage]:
    """In order: the cheap ones that fail most often first."""
    workers, together = ("-n", "2"), ("--maxschedchunk=1", "-m", "not alone")
    return [
        Stage("ruff", lambda out: _tool(out, "ruff", "check", ".")),
        Stage("imports", lambda out: _tool(out, "lint-imports")),
        Stage("unit", _unit),
        Stage("properties", lambda out: _pytest(out, "tests/properties", *workers)),
        # Together: each worker starts its services once. A third worker saves a minute, and makes some of them late.
        Stage("integration", lambda out: _pytest(out, "tests/integration", "tests/contract", *workers)),
        Stage("mypy", lambda out: _tool(out, "mypy"), beside=True),
        Stage("frontend", _frontend, beside=True),
        # Scenarios wait for leases and restarts most of their time.
        Stage("faults", lambda out: _pytest(out, "tests/faults", *workers, *together), beside=True),
        # A file stays with one worker, which has a running application of its own and makes what the file shares once.
        Stage("browser", lambda out: _pytest(out, "tests/browser", *workers, "--dist", "loadfile"), needs_all=True),
        Stage("timed", lambda out: _pytest(out, "tests/faults", "-m", "alone"), needs_all=True),
    ]


def prepare() -> None:
    """Bring Chromium and libgl1 where that is possible without asking; say loudly what stays missing."""
    needs = (
        ("chromium", doctor.chromium().ok),
        (doctor.LIGHT_CHROMIUM, bool(shutil.which(doctor.LIGHT_CHROMIUM))),
        ("libgl1", doctor.libgl().ok),
    )
    missing = [name for name, is_there in needs if not is_there]
    if missing and os.geteuid() == 0 and shutil.which("apt-get"):
        say(f"Installing {', '.join(missing)} …")
        env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for command in (["update"], *(["install", "-y", "--no-install-recommends", name] for name in missing)):
            subprocess.run(["apt-get", "-q", *command], env=env, stdout=subprocess.DEVNULL, check=False)
    path = doctor.find_chromium()
    if path:
        os.environ["CHROMIUM_PATH"] = path
    elif "CI" not in os.environ:
        say("!! Chromium is missing: the BROWSER TESTS ARE SKIPPED. Mend: apt-get install chromium")


def _timed(stage: Stage, output: Output = None) -> Outcome:
    if output is None:
        say(f"\n── {stage.name} " + "─" * (70 - len(stage.name)))
    begun = monotonic()
    try:
        passed = stage.run(output)
    except LauncherError as problem:
        say(f"{stage.name}: {problem}")
        passed = False
    return Outcome(stage.name, passed, monotonic() - begun)


def _told_later(stage: Stage) -> Outcome:
    with tempfile.TemporaryFile("w+") as output:
        outcome = _timed(stage, output)
        output.seek(0)
        say(f"\n── {stage.name} said " + "─" * (65 - len(stage.name)) + f"\n{output.read()}")
    return outcome


def _tool(output: Output, name: str, *arguments: str) -> bool:
    command = [str(BIN / name), *arguments]
    return subprocess.run(command, cwd=ROOT, check=False, stdout=output, stderr=output).returncode == 0


@dataclass
class Tally:
    """What all pytest runs of the suite found together."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    failures: list[str] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)

    def add(self, report: Path) -> None:
        """Count in a run's JUnit report."""
        with self.lock:
            self._add(report)

    def _add(self, report: Path) -> None:
        for case in ElementTree.parse(report).getroot().iter("testcase"):
            kinds = {child.tag for child in case}
            if kinds & {"failure", "error"}:
                self.failed += 1
                self.failures.append(f"FAILED {case.get('classname', '').replace('.', '/')}.py::{case.get('name')}")
            elif "skipped" in kinds:
                self.skipped += 1
            else:
                self.passed += 1

    def line(self, seconds: float) -> str:
        """In pytest's own words, for people and programs that read the last line."""
        counts = {"failed": self.failed, "passed": self.passed, "skipped": self.skipped}
        words = ", ".join(f"{count} {name}" for name, count in counts.items() if count) or "no tests ran"
        return f" {words} in {seconds:.2f}s ".center(78, "=")


tally = Tally()


def _pytest(output: Output, folder: str, *arguments: str) -> bool:
    return _measured(output, folder, *arguments)[0]


def _measured(output: Output, folder: str, *arguments: str) -> tuple[bool, float]:
    if not any((ROOT / folder).rglob("test_*.py")):
        say(f"{folder} holds no tests")
        return True, 0.0
    with tempfile.TemporaryDirectory() as place:
        report = Path(place) / "report.xml"
        command = [sys.executable, "-m", "pytest", folder, f"--junitxml={report}", "-rs", *arguments]
        passed, seconds = _ran(command, output)
        if report.exists():
            tally.add(report)
    return passed, seconds


def _ran(command: list[str], output: Output) -> tuple[bool, float]:
    """Whether it passed, and the processor time of it and its children: a mypy beside it must not count."""
    child = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=output)
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    return child.returncode == 0, used.ru_utime + used.ru_stime


def _unit(output: Output) -> bool:
    # Told, not failed: on a busy machine even processor time doubles.
    passed, seconds = _measured(output, "tests/unit")
    if seconds > UNIT_LIMIT_S:
        say(
            f"!! the unit tests took {seconds:.1f} s of processor time; on an idle machine they may take {UNIT_LIMIT_S:.0f} s"
        )
    return passed


def _frontend(_: Output) -> bool:
    (ROOT / ".sapa").mkdir(exist_ok=True)
    say("built" if frontend.build(ROOT / ".sapa" / "frontend.log") else "nothing changed")
    return True


def _summary(outcomes: list[Outcome], total: float) -> int:
    say("")
    for one in outcomes:
        say(f"  {'✓' if one.passed else '✗'} {one.name:<14}{one.seconds:7.1f} s")
    failed = [one.name for one in outcomes if not one.passed]
    if failed:
        say(f"failed stages: {', '.join(failed)}")
        for failure in tally.failures:
            say(failure)
    say(tally.line(total))
    return 1 if failed else 0
