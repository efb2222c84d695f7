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
from time import monotonic
from xml.etree import ElementTree

from wa_app.config import ROOT
from wa_app.embedded import doctor, frontend
from wa_app.embedded.errors import LauncherError
from wa_app.embedded.steps import say

BIN = Path(sys.executable).parent
UNIT_LIMIT_S = 15.0


@dataclass(frozen=True)
class Stage:
    """A named part of the suite; `run` answers whether it passed.

    What is `beside` keeps one core busy and says nothing until it ends: it goes on while the stages behind it begin.
    """

    name: str
    run: Callable[[], bool]
    beside: bool = False


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
    with ThreadPoolExecutor(1) as aside:
        begun_aside = {stage.name: aside.submit(_timed, stage) for stage in stages if stage.beside}
        now = {stage.name: _timed(stage) for stage in stages if not stage.beside}
        outcomes = [begun_aside[stage.name].result() if stage.beside else now[stage.name] for stage in stages]
    return _summary(outcomes, monotonic() - begun)


def all_stages() -> list[Stage]:
    """In order: the cheap ones that fail most often first."""
    workers = ("-n", "2")
    return [
        Stage("ruff", lambda: _tool("ruff", "check", ".")),
        Stage("mypy", lambda: _quiet_tool("mypy"), beside=True),
        Stage("imports", lambda: _tool("lint-imports")),
        Stage("unit", _unit),
        Stage("properties", lambda: _pytest("tests/properties", *workers)),
        # Together: each worker starts its services once.
        Stage("integration", lambda: _pytest("tests/integration", "tests/contract", *workers)),
        Stage("frontend", _frontend),
        # A file stays with one worker, which has a running application of its own and makes what the file shares once.
        Stage("browser", lambda: _pytest("tests/browser", *workers, "--dist", "loadfile")),
        Stage("faults", lambda: _faults(*workers)),
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


def _timed(stage: Stage) -> Outcome:
    if not stage.beside:
        say(f"\n── {stage.name} " + "─" * (70 - len(stage.name)))
    begun = monotonic()
    try:
        passed = stage.run()
    except LauncherError as problem:
        say(str(problem))
        passed = False
    return Outcome(stage.name, passed, monotonic() - begun)


def _tool(name: str, *arguments: str) -> bool:
    return subprocess.run([str(BIN / name), *arguments], cwd=ROOT, check=False).returncode == 0


def _quiet_tool(name: str) -> bool:
    done = subprocess.run([str(BIN / name)], cwd=ROOT, check=False, capture_output=True, text=True)
    say(f"\n── {name} said " + "─" * (65 - len(name)) + f"\n{done.stdout}{done.stderr}")
    return done.returncode == 0


@dataclass
class Tally:
    """What all pytest runs of the suite found together."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    failures: list[str] = field(default_factory=list)

    def add(self, report: Path) -> None:
        """Count in a run's JUnit report."""
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


def _pytest(folder: str, *arguments: str) -> bool:
    return _measured(folder, *arguments)[0]


def _measured(folder: str, *arguments: str) -> tuple[bool, float]:
    if not any((ROOT / folder).rglob("test_*.py")):
        say(f"{folder} holds no tests")
        return True, 0.0
    with tempfile.TemporaryDirectory() as place:
        report = Path(place) / "report.xml"
        command = [sys.executable, "-m", "pytest", folder, f"--junitxml={report}", "-rs", *arguments]
        passed, seconds = _ran(command)
        if report.exists():
            tally.add(report)
    return passed, seconds


def _ran(command: list[str]) -> tuple[bool, float]:
    """Whether it passed, and the processor time of it and its children: a mypy beside it must not count."""
    child = subprocess.Popen(command, cwd=ROOT)
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    return child.returncode == 0, used.ru_utime + used.ru_stime


def _faults(*workers: str) -> bool:
    """Scenarios wait for leases and restarts most of their time, so two go side by side; what is timed goes alone."""
    together = _pytest("tests/faults", *workers, "--maxschedchunk=1", "-m", "not alone")
    return _pytest("tests/faults", "-m", "alone") and together


def _unit() -> bool:
    # Processor time, so that a busy machine does not fail them.
    passed, seconds = _measured("tests/unit")
    if seconds > UNIT_LIMIT_S:
        say(
            f"!! the unit tests took {seconds:.1f} s of processor time; on an idle machine they may take {UNIT_LIMIT_S:.0f} s"
        )
    # A machine busy with other things doubles even processor time.
    return passed and seconds <= 2 * UNIT_LIMIT_S


def _frontend() -> bool:
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
