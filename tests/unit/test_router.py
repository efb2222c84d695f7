"""The router's steps, in the order of the design, each with its trace: values in, a decision out."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from wa_app.i18n import catalogue, translate
from wa_app.inbound import router
from wa_app.inbound.router import Action, By, Decision, Heard, Parts, RouterContext
from wa_app.inbound.router.steps import LOOP_ANSWERS
from wa_app.schemas.agents import AgentConfig, AgentOutcome, AgentTask, Outcome
from wa_app.schemas.auto_replies import Considered, RuleDecision, RuleMatch, RuleQuestion
from wa_app.schemas.traces import TraceStep

AT = datetime(2026, 11, 25, 10, 0, tzinfo=UTC)
"""A Wednesday, 17:00 in Jakarta."""
RULES = {"harga": "Harga mulai {{name|Kakak}} 10rb", "promo": "{Ada|Ada} promo", "kosong": "", "catat": "", "👍": "Siap!"}
IDS = {word: uuid4() for word in RULES}


async def ask_rules(question: RuleQuestion) -> RuleDecision:
    considered = tuple(Considered(IDS[word], word, word in question.text.lower(), "contains", word) for word in RULES)
    fired = next((one for one in considered if one.matched), None)
    if fired is None:
        return RuleDecision(None, considered)
    return RuleDecision(RuleMatch(fired.id, fired.name, fired.keyword, RULES[fired.keyword], None), considered)


class Model:
    """An agent that says what it is told to, and keeps what it was asked."""

    def __init__(self, outcome: AgentOutcome | None = None) -> None:
        self.outcome = outcome or AgentOutcome(Outcome.ANSWER, "Buka jam 8.")
        self.tasks: list[AgentTask] = []

    async def answer(self, task: AgentTask) -> AgentOutcome:
        self.tasks.append(task)
        return self.outcome


def context(
    *texts: str | Heard, model: Model | None = None, config: AgentConfig | None = None, agent: bool = True
) -> RouterContext:
    model = model or Model()
    found = (UUID(int=1), 3, config or AgentConfig(name="Sari")) if agent else None

    async def active(device_id: UUID | None) -> router.ActiveAgent | None:
        return found

    heard = tuple(one if isinstance(one, Heard) else Heard(one) for one in texts)
    return RouterContext(uuid4(), heard, AT, Parts(ask_rules, active, model.answer))


def path(decision: Decision) -> list[str]:
    return [f"{one.step.value}.{one.outcome}" for one in decision.trace]


async def test_a_rule_answers_before_the_agent() -> None:
    model = Model()
    decision = await router.decide(context("Halo, harga?", model=model))
    assert (decision.action, decision.by, decision.text) == (Action.ANSWER, By.RULE, "Harga mulai Kakak 10rb")
    assert path(decision) == ["consent.given", "human.none", "reading.text", "rules.matched", "answer.by_rule"]
    assert model.tasks == []
    assert decision.rule_ids == (IDS["harga"],)


async def test_every_rule_that_messages_fire_is_in_the_one_answer() -> None:
    decision = await router.decide(context("harga?", "oh ya, promo", "HARGA!"))
    assert decision.text == "Harga mulai Kakak 10rb\n\nAda promo"
    assert decision.rule_ids == (IDS["harga"], IDS["promo"])


async def test_the_agent_gets_all_messages_as_one_question() -> None:
    model = Model()
    decision = await router.decide(context("Halo", "buka jam berapa?", model=model))
    assert (decision.action, decision.by, decision.text) == (Action.ANSWER, By.AGENT, "Buka jam 8.")
    assert [task.text for task in model.tasks] == ["Halo\nbuka jam berapa?"]
    assert decision.agent is not None
    assert decision.agent[1] == 3


async def test_the_agent_knows_what_day_it_is_where_the_business_is() -> None:
    model = Model()
    late = datetime(2026, 11, 27, 22, 30, tzinfo=UTC)
    await router.decide(replace(context("Buka hari ini?", model=model), at=late, zone="Asia/Jayapura"))
    assert model.tasks[0].now == "Saturday, 28 November 2026, 07:30"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"stop": "marketing"}, "consent.stopped"),
        ({"stop": "all"}, "consent.stopped"),
        ({"is_own_number": True}, "consent.own_number"),
        ({"is_group": True}, "consent.group"),
        ({"is_group": True, "answers_groups": True, "bot_answers_lately": 20}, "consent.group_limit"),
        ({"bot_answers_lately": LOOP_ANSWERS}, "consent.loop"),
        ({"is_bot_active": False, "human": "human"}, "human.human"),
        ({"is_bot_active": False}, "human.switched_off"),
    ],
)
async def test_nobody_answers_who_may_not(change: dict[str, object], reason: str) -> None:
    model = Model()
    decision = await router.decide(replace(context("harga?", model=model), **change))  # type: ignore[arg-type]
    assert decision.action is Action.SILENT
    assert path(decision)[-1] == reason
    assert model.tasks == []
    assert decision.handover == (reason == "consent.loop")


async def test_groups_by_switch_get_rules_and_no_agent() -> None:
    model = Model()
    decision = await router.decide(replace(context("harga?"), is_group=True, answers_groups=True))
    assert (decision.by, decision.quotes) == (By.RULE, None)
    first, second, third = (Heard(text, id=uuid4()) for text in ("harga?", "promo?", "oh begitu"))
    decision = await router.decide(replace(context(first, second, third), is_group=True, answers_groups=True))
    assert decision.quotes == second.id
    assert (await router.decide(context(first, second, third))).quotes is None
    decision = await router.decide(replace(context("apa kabar?", model=model), is_group=True, answers_groups=True))
    assert (decision.action, model.tasks) == (Action.SILENT, [])


async def test_media_is_waited_for_and_read_like_words() -> None:
    picture = Heard("", "image", reading="queued")
    waiting = await router.decide(context(picture))
    assert (waiting.action, path(waiting)[-1]) == (Action.WAIT, "reading.waiting")
    read = await router.decide(context(replace(picture, reading="done", read_text="HARGA 20.000")))
    assert (read.by, path(read)[2]) == (By.RULE, "reading.read")
    late = await router.decide(replace(context(picture), waited_for_reading=True))
    assert (late.action, path(late)[-1]) == (Action.SILENT, "reading.empty")


@pytest.mark.parametrize(
    ("text", "kind", "last"),
    [
        ("", "sticker", "reading.empty"),
        ("", "audio", "reading.empty"),
        ("  \x00 ", "text", "reading.empty"),
        ("🙏🔥", "text", "answer.no_words"),
        ("👍", "text", "answer.by_rule"),
        ("har\x00ga", "text", "answer.by_rule"),
        ("?", "text", "answer.by_agent"),
    ],
)
async def test_odd_messages_have_a_clear_outcome(text: str, kind: str, last: str) -> None:
    assert path(await router.decide(context(Heard(text, kind))))[-1] == last


async def test_a_very_long_message_is_cut_for_the_model_alone() -> None:
    model = Model()
    await router.decide(context("a b " * 16_250, model=model))
    assert len(model.tasks[0].text) == 8_000
    found = await router.decide(context("x " * 32_000 + "harga", model=model))
    assert found.by is By.RULE


async def test_without_rule_and_agent_it_is_silent() -> None:
    decision = await router.decide(context("halo", agent=False))
    assert (decision.action, path(decision)[-1]) == (Action.SILENT, "answer.nobody")


@pytest.mark.parametrize(
    ("outcome", "answer", "action", "last"),
    [
        (Outcome.HANDOVER, "Saya panggilkan admin ya.", Action.ANSWER, "answer.by_agent"),
        (Outcome.HANDOVER, "", Action.SILENT, "answer.handover"),
        (Outcome.SILENT, "", Action.SILENT, "answer.silent"),
        (Outcome.UNSURE, "", Action.SILENT, "answer.unsure"),
        (Outcome.REFUSED, "Maaf, saya tidak bisa.", Action.ANSWER, "answer.by_agent"),
    ],
)
async def test_what_the_agent_wants_is_done(outcome: Outcome, answer: str, action: Action, last: str) -> None:
    model = Model(AgentOutcome(outcome, answer, handover_reason="complaint"))
    decision = await router.decide(context("Barang saya rusak!", model=model))
    assert (decision.action, path(decision)[-1]) == (action, last)
    assert decision.handover is (outcome is Outcome.HANDOVER)
    assert decision.handover_reason == ("complaint" if decision.handover else "")


HOURS = {"hours": [{"day": day, "start": "08:00", "end": "16:00"} for day in range(5)], "away_text": "Kami tutup."}


async def test_outside_working_hours_it_says_so_once_an_absence() -> None:
    config = AgentConfig.model_validate({"behaviour": HOURS})
    model = Model()
    asked = context("Buka?", model=model, config=config)
    first = await router.decide(asked)
    assert (first.text, first.is_away, path(first)[-1]) == ("Kami tutup.", True, "answer.away")
    again = await router.decide(replace(asked, away_at=AT - timedelta(minutes=30)))
    assert (again.action, path(again)[-1]) == (Action.SILENT, "answer.away_told")
    next_absence = await router.decide(replace(asked, away_at=AT - timedelta(days=1)))
    assert next_absence.is_away
    open_now = await router.decide(replace(asked, at=AT - timedelta(hours=4)))
    assert open_now.text == "Buka jam 8."
    assert len(model.tasks) == 1


async def test_hours_may_run_over_midnight() -> None:
    night = {"hours": [{"day": 2, "start": "22:00", "end": "02:00"}], "away_text": "Tutup."}
    asked = context("Buka?", config=AgentConfig.model_validate({"behaviour": night}))
    late = datetime(2026, 11, 25, 18, 30, tzinfo=UTC)  # Thursday 01:30 in Jakarta
    assert (await router.decide(replace(asked, at=late))).text == "Buka jam 8."
    assert (await router.decide(replace(asked, at=late + timedelta(hours=1)))).is_away


async def test_every_tenth_message_of_a_flood_brings_an_apology() -> None:
    config = AgentConfig.model_validate({"behaviour": {"flood_text": "Maaf menunggu, {{name|Kak}}."}})
    recent = tuple(AT - timedelta(seconds=10 * n) for n in range(1, 9))
    asked = context("halo", "ada?", config=config)
    decision = await router.decide(replace(asked, recent=recent))
    assert decision.text == "Maaf menunggu, Kak.\n\nBuka jam 8."
    assert "answer.flood" in path(decision)
    assert "Maaf" not in (await router.decide(replace(asked, recent=recent[:7]))).text
    assert "Maaf" not in (await router.decide(replace(asked, recent=(*recent, AT, AT)))).text
    old = tuple(at - timedelta(hours=1) for at in recent)
    assert "Maaf" not in (await router.decide(replace(asked, recent=old))).text


@pytest.mark.parametrize(
    ("words", "outcome", "said"),
    [
        ("", "unread", "Tidak ada yang bisa dibaca (suara, dokumen). Berkas rusak. Pesan suara disimpan dan tidak dibaca."),
        ("harga?", "partly", "2 berkas: 0 karakter dibaca, 2 tidak. Berkas rusak. Pesan suara disimpan dan tidak dibaca."),
    ],
)
async def test_says_why_a_file_was_not_read(words: str, outcome: str, said: str) -> None:
    files = (Heard("", "document", reading="failed", unread="file_broken"), Heard("", "audio", reading="skipped", unread="audio"))
    asked = replace(context("x"), messages=(Heard(words), *files) if words else files)
    entry = next(one for one in (await router.decide(asked)).trace if one.step is TraceStep.READING)
    assert entry.outcome == outcome
    assert translate("id", entry.key, **entry.detail) == said  # type: ignore[arg-type]


def test_every_step_has_its_text() -> None:
    texts = catalogue("id")
    source = "\n".join(
        (router.steps.__spec__.loader.get_source(router.steps.__name__), router.deciding.__spec__.loader.get_source(router.deciding.__name__))  # type: ignore[union-attr,attr-defined]
    )
    import re

    for step, outcome in re.findall(r'TraceStep\.(\w+), "(\w+)"', source):
        assert f"trace.{step.lower()}.{outcome}" in texts


async def test_a_rule_may_keep_silent_on_purpose() -> None:
    model = Model()
    decision = await router.decide(context("kosong", model=model))
    assert (decision.action, path(decision)[-1], model.tasks) == (Action.SILENT, "answer.rule_silent", [])


def with_rule(asked: RouterContext, **values: object) -> RouterContext:
    """The same, with one rule for "harga" that has these values."""

    async def rules(question: RuleQuestion) -> RuleDecision:
        match = RuleMatch(IDS["harga"], "harga", "harga", "Mulai 10rb", None)
        return RuleDecision(replace(match, **values) if "harga" in question.text else None, ())  # type: ignore[arg-type]

    return replace(asked, parts=replace(asked.parts, rules=rules))


async def test_a_rule_that_goes_on_speaks_before_the_agent() -> None:
    decision = await router.decide(with_rule(context("harga, dan buka jam berapa?"), stops_here=False))
    assert (decision.by, decision.text) == (By.AGENT, "Mulai 10rb\n\nBuka jam 8.")
    assert decision.rule_ids == (IDS["harga"],)
    silent = Model(AgentOutcome(Outcome.SILENT, ""))
    alone = await router.decide(with_rule(context("harga", model=silent), stops_here=False))
    assert (alone.action, alone.text, alone.rule_ids) == (Action.ANSWER, "Mulai 10rb", (IDS["harga"],))
    nobody = await router.decide(with_rule(context("harga", agent=False), stops_here=False))
    assert (nobody.action, nobody.by, nobody.text) == (Action.ANSWER, By.RULE, "Mulai 10rb")


async def test_a_rule_may_hand_over_and_answer_at_once() -> None:
    decision = await router.decide(with_rule(context("harga"), hand_over=True, delay="at_once"))
    assert (decision.handover, decision.handover_reason, decision.at_once) == (True, "rule", True)
    quiet = await router.decide(with_rule(context("harga"), hand_over=True, response_text=""))
    assert (quiet.action, quiet.handover) == (Action.SILENT, True)
