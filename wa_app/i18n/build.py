"""Turn the JSON catalogues into the one JS module browsers load."""

import json
from pathlib import Path

from wa_app.i18n import LANGUAGES, catalogue

TARGET = Path(__file__).resolve().parent.parent / "components" / "catalogues.js"


def source() -> str:
    """The JS module's text; deterministic, so an unchanged catalogue keeps its file and hash."""
    texts = {language: catalogue(language) for language in LANGUAGES}
    body = json.dumps(texts, ensure_ascii=False, sort_keys=True, indent=0)
    return f"// Generated from wa_app/i18n by wa_app/i18n/build.py\nexport const catalogues = {body};\n"


def build() -> Path:
    """Write the module if its content changed; returns its path."""
    text = source()
    if not TARGET.exists() or TARGET.read_text("utf-8") != text:
        TARGET.write_text(text, "utf-8")
    return TARGET
