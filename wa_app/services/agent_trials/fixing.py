"""A better answer becomes a question-and-answer pair among the tenant's documents."""

from uuid import UUID

from wa_app.db import TenantUnitOfWork
from wa_app.errors import FieldError, Invalid
from wa_app.schemas.agent_views import AgentUpdate
from wa_app.schemas.knowledge import PairInput
from wa_app.services import agents, knowledge

MAX_QUESTION, MAX_ANSWER = 500, 4000


async def teach(uow: TenantUnitOfWork, agent_id: UUID, question: str, answer: str) -> UUID:
    """Keep the pair; an agent that reads chosen documents reads this one too. Returns the document. Raises Invalid."""
    uow.require("knowledge.write")
    question, answer = question.strip()[:MAX_QUESTION], answer.strip()[:MAX_ANSWER]
    missing = [name for name, value in (("question", question), ("answer", answer)) if not value]
    if missing:
        raise Invalid(*(FieldError(name, "value_missing") for name in missing))
    view = await agents.get(uow, agent_id)
    made = (await knowledge.add_pairs(uow, [PairInput(question=question, answer=answer)]))[0]
    chosen = view.draft.document_ids
    if chosen is not None and made.id not in chosen:
        config = {"document_ids": [str(one) for one in (*chosen, made.id)]}
        await agents.update(uow, agent_id, AgentUpdate(config=config))
    return made.id
