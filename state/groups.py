"""State of the group grabber: choose a device, choose groups, mark the people, watch the job."""

from typing import Any

import reflex as rx
from reflex.event import EventSpec

from state.base import AppState
from state.contact_form import parsed_id
from state.contacts.rows import OPEN
from wa_app import live
from wa_app.components.feedback import toast
from wa_app.db import TenantUnitOfWork
from wa_app.errors import AppError, Invalid
from wa_app.kit.phones import display
from wa_app.schemas.groups import MAX_GROUPS, GrabRequest, GrabView
from wa_app.services import devices, groups

PICK, MARK, RUN = 1, 2, 3
NO_GRAB: dict[str, Any] = {
    **dict.fromkeys(("id", "status", "name", "waiting", "due_at", "error", "created_at"), ""),
    **dict.fromkeys(("more", "groups", "groups_done", "total", "processed", "created", "known", "hidden", "skipped"), 0),
}


def grab_row(grab: GrabView) -> dict[str, Any]:
    """What pages show of a job; it is called by its groups."""
    names = [group.name or group.id for group in grab.groups]
    return {
        "id": str(grab.id),
        "status": grab.status.value,
        "name": ", ".join(names[:3])[:120],
        "more": max(0, len(names) - 3),
        "groups": len(names),
        "groups_done": grab.groups_done,
        "total": grab.total,
        "processed": grab.processed,
        "created": grab.created,
        "known": grab.known,
        "hidden": grab.without_phone,
        "skipped": grab.skipped,
        "waiting": grab.waiting_code or "",
        "due_at": grab.due_at.isoformat() if grab.due_at else "",
        "error": grab.error_code or "",
        "created_at": grab.created_at.isoformat(),
    }


class GroupsState(AppState):
    """The wizard. The list of groups and the work belong to the workers; leaving loses nothing."""

    ready: bool = False
    step: int = PICK
    devices: list[dict[str, str]] = []
    device_id: str = ""
    list_status: str = ""
    list_error: str = ""
    fetched_at: str = ""
    q: str = ""
    rows: list[dict[str, Any]] = []
    found: int = 0
    picked: dict[str, str] = {}
    """Id → name of the groups chosen, also of those the search hides now."""
    tags: str = ""
    tag_by_group: bool = True
    skip_admins: bool = False
    agreed: bool = False
    error: str = ""
    job: dict[str, Any] = NO_GRAB
    recent: list[dict[str, Any]] = []
    asks_cancel: bool = False

    @rx.var
    def picked_count(self) -> int:
        return len(self.picked)

    @rx.var
    def picked_ids(self) -> list[str]:
        return list(self.picked)

    @rx.var
    def picked_names(self) -> list[str]:
        return list(self.picked.values())

    @rx.var
    def is_loading(self) -> bool:
        return self.list_status == "loading"

    @rx.var
    def is_running(self) -> bool:
        return self.job.get("status") in OPEN

    @rx.var
    def is_listing(self) -> bool:
        """The groups are still being read, so that the number of people grows."""
        return self.job.get("status") in OPEN and self.job.get("groups_done", 0) < self.job.get("groups", 0)

    @rx.event
    async def load(self) -> None:
        """Find a running job again; else go on where this tab was."""
        asked = str(self.router.url.query_parameters.get("job", ""))
        async with self.unit_of_work() as uow:
            found = await devices.list_devices(uow)
            jobs = await groups.recent(uow, limit=5)
            if asked:
                self.job, self.step = grab_row(await groups.get(uow, parsed_id(asked))), RUN
        self.devices = [
            {"id": str(one.id), "label": " · ".join(filter(None, (one.name, display(one.phone or "")))),
             "status": one.status}
            for one in found
        ]
        self.recent = [grab_row(job) for job in jobs]
        running = next((row for row in self.recent if row["status"] in OPEN), None)
        if not asked and running and self.step in (PICK, RUN):
            self.job, self.step = running, RUN
        connected = [one["id"] for one in self.devices if one["status"] == "CONNECTED"]
        if not self.device_id and connected:
            self.device_id = connected[0]
        self.ready = True
        if self.device_id and self.step != RUN:
            await self._read_list()

    @rx.event(background=True)
    async def watch(self) -> None:
        """Follow the list and the job until the tab has gone."""
        tenant_id = (await self.principal()).tenant_id
        async for batch in live.changes(tenant_id, self.router.session.client_token):
            kinds = {message.get("kind") for message in batch}
            if not kinds & {"groups", "grab", "resync"}:
                continue
            async with self:
                if kinds & {"groups", "resync"} and self.step == PICK and self.device_id:
                    await self._read_list()
                if kinds & {"grab", "resync"} and self.job["id"]:
                    async with self.unit_of_work() as uow:
                        await self._read_job(uow)

    @rx.event
    async def pick_device(self, device_id: str) -> None:
        """Another device: its groups are other groups."""
        await self.principal()
        if device_id not in {one["id"] for one in self.devices}:
            return
        self.device_id, self.picked, self.q, self.rows, self.found = device_id, {}, "", [], 0
        await self._read_list()

    @rx.event
    async def refresh(self) -> None:
        """Ask WhatsApp for the groups again."""
        if self.device_id:
            await self._read_list(refresh=True)

    @rx.event
    async def search(self, text: str) -> None:
        self.q = text[:200]
        if self.device_id:
            await self._read_list()

    @rx.event
    async def toggle(self, group_id: str) -> None:
        """Choose a group, or drop it."""
        await self.principal()
        rest = {key: name for key, name in self.picked.items() if key != group_id}
        if len(rest) == len(self.picked) and len(rest) < MAX_GROUPS:
            row = next((row for row in self.rows if row["id"] == group_id), None)
            rest |= {group_id: row["name"]} if row else {}
        self.picked = rest

    @rx.event
    async def toggle_all(self) -> None:
        """Choose all groups shown, or drop them."""
        await self.principal()
        shown = {row["id"]: row["name"] for row in self.rows}
        if shown.keys() <= self.picked.keys():
            self.picked = {key: name for key, name in self.picked.items() if key not in shown}
        else:
            self.picked = dict(list({**self.picked, **shown}.items())[:MAX_GROUPS])

    @rx.event
    async def go_to(self, step: int) -> None:
        """Between choosing and marking; a running job is not left that way."""
        await self.principal()
        if self.step != RUN and step in (PICK, MARK) and (step == PICK or self.picked):
            self.step, self.error = step, ""

    @rx.event
    async def set_tags(self, text: str) -> None:
        await self.principal()
        self.tags = text[:500]

    @rx.event
    async def flip_tag_by_group(self) -> None:
        await self.principal()
        self.tag_by_group = not self.tag_by_group

    @rx.event
    async def flip_skip_admins(self) -> None:
        await self.principal()
        self.skip_admins = not self.skip_admins

    @rx.event
    async def set_agreed(self, agreed: bool) -> None:
        await self.principal()
        self.agreed = agreed

    @rx.event
    async def start(self) -> EventSpec | None:
        """Queue the job."""
        labels = [label.strip()[:50] for label in self.tags.split(",") if label.strip()]
        if not self.picked or not self.device_id or not self.agreed:
            return None
        data = GrabRequest(
            device_id=parsed_id(self.device_id), group_ids=list(self.picked), tags=labels[:20],
            tag_by_group=self.tag_by_group, skip_admins=self.skip_admins,
        )  # fmt: skip
        try:
            async with self.unit_of_work() as uow:
                made = grab_row(await groups.request(uow, data))
        except AppError as error:
            self.error = error.fields[0].code if isinstance(error, Invalid) and error.fields else error.code
            return None
        self.job, self.step, self.error = made, RUN, ""
        return rx.call_script(f"history.replaceState(history.state, '', location.pathname + '?job={made['id']}')")

    @rx.event
    async def start_over(self) -> EventSpec:
        await self.principal()
        self.step, self.job, self.picked, self.agreed, self.tags = PICK, NO_GRAB, {}, False, ""
        if self.device_id:
            await self._read_list()
        return rx.call_script("history.replaceState(history.state, '', location.pathname)")

    @rx.event
    async def set_asks_cancel(self, is_open: bool) -> None:
        await self.principal()
        self.asks_cancel = is_open

    @rx.event
    async def cancel(self) -> EventSpec | None:
        self.asks_cancel = False
        async with self.unit_of_work() as uow:
            self.job = grab_row(await groups.cancel(uow, parsed_id(str(self.job.get("id", "")))))
        return toast("groups.cancelled")

    @rx.event
    async def resume(self) -> None:
        """Go on with a job that stopped."""
        async with self.unit_of_work() as uow:
            self.job = grab_row(await groups.resume(uow, parsed_id(str(self.job.get("id", "")))))

    async def _read_list(self, *, refresh: bool = False) -> None:
        try:
            async with self.unit_of_work() as uow:
                found = await groups.list_(uow, parsed_id(self.device_id), q=self.q, refresh=refresh)
        except AppError as error:
            self.list_status, self.list_error, self.rows, self.found = "failed", error.code, [], 0
            return
        self.list_status = found.status.value
        self.list_error = f"groups_{found.error_code}" if found.error_code else ""
        self.fetched_at = found.fetched_at.isoformat() if found.fetched_at else ""
        self.found = found.total
        self.rows = [{"id": one.id, "name": one.name or one.id, "size": one.size or 0} for one in found.items]

    async def _read_job(self, uow: TenantUnitOfWork) -> None:
        self.job = grab_row(await groups.get(uow, parsed_id(self.job["id"])))
