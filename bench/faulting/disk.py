"""(h) The disk is full while files are uploaded and a campaign runs.

As root the files get a file system of a few megabytes; in any case the API's process gets a limit on what it
may write into a file (`RLIMIT_FSIZE`), which fails at the same place and can be lifted while it runs.
"""

import asyncio
import contextlib
import os
import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx

from bench.faulting.engine import Engine
from bench.faulting.judging import Run, Unsettled, Verdict
from bench.faulting.scenarios import Size, open_world

MEGABYTE: Final = 1024 * 1024
DISK: Final = 4 * MEGABYTE
LIMIT: Final = MEGABYTE // 2


async def disk(engine: Engine, size: Size) -> Verdict:
    """Uploads to a full disk are refused whole, leave nothing, and everything else goes on."""
    world = await open_world(engine, 2)
    key = await world.api_key_of_owner()
    engine.start("worker", "worker-lanes", "scheduler")
    run = Run(world, "disk", min(size.recipients, 400))
    await run.begin()
    folder = engine.stack.home / "files"
    headers = {"X-Api-Key": key}
    async with httpx.AsyncClient(base_url=engine.api_url, headers=headers, timeout=60) as http:
        uploads = Uploads(http, run, folder)
        with small_disk(folder) as is_small:
            if is_small:
                await uploads.against_the_end(DISK, MEGABYTE)
        await asyncio.to_thread(_fill_log, engine)
        with limited(engine.pids("api"), LIMIT):
            await uploads.against_the_end(2 * LIMIT, LIMIT // 2)
        await uploads.fits(2 * LIMIT)
    run.verdict.extra = {"refused": uploads.refused, "kept": uploads.kept, "real_disk": int(is_small)}
    try:
        return await run.finish(size.settle_s)
    finally:
        engine.stop_workers()


def _fill_log(engine: Engine) -> None:
    """The log is full as well: no line of the API can be written any more."""
    with engine.stack.log("api").open("ab") as log:
        log.write(b"\n" * LIMIT)


class Uploads:
    """Files sent to the API, and what they left behind."""

    def __init__(self, http: httpx.AsyncClient, run: Run, folder: Path) -> None:
        self.http, self.run, self.folder = http, run, folder
        self.refused = self.kept = 0

    async def against_the_end(self, too_much: int, piece: int) -> None:
        """One file that cannot fit; then many at once of which some may."""
        await self.fits(1000)
        before = await self._left()
        await self._refused(await self._put(too_much))
        await self._same(before)
        answers = await asyncio.gather(*(self._put(piece + number) for number in range(8)), self._put(too_much))
        good = [answer for answer in answers if answer.status_code == 201]
        for answer in answers:
            if answer.status_code != 201:
                await self._refused(answer)
        self.kept += len(good)
        await self._same((before[0] + len(good), before[1] + len(good)))
        for answer in good:
            await self._whole(answer.json())
            (await self.http.delete(f"/api/v1/files/{answer.json()['id']}")).raise_for_status()

    async def fits(self, size: int) -> None:
        """A file for which there is room is taken."""
        answer = await self._put(size)
        if answer.status_code != 201:
            raise Unsettled(f"an upload with room for it: {answer.status_code} {answer.text[:200]}")
        self.kept += 1
        await self._whole(answer.json())

    async def _put(self, size: int) -> httpx.Response:
        return await self.http.post("/api/v1/files", content=os.urandom(size), headers={"X-File-Name": "data.bin"})

    async def _refused(self, answer: httpx.Response) -> None:
        self.refused += 1
        if (answer.status_code, answer.json().get("code")) != (507, "storage_full"):
            raise Unsettled(f"an upload to a full disk: {answer.status_code} {answer.text[:200]}")

    async def _whole(self, view: dict[str, Any]) -> None:
        got = await self.http.get(view["url"])
        if got.status_code != 200 or len(got.content) != view["size"]:
            raise Unsettled(f"a file that was taken comes back as {got.status_code} with {len(got.content)} bytes")

    async def _left(self) -> tuple[int, int]:
        """Files on the disk, whole or not, and rows."""
        files = await asyncio.to_thread(lambda: sum(path.is_file() for path in self.folder.rglob("*")))
        query = "SELECT count(*)::int AS n FROM files WHERE tenant_id = $1 AND deleted_at IS NULL"
        return files, (await self.run.world.fetch(query, self.run.world.tenant_id))[0]["n"]

    async def _same(self, wanted: tuple[int, int]) -> None:
        if (found := await self._left()) != wanted:
            raise Unsettled(f"files and rows: {found}, not {wanted}")


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[bool]:
    """A file system of `DISK` bytes at this place; says False where we may not mount one."""
    folder.mkdir(parents=True, exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "none", str(folder)]
    done = os.geteuid() == 0 and subprocess.run(mount, check=False, capture_output=True).returncode == 0
    try:
        yield done
    finally:
        if done:
            subprocess.run(["umount", "-l", str(folder)], check=True)


@contextlib.contextmanager
def limited(pids: set[int], limit: int) -> Iterator[None]:
    """These processes may not write beyond `limit` bytes into a file."""
    before = {pid: resource.prlimit(pid, resource.RLIMIT_FSIZE) for pid in pids}
    for pid, (_, hard) in before.items():
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (limit, hard))
    try:
        yield
    finally:
        for pid, limits in before.items():
            resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)
