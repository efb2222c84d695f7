"""State of the page of knowledge: documents, questions, websites, what was read of one, and a box to ask."""

import csv
from typing import Any, Final

import reflex as rx
from pydantic import ValidationError
from reflex.event import EventSpec

from state.base import AppState
from state.campaigns import id_of
from wa_app import live
from wa_app.components.feedback import toast
from wa_app.errors import AppError, FieldError, Invalid
from wa_app.models.knowledge import DocumentKind, DocumentStatus
from wa_app.schemas.knowledge import (
    MAX_PAIRS,
    DocumentView,
    PageView,
    PairInput,
    PassageView,
    PreviewView,
    SearchRequest,
)
from wa_app.services import knowledge

PAGE: Final = 50
TABS: Final = {"file": DocumentKind.FILE, "pair": DocumentKind.PAIR, "page": DocumentKind.PAGE}
WORKING: Final = tuple(one for one in DocumentStatus if one not in (DocumentStatus.READY, DocumentStatus.FAILED))
STATES: Final = {"ready": (DocumentStatus.READY,), "failed": (DocumentStatus.FAILED,), "working": WORKING}
NO_COUNTS: Final = {"ready": 0, "working": 0, "failed": 0, "pairs": 0, "passages": 0}


def row_of(view: DocumentView) -> dict[str, Any]:
    """One line of the list."""
    return {
        "id": str(view.id), "kind": view.kind, "name": view.name, "status": view.status, "done": view.progress.done,
        "total": view.progress.total, "chunks": view.chunks, "error": view.error or "",
        "error_args": {key: str(value) for key, value in view.error_args.items()}, "size": view.size,
        "pages": view.pages, "ocr_pages": view.ocr_pages, "url": view.url or "", "answer": (view.answer or "")[:300],
        "added": view.created_at.isoformat(), "working": DocumentStatus(view.status) in WORKING,
    }  # fmt: skip


def pairs_of(text: str) -> list[PairInput]:
    """Questions and answers out of pasted lines: two columns by tab, `;`, `|` or comma, as sheets copy them.

    Raises Invalid on `bulk` with the number of the first line that has no answer.
    """
    lines = [line for line in text.replace("\r", "").split("\n") if line.strip()]
    sign = next((one for one in ("\t", ";", "|", ",") if lines and all(one in line for line in lines)), "\t")
    found = []
    for number, cells in enumerate(csv.reader(lines, delimiter=sign), 1):
        question, answer = cells[0].strip() if cells else "", sign.join(cells[1:]).strip()
        if not question or not answer:
            raise Invalid(FieldError("bulk", "knowledge_line_without_answer", {"line": number}))
        try:
            found.append(PairInput(question=question, answer=answer))
        except ValidationError:
            raise Invalid(FieldError("bulk", "knowledge_line_too_long", {"line": number})) from None
    if not found:
        raise Invalid(FieldError("bulk", "value_missing"))
    if len(found) > MAX_PAIRS:
        raise Invalid(FieldError("bulk", "knowledge_too_many_lines", {"limit": MAX_PAIRS}))
    return found


class KnowledgeState(AppState):
    """What agents answer from."""

    ready: bool = False
    tab: str = "file"
    rows: list[dict[str, Any]] = []
    total: int = 0
    query: str = ""
    state: str = ""
    counts: dict[str, int] = NO_COUNTS
    vectors_wait: bool = False
    first: int = 0
    next_id: str = ""
    _before: list[str] = []

    editing: bool = False
    pasting: bool = False
    pair_id: str = ""
    question: str = ""
    answer: str = ""
    errors: dict[str, str] = {}
    error_args: dict[str, str] = {}

    opened: bool = False
    shown: dict[str, Any] = {}
    pages: list[dict[str, Any]] = []
    chunks: list[dict[str, Any]] = []
    view: str = "text"
    next_page: int = 0

    asked: str = ""
    asking: bool = False
    found: list[dict[str, Any]] = []
    corrected: str = ""
    by_meaning: bool = True
    has_asked: bool = False

    @rx.var
    def last(self) -> int:
        return self.first + len(self.rows)

    @rx.event
    async def load(self) -> None:
        """The first page of files; what was open last time is closed."""
        self.query = self.state = ""
        self.editing = self.pasting = self.opened = False
        await self._from_start()

    @rx.event(background=True)
    async def watch(self) -> None:
        """Follow the stages of documents until the tab has gone."""
        tenant_id = (await self.principal()).tenant_id
        async for batch in live.changes(tenant_id, self.router.session.client_token):
            if any(message.get("kind") in ("knowledge", "resync") for message in batch):
                async with self:
                    await self._read()

    @rx.event
    async def show_tab(self, tab: str) -> None:
        """Files, questions or websites."""
        self.tab, self.query, self.state = tab if tab in TABS else "file", "", ""
        await self._from_start()

    @rx.event
    async def search(self, query: str) -> None:
        """Narrow to names and answers that hold the words."""
        self.query = query[:100]
        await self._from_start()

    @rx.event
    async def filter_state(self, state: str) -> None:
        """Show one state, or all for an empty one."""
        self.state = state if state in STATES else ""
        await self._from_start()

    @rx.event
    async def clear(self) -> None:
        """Show all again."""
        self.query = self.state = ""
        await self._from_start()

    @rx.event
    async def next_rows(self) -> None:
        """Older ones."""
        if self.next_id:
            self._before = [*self._before, self.next_id]
            self.first += PAGE
        await self._read()

    @rx.event
    async def previous_rows(self) -> None:
        """Newer ones."""
        self._before = self._before[:-1]
        self.first = PAGE * len(self._before)
        await self._read()

    @rx.event
    async def added(self, document_id: str) -> None:
        """A file came in: its line shows how far it is."""
        await self.principal()
        id_of(document_id)
        await self._from_start()

    @rx.event
    async def begin_pair(self) -> None:
        """An empty question."""
        await self.principal()
        self.pair_id = self.question = self.answer = ""
        self.errors, self.error_args, self.editing = {}, {}, True

    @rx.event
    async def close_pair(self, is_open: bool) -> None:
        """Leave the form."""
        await self.principal()
        self.editing = is_open

    @rx.event
    async def save_pair(self, form: dict[str, Any]) -> EventSpec | None:
        """Keep a question with its answer."""
        self.errors = {name: "value_missing" for name in ("question", "answer") if not str(form.get(name, "")).strip()}
        if self.errors:
            await self.principal()
            return None
        pair = PairInput(question=str(form["question"])[:500], answer=str(form["answer"])[:4000])
        async with self.unit_of_work() as uow:
            if self.pair_id:
                await knowledge.update_pair(uow, id_of(self.pair_id), pair)
            else:
                await knowledge.add_pairs(uow, [pair])
        self.editing = False
        await self._from_start()
        return toast("common.saved")

    @rx.event
    async def set_pasting(self, is_open: bool) -> None:
        """Open or close the dialog for many questions."""
        await self.principal()
        self.pasting, self.errors, self.error_args = is_open, {}, {}

    @rx.event
    async def paste(self, form: dict[str, Any]) -> EventSpec | None:
        """Keep many questions at once."""
        try:
            pairs = pairs_of(str(form.get("bulk", ""))[:2_500_000])
        except Invalid as error:
            await self.principal()
            self._refuse(error)
            return None
        async with self.unit_of_work() as uow:
            kept = await knowledge.add_pairs(uow, pairs)
        self.pasting = False
        await self._from_start()
        return toast("knowledge.pairs.kept", n=len(kept))

    @rx.event
    async def add_url(self, form: dict[str, Any]) -> EventSpec | None:
        """Queue a page of a website."""
        self.errors, self.error_args = {}, {}
        url = str(form.get("url", "")).strip()[:2000]
        if not url:
            await self.principal()
            self.errors = {"url": "value_missing"}
            return None
        try:
            async with self.unit_of_work() as uow:
                await knowledge.add_url(uow, url)
        except AppError as error:
            self.errors = {"url": error.code}
            self.error_args = {key: str(value) for key, value in error.args_.items()}
            return None
        await self._from_start()
        return toast("knowledge.url.added")

    @rx.event
    async def open(self, document_id: str) -> None:
        """What was read of a document, or the form of a question."""
        async with self.unit_of_work() as uow:
            found = await knowledge.preview(uow, id_of(document_id))
        if found.document.kind == "pair":
            self.pair_id, self.question = str(found.document.id), found.document.name
            self.answer, self.errors, self.editing = found.document.answer or "", {}, True
            return
        self.pages, self.chunks, self.view = [], [], "text"
        self._show(found)
        self.opened = True

    @rx.event
    async def close(self, _: bool) -> None:
        """Back to the list."""
        await self.principal()
        self.opened = False

    @rx.event
    async def show_view(self, view: str) -> None:
        """The text as it was read, or the passages it was cut into."""
        await self.principal()
        self.view = view if view in ("text", "chunks") else "text"

    @rx.event
    async def more_pages(self) -> None:
        """The next pages, below."""
        async with self.unit_of_work() as uow:
            self._show(await knowledge.preview(uow, id_of(str(self.shown["id"])), first=self.next_page))

    @rx.event
    async def reindex(self, document_id: str) -> EventSpec:
        """Read and index it again."""
        async with self.unit_of_work() as uow:
            await knowledge.reindex(uow, id_of(document_id))
        await self._read()
        return toast("knowledge.reindexing", kind="info")

    @rx.event
    async def cancel(self, document_id: str) -> None:
        """Stop indexing it."""
        async with self.unit_of_work() as uow:
            await knowledge.cancel(uow, id_of(document_id))
        await self._read()

    @rx.event
    async def delete(self, document_id: str) -> EventSpec:
        """Take one away; the toast brings it back."""
        async with self.unit_of_work() as uow:
            gone = await knowledge.remove(uow, [id_of(document_id)])
        self.opened = self.editing = False
        await self._read()
        undo = KnowledgeState.restore(document_id)  # type: ignore[operator]
        return toast("knowledge.deleted", n=gone, action=("common.undo", undo))

    @rx.event
    async def restore(self, document_id: str) -> None:
        """Undo a deletion."""
        async with self.unit_of_work() as uow:
            await knowledge.restore(uow, [id_of(document_id)])
        await self._read()

    @rx.event(background=True)
    async def ask(self, form: dict[str, Any]) -> None:
        """What a question finds. Outside the state's lock: the first one of a process loads the models."""
        principal = await self.principal()
        query = str(form.get("ask", "")).strip()[:1000]
        async with self:
            self.asked, self.asking = query, bool(query)
            if not query:
                self.found, self.has_asked = [], False
        if not query:
            return
        try:
            result = await knowledge.ask(principal, SearchRequest(query=query, limit=5))
        finally:
            async with self:
                self.asking = False
        async with self:
            self.found = [_passage(one) for one in result.items]
            self.corrected = ", ".join(f"{wrong} → {right}" for wrong, right in result.corrected.items())
            self.by_meaning, self.has_asked = result.by_meaning, True

    def _refuse(self, error: Invalid) -> None:
        first = error.fields[0]
        self.errors = {first.field: first.code}
        self.error_args = {key: str(value) for key, value in first.args.items()}

    def _show(self, found: PreviewView) -> None:
        self.shown = row_of(found.document)
        self.pages = [*self.pages, *(_page(one) for one in found.pages)]
        known = {one["id"] for one in self.chunks}
        self.chunks = [*self.chunks, *(
            {"id": str(one.id), "page": one.page or 0, "heading": one.heading, "text": one.text}
            for one in found.chunks if str(one.id) not in known
        )]  # fmt: skip
        self.next_page = found.next_page or 0

    async def _from_start(self) -> None:
        self.first, self._before = 0, []
        await self._read()

    async def _read(self) -> None:
        after = id_of(self._before[-1]) if self._before else None
        async with self.unit_of_work() as uow:
            rows, following, self.total = await knowledge.list_(
                uow, q=self.query, kinds=[TABS[self.tab]], statuses=STATES.get(self.state, ()), after=after, limit=PAGE
            )
            counts = await knowledge.overview(uow)
        self.rows = [row_of(one) for one in rows]
        self.next_id = str(following) if following else ""
        self.counts = counts.model_dump(exclude={"vectors_wait"})
        self.vectors_wait, self.ready = counts.vectors_wait, True


def _page(one: PageView) -> dict[str, Any]:
    return {"page": one.page, "heading": one.heading, "method": one.method, "text": one.text[:20_000]}


def _passage(one: PassageView) -> dict[str, Any]:
    return {
        "id": str(one.chunk_id), "document_id": str(one.document_id), "name": one.document_name, "page": one.page or 0,
        "heading": one.heading, "text": one.text, "score": round(one.score, 2), "percent": round(one.score * 100),
    }  # fmt: skip
