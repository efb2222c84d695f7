"""State of an agent's test cases: kept from the chat, run against the draft, held against the run before."""

from typing import Any
from uuid import UUID

import reflex as rx
from reflex.event import EventSpec

from state.agent_tester import AgentTesterState
from state.agents.settings import agent_of_path
from state.base import AppState
from state.campaigns import id_of
from state.tester_lines import history_of
from wa_app import live
from wa_app.components.feedback import toast
from wa_app.db import TenantUnitOfWork, unit_of_work
from wa_app.errors import Invalid, NotFound
from wa_app.schemas.agent_trials import (
    Check,
    Expectation,
    ResultView,
    RunRequest,
    RunView,
    SavedTurn,
    TrialCreate,
    TrialOutcome,
    TrialUpdate,
    TrialView,
)
from wa_app.services import agent_trials, agents
from wa_app.services.agent_trials import fixing

TICK_S = 5.0
MAX_WORDS = 10
FIELDS = ("name", "note", "contains", "avoids", "document_id", "outcome")


class AgentTrialsState(AppState):
    """Cases, the last run, and the two dialogs that grow out of an answer."""

    shown: bool = False
    cases: list[dict[str, Any]] = []
    run: dict[str, Any] = {}
    results: list[dict[str, Any]] = []
    fresh: bool = False
    """Whether the last run asked the draft as it is now."""
    busy: bool = False
    keeping: bool = False
    case_id: str = ""
    form: dict[str, str] = {}
    form_key: int = 0
    question: str = ""
    errors: dict[str, dict[str, Any]] = {}
    fixing: bool = False
    fix_question: str = ""
    fix_answer: str = ""
    opened: str = ""
    _new: dict[str, Any] = {}

    @rx.event
    async def load(self) -> None:
        """Cases and the last run of the agent in the page's address."""
        await self.principal()
        self.shown = self.keeping = self.fixing = False
        try:
            async with self.unit_of_work() as uow:
                await self._read(uow, agent_of_path(self.router.url.path))
        except NotFound:
            self.cases, self.run, self.results = [], {}, []

    @rx.event(background=True)
    async def watch(self) -> None:
        """Follow a run until the tab has gone."""
        principal = await self.principal()
        try:
            watched = agent_of_path(self.router.url.path)
        except NotFound:
            return
        async for batch in live.changes(principal.tenant_id, self.router.session.client_token, tick_s=TICK_S):
            if not any(one["kind"] == "resync" or one.get("agent") == str(watched) or one.get("id") == str(watched)
                       for one in batch):  # fmt: skip
                continue
            try:
                async with unit_of_work(principal) as uow:
                    facts = await _facts(uow, watched)
            except NotFound:
                continue
            async with self:
                if str(watched) not in self.router.url.path:
                    return
                self._show(*facts)

    @rx.event
    async def show(self, is_open: bool) -> None:
        """The drawer with all cases."""
        await self.principal()
        self.shown = is_open
        if is_open:
            async with self.unit_of_work() as uow:
                await self._read(uow, agent_of_path(self.router.url.path))

    @rx.event
    async def start(self) -> None:
        """Ask all cases of the draft."""
        async with self.unit_of_work() as uow:
            agent_id = agent_of_path(self.router.url.path)
            await agent_trials.request(uow, RunRequest(agent_id=agent_id))
        async with self.unit_of_work() as uow:
            await self._read(uow, agent_id)

    @rx.event
    async def cancel(self) -> None:
        """Stop the run; what it saw stays."""
        async with self.unit_of_work() as uow:
            await agent_trials.cancel(uow, id_of(str(self.run.get("id", ""))))
            await self._read(uow, agent_of_path(self.router.url.path))

    @rx.event
    async def open_case(self, case_id: str) -> None:
        """What a case saw, or fold it again."""
        await self.principal()
        self.opened = "" if self.opened == case_id else str(case_id)

    @rx.event
    async def keep(self) -> None:
        """Keep the answer on show: ask what is expected of it."""
        await self.principal()
        tester = await self.get_state(AgentTesterState)
        await self._begin(tester, tester.picked)

    @rx.event
    async def keep_good(self, line_id: str) -> EventSpec | None:
        """Keep an answer as it is: the same kind of answer from the same document is expected from now on."""
        await self.principal()
        tester = await self.get_state(AgentTesterState)
        if not self._take(tester, str(line_id)):
            return None
        kept = tester._talk[str(line_id)]
        first = kept["passages"][kept["cited"][0]]["document"] if kept["cited"] else None
        expect = Expectation(
            outcome=TrialOutcome(kept["outcome"]), document_id=UUID(first) if first else None,
            rule_id=UUID(kept["rule"]) if kept["rule"] else None,
        )  # fmt: skip
        agent_id = agent_of_path(self.router.url.path)
        async with self.unit_of_work() as uow:
            made = await agent_trials.create(uow, TrialCreate(**self._new, agent_id=agent_id, expect=expect))
            await self._read(uow, agent_id)
        undo = AgentTrialsState.drop(str(made.id))  # type: ignore[operator]
        return toast("agent_page.case.kept", action=("common.undo", undo))

    async def _begin(self, tester: AgentTesterState, line_id: str) -> None:
        if not self._take(tester, line_id):
            return
        outcome = tester._talk[line_id]["outcome"]
        self._show_form("", {"outcome": outcome}, self._new["text"] or self._new["attachment"])

    def _take(self, tester: AgentTesterState, line_id: str) -> bool:
        """Hold on to the talk before an answer and to what was asked."""
        lines = tester.lines if any(one["id"] == line_id for one in tester.lines) else tester.other_lines
        line = next((one for one in lines if one["id"] == line_id), None)
        if line is None or line_id not in tester._talk or line["turn"] not in tester._talk:
            return False
        asked = tester._talk[line["turn"]]
        history = history_of(lines, tester._talk, line["turn"])
        self._new = {
            "text": asked["text"], "attachment": asked["attachment"][:20_000], "language": tester.spoken,
            "history": [SavedTurn(role=one.role, text=one.text[:4000]) for one in history],
            "device_id": id_of(tester.device) if tester.device else None,
        }  # fmt: skip
        return True

    @rx.event
    async def edit(self, case_id: str) -> None:
        """Change what is expected of a case."""
        async with self.unit_of_work() as uow:
            case = await agent_trials.get(uow, id_of(case_id))
        expect = case.expect
        self._new = {}
        self._show_form(case_id, {
            "name": case.name, "note": case.note, "contains": "\n".join(expect.contains), "avoids": "\n".join(expect.avoids),
            "document_id": str(expect.document_id or ""), "outcome": expect.outcome or "",
        }, case.text or case.attachment)  # fmt: skip

    def _show_form(self, case_id: str, values: dict[str, str], question: str) -> None:
        self.case_id, self.errors, self.keeping = case_id, {}, True
        self.form = {name: values.get(name, "") for name in FIELDS}
        self.question = question[:600]
        self.form_key += 1

    @rx.event
    async def close_form(self, is_open: bool) -> None:
        """Leave the dialog."""
        await self.principal()
        self.keeping = is_open

    @rx.event
    async def save(self, form_data: dict[str, Any]) -> EventSpec | None:
        """Keep the case with what is expected."""
        values = {name: str(form_data.get(name, "")) for name in FIELDS}
        agent_id = agent_of_path(self.router.url.path)
        try:
            async with self.unit_of_work() as uow:
                expect = await self._expected(uow, values)
                name, note = values["name"].strip()[:120], values["note"][:1000]
                if self.case_id:
                    change = TrialUpdate(name=name, note=note, expect=expect)
                    await agent_trials.update(uow, id_of(self.case_id), change)
                else:
                    made = TrialCreate(**self._new, agent_id=agent_id, name=name, note=note, expect=expect)
                    await agent_trials.create(uow, made)
                await self._read(uow, agent_id)
        except Invalid as error:
            self.errors = {one.field: {"code": one.code, "args": {}} for one in error.fields}
            return None
        self.keeping = False
        return toast("agent_page.case.saved")

    async def _expected(self, uow: TenantUnitOfWork, values: dict[str, str]) -> Expectation:
        """What the form says; a rule that was expected before stays."""
        before = (await agent_trials.get(uow, id_of(self.case_id))).expect if self.case_id else Expectation()
        outcome = values["outcome"]
        return Expectation(
            contains=_lines(values["contains"]), avoids=_lines(values["avoids"]), rule_id=before.rule_id,
            document_id=id_of(values["document_id"]) if values["document_id"] else None,
            outcome=TrialOutcome(outcome) if outcome in set(TrialOutcome) else None,
        )  # fmt: skip

    @rx.event
    async def drop(self, case_id: str) -> EventSpec:
        """Take a case away; the toast brings it back."""
        agent_id = agent_of_path(self.router.url.path)
        async with self.unit_of_work() as uow:
            await agent_trials.remove(uow, id_of(case_id))
            await self._read(uow, agent_id)
        self.keeping = False
        undo = AgentTrialsState.restore(str(case_id))  # type: ignore[operator]
        return toast("agent_page.case.dropped", action=("common.undo", undo))

    @rx.event
    async def restore(self, case_id: str) -> None:
        """Undo."""
        async with self.unit_of_work() as uow:
            await agent_trials.restore(uow, id_of(case_id))
            await self._read(uow, agent_of_path(self.router.url.path))

    @rx.event
    async def begin_fix(self, line_id: str) -> None:
        """Write down what should have been answered."""
        await self.principal()
        tester = await self.get_state(AgentTesterState)
        lines = (*tester.lines, *tester.other_lines)
        line = next((one for one in lines if one["id"] == line_id), None)
        if line is None:
            return
        asked = tester._talk.get(line["turn"], {})
        self.fix_question, self.fix_answer = asked.get("text", "")[:500], line["text"][:4000]
        self.fixing, self.errors = True, {}
        self.form_key += 1

    @rx.event
    async def close_fix(self, is_open: bool) -> None:
        """Leave the dialog."""
        await self.principal()
        self.fixing = is_open

    @rx.event
    async def fix(self, form_data: dict[str, Any]) -> EventSpec | None:
        """Keep question and answer among the tenant's knowledge."""
        question, answer = str(form_data.get("question", "")), str(form_data.get("answer", ""))
        try:
            async with self.unit_of_work() as uow:
                await fixing.teach(uow, agent_of_path(self.router.url.path), question, answer)
        except Invalid as error:
            self.errors = {one.field: {"code": one.code, "args": {}} for one in error.fields}
            return None
        self.fixing = False
        return toast("agent_page.fix.done")

    async def _read(self, uow: TenantUnitOfWork, agent_id: UUID) -> None:
        self._show(*await _facts(uow, agent_id))

    def _show(self, cases: list[TrialView], run: RunView | None, fresh: bool) -> None:
        known = {one.trial_id: one for one in run.results} if run else {}
        self.cases = [_case(one, known.get(one.id)) for one in cases]
        self.results = [one for one in self.cases if one["changed"]]
        self.fresh = fresh
        self.busy = run is not None and run.status in ("queued", "running")
        self.run = {} if run is None else {
            "id": str(run.id), "version": run.version, "status": run.status.value, "total": run.total, "done": run.processed,
            "passed": run.passed, "failed": run.processed - run.passed, "against": -1 if run.compared_with is None else run.compared_with,
            "at": (run.finished_at or run.created_at).isoformat(),
        }  # fmt: skip


async def _facts(uow: TenantUnitOfWork, agent_id: UUID) -> tuple[list[TrialView], RunView | None, bool]:
    cases = await agent_trials.list_(uow, agent_id)
    run = await agent_trials.latest(uow, agent_id)
    if run is None:
        return cases, None, False
    _, draft = await agents.config_of(uow, agent_id, 0)
    ran = {one.trial_id for one in run.results}
    return cases, run, await agent_trials.saw(uow, run.id, draft) and all(case.id in ran for case in cases)


def _case(case: TrialView, result: ResultView | None) -> dict[str, Any]:
    seen, before = (result.seen, result.before) if result else (None, None)
    return {
        "id": str(case.id), "name": case.name, "text": case.text or case.attachment[:400], "note": case.note,
        "status": result.status.value if result else "", "error": result.error_code if result else "",
        "answer": seen.answer if seen else "", "outcome": seen.outcome.value if seen else "",
        "sources": ", ".join(one["name"] for one in seen.sources) if seen else "",
        "was": before.answer if before and result and "answer" in result.changed else "",
        "was_outcome": before.outcome.value if before and result and "outcome" in result.changed else "",
        "changed": list(result.changed) if result else [],
        "checks": [_check(one) for one in result.checks] if result else [],
    }  # fmt: skip


def _check(check: Check) -> dict[str, Any]:
    return {"what": check.what, "wanted": check.wanted if check.what in ("contains", "avoids") else "",
            "outcome": check.wanted if check.what == "outcome" else "", "ok": check.ok}  # fmt: skip


def _lines(text: str) -> list[str]:
    """One expectation a line."""
    return [line.strip()[:200] for line in text.splitlines() if line.strip()][:MAX_WORDS]
