"""One frontend build for every address: the pages talk to the host and port they came from.

Reflex writes `api_url` with its port into the bundle, so another port or a public host would need another
build (reflex-dev/reflex#5551). After the build we replace these addresses by the page's own origin.
"""

import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from reflex.config import get_config
from reflex.plugins import Plugin

LOCAL = {"localhost", "127.0.0.1", "0.0.0.0"}


class SameOriginPlugin(Plugin):
    """Runs after `npm run export`, before the files are compressed."""

    def post_build(self, **context: Any) -> None:
        """Rewrite the built scripts."""
        address = urlsplit(get_config().api_url)
        scripts = sorted(Path(context["static_dir"]).rglob("*.js"))
        changed = sum(rewrite(script, address.netloc) for script in scripts)
        if not changed:
            raise RuntimeError("no backend address was found in the built frontend: same_origin.py needs a look")


def rewrite(script: Path, netloc: str) -> int:
    """Replace quoted `http(s)://netloc/…` and `ws(s)://netloc/…` in one file; returns how many."""
    pattern = re.compile(rf"""(["'`])(http|ws)s?://{re.escape(netloc)}(/[^"'`]*)?\1""")
    before = script.read_text(encoding="utf-8")
    after, count = pattern.subn(_origin, before)
    if count:
        script.write_text(after, encoding="utf-8")
    return count


def _origin(found: re.Match[str]) -> str:
    scheme, path = found[2], found[3] or ""
    # Prerendering runs without a window: any absolute address does there.
    return f'((globalThis.location?.origin??"http://localhost").replace(/^http/,"{scheme}")+"{path}")'
