"""Who answers a customer, and what: one decision over one context, free of side effects (DESIGN §6).

    decision = await router.decide(RouterContext(tenant_id, (Heard("Ada stok?"),), at=now, parts=router.real(tenant_id)))

`decide` goes through the steps in order (consent, human, reading, rules, flows, agent) and says what to do with
its trace. `look` does all of it but the agent's answer; then `task_of` and `finish` let a caller stream that.
"""

from wa_app.inbound.router.context import ActiveAgent, CountHit, FlowMatch, Heard, Parts, RouterContext
from wa_app.inbound.router.deciding import ask, decide, finish, look, task_of
from wa_app.inbound.router.decision import Action, By, Decision
from wa_app.inbound.router.parts import real

__all__ = [
    "Action",
    "ActiveAgent",
    "By",
    "CountHit",
    "Decision",
    "FlowMatch",
    "Heard",
    "Parts",
    "RouterContext",
    "ask",
    "decide",
    "finish",
    "look",
    "real",
    "task_of",
]
