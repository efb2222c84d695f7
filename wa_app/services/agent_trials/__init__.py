"""Chats of the tester that are kept as test cases, and runs of them.

A case stores the talk before the text, so that only the answer can change between versions.
"""

from wa_app.services.agent_trials.cases import count, create, get, list_, remove, restore, update
from wa_app.services.agent_trials.judging import changes, judge
from wa_app.services.agent_trials.purging import purge
from wa_app.services.agent_trials.runs import cancel, latest, request, run, saw, wake
from wa_app.services.agent_trials.runs import get as get_run

__all__ = [
    "cancel", "changes", "count", "create", "get", "get_run", "judge", "latest", "list_", "purge", "remove", "request",
    "restore", "run", "saw", "update", "wake",
]  # fmt: skip
