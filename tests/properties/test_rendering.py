from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wa_app.sending.footers import footer_of, with_footer
from wa_app.sending.rendering import MOST_VARIANTS, contact_values, parse

SEED = b"row-1"
TRICKY = st.text(alphabet="{}|[]\\:3 ab\nname\x00\ud800é", max_size=120)


def read(template: str, seed: bytes = SEED, **values: str) -> str:
    return parse(template).render(values, seed)


@pytest.mark.parametrize(
    ("template", "values", "text"),
    [
        ("Halo {{name}}", {"name": "Siti"}, "Halo Siti"),
        ("Halo {{ Nama | Kak }}", {"name": ""}, "Halo  Kak "),
        ("Halo {{name|Kak}}", {}, "Halo Kak"),
        ("Halo {{name}}", {}, "Halo "),
        ("Halo [name]", {"name": "Siti"}, "Halo Siti"),
        ("Halo [Nama|Kak]", {}, "Halo Kak"),
        ("[PROMO] hari ini [kota]", {}, "[PROMO] hari ini "),
        ("[KOTA]", {"city": "Malang"}, "Malang"),
        ("[1] [a@b] []", {}, "[1] [a@b] []"),
        (r"\{a\|b\} \[name\] \\ \n", {}, r"{a|b} [name] \ \n"),
        ("{{name|{{kota|Kak}}}}", {"city": "Malang"}, "Malang"),
        ("{{name|a|b}}", {}, "a|b"),
        ("a|b", {}, "a|b"),
        ("{x}", {}, "x"),
        ("", {}, ""),
    ],
)
def test_reads_variables_and_escapes(template: str, values: dict[str, str], text: str) -> None:
    assert parse(template).render(values, SEED) == text


def test_values_are_never_read_as_a_template() -> None:
    assert read("Halo {{name}}", name="{a|b} {{phone}} <b>") == "Halo {a|b} {{phone}} <b>"


@pytest.mark.parametrize(
    ("template", "texts"),
    [
        ("{a|b}", {"a", "b"}),
        ("{{a|b}|c}", {"a", "b", "c"}),
        ("{a|{b|c}{d|e}}", {"a", "bd", "be", "cd", "ce"}),
        ("{a|}", {"a", ""}),
        ("{{{x|y}|z}|w}", {"x", "y", "z", "w"}),
        ("{Halo|{{name|Kak}}}", {"Halo", "Kak"}),
        ("{{name|{Kak|Bos}}}", {"Kak", "Bos"}),
        ("{{Halo|Hai} {{name|Kak}}|Pagi}", {"Halo Kak", "Hai Kak", "Pagi"}),
    ],
)
def test_reaches_every_variant_and_counts_them(template: str, texts: set[str]) -> None:
    parsed = parse(template)
    assert {parsed.render({}, str(i).encode()) for i in range(400)} == texts
    assert parsed.variants == len(texts)
    assert parsed.errors == ()


def test_counts_variants_exactly_up_to_what_a_browser_can_hold() -> None:
    assert parse("{a|b|c}" * 30).variants == 3**30
    assert parse("{a|b|c}" * 200).variants == MOST_VARIANTS < 2**53
    assert parse("{||}" * 16_000).variants == MOST_VARIANTS


def test_weights_steer_the_draw() -> None:
    drawn = Counter(read("{3::a|b}", seed=str(i).encode()) for i in range(4000))
    assert 0.71 < drawn["a"] / 4000 < 0.79
    assert read("{0::a|0::a}") == "0::a"


def test_same_seed_same_text_on_every_machine() -> None:
    template = "{a|b|c|d|e|f} {1|2|3|4|5|6|7|8|9}" * 6
    assert read(template, seed=b"x") == read(template, seed=b"x")
    assert read("{a|b|c|d|e|f|g|h}" * 12, seed=b"sapa") == "ggbahfehehaa"


@pytest.mark.parametrize(
    ("template", "code", "line", "column"),
    [
        ("Halo {a|b", "spintax_unclosed", 1, 6),
        ("satu\ndua {a|{b|c}", "spintax_unclosed", 2, 5),
        ("a}", "spintax_unopened", 1, 2),
        ("Halo {{name", "variable_unclosed", 1, 6),
        ("Halo {{name|Kak}", "variable_unclosed", 1, 6),
        ("{" * 60 + "}" * 60, "spintax_too_deep", 1, 41),
    ],
)
def test_names_the_place_of_what_is_wrong(template: str, code: str, line: int, column: int) -> None:
    first = parse(template).errors[0]
    assert (first.code, first.line, first.column) == (code, line, column)
    read(template)


def test_what_is_wrong_stays_as_typed() -> None:
    assert read("Halo {a|b") == "Halo {a|b"
    assert read("x} {{name") == "x} {{name"


def test_reports_unknown_variables_and_leaves_capitals_alone() -> None:
    template = parse("[PROMO] {{nama}} [kota]\n {{poin|0}} [tier]")
    assert template.variables == ("name", "city", "poin", "tier")
    assert [(p.args, p.line, p.column) for p in template.unknown({"tier"})] == [((("name", "poin"),), 2, 2)]


def test_one_option_is_a_warning_since_a_variable_was_probably_meant() -> None:
    (problem,) = parse("Halo {name}").problems
    assert (problem.code, problem.severity) == ("spintax_single_option", "warning")


def test_contact_values_know_the_first_name() -> None:
    values = contact_values(" Siti Rahmawati", "+628120000331", {"Kota": "Malang", "poin": 12, "x": None})
    assert parse("{{nama_depan}} {{kota}} {{poin}}").render(values, SEED) == "Siti Malang 12"


@given(TRICKY, TRICKY, st.binary(max_size=8))
def test_never_raises_and_tokens_cover_the_text(source: str, name: str, seed: bytes) -> None:
    template = parse(source)
    assert "\x00" not in template.render({"name": name}, seed)
    assert "".join(t.text for t in template.tokens) == source
    assert template.variants >= 1
    template.unknown(())


PIECES = st.sampled_from([
    "{", "}", "|", "[", "]", "\\", "{{", "}}", "{{name}}", "[kota]", "{3::a|b}", "{9999::", "{0::x|y}", "{{name|", "{{#if ", "{{#if kota = \"M\"}}",
    "{{else}}", "{{#elif x}}", "{{/if}}", "{{else if umur > 3}}", "{{#if umur > }}", "\n", "\x00", "\ud83d", "\u202e", "👍🏽", " ", "a",
])  # fmt: skip
ANYTHING = st.text(max_size=200) | st.lists(PIECES | st.text(max_size=3), max_size=60).map("".join)
VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40) | st.lists(st.text(max_size=3), max_size=3)


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(ANYTHING, st.none() | ANYTHING, st.none() | st.text(max_size=20), st.dictionaries(ANYTHING, VALUES, max_size=5), st.binary(max_size=16))
def test_spintax_and_variables_never_raise_on_any_text(
    source: str, name: str | None, phone: str | None, attributes: dict[str, object], seed: bytes
) -> None:
    """Whatever a person types, imports or is called: what comes out can be stored and sent, and is the same again."""
    values = contact_values(name, phone, attributes)
    template = parse(source)
    text = template.render(values, seed)
    assert text == parse(source).render(values, seed)
    assert "\x00" not in text
    text.encode()
    assert "".join(token.text for token in template.tokens) == source
    assert template.variants >= 1
    assert all(0 <= problem.start <= problem.end <= len(source) for problem in template.problems)
    with_footer(text, footer_of(name, "id"))


@given(TRICKY)
def test_escaped_text_is_itself(source: str) -> None:
    escaped = "".join("\\" + c if c in "{}|[]\\" else c for c in source)
    template = parse(escaped)
    assert template.problems == ()
    assert template.render({}, SEED) == source.replace("\x00", "").replace("\ud800", "")


def test_hostile_templates_are_read_in_no_time() -> None:
    for source in ("{{a|" * 16_000, "{" * 60_000, "}" * 60_000, "[a" * 30_000, "{{a|b}" * 10_000, "\\" * 60_000):
        read(source)
    assert parse("a" * 70_000).errors[0].code == "template_too_long"
