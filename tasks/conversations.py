"""The actors behind automatic answers."""

from uuid import UUID

from tasks.broker import actor
from wa_app.inbound.answering import answer_conversation
from wa_app.kit.turns import Turns

TURNS = Turns(each=12)
"""One tenant's flood of customers, or a model that hangs, may not hold all threads; the sweep brings the others back."""


@actor("conversation.answer", max_retries=0, time_limit=180_000, max_age=120_000)
async def conversation_answer(tenant_id: str, conversation_id: str) -> None:
    """Work off what is due in a conversation. Never retried: the sweep wakes it again."""
    with TURNS.take(tenant_id) as turn:
        if turn is not None:
            await answer_conversation(UUID(tenant_id), UUID(conversation_id))
