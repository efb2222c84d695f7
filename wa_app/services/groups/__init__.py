"""Groups of linked devices, and taking their members over as contacts.

Asking a server is done by workers only, with no transaction open: the list of groups is
kept (`listing`), and so is who is in a group that is a conversation (`members`); taking members over is a job with a checkpoint (`jobs`, `running`).
"""

from wa_app.services.groups.jobs import cancel, get, recent, request, resume, tidy, wake
from wa_app.services.groups.listing import fetch, list_
from wa_app.services.groups.members import fetch_members, list_members
from wa_app.services.groups.running import run

__all__ = ["cancel", "fetch", "fetch_members", "get", "list_", "list_members", "recent", "request", "resume", "run", "tidy", "wake"]
