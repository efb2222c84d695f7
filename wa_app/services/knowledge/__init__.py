"""What agents answer from: files, website pages, questions typed by hand (ADR 0018)."""

from wa_app.services.knowledge.documents import (
    add_file,
    add_pairs,
    add_url,
    cancel,
    get,
    list_,
    reindex,
    remove,
    restore,
    update_pair,
    upload,
)
from wa_app.services.knowledge.jobs import sweep_orphans, tidy, wake
from wa_app.services.knowledge.looking import ask, overview, preview
from wa_app.services.knowledge.running import index, run_due

__all__ = [
    "add_file", "add_pairs", "add_url", "ask", "cancel", "get", "index", "list_", "overview", "preview", "reindex",
    "remove", "restore", "run_due", "sweep_orphans", "tidy", "update_pair", "upload", "wake",
]  # fmt: skip
