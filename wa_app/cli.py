"""The commands behind `./sapa`. Each imports what it needs only when it runs."""

import argparse
import asyncio
import getpass
import importlib
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from wa_app.config import ROOT, get_settings
from wa_app.embedded.errors import LauncherError
from wa_app.embedded.secrets import Secrets
from wa_app.errors import AppError, Invalid
from wa_app.i18n import translate

Command = Callable[[argparse.Namespace], int]

COMMANDS = (
    "up", "test", "bench", "migrate", "seed", "build", "web", "worker", "scheduler", "sandbox", "create-admin", "doctor",
)  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit code, 2 with one sentence when something is missing or broken."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except LauncherError as problem:
        print(problem, file=sys.stderr)
    except ValidationError as problem:
        print(_setting(problem), file=sys.stderr)
    return 2


def _setting(problem: ValidationError) -> str:
    first = problem.errors()[0]
    name = "".join(f"{part}: " for part in first["loc"])
    words = first["msg"].removeprefix("Value error, ")
    return f"{name}{words}; correct it in the environment or in .env, as docs/operations.md says."


def _words(problem: AppError) -> str:
    """The error in English, the first refused field before the general sentence."""
    fields = problem.fields if isinstance(problem, Invalid) else ()
    code, values = (fields[0].code, fields[0].args) if fields else (problem.code, problem.args_)
    return translate("en", f"error.{code}", **values)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="sapa", description="Sapa: WhatsApp marketing, automation and care.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_up(commands)
    test = _add(commands, "test", "set up and run every test", _test)
    test.add_argument("stages", nargs="*", help="only these stages (see docs/operations.md)")
    bench = _add(commands, "bench", "run a benchmark", _bench)
    bench.add_argument("arguments", nargs=argparse.REMAINDER, help="NAME [--json] [--set NAME=VALUE]")
    _add(commands, "migrate", "make the database roles and bring the tables up to date", _migrate)
    _add(commands, "seed", "fill in the demo tenant", _seed)
    _add(commands, "build", "build the frontend unless nothing changed", _build)
    web = _add(commands, "web", "serve pages, API and webhooks", _web)
    web.add_argument("--host", default="0.0.0.0")
    web.add_argument("--port", type=int, default=0)
    worker = _add(commands, "worker", "run background jobs", _worker)
    worker.add_argument("--only", default="", help="worker, worker-answers, worker-lanes or worker-heavy; without it all of them")
    _add(commands, "scheduler", "wake what is due", _scheduler)
    sandbox = _add(commands, "sandbox", "run the WAHA look-alike alone", _sandbox)
    sandbox.add_argument("--host", default="127.0.0.1")
    sandbox.add_argument("--port", type=int, default=3000)
    admin = _add(commands, "create-admin", "make a platform admin", _create_admin)
    admin.add_argument("email")
    admin.add_argument("--name", default="Admin")
    doctor = _add(commands, "doctor", "what is missing, what runs, what it uses", _doctor)
    doctor.add_argument("--json", action="store_true")
    return parser


def _add(commands: Any, name: str, help_text: str, run: Command) -> argparse.ArgumentParser:
    added: argparse.ArgumentParser = commands.add_parser(name, help=help_text, description=help_text)
    added.add_argument("--data", type=Path, default=None, help="data folder (default: SAPA_DATA or .sapa)")
    added.set_defaults(run=run)
    return added


def _add_up(commands: Any) -> None:
    up = _add(commands, "up", "start everything, with a demo", _up)
    up.add_argument("--port", type=int, default=0, help="port of the web interface (default: SAPA_PORT or 8000)")
    up.add_argument("--no-demo", action="store_true", help="no demo tenant")


def _home(options: argparse.Namespace) -> Path:
    return Path(options.data or get_settings().data)


def _lazy(module: str, name: str) -> Any:
    """A function of a part that may not be there in a broken clone; LauncherError instead of a traceback."""
    try:
        return getattr(importlib.import_module(module), name)
    except ModuleNotFoundError as missing:
        if missing.name and module.startswith(missing.name):
            raise LauncherError(f"{module} is missing: this clone is incomplete, run git status.") from missing
        raise LauncherError(f"The package {missing.name} is missing: run ./sapa up, which installs it.") from missing


def _within(options: argparse.Namespace, *wanted: str) -> Any:
    from wa_app.embedded.surroundings import surroundings

    return surroundings(_home(options), wanted)


def _up(options: argparse.Namespace) -> int:
    from wa_app.embedded import up

    port = options.port or get_settings().port
    return up.up(up.Options(port=port, data=_home(options), demo=not options.no_demo))


def _test(options: argparse.Namespace) -> int:
    from wa_app.embedded import suite

    return suite.run(options.stages)


def _bench(options: argparse.Namespace) -> int:
    return int(_lazy("bench.harness", "main")(options.arguments))


def _migrate(options: argparse.Namespace) -> int:
    from wa_app.embedded.stack import migrate

    with _within(options, "postgres"):
        migrate(dict(os.environ))
    print("The database is up to date.")
    return 0


def _seed(options: argparse.Namespace) -> int:
    with _within(options, "postgres", "redis"):
        from wa_app.embedded.up import DEMO_EMAIL

        password = Secrets(_home(options)).get("DEMO_PASSWORD", 16)
        seed = _lazy("wa_app.services.seed", "seed_demo")
        done = asyncio.run(seed(DEMO_EMAIL, password, get_settings().waha_url))
    print("The demo was there already." if done.already_there else f"The demo is ready: {DEMO_EMAIL} / {password}")
    if not done.linked:
        print("Its numbers wait to be linked: scan their codes on the Devices page.")
    return 0


def _build(options: argparse.Namespace) -> int:
    from wa_app.embedded import frontend

    home = _home(options)
    home.mkdir(parents=True, exist_ok=True)
    print("Built." if frontend.build(home / "frontend.log") else "Nothing changed.")
    return 0


def _web(options: argparse.Namespace) -> int:
    from wa_app.embedded import web

    with _within(options):
        web.serve(options.host, options.port or get_settings().port)
    return 0


def _worker(options: argparse.Namespace) -> int:
    from wa_app.embedded import worker

    with _within(options):
        return worker.run(options.only)


def _scheduler(options: argparse.Namespace) -> int:
    with _within(options):
        _lazy("tasks.scheduler", "run")()
    return 0


def _sandbox(options: argparse.Namespace) -> int:
    _lazy("wa_app.sandbox.main", "run")(options.host, options.port)
    return 0


def _create_admin(options: argparse.Namespace) -> int:
    password = os.environ.get("SAPA_ADMIN_PASSWORD") or getpass.getpass("Password of the new admin: ")
    with _within(options, "postgres"):
        create = _lazy("wa_app.services.accounts", "create_admin")
        try:
            asyncio.run(create(email=options.email, password=password, name=options.name))
        except AppError as problem:
            raise LauncherError(_words(problem)) from problem
    print(f"{options.email} is a platform admin now.")
    return 0


def _doctor(options: argparse.Namespace) -> int:
    from wa_app.embedded import doctor

    return doctor.run(_home(options), as_json=options.json)


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    sys.exit(main())
