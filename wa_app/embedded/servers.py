"""Which servers are embedded: those whose address is not given from outside."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from wa_app.config import Settings
from wa_app.embedded import chroma, postgres, programs, redis, roles
from wa_app.embedded.process import Program, free_port, port_is_free
from wa_app.embedded.secrets import Secrets


class Server(Protocol):
    """What the launcher needs of an embedded server."""

    @property
    def url(self) -> str: ...

    def program(self) -> Program: ...

    def answers(self) -> bool: ...

    def failure(self, log: Path) -> str: ...


@dataclass
class Servers:
    """The embedded servers of one data folder and the environment our processes run in."""

    embedded: list[Server] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def postgres(self) -> postgres.Postgres | None:
        return next((one for one in self.embedded if isinstance(one, postgres.Postgres)), None)


def choose(
    home: Path, settings: Settings, *, durable: bool = True,
    wanted: tuple[str, ...] = ("postgres", "redis", "chroma"), max_connections: int = 0,
) -> Servers:  # fmt: skip
    """Prepare (not start) what `settings` does not name; fills the whole environment in.

    `wanted` leaves servers out for commands that need only some; `max_connections` is for those that start
    more processes than an installation has. Raises LauncherError on a damaged folder.
    """
    home.mkdir(parents=True, exist_ok=True)
    secrets, ports, chosen = Secrets(home), Ports(home), Servers()
    secret_key = settings.secret_key or secrets.get("SAPA_SECRET_KEY")
    chosen.environment |= {"SAPA_DATA": str(home), "SAPA_SECRET_KEY": secret_key, "SAPA_ENV": settings.env}
    if "postgres" in wanted:
        connections = max_connections or programs.max_connections()
        _database(chosen, home, settings, secrets, ports, durable, connections)
    if "redis" in wanted:
        _redis(chosen, home, settings, secrets, ports)
    if "chroma" in wanted:
        _chroma(chosen, home, settings, ports)
    ports.save()
    return chosen


class Ports:
    """Ports picked once per data folder and kept while they are free, so addresses stay the same."""

    def __init__(self, home: Path) -> None:
        self.path = home / "ports.json"
        self._ports: dict[str, int] = json.loads(self.path.read_text()) if self.path.exists() else {}

    def get(self, name: str) -> int:
        port = self._ports.get(name, 0)
        if not port or not port_is_free(port):
            port = free_port()
        self._ports[name] = port
        return port

    def save(self) -> None:
        self.path.write_text(json.dumps(self._ports))


def _database(
    chosen: Servers, home: Path, settings: Settings, secrets: Secrets, ports: Ports, durable: bool, connections: int
) -> None:
    url = settings.database_url
    if not url:
        server = postgres.prepare(
            home,
            ports.get("postgres"),
            secrets.get("POSTGRES_SUPERUSER_PASSWORD", 32),
            secrets.get("POSTGRES_OWNER_PASSWORD", 32),
            max_connections=connections,
            durable=durable,
        )
        chosen.embedded.append(server)
        url = server.url
    key = chosen.environment["SAPA_SECRET_KEY"]
    chosen.environment |= {
        "DATABASE_URL": url,
        "DATABASE_APP_URL": settings.database_app_url or roles.url_of(roles.APP, url, key),
        "DATABASE_SYSTEM_URL": settings.database_system_url or roles.url_of(roles.SYSTEM, url, key),
    }


def _redis(chosen: Servers, home: Path, settings: Settings, secrets: Secrets, ports: Ports) -> None:
    queue, state = settings.redis_url, settings.redis_state_url or settings.redis_url
    if not queue or not state:
        binary, password = redis.find_binary(), secrets.get("REDIS_PASSWORD", 32)
    if not queue:
        server = redis.Redis("queue", home / "redis-queue", ports.get("redis-queue"), password, binary)
        chosen.embedded.append(server)
        queue = server.url
    if not state:
        server = redis.Redis("state", home / "redis-state", ports.get("redis-state"), password, binary)
        chosen.embedded.append(server)
        state = server.url
    chosen.environment |= {"REDIS_URL": queue, "REDIS_STATE_URL": state, "REFLEX_REDIS_URL": state}


def _chroma(chosen: Servers, home: Path, settings: Settings, ports: Ports) -> None:
    url = settings.chroma_url
    if not url:
        server = chroma.Chroma(home / "chroma", ports.get("chroma"))
        chosen.embedded.append(server)
        url = server.url
    chosen.environment["CHROMA_URL"] = url
