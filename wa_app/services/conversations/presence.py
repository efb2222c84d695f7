"""Who is at work in a conversation right now: told to the others, kept nowhere."""

from uuid import UUID

from sqlalchemy import text

from wa_app.db import TenantUnitOfWork
from wa_app.services.conversations import chats

_NAME = text("SELECT name FROM users WHERE id = :id")


async def tell(uow: TenantUnitOfWork, conversation_id: UUID, typing: bool) -> None:
    """Tell the other people of the tenant that one is writing here, or has stopped. Raises NotFound."""
    uow.require("messages.send")
    await chats.chat_of(uow, conversation_id)
    if uow.principal.user_id is None:
        return
    name = (await uow.session.execute(_NAME, {"id": uow.principal.user_id})).scalar_one_or_none()
    uow.publish("typing", conversation_id=conversation_id, user_id=uow.principal.user_id, name=name or "", typing=typing)
