"""State of the import wizard: upload, match columns, check, import. Leaving and coming back loses nothing."""

from collections.abc import AsyncIterator
from typing import Any

import reflex as rx
from pydantic import ValidationError
from reflex.event import EventSpec

from state.base import AppState
from state.contact_form import parsed_id
from state.contacts import NO_JOB, OPEN, job_row
from wa_app import live
from wa_app.components.feedback import toast
from wa_app.errors import AppError, Invalid
from wa_app.kit.phones import display
from wa_app.kit.tables import slug
from wa_app.schemas.contacts import TAG_COLORS, AnalysisView, ImportRequest, PreviewView, SampleView
from wa_app.services import imports

UPLOAD, MATCH, CHECK, RUN = 1, 2, 3, 4
FIELDS = ("phone", "name", "city", "email", "tags", "ignore")
NO_COUNTS = dict.fromkeys(("rows", "new", "existing", "duplicates", "failed", "warnings"), 0)
ATTRIBUTES = ("text", "number", "date_dmy", "date_mdy", "date_ymd")


def choice_of(target: str) -> str:
    """What the select of a column shows for a mapping's field."""
    field, _, rest = target.partition(":")
    return field if field != "attribute" else rest.partition(":")[2] or "text"


def target_of(choice: str, column: str) -> str:
    """The mapping's field for what was chosen."""
    if choice in FIELDS:
        return choice
    key = slug(column) or "kolom"
    return f"attribute:{key}" if choice not in ATTRIBUTES or choice == "text" else f"attribute:{key}:{choice}"


def sample_row(sample: SampleView, index: int) -> dict[str, Any]:
    return {
        "row": sample.row,
        "name": sample.name or sample.raw_phone,
        "raw": sample.raw_phone,
        "phone": display(sample.phone) if sample.phone else "",
        "city": sample.city,
        "tags": [{"name": tag, "color": TAG_COLORS[len(tag) % len(TAG_COLORS)]} for tag in sample.tags],
        "code": sample.code,
        "color": TAG_COLORS[(index * 7 + 7) % len(TAG_COLORS)],
    }


class ImportsState(AppState):
    """The wizard. What was found and chosen stays here; the work itself is a job of the workers."""

    step: int = UPLOAD
    file_id: str = ""
    file_name: str = ""
    file_size: int = 0
    kind: str = ""
    sheet: str = ""
    sheets: list[str] = []
    encoding: str = ""
    delimiter: str = ""
    has_header: bool = True
    region: str = ""
    columns: list[dict[str, Any]] = []
    on_duplicate: str = "fill"
    consent: bool = False
    batch_tags: str = ""
    error: str = ""
    error_args: dict[str, str] = {}
    busy: bool = False
    counts: dict[str, int] = NO_COUNTS
    is_whole: bool = True
    new_tags: list[str] = []
    samples: list[dict[str, Any]] = []
    problems: list[dict[str, Any]] = []
    check: dict[str, Any] = NO_JOB
    job: dict[str, Any] = NO_JOB
    reading: int = 0
    recent: list[dict[str, Any]] = []
    asks_cancel: bool = False

    @rx.var
    def ready_count(self) -> int:
        return self.counts.get("new", 0) + (self.counts.get("existing", 0) if self.on_duplicate != "skip" else 0)

    @rx.var
    def can_check(self) -> bool:
        return bool(self.columns) and not self.error and not self.busy

    @rx.var
    def is_checked(self) -> bool:
        return self.check.get("status") == "done"

    @rx.var
    def is_running(self) -> bool:
        return self.job.get("status") in OPEN

    @rx.var
    def check_total(self) -> int:
        return int(self.check.get("created", 0)) + int(self.check.get("updated", 0))

    @rx.event
    async def load(self) -> None:
        """Find a running import again; else go on where this tab was."""
        asked = str(self.router.url.query_parameters.get("job", ""))
        async with self.unit_of_work() as uow:
            found = await imports.recent(uow, limit=5)
            if asked:
                self.job, self.step = job_row(await imports.get(uow, parsed_id(asked))), RUN
        self.recent = [job_row(job) for job in found]
        running = next((row for row in self.recent if row["status"] in OPEN), None)
        if not asked and running and self.step in (UPLOAD, RUN):
            self.job, self.step = running, RUN
        elif self.step == RUN and self.job.get("id"):
            await self._read_jobs()

    @rx.event(background=True)
    async def watch(self) -> None:
        """Follow the jobs of this wizard until the tab has gone."""
        tenant_id = (await self.principal()).tenant_id
        async for batch in live.changes(tenant_id, self.router.session.client_token):
            mine = [message for message in batch if message.get("kind") in ("import", "resync")]
            if not mine:
                continue
            async with self:
                self.reading = int(mine[-1].get("reading", 0) or 0)
                await self._read_jobs()

    @rx.event
    async def uploaded(self, file_id: str, name: str, size: int) -> AsyncIterator[Any]:
        """A file is there: find out what it is and go to the columns."""
        self._forget()
        self.file_id, self.file_name, self.file_size = str(parsed_id(file_id)), name[:200], int(size)
        self.busy = True
        yield None
        await self._analyse()
        if not self.error:
            self.step = MATCH
            await self._preview()
        self.busy = False

    @rx.event
    def start_over(self) -> EventSpec:
        self._forget()
        self.step, self.job = UPLOAD, NO_JOB
        return rx.call_script("history.replaceState(history.state, '', location.pathname)")

    @rx.event
    def go_to(self, step: int) -> None:
        """Back to a step that was done; a running import is not left that way."""
        if UPLOAD <= step < self.step < RUN:
            self.step = step

    @rx.event
    async def set_header(self) -> AsyncIterator[Any]:
        self.has_header = not self.has_header
        async for state in self._look_again():
            yield state

    @rx.event
    async def set_sheet(self, sheet: str) -> AsyncIterator[Any]:
        self.sheet = sheet
        async for state in self._look_again():
            yield state

    @rx.event
    async def set_encoding(self, encoding: str) -> AsyncIterator[Any]:
        self.encoding = encoding
        async for state in self._look_again():
            yield state

    @rx.event
    async def set_delimiter(self, delimiter: str) -> AsyncIterator[Any]:
        self.delimiter = delimiter
        async for state in self._look_again():
            yield state

    @rx.event
    async def set_target(self, index: int, choice: str) -> AsyncIterator[Any]:
        """A column goes somewhere else; a place that takes one column is taken from the other."""
        columns = [dict(column) for column in self.columns]
        for column in columns:
            if column["index"] == index:
                column["choice"] = choice
            elif column["choice"] == choice and choice in ("phone", "name", "city", "email"):
                column["choice"] = "ignore"
        self.columns = columns
        async for state in self._count_again():
            yield state

    @rx.event
    async def set_on_duplicate(self, choice: str) -> AsyncIterator[Any]:
        self.on_duplicate = choice if choice in ("fill", "update", "skip") else "skip"
        async for state in self._count_again():
            yield state

    @rx.event
    async def set_region(self, region: str) -> AsyncIterator[Any]:
        self.region = region.strip().upper()[:2]
        if len(self.region) != 1:
            async for state in self._count_again():
                yield state

    @rx.event
    def set_consent(self, agreed: bool) -> None:
        self.consent = agreed

    @rx.event
    def set_batch_tags(self, text: str) -> None:
        self.batch_tags = text[:500]

    @rx.event
    async def check_file(self) -> EventSpec | None:
        """Read every row without writing any: the exact consequences."""
        return await self._request(dry_run=True)

    @rx.event
    async def start(self) -> EventSpec | None:
        """The real import, in the background."""
        return await self._request(dry_run=False)

    @rx.event
    def set_asks_cancel(self, is_open: bool) -> None:
        self.asks_cancel = is_open

    @rx.event
    async def cancel(self) -> EventSpec | None:
        self.asks_cancel = False
        async with self.unit_of_work() as uow:
            self.job = job_row(await imports.cancel(uow, parsed_id(str(self.job.get("id", "")))))
        return toast("imports.cancelled")

    def _forget(self) -> None:
        self.file_id = self.file_name = self.error = self.sheet = self.encoding = self.delimiter = ""
        self.columns, self.samples, self.problems, self.counts = [], [], [], NO_COUNTS
        self.check, self.error_args, self.has_header, self.reading = NO_JOB, {}, True, 0

    def _asked(self, *, is_first: bool = False, dry_run: bool = False) -> ImportRequest:
        mapping = {column["name"]: target_of(column["choice"], column["name"]) for column in self.columns}
        labels = [label.strip() for label in self.batch_tags.split(",") if label.strip()]
        return ImportRequest(
            file_id=parsed_id(self.file_id),
            mapping={} if is_first else mapping,
            tags=labels[:20],
            on_duplicate=self.on_duplicate,
            region=self.region,
            consent=self.consent,
            dry_run=dry_run,
            sheet=self.sheet or None,
            encoding=self.encoding or None,
            delimiter=self.delimiter or None,
            has_header=None if is_first and not self.columns else self.has_header,
        )

    async def _look_again(self) -> AsyncIterator[None]:
        """After a correction of how the file is read."""
        self.busy = True
        yield None
        await self._analyse()
        if not self.error:
            await self._preview()
        self.busy = False

    async def _count_again(self) -> AsyncIterator[None]:
        """After a correction of where columns go."""
        self.busy = True
        yield None
        await self._preview()
        self.busy = False

    async def _analyse(self) -> None:
        try:
            async with self.unit_of_work() as uow:
                self._show_analysis(await imports.analyse(uow, self._asked(is_first=True)))
        except (AppError, ValidationError) as error:
            self._show_error(error)

    async def _preview(self) -> None:
        try:
            async with self.unit_of_work() as uow:
                self._show_preview(await imports.preview(uow, self._asked()))
        except (AppError, ValidationError) as error:
            self._show_error(error)

    def _show_analysis(self, found: AnalysisView) -> None:
        self.error, self.kind, self.sheet, self.sheets = "", found.kind, found.sheet, found.sheets
        self.encoding, self.delimiter, self.has_header = found.encoding, found.delimiter, found.has_header
        self.columns = [
            {
                "index": index,
                "name": column.name,
                "choice": choice_of(column.target),
                "examples": " · ".join(column.examples),
                "filled": column.filled,
                "read": 0,
            }
            for index, column in enumerate(found.columns)
        ]

    def _show_preview(self, found: PreviewView) -> None:
        self.error, self.is_whole, self.new_tags = "", found.is_whole, found.new_tags[:50]
        self.counts = found.model_dump(include={"rows", "new", "existing", "duplicates", "failed", "warnings"})
        self.columns = [{**column, "read": found.columns.get(column["name"], 0)} for column in self.columns]
        self.samples = [sample_row(sample, index) for index, sample in enumerate(found.samples)]
        self.problems = [sample_row(sample, index) for index, sample in enumerate(found.errors)]

    def _show_error(self, error: AppError | ValidationError) -> None:
        self.counts, self.samples, self.problems = NO_COUNTS, [], []
        if isinstance(error, ValidationError):
            self.error, self.error_args = "value_invalid", {}
            return
        field = error.fields[0] if isinstance(error, Invalid) and error.fields else None
        self.error = field.code if field else error.code
        self.error_args = {key: str(value) for key, value in (field.args if field else error.args_).items()}

    async def _request(self, *, dry_run: bool) -> EventSpec | None:
        try:
            async with self.unit_of_work() as uow:
                made = job_row(await imports.request(uow, self._asked(dry_run=dry_run)))
        except (AppError, ValidationError) as error:
            self._show_error(error)
            return None
        self.error, self.reading = "", 0
        if dry_run:
            self.check, self.step = made, CHECK
            return None
        self.job, self.step = made, RUN
        return rx.call_script(f"history.replaceState(history.state, '', location.pathname + '?job={made['id']}')")

    async def _read_jobs(self) -> None:
        async with self.unit_of_work() as uow:
            if self.step == CHECK and self.check.get("id"):
                self.check = job_row(await imports.get(uow, parsed_id(self.check["id"])))
            if self.step == RUN and self.job.get("id"):
                self.job = job_row(await imports.get(uow, parsed_id(self.job["id"])))
