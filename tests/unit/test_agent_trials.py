"""What is expected of an answer, what changed between runs, and how a talk is shown."""

from typing import Any
from uuid import UUID

import pytest

from state.agents import form
from state.tester_lines import MAX_DETAILS, detail_of, forget_old, history_of, line_in, line_out
from wa_app.errors import Invalid
from wa_app.kit.ids import new_id
from wa_app.schemas.agent_trials import Expectation, Seen, TrialOutcome, TrialReply, TrialStatus
from wa_app.schemas.agents import AgentConfig, Facts, Insights, Mode, ModeConfig
from wa_app.schemas.knowledge import Passage
from wa_app.schemas.traces import TraceEntry, TraceStep
from wa_app.services.agent_trials.judging import changes, judge, seen_of, status_of

PRICE_LIST, RULE = new_id(), new_id()


def passage(document_id: UUID = PRICE_LIST, page: int | None = 2, text: str = "Gayo 165.000") -> Passage:
    return Passage(new_id(), document_id, "Menu-harga.pdf", page, "Harga", text, 0.91)


def reply(answer: str = "Gayo Rp 165.000 per kg", **fields: Any) -> TrialReply:
    return TrialReply(**{"outcome": TrialOutcome.ANSWER, "answer": answer, "sources": (passage(),), **fields})


@pytest.mark.parametrize(
    ("expect", "held"),
    [
        (Expectation(), True),
        (Expectation(contains=["rp 165.000", "GAYO"]), True),
        (Expectation(contains=["rp 165.000", "robusta"]), False),
        (Expectation(avoids=["diskon"]), True),
        (Expectation(avoids=["Per  KG"]), False),
        (Expectation(document_id=PRICE_LIST), True),
        (Expectation(document_id=new_id()), False),
        (Expectation(rule_id=RULE), False),
        (Expectation(outcome=TrialOutcome.ANSWER), True),
        (Expectation(outcome=TrialOutcome.HANDOVER), False),
    ],
)
def test_an_answer_meets_what_is_expected_or_not(expect: Expectation, held: bool) -> None:
    assert status_of(judge(expect, reply())) is (TrialStatus.PASSED if held else TrialStatus.FAILED)


def test_the_rule_that_answers_is_known() -> None:
    by_rule = reply("Terima kasih", outcome=TrialOutcome.RULE, rule_id=RULE, rule_name="Bukti bayar", sources=())
    assert [check.ok for check in judge(Expectation(rule_id=RULE, outcome=TrialOutcome.RULE), by_rule)] == [True, True]


def test_says_what_changed_since_the_run_before() -> None:
    before = seen_of(reply())
    assert changes(before, seen_of(reply("gayo  RP 165.000 per kg")), TrialStatus.PASSED, TrialStatus.PASSED) == []
    other = seen_of(reply("Tanya tim kami", outcome=TrialOutcome.HANDOVER, sources=()))
    assert changes(before, other, TrialStatus.PASSED, TrialStatus.FAILED) == ["status", "answer", "outcome", "sources"]
    assert changes(None, other, None, TrialStatus.FAILED) == []


def test_pages_of_one_document_are_one_source_each() -> None:
    seen = seen_of(reply(sources=(passage(), passage(), passage(page=3))))
    assert [one["page"] for one in seen.sources] == [2, 3]
    assert Seen.model_validate(seen.model_dump(mode="json")) == seen


def test_a_line_names_its_sources_and_keeps_passages_behind_it() -> None:
    entries = (TraceEntry(step=TraceStep.RULES, outcome="none", detail={"considered": 3}, ms=1.2),
               TraceEntry(step=TraceStep.ANSWER, outcome="by_agent"))  # fmt: skip
    said = reply(trace=entries, sources=(passage(), passage(page=None)), insights=Insights(intent="harga", tags=["kopi"]))
    line, kept = line_out("x", "t", said, "AI Lestari"), detail_of(said)
    assert line["kind"] == "ai"
    assert [(one["name"], one["page"], one["at"]) for one in line["sources"]] == [("Menu-harga.pdf", 2, 0), ("Menu-harga.pdf", 0, 1)]
    assert [one["look"] for one in kept["trace"]] == ["", "end"]
    assert {row["key"] for row in kept["facts"]} == {"intent", "sentiment", "urgency", "tags"}
    assert "text" not in line["sources"][0]


def test_only_the_newest_answers_keep_what_stands_behind_them() -> None:
    entries = (TraceEntry(step=TraceStep.ANSWER, outcome="by_agent"),)
    talk = {str(n): detail_of(reply(trace=entries)) for n in range(MAX_DETAILS + 5)}
    forget_old(talk)
    assert sum(bool(kept["passages"]) for kept in talk.values()) == MAX_DETAILS
    assert all(kept["text"] for kept in talk.values())


def test_what_was_found_but_not_used_is_shown_too() -> None:
    used, other = passage(), passage(page=7, text="Robusta 90.000")
    kept = detail_of(reply(sources=(used,), found=(other, used)))
    assert [(one["page"], one["used"]) for one in kept["passages"]] == [(7, False), (2, True)]
    assert kept["cited"] == [1]


@pytest.mark.parametrize(
    ("outcome", "answer", "kind"),
    [(TrialOutcome.RULE, "Terima kasih", "out"), (TrialOutcome.STOPPED, "", "silent"), (TrialOutcome.STOPPED, "Baik", "out"),
     (TrialOutcome.UNSURE, "Belum tahu", "ai"), (TrialOutcome.HANDOVER, "", "silent")],
)  # fmt: skip
def test_who_speaks(outcome: TrialOutcome, answer: str, kind: str) -> None:
    assert line_out("x", "t", reply(answer, outcome=outcome), "AI")["kind"] == kind


def test_the_talk_before_a_text_holds_what_was_read_from_files_too() -> None:
    talk = {"1": {"text": "Ini buktinya", "attachment": "TRANSFER 150.000"}, "3": {"text": "Sudah?", "attachment": ""}}
    first, second = line_in("1", "Ini buktinya", "bukti.jpg"), line_in("3", "Sudah?", "")
    answer = line_out("2", "1", reply("Terima kasih"), "AI")
    found = history_of([first, answer, second], talk, "3")
    assert [(one.role, one.text) for one in found] == [
        ("user", "Ini buktinya\nTRANSFER 150.000"), ("assistant", "Terima kasih"),
    ]  # fmt: skip


def test_a_field_of_the_page_becomes_a_change_of_the_configuration() -> None:
    assert form.change("modes.faq.instructions", "Singkat") == {"modes": {"faq": {"instructions": "Singkat"}}}
    assert form.change("behaviour.delay_min_s", "30.0") == {"behaviour": {"delay_min_s": 30}}
    assert form.change("min_confidence", "60") == {"min_confidence": 0.6}
    assert form.change("provider_id", "") == {"provider_id": None}


@pytest.mark.parametrize(
    ("name", "value"), [("tone", "rude"), ("behaviour.delay_min_s", "soon"), ("behaviour", "x"), ("device_ids", "x")]
)
def test_refuses_what_is_no_field(name: str, value: str) -> None:
    with pytest.raises(Invalid) as refused:
        form.change(name, value)
    assert refused.value.fields[0].field == name


def test_every_text_and_switch_of_a_configuration_stands_in_the_form() -> None:
    words, flags = form.read(AgentConfig(name="AI", min_confidence=0.35))
    assert (words["name"], words["min_confidence"], words["behaviour.delay_max_s"]) == ("AI", "35", "420")
    leaves = {"name", "persona", *form.CHOICES, *form.WORDS, *form.NUMBERS, form.PERCENT, "provider_id"}
    assert set(words) == leaves
    assert all(form.change(name, value) is not None for name, value in words.items())
    assert flags["modes.order.is_on"] is True


def test_suggests_what_the_agent_was_told_and_may_do() -> None:
    config = AgentConfig(facts=Facts(hours="08-21"), modes={Mode.ORDER: ModeConfig()})
    assert form.suggestions(config) == ["hours", "order"]
