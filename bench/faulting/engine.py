"""The processes that send and receive, each of which can be killed, paused and started again."""

import asyncio
import random
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import asyncpg
import psutil

from wa_app.config import ROOT
from wa_app.embedded import process, programs
from wa_app.embedded.process import Program
from wa_app.embedded.stack import Stack

CLOCK = Path(__file__).parent / "clock"
CONNECTIONS = 240
"""More processes than an installation has run at once here, and each fills its pools."""
ENGINE = ("worker", "worker-lanes", "worker-lanes.2", "worker-lanes.3", "scheduler")
"""`KIND` or `KIND.NUMBER`."""


class Engine:
    """A running engine around a stack whose servers and sandbox are up and migrated."""

    def __init__(self, stack: Stack, say: Callable[[str], None] = lambda _: None) -> None:
        self.stack = stack
        self.say = say
        self.api_port = process.free_port()
        stack.environment["SAPA_PORT"] = str(self.api_port)

    @property
    def api_url(self) -> str:
        return f"http://127.0.0.1:{self.api_port}"

    @property
    def waha_url(self) -> str:
        return self.stack.environment["WAHA_URL"]

    @property
    def superuser_url(self) -> str:
        server = self.stack.servers.postgres
        assert server is not None
        return server.address("postgres", server.superuser_password)

    def start(self, *names: str, shift_s: float = 0.0) -> None:
        """Start processes, with their clock `shift_s` ahead (or behind)."""
        for name in names:
            self.stack.spawn(self._program(name, shift_s))

    def _program(self, name: str, shift_s: float) -> Program:
        kind = name.partition(".")[0]
        made = programs.scheduler() if kind == "scheduler" else programs.worker(kind)
        env = dict(made.env)
        if shift_s:
            env |= {"SAPA_CLOCK_SHIFT_S": str(shift_s), "PYTHONPATH": f"{CLOCK}:{ROOT}"}
        return replace(made, name=name, env=env)

    def start_api(self) -> None:
        """The API alone, one process, for the sandbox's webhooks and for uploads."""
        command = ("-m", "uvicorn", "--factory", "bench.serving.api:create", "--port", str(self.api_port))
        options = ("--log-level", "warning", "--no-access-log")
        self.stack.spawn(Program("api", (sys.executable, *command, *options), cwd=ROOT))
        self.stack.wait("api", lambda: process.port_answers(self.api_port), 90)

    def pids(self, name: str) -> set[int]:
        """The process of that name and its children."""
        if name not in self.stack.running:
            return set()
        pid = self.stack.running[name][1].pid
        with suppress(psutil.NoSuchProcess):
            return {pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))}
        return set()

    def running(self) -> list[str]:
        """Names of our workers and schedulers that run."""
        return [name for name in self.stack.running if name.partition(".")[0] in (*programs.WORKERS, "scheduler")]

    def kill(self, name: str) -> None:
        """`kill -9`, of the whole process group."""
        self.stack.kill(name)

    def stop_workers(self) -> None:
        """End every worker and scheduler, for the next scenario to start its own."""
        for name in self.running():
            self.stack.stop_one(name)

    async def restart_postgres(self, *, crash: bool) -> None:
        """Stop the database (fast, or by `kill -9`), stay away for a moment, start it again."""
        server = self.stack.servers.postgres
        assert server is not None
        if crash:
            self.stack.kill("postgres")
        else:
            await asyncio.to_thread(self.stack.stop_one, "postgres")
        await asyncio.sleep(random.uniform(0.2, 1.5))
        self.stack.spawn(server.program())
        await asyncio.to_thread(self.stack.wait, "postgres", server.answers, 60, "PostgreSQL did not come back")

    async def restart_redis(self, *, flush: bool) -> None:
        """Empty the queue, or lose its server with everything that waited in it."""
        server = next(one for one in self.stack.servers.embedded if one.program().name == "redis-queue")
        if flush:
            await asyncio.to_thread(_flush, server.url)
            return
        self.stack.kill("redis-queue")
        for path in (self.stack.home / "redis-queue").rglob("*aof*"):
            if path.is_file():
                path.unlink()
        await asyncio.sleep(random.uniform(0.2, 1.5))
        self.stack.spawn(server.program())
        await asyncio.to_thread(self.stack.wait, "redis-queue", server.answers, 60, "Redis did not come back")


def _flush(url: str) -> None:
    import redis

    with redis.Redis.from_url(url) as client:
        client.flushall()


WATCH = """
CREATE TABLE IF NOT EXISTS public.fault_watch (message_id uuid, was text, now text, at timestamptz DEFAULT clock_timestamp());
GRANT SELECT ON public.fault_watch TO PUBLIC;
CREATE OR REPLACE FUNCTION public.fault_watch() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN INSERT INTO public.fault_watch (message_id, was, now) VALUES (NEW.id, OLD.state, NEW.state); RETURN NULL; END $$;
CREATE OR REPLACE TRIGGER fault_watch AFTER UPDATE OF state ON public.outbound_messages FOR EACH ROW
  WHEN (NEW.state IS DISTINCT FROM OLD.state AND (NEW.state = 'unknown' OR (OLD.state = 'sending' AND NEW.state = 'planned')))
  EXECUTE FUNCTION public.fault_watch();
"""


async def watch_ledger(superuser_url: str) -> None:
    """Have the database itself note each row that becomes unknown: polling would miss those that are settled at once."""
    connection = await asyncpg.connect(superuser_url)
    try:
        await connection.execute(WATCH)
    finally:
        await connection.close()
