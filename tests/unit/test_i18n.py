"""The catalogues: complete in both languages, used, and nothing used that is missing."""

import ast
import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fixtures import sources
from wa_app.config import ROOT
from wa_app.i18n import FOLDER, LANGUAGES, NAMED, catalogue, translate
from wa_app.i18n.build import source
from wa_app.queues import ACTOR_QUEUES

PLACEHOLDER = re.compile(r"\{(\w+(?::[\w.]+)?)\}")
IN_SCRIPT = re.compile(r"""\bt\(["']([\w.]+)["']""")
TAKE_KEYS = {"t", "toast", "translate"}
QUOTED = re.compile(r"""["'`]([a-z_]+(?:\.[a-z_0-9]+)+)["'`]""")

BEGINNING = re.compile(r"""["'`]([a-z_]+\.[a-z_.0-9]*)(?:\$?\{|["'`])""")
"""Keys made at run time, `f"role.{name}"` or `"role." + name`: everything that begins like them counts as used."""
SHARED = ("error.", "common.")
"""Codes raised anywhere, and the words all pages share."""


def files(*patterns: str) -> list[Path]:
    found = [
        path
        for folder in ("wa_app", "pages", "state", "tasks")
        for pattern in patterns
        for path in (ROOT / folder).rglob(pattern)
    ]
    return [path for path in found if path.name != "catalogues.js"]


def literal_keys() -> Iterator[str]:
    """Keys given as plain strings to the functions that take them."""
    for path in files("*.js", "*.jsx"):
        yield from IN_SCRIPT.findall(path.read_text("utf-8"))
    for path in files("*.py"):
        for node in sources.nodes(path):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in TAKE_KEYS:
                position = 1 if getattr(node.func, "id", "") == "translate" else 0
                if len(node.args) > position and isinstance(node.args[position], ast.Constant):
                    yield node.args[position].value


def test_every_key_stands_in_every_language():
    first, *others = LANGUAGES
    for language in others:
        assert sorted(catalogue(language)) == sorted(catalogue(first))


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_key_stands_in_two_files(language: str):
    keys = [key for path in (FOLDER / language).glob("*.json") for key in json.loads(path.read_text("utf-8"))]
    assert [key for key, n in Counter(keys).items() if n > 1] == []


def test_placeholders_agree_between_languages():
    differing = {
        key
        for key, text in catalogue("id").items()
        if set(PLACEHOLDER.findall(text)) != set(PLACEHOLDER.findall(catalogue("en")[key]))
    }
    assert not differing


def test_every_literal_key_in_code_exists():
    assert {key for key in literal_keys() if "." in key} - catalogue("id").keys() == set()


def test_no_key_is_unused():
    code = "\n".join(path.read_text("utf-8") for path in files("*.py", "*.js", "*.jsx"))
    mentioned = set(QUOTED.findall(code))
    beginnings = tuple(found for found in BEGINNING.findall(code) if found not in mentioned) + SHARED
    beginnings += tuple({f"{family}." for text in catalogue("id").values() for _, family in NAMED.findall(text)})
    unused = {key for key in catalogue("id") if key not in mentioned and not key.startswith(beginnings)}
    assert not unused


@pytest.mark.parametrize("language", LANGUAGES)
def test_texts_follow_the_rules_of_words(language: str):
    """No exclamation marks, no dash as punctuation (LOOK §6)."""
    broken = {
        key for key, text in catalogue(language).items() if "!" in text or " - " in text or " – " in text or "—" in text
    }
    assert not broken


def test_translates_with_arguments_and_falls_back():
    assert translate("en", "common.saved_at", time="09:41") == "Saved 09:41"
    assert translate("id", "common.saved_at", time="09.41") == "Tersimpan 09.41"
    assert translate("xx", "app.name") == "Sapa"
    assert translate("id", "no.such.key") == "no.such.key"


def test_codes_in_a_text_are_said_in_words():
    said = translate("en", "trace.insights.read", intent="price", sentiment="negative", urgency="low", product="")
    assert said == "Intent: asks for the price; mood negative, urgency low."
    assert translate("id", "trace.reading.unread", kinds="image, audio", reasons="file_broken, audio") == (
        "Tidak ada yang bisa dibaca (gambar, suara). Berkas rusak. Pesan suara disimpan dan tidak dibaca."
    )
    assert translate("id", "insight.of.intent", value="") == "tidak jelas"
    assert translate("id", "insight.of.tags", value="hot lead, kopi luwak") == "pembeli serius, kopi luwak"


def test_families_of_codes_have_texts():
    """A text that names a family names one that there is."""
    families = {family for text in catalogue("id").values() for _, family in NAMED.findall(text)}
    assert len(families) >= 5
    assert {one for one in families if not any(key.startswith(f"{one}.") for key in catalogue("id"))} == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_queue_has_words(language: str) -> None:
    assert {name for name in ACTOR_QUEUES.values() if f"admin.queue.{name}" not in catalogue(language)} == set()


def test_browser_module_is_deterministic():
    assert source() == source()
    assert source().startswith("// Generated")
