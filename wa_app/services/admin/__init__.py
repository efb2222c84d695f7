"""The platform's own side: how the machinery runs, for platform admins only.

Every verb takes an `Admin`, which only `enter` gives out: nobody gets here by forgetting a check.
"""

from wa_app.services.admin.clock import jobs, run_now
from wa_app.services.admin.dead import dead_letters, drop, retry
from wa_app.services.admin.door import Admin, enter
from wa_app.services.admin.queues import queues
from wa_app.services.admin.work import ledger

__all__ = ["Admin", "dead_letters", "drop", "enter", "jobs", "ledger", "queues", "retry", "run_now"]
