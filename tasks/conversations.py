"""The actors behind automatic answers."""

from uuid import UUID

from tasks.broker import actor
from wa_app import queues
from wa_app.db import redis_client
from wa_app.inbound.answering import answer_conversation
from wa_app.kit.turns import Turns
from wa_app.queues import Job
from wa_app.services.conversations import memory

TURNS = Turns(each=24)
"""One tenant's flood of customers, or a model that hangs, may not hold all threads."""
AGAIN_MS = 300
"""A conversation that found no thread comes again after this; should it be lost, the sweep brings it back."""


@actor("conversation.answer", max_retries=0, time_limit=180_000, max_age=120_000)
async def conversation_answer(tenant_id: str, conversation_id: str) -> None:
    """Work off what is due in a conversation. Never retried: the sweep wakes it again."""
    with TURNS.take(tenant_id) as turn:
        if turn is not None:
            await answer_conversation(UUID(tenant_id), UUID(conversation_id))
            return
    again = Job("conversation.answer", {"tenant_id": tenant_id, "conversation_id": conversation_id}, AGAIN_MS)
    await queues.send(redis_client(), [again])


@actor("conversation.remember", max_retries=1, time_limit=60_000, max_age=600_000, priority=10)
async def conversation_remember(tenant_id: str, conversation_id: str) -> None:
    """Bring the summary of a long talk up to date; the next answer brings a lost message back."""
    await memory.remember(UUID(tenant_id), UUID(conversation_id))
