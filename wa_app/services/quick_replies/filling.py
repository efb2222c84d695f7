"""A quick reply with a customer's values in it. Only variables are filled: a person writes this, so nothing is drawn."""

import re
from collections.abc import Mapping
from uuid import UUID

from wa_app.db import TenantUnitOfWork
from wa_app.schemas.quick_replies import QuickReplyFilled
from wa_app.sending.conditions import NAME
from wa_app.sending.rendering import canonical
from wa_app.services.campaigns import preview
from wa_app.services.conversations import chats
from wa_app.services.quick_replies import reading

_VARIABLE = re.compile(rf"\{{\{{\s*({NAME}?)\s*(?:\|([^{{}}]*))?\}}\}}|\[\s*({NAME}?)\s*(?:\|([^\[\]{{}}|\n]*))?\]")


async def fill(uow: TenantUnitOfWork, quick_reply_id: UUID, conversation_id: UUID) -> QuickReplyFilled:
    """The text with the values of the conversation's customer, and the file. Raises NotFound for either."""
    reply = await reading.get(uow, quick_reply_id)
    chat = await chats.chat_of(uow, conversation_id)
    values = await preview.values_of_contact(uow, chat.contact_id) if chat.contact_id else None
    return QuickReplyFilled(text=filled(reply.body, values or {}), file=reply.file)


def filled(body: str, values: Mapping[str, str]) -> str:
    """The text with values for its variables.

    `{{name}}` of nobody is empty unless it says what to write then (`{{name|Kak}}`); `[word]` that names nothing
    known stays as it is.

    >>> filled("Halo {{nama|Kak}}, kode [PROMO]{{kota}}", {"name": ""})
    'Halo Kak, kode [PROMO]'
    """
    known = {canonical(key): value for key, value in values.items()}

    def one(hit: re.Match[str]) -> str:
        braces, otherwise, brackets, or_else = hit.groups()
        if braces is not None:
            return known.get(canonical(braces)) or otherwise or ""
        return known[canonical(brackets)] or or_else or "" if canonical(brackets) in known else hit[0]

    return _VARIABLE.sub(one, body)
