"""A text tried on the rules, for people and programs: nothing is counted, nothing leaves."""

from wa_app.db import TenantUnitOfWork
from wa_app.errors import NotFound
from wa_app.kit.clock import utc_now
from wa_app.schemas.auto_replies import RuleQuestion, RuleTest, RuleTestResult, RuleWhy
from wa_app.schemas.principal import Verb
from wa_app.services.auto_replies import checking, reading
from wa_app.services.auto_replies.deciding import decide


async def try_text(uow: TenantUnitOfWork, data: RuleTest) -> RuleTestResult:
    """Which rule would answer now. Raises NotFound for a device that is not ours."""
    uow.require(Verb.RULES_READ)
    if data.device_id is not None and not await checking.are_ours(uow, [data.device_id]):
        raise NotFound
    found = await decide(uow, RuleQuestion(data.text, data.device_id, None, utc_now()))
    matched = await reading.get(uow, found.match.id) if found.match is not None else None
    return RuleTestResult(
        matched=matched, keyword=found.match.keyword if found.match is not None else "",
        considered=[RuleWhy(id=c.id, name=c.name, matched=c.matched, why=c.why, keyword=c.keyword) for c in found.considered],
    )  # fmt: skip
