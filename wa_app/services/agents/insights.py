"""What was read from customers' words, kept per message of a conversation."""

from collections.abc import Iterable, Sequence
from typing import Final
from uuid import UUID

import orjson
from sqlalchemy import select, text
from sqlmodel import col

from wa_app.db import TenantUnitOfWork
from wa_app.errors import NotFound
from wa_app.kit.ids import new_id
from wa_app.models.agents import Insight
from wa_app.schemas.agents import Insights

MAX_TEXT: Final = 120
MAX_TAGS: Final = 10
_INSERT = text("""
    INSERT INTO insights (id, tenant_id, conversation_id, message_id, agent_id, version, mode, intent, sentiment, product,
        urgency, tags)
    SELECT :id, :t, c.id, :message, :agent, :version, :mode, :intent, :sentiment, :product, :urgency, CAST(:tags AS jsonb)
    FROM conversations c WHERE c.tenant_id = :t AND c.id = :conversation
    ON CONFLICT (tenant_id, message_id) DO NOTHING
""")
_IS_THERE = text("SELECT EXISTS (SELECT 1 FROM conversations WHERE tenant_id = :t AND id = :conversation)")


async def record(
    uow: TenantUnitOfWork, conversation_id: UUID, message_id: UUID, insights: Insights, *,
    agent_id: UUID | None = None, version: int | None = None, mode: str = "",
) -> bool:
    """Keep what was read from the turn that ends with this message. Once per message, however often it is tried:
    True when this call wrote it. Raises NotFound for a conversation of nobody's."""  # fmt: skip
    values = {
        "id": new_id(), "t": uow.tenant_id, "conversation": conversation_id, "message": message_id, "agent": agent_id,
        "version": version or None, "mode": _short(mode), "intent": _short(insights.intent),
        "sentiment": insights.sentiment, "product": _short(insights.product), "urgency": insights.urgency,
        "tags": orjson.dumps(tidy_tags(insights.tags)).decode(),
    }  # fmt: skip
    done = await uow.session.execute(_INSERT, values)
    wrote = bool(getattr(done, "rowcount", 0))
    if not wrote and not (await uow.session.execute(_IS_THERE, {"t": uow.tenant_id, "conversation": conversation_id})).scalar_one():
        raise NotFound
    return wrote


def tidy_tags(tags: Iterable[str]) -> list[str]:
    """Lower case, short, each once.

    >>> tidy_tags([" Hot  Lead ", "hot lead", ""])
    ['hot lead']
    """
    clean = (_short(tag).lower() for tag in tags)
    return list(dict.fromkeys(tag for tag in clean if tag))[:MAX_TAGS]


def _short(words: str) -> str:
    return " ".join(words.replace("\x00", "").split())[:MAX_TEXT]


async def of_messages(uow: TenantUnitOfWork, message_ids: Sequence[UUID]) -> dict[UUID, Insights]:
    """What was read at these messages."""
    uow.require("messages.read")
    query = select(Insight).where(col(Insight.tenant_id) == uow.tenant_id, col(Insight.message_id).in_(message_ids))
    return {row.message_id: _view(row) for row in (await uow.session.execute(query)).scalars()}


async def latest(uow: TenantUnitOfWork, conversation_id: UUID) -> Insights | None:
    """What was read last in a conversation."""
    uow.require("messages.read")
    query = (
        select(Insight)
        .where(col(Insight.tenant_id) == uow.tenant_id, col(Insight.conversation_id) == conversation_id)
        .order_by(col(Insight.id).desc())
        .limit(1)
    )
    found = (await uow.session.execute(query)).scalar_one_or_none()
    return _view(found) if found else None


def _view(row: Insight) -> Insights:
    return Insights.model_validate({
        "intent": row.intent, "sentiment": row.sentiment.value, "product": row.product, "urgency": row.urgency.value,
        "tags": row.tags,
    })  # fmt: skip
