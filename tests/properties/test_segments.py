"""Rules of segments: what is refused and how it is named; rows of the builder say the same as rules."""

from typing import Any

import pytest
from hypothesis import given
from pydantic import ValidationError

import pages  # noqa: F401  (pages and states know each other; pages come first)
from state.segments import SegmentState
from state.segments.rows import OPS, UNFINISHED, blank, block, blocks_of, row_of, tree_of
from tests.fixtures.segments import trees
from wa_app.i18n import translate
from wa_app.schemas.segments import MAX_RULES, Rules, leaves, problems

CITY = {"field": "city", "op": "is", "value": "Malang"}


def said(*rules: dict[str, Any]) -> list[tuple[str, str, str]]:
    found = problems(Rules.model_validate({"rules": rules}))
    return [(one.field, one.code, str(one.args.get("rule", ""))) for one in found]


@pytest.mark.parametrize(("rule", "field", "code"), [
    ({"field": "tags"}, "tag_ids", "rule_tags_missing"),
    ({"field": "city", "op": "is", "value": "  "}, "value", "rule_value_missing"),
    ({"field": "city", "op": "is", "value": "\x00"}, "value", "rule_value_missing"),
    ({"field": "attribute", "op": "is", "value": "x"}, "key", "rule_attribute_missing"),
    ({"field": "attribute", "key": "poin", "op": "gt", "value": "banyak"}, "value", "rule_number_wrong"),
    ({"field": "attribute", "key": "poin", "op": "gt", "value": "nan"}, "value", "rule_number_wrong"),
    ({"field": "attribute", "key": "poin", "op": "gt", "value": "1e400"}, "value", "rule_number_wrong"),
    ({"field": "attribute", "key": "ulang", "op": "before", "value": "17/05"}, "value", "rule_day_wrong"),
    ({"field": "created", "op": "within"}, "days", "rule_days_missing"),
    ({"field": "created", "op": "within", "days": 0}, "days", "rule_days_out_of_range"),
    ({"field": "created", "op": "after"}, "day", "rule_day_missing"),
    ({"field": "activity", "what": "read", "days": 99999}, "days", "rule_days_out_of_range"),
    ({"field": "campaign", "state": "read", "days": 3, "campaign_ids": ["01a1f96f-b32c-74b4-a9ad-139f3165cf39"]},
     "days", "rule_campaigns_or_days"),
    ({"field": "device", "op": "is"}, "device_id", "rule_device_missing"),
])  # fmt: skip
def test_a_rule_without_sense_is_named_with_its_mend(rule: dict[str, Any], field: str, code: str) -> None:
    assert said(CITY, rule) == [(f"rules.1.{field}", code, "2")]
    assert said(CITY, {"match": "any", "rules": [CITY, CITY, rule]}) == [(f"rules.1.rules.2.{field}", code, "2.3")]
    for language in ("id", "en"):
        words = translate(language, f"error.{code}", rule="2.3", limit=3650, value="x")
        assert "2.3" in words
        assert "{" not in words


def test_groups_have_limits() -> None:
    assert said() == [("rules", "rules_missing", "")]
    assert said({"match": "all", "rules": []}) == [("rules.0", "rule_group_empty", "1")]
    assert said(*[CITY] * MAX_RULES) == []
    half = {"match": "any", "rules": [CITY] * 21}
    assert said(half, half) == [("rules", "rules_too_many", "")]
    deep = {"rules": [{"rules": [{"rules": [CITY]}]}]}
    assert said(deep["rules"][0]) == []  # type: ignore[arg-type]
    assert [code for _, code, _ in said(deep)] == ["rules_too_deep"]


@pytest.mark.parametrize("body", [
    {"rules": [{"field": "shoe_size", "op": "is", "value": "43"}]}, {"rules": [{"field": "city", "op": "like", "value": "%"}]},
    {"rules": [CITY | {"extra": 1}]}, {"rules": [CITY] * 41}, {"match": "none", "rules": [CITY]}, {"rules": "city"},
    {"rules": [{"field": "city", "op": "is", "value": "x" * 201}]}, {"rules": [{"field": "tags", "tag_ids": ["vip"]}]},
    {"rules": [None]}, {"rules": [{"rules": [{}]}]},
])  # fmt: skip
def test_a_shape_nobody_knows_is_refused(body: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Rules.model_validate(body)


@given(trees())
def test_rules_survive_storing(tree: dict[str, Any]) -> None:
    rules = Rules.model_validate(tree)
    assert problems(rules) == []
    assert Rules.model_validate(rules.model_dump(mode="json")) == rules
    assert len(list(leaves(rules))) <= MAX_RULES


@given(trees())
def test_the_builder_changes_nothing_it_was_not_asked_to(tree: dict[str, Any]) -> None:
    rules = Rules.model_validate(tree)
    again = Rules.model_validate(tree_of(rules.match, blocks_of(rules)))
    assert again == rules


def test_every_operator_of_the_builder_makes_a_rule() -> None:
    """Nothing a person can pick is refused for another reason than not being filled in."""
    for field, ops in OPS.items():
        for op in ops:
            row = blank("k", field) | {"op": op}
            rules = Rules.model_validate(tree_of("all", [block("b", [row])]))
            found = {one.code for one in problems(rules)}
            assert found <= UNFINISHED | {"rule_day_wrong", "rule_number_wrong"}
            if not found:
                kept = rules.rules[0]
                assert not isinstance(kept, Rules)
                shown = row_of(kept, "k")
                assert (shown["field"], shown["op"]) == (field, op)


def builder(*blocks: dict[str, Any]) -> SegmentState:
    state = SegmentState()  # type: ignore[no-untyped-call]
    state.blocks = list(blocks)
    state._number()
    return state


def test_the_builder_numbers_rules_as_messages_call_them_and_marks_the_wrong_one() -> None:
    wrong = blank("c", "attribute") | {"name": "poin", "op": "gt", "value": "banyak"}
    state = builder(block("x", [blank("a") | {"value": "Malang"}]), block("y", [blank("b"), wrong], "any"))
    assert [[row["n"] for row in one["rows"]] for one in state.blocks] == [["1"], ["2.1", "2.2"]]
    assert state._rules() is None
    assert (state.problem, state.problem_args["rule"]) == ("rule_value_missing", "2.1")
    marks = [(row["error"], row["quiet"]) for one in state.blocks for row in one["rows"]]
    # Not filled in yet is said quietly, nonsense aloud.
    assert marks == [("", False), ("rule_value_missing", True), ("rule_number_wrong", False)]
    state._rows("b", lambda row: row | {"value": "Batu"})
    state._rows("c", lambda row: row | {"value": "5"})
    assert state._rules() is not None
    assert state.problem == ""
    assert {row["error"] for one in state.blocks for row in one["rows"]} == {""}
