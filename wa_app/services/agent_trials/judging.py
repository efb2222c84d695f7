"""Whether an answer is as expected, and what changed against an earlier one. Pure: no database, no clock."""

from collections.abc import Iterator
from typing import Literal

from wa_app.kit.folding import fold
from wa_app.schemas.agent_trials import Check, Expectation, Seen, TrialReply, TrialStatus

Changed = Literal["answer", "outcome", "sources", "rule", "status"]


def judge(expect: Expectation, reply: TrialReply) -> list[Check]:
    """Each expectation, and whether the reply meets it. Words are compared without case, accents and doubled spaces.

    >>> from wa_app.schemas.agent_trials import TrialOutcome
    >>> reply = TrialReply(TrialOutcome.ANSWER, "Harganya Rp  165.000 ya")
    >>> [check.ok for check in judge(Expectation(contains=["rp 165.000"], avoids=["diskon"]), reply)]
    [True, True]
    """
    return list(_checks(expect, reply))


def _checks(expect: Expectation, reply: TrialReply) -> Iterator[Check]:
    said = _plain(reply.answer)
    for words in expect.contains:
        yield Check(what="contains", wanted=words, ok=_plain(words) in said)
    for words in expect.avoids:
        yield Check(what="avoids", wanted=words, ok=_plain(words) not in said)
    if expect.document_id is not None:
        found = any(one.document_id == expect.document_id for one in reply.sources)
        yield Check(what="document", wanted=str(expect.document_id), ok=found)
    if expect.rule_id is not None:
        yield Check(what="rule", wanted=str(expect.rule_id), ok=reply.rule_id == expect.rule_id)
    if expect.outcome is not None:
        yield Check(what="outcome", wanted=expect.outcome.value, ok=reply.outcome == expect.outcome)


def _plain(words: str) -> str:
    return " ".join(fold(words).split())


def status_of(checks: list[Check]) -> TrialStatus:
    """A case without expectations passes: it is kept to be looked at."""
    return TrialStatus.PASSED if all(check.ok for check in checks) else TrialStatus.FAILED


def seen_of(reply: TrialReply) -> Seen:
    """What is kept of a reply."""
    documents = {(one.document_id, one.page): one.document_name for one in reply.sources}
    return Seen(
        outcome=reply.outcome, answer=reply.answer, rule=reply.rule_name, confidence=reply.confidence,
        sources=[
            {"document_id": str(key), "name": name, "page": page} for (key, page), name in documents.items()
        ],
        ms=reply.ms, tokens=reply.tokens, cost_micros=reply.cost_micros,
    )  # fmt: skip


def changes(
    before: Seen | None, now: Seen | None, status_before: TrialStatus | None, status: TrialStatus
) -> list[Changed]:
    """What differs from the run before, as far as both saw something."""
    found: list[Changed] = []
    if status_before is not None and status_before != status:
        found.append("status")
    if before is None or now is None:
        return found
    if _plain(before.answer) != _plain(now.answer):
        found.append("answer")
    if before.outcome != now.outcome:
        found.append("outcome")
    if {one["document_id"] for one in before.sources} != {one["document_id"] for one in now.sources}:
        found.append("sources")
    if before.rule != now.rule:
        found.append("rule")
    return found
