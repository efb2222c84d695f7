"""Importing contacts from a file, in the background and at most once per row.

analyse → preview → request → run. A run first reads the whole file (`prepare`), so a file
that is damaged in its last line changes nothing; then it merges chunk by chunk, each in
one transaction with the job's checkpoint (`merge`). A run that dies is resumed at the
next chunk by whoever takes the job's lease.
"""

from wa_app.services.imports.jobs import (
    analyse,
    brings_rules,
    cancel,
    errors_csv,
    get,
    preview,
    recent,
    request,
    wake,
    wake_next,
)
from wa_app.services.imports.running import run

__all__ = ["analyse", "brings_rules", "cancel", "errors_csv", "get", "preview", "recent", "request", "run", "wake", "wake_next"]
