"""What the customer does to messages that are there: a reaction, another wording, taking one back."""

import time

from starlette.responses import JSONResponse, Response

from wa_app.sandbox import wire
from wa_app.sandbox.life import Life
from wa_app.sandbox.world import Json, Message, Session, new_bare_id


class Changes:
    """Each finds its message by `{chat, id?}`: without an id it is the latest one that it can be about."""

    def __init__(self, life: Life) -> None:
        self.life = life

    def react(self, session: Session, asked: Json) -> Json | Response:
        """`{chat, id?, emoji}`: a reaction to a message of ours; an empty one takes it back."""
        message = self._find(session, asked, from_me=True)
        if message is None:
            return _missing()
        reaction = {"text": str(asked.get("emoji") or ""), "messageId": wire.full_id(message)}
        self.life.hooks.emit(session, {**_said(message), "reaction": reaction}, "message.reaction")
        return {}

    def edit(self, session: Session, asked: Json) -> Json | Response:
        """`{chat, id?, text}`: other words for what the customer wrote."""
        message = self._find(session, asked, from_me=False)
        if message is None:
            return _missing()
        message.text = str(asked.get("text") or "")
        self.life.hooks.emit(session, {**_said(message), "editedMessageId": message.bare, "body": message.text, "_data": {}}, "message.edited")
        return {}

    def revoke(self, session: Session, asked: Json) -> Json | Response:
        """`{chat, id?}`: the customer takes a message back for everybody."""
        message = self._find(session, asked, from_me=False)
        if message is None:
            return _missing()
        message.text, message.file = "", None
        told = {"after": {**_said(message), "_data": {}}, "revokedMessageId": message.bare, "before": None}
        self.life.hooks.emit(session, told, "message.revoked")
        return {}

    def _find(self, session: Session, asked: Json, *, from_me: bool) -> Message | None:
        wanted = str(asked.get("id") or "")
        for message in reversed(self.life.world.in_chat(session, str(asked.get("chat")))):
            if message.from_me == from_me and wanted in ("", message.bare, wire.full_id(message)):
                return message
        return None


def _said(message: Message) -> Json:
    """The head of what the customer has just told of a message: an event with an id of its own."""
    return {
        "id": f"false_{message.via}_{new_bare_id()}", "from": message.via, "fromMe": False, "participant": None,
        "timestamp": round(time.time(), 3),
    }  # fmt: skip


def _missing() -> Response:
    return JSONResponse({"error": "no such message"}, 404)
