"""Conditional blocks of message templates."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wa_app.sending.conditions import MAX_BLOCKS, Condition, parse_condition
from wa_app.sending.rendering import parse

SEED = b"row-1"
PIECES = st.lists(
    st.sampled_from([
        "{{#if city = \"Malang\"}}", "{{#if not tag vip}}", "{{#if poin > 10}}", "{{else if name}}", "{{else}}", "{{/if}}",
        "{{#if}}", "{{/x}}", "{{#if a = \"{b|c}\"}}", "{", "}", "|", "{{", "}}", "{a|b}", "{{name|Kak}}", "[name]", "\\", "\\{",
        "halo", "\n", "\x00", "\ud800", "{{#if city = \"", "3::",
    ]), max_size=14,
).map("".join)  # fmt: skip


def read(template: str, tags: tuple[str, ...] = (), **values: str) -> str:
    return parse(template).render(values, SEED, tags)


@pytest.mark.parametrize(
    ("condition", "values", "holds"),
    [
        ('city = "Malang"', {"city": "malang "}, True),
        ("kota = Malang", {"city": "Malang"}, True),
        ('city = "São Paulo"', {"city": "sao paulo"}, True),
        ("city != Malang", {}, True),
        ("city", {}, False),
        ("city set", {"city": "Batu"}, True),
        ("city empty", {}, True),
        ("not city", {}, True),
        ("not city empty", {}, False),
        ("city contains lan", {"city": "Malang"}, True),
        ('name contains "a b"', {"name": "Kata Bagus"}, True),
        ("poin > 9", {"poin": "10"}, True),
        ("poin > 9", {"poin": "banyak"}, False),
        ("poin >= 10,5", {"poin": "10.5"}, True),
        ("poin < 9", {}, False),
        ("poin = 10", {"poin": "10.0"}, True),
        ("lahir < 2000-01-01", {"lahir": "1999-12-31"}, True),
        ("first name = Siti", {"first_name": "Siti"}, True),
        (r'x = "a \"b\""', {"x": 'a "b"'}, True),
        ('tag "VIP Emas"', {}, True),
        ("tag reseller", {}, False),
        ("not tag reseller", {}, True),
    ],
)
def test_asks_about_a_contact(condition: str, values: dict[str, str], holds: bool) -> None:
    template = parse(f"{{{{#if {condition}}}}}ya{{{{else}}}}tidak{{{{/if}}}}")
    assert template.problems == ()
    assert template.render(values, SEED, {"vip emas"}) == ("ya" if holds else "tidak")
    assert template.asks_tags is ("tag" in condition)


@pytest.mark.parametrize(
    ("template", "values", "text"),
    [
        ("a{{#if name}}b{{/if}}c", {}, "ac"),
        ("{{#if name}}{{name}}{{else}}Kak{{/if}}", {"name": "Siti"}, "Siti"),
        ("{{#if city = A}}1{{else if city = B}}2{{else}}3{{/if}}", {"city": "B"}, "2"),
        ("{{#if city = A}}1{{else if city = B}}2{{else}}3{{/if}}", {"city": "C"}, "3"),
        ("{{#if a}}{{#if b}}ab{{else}}a{{/if}}{{/if}}", {"a": "1"}, "a"),
        ("{{#if a}}x|y{{/if}}", {"a": "1"}, "x|y"),
        ("{{#if name}}[nama|Kak]{{/if}} \\{\\{/if\\}\\}", {"name": "Siti"}, "Siti {{/if}}"),
        ("{{name|{{#if vip}}Bos{{else}}Kak{{/if}}}}", {"vip": "1"}, "Bos"),
        ('{{#if name = "{a|b}"}}ya{{/if}}', {"name": "{a|b}"}, "ya"),
    ],
)
def test_writes_the_branch_that_holds(template: str, values: dict[str, str], text: str) -> None:
    assert read(template, **values) == text


def test_blocks_stand_in_choices_and_choices_in_blocks() -> None:
    template = parse("{Halo{{#if vip}} a|b{{/if}}|Hai} {{#if vip}}{1|2|3}{{else}}{4|5}{{/if}}")
    texts = {template.render({"vip": "1"}, str(i).encode()) for i in range(200)}
    assert texts == {f"{a} {n}" for a in ("Halo a|b", "Hai") for n in "123"}
    assert template.errors == ()
    assert template.variants == 3 * 5
    assert template.variables == ("vip",)


@pytest.mark.parametrize(
    ("template", "code", "line", "column"),
    [
        ("x {{#if name}}y", "if_unclosed", 1, 3),
        ("a\nb {{/if}}", "if_unopened", 2, 3),
        ("{{else}}", "if_unopened", 1, 1),
        ("{{#if a}}1{{else}}2{{else}}3{{/if}}", "else_twice", 1, 20),
        ("{{#if}}1{{/if}}", "if_malformed", 1, 1),
        ("{{#if a ~ b}}1{{/if}}", "if_malformed", 1, 1),
        ("{{#unless a}}1", "if_malformed", 1, 1),
        ("{x {{#if a}}|y} {{/if}}", "if_unclosed", 1, 4),
        ("{{#if a", "variable_unclosed", 1, 1),
        ("{{#if a}}" * (MAX_BLOCKS + 1) + "{{/if}}" * (MAX_BLOCKS + 1), "if_too_deep", 1, 9 * MAX_BLOCKS + 1),
    ],
)
def test_names_the_place_of_what_is_wrong(template: str, code: str, line: int, column: int) -> None:
    first = parse(template).errors[0]
    assert (first.code, first.line, first.column) == (code, line, column)
    read(template)


def test_a_tag_without_its_partner_stays_as_typed() -> None:
    assert read("x {{#if name}}y") == "x {{#if name}}y"
    assert read("{{/if}} {{else}}") == "{{/if}} {{else}}"


def test_a_condition_that_makes_no_sense_never_holds() -> None:
    assert read("{{#if a ~ b}}1{{else}}2{{/if}}") == "2"


def test_unknown_names_in_conditions_are_reported() -> None:
    (problem,) = parse('{{#if warna = "biru"}}x{{/if}}').unknown(())
    assert (problem.code, problem.args) == ("variable_unknown", (("name", "warna"),))


def test_tags_are_highlighted_as_blocks() -> None:
    kinds = [(one.kind, one.text) for one in parse("a{{#if b}}c{{else}}d{{/if}}").tokens]
    assert kinds == [
        ("text", "a"),
        ("block", "{{#if b}}"),
        ("text", "c"),
        ("block", "{{else}}"),
        ("text", "d"),
        ("block", "{{/if}}"),
    ]


@settings(max_examples=400)
@given(PIECES, st.text(max_size=20), st.binary(max_size=8))
def test_never_raises_and_tokens_cover_the_text(source: str, value: str, seed: bytes) -> None:
    template = parse(source)
    values = {"name": value, "city": value, "poin": value}
    text = template.render(values, seed, {"vip"})
    assert text == template.render(values, seed, {"vip"})
    assert "".join(one.text for one in template.tokens) == source
    assert template.variants >= 1
    template.unknown(())


@given(st.text(max_size=60), st.text(max_size=30))
def test_a_condition_of_any_text_is_read_or_refused(source: str, value: str) -> None:
    found = parse_condition(" " + source)
    assert found is None or isinstance(found.holds({"x": value}, "x", ()), bool)


@given(st.text(alphabet='ab {}|\\"x', max_size=12))
def test_a_quoted_value_is_itself(value: str) -> None:
    quoted = "".join("\\" + char if char in '{}|[]\\"' else char for char in value.strip())
    found = parse_condition(f' x = "{quoted}"')
    assert found == Condition("x", "=", value.strip())


def test_hostile_templates_are_read_in_no_time() -> None:
    hostile: list[Any] = [
        "{{#if a}}" * 7_000,
        "{{/if}}" * 9_000,
        "{{#if " * 10_000,
        "{{#if a = " + "b " * 30_000 + "}}",
    ]
    for source in (*hostile, "{{else}}" * 8_000, "{{#if a}}{{/if}}" * 4_000):
        read(source)
