"""Long work that is asked for from the list: files of the conversations on show, and deleting several."""

import asyncio
from datetime import datetime
from typing import Any, Final

import reflex as rx

from state.base import AppState
from state.campaigns import id_of
from state.inbox.listing import chosen, filters_of
from state.inbox.rows import iso
from wa_app import live
from wa_app.components.feedback import error_toast
from wa_app.db import TenantUnitOfWork
from wa_app.errors import AppError
from wa_app.schemas.chat_jobs import ChatJobView, ChatsDelete
from wa_app.services import chat_jobs

TICK_S: Final = 5.0
"""How long news of a job may be lost before the job is looked at all the same."""
QUIET_S: Final = 0.3
"""Work in many small steps is told a few times in a second, not at each step."""
MOST: Final = 200
"""Conversations that are deleted at once from the list, as many as can be selected there."""
OPEN: Final = ("queued", "running")
ABOUT: Final = ("chat_job", "resync")


class JobsState(AppState):
    """What is being done, and what has been."""

    jobs: list[dict[str, Any]] = []
    own: list[str] = []
    """What this tab asked for and has not put away: it stays in sight above the list."""
    may_export: bool = False
    may_delete: bool = False
    matching: dict[str, Any] = {}
    """What deleting all on show would be about: `{of, n, until}`, `of` the folder and filters that were asked about."""
    _watch: int = 0

    @rx.event
    async def load(self) -> Any:
        """What the role may do, and how far everything is; links to files are fresh ones."""
        await self._read(fresh=True)
        return type(self).follow if self._is_working() else None

    @rx.event
    async def export(self, kind: str, view: str, device: str, team: str, tag: str, who: str) -> Any:
        """Have the conversations of a folder and its filters written to a file."""
        asked = _asked(view, device, team, tag, who)
        try:
            async with self.unit_of_work() as uow:
                await self._began(uow, await chat_jobs.request_export(uow, "json" if kind == "json" else "csv", filters=filters_of(*asked)))
        except AppError as error:
            return error_toast(error.code, **error.args_)
        return type(self).follow

    @rx.event
    async def delete(self, ids: list[str]) -> Any:
        """Have these conversations deleted; the page has asked the person before."""
        wanted = [str(one) for one in ([ids] if isinstance(ids, str) else list(ids))[:MOST]]
        if not wanted:
            return None
        try:
            async with self.unit_of_work() as uow:
                await self._began(uow, await chat_jobs.request_delete(uow, ChatsDelete(chat_ids=[id_of(one) for one in wanted])))
        except AppError as error:
            return error_toast(error.code, **error.args_)
        return type(self).follow

    @rx.event
    async def count(self, view: str, device: str, team: str, tag: str, who: str) -> Any:
        """How many conversations a folder and its filters have, for the question before all of them go."""
        self.matching = {}
        asked = _asked(view, device, team, tag, who)
        try:
            async with self.unit_of_work() as uow:
                found = await chat_jobs.matching(uow, filters_of(*asked))
        except AppError as error:
            return error_toast(error.code, **error.args_)
        self.matching = {"of": [view, device, team, tag, who], "n": found.n, "until": iso(found.until)}
        return None

    @rx.event
    async def delete_all(self, view: str, device: str, team: str, tag: str, who: str, until: str) -> Any:
        """Have deleted what was counted: all of a folder and its filters in which nothing was said since."""
        asked = _asked(view, device, team, tag, who)
        try:
            wanted = ChatsDelete(filters=filters_of(*asked), until=datetime.fromisoformat(str(until)))
        except ValueError:
            return error_toast("not_found")
        try:
            async with self.unit_of_work() as uow:
                await self._began(uow, await chat_jobs.request_delete(uow, wanted))
        except AppError as error:
            return error_toast(error.code, **error.args_)
        self.matching = {}
        return type(self).follow

    @rx.event
    async def cancel(self, job_id: str) -> Any:
        """Stop a job at its next step."""
        try:
            async with self.unit_of_work() as uow:
                await chat_jobs.cancel(uow, id_of(str(job_id)))
        except AppError as error:
            return error_toast(error.code, **error.args_)
        finally:
            await self._read()
        return None

    @rx.event
    async def again(self, job_id: str) -> Any:
        """The same work once more, in the place of what failed."""
        try:
            async with self.unit_of_work() as uow:
                await self._began(uow, await chat_jobs.again(uow, id_of(str(job_id))))
        except AppError as error:
            return error_toast(error.code, **error.args_)
        self.own = [one for one in self.own if one != str(job_id)]
        return type(self).follow

    @rx.event
    async def put_away(self, job_id: str) -> None:
        """Out of sight; the file stays in the list of files."""
        await self.principal()
        self.own = [one for one in self.own if one != str(job_id)]

    @rx.event(background=True)
    async def follow(self) -> None:
        """Tell how far the work is until all of it is over, or the tab has gone or shows another page."""
        principal = await self.principal()
        async with self:
            self._watch += 1
            mine = self._watch
        async with live.watch(principal.tenant_id) as inbox:
            while live.tab_is_open(self.router.session.client_token):
                async with self:
                    if self._watch != mine or not self.router.url.path.startswith("/inbox"):
                        return
                    # Asked anew each time: who lost the right to look sees nothing more.
                    await self._read()
                    if not self._is_working():
                        return
                await asyncio.sleep(QUIET_S)
                batch = await inbox.wait(TICK_S)
                while batch and not any(one["kind"] in ABOUT for one in batch):
                    batch = await inbox.wait(TICK_S)

    async def _began(self, uow: TenantUnitOfWork, job: ChatJobView) -> None:
        """New work takes the place of what is over; what failed stays in sight until somebody puts it away."""
        stays = {one["id"] for one in self.jobs if one["status"] in (*OPEN, "failed")} - {str(job.id)}
        self.own = [*(one for one in self.own if one in stays), str(job.id)]
        self.jobs = [_row(one) for one in await chat_jobs.recent(uow)]

    async def _read(self, *, fresh: bool = False) -> None:
        async with self.unit_of_work() as uow:
            may = uow.principal.may
            self.may_export, self.may_delete = may("contacts.export"), may("contacts.delete")
            found = await chat_jobs.recent(uow) if self.may_export or self.may_delete else []
        known = {} if fresh else {one["id"]: one["url"] for one in self.jobs}
        rows = [_row(one, known.get(str(one.id), "")) for one in found]
        if rows != self.jobs:
            self.jobs = rows

    def _is_working(self) -> bool:
        return any(one["status"] in OPEN for one in self.jobs)


def _asked(view: str, device: str, team: str, tag: str, who: str) -> tuple[str, dict[str, str]]:
    """The folder and the filters that a browser names."""
    return chosen(str(view), {"device": str(device), "team": str(team), "tag": str(tag), "who": str(who)})


def _row(job: ChatJobView, known: str = "") -> dict[str, Any]:
    """A link that the page has already stays as it is: a fresh one each time would send the whole list anew."""
    return {
        "id": str(job.id), "kind": job.kind.value, "status": job.status.value, "done": job.processed, "total": job.total or 0,
        "at": iso(job.created_at), "error": job.error_code or "", "url": (job.url and known) or job.url or "", "size": job.size or 0,
        "name": job.file_name or "",
    }  # fmt: skip
