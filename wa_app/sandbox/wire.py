"""The shapes WAHA's engines give: answers to sends, stored messages, webhook bodies."""

import time
from typing import Any

from wa_app.sandbox.world import ACK_NAMES, Json, Message, Session, World, digits_of, lid_for, ulid

VERSION = "2026.9.1"


def full_id(message: Message, *, with_author: bool = True) -> str:
    """`true_<chat>_<ID>[_<participant>]`."""
    tail = f"_{message.author}" if with_author and message.author and message.chat.endswith("@g.us") else ""
    return f"{'true' if message.from_me else 'false'}_{message.via}_{message.bare}{tail}"


def raw_jid(chat: str) -> str:
    return chat.replace("@c.us", "@s.whatsapp.net")


def send_answer(message: Message, session: Session) -> Json:
    """What the engine answers to a send: they all differ."""
    if session.engine == "GOWS":
        info = {"Chat": raw_jid(message.via), "IsFromMe": True, "ID": message.bare}
        return {"id": full_id(message), "_data": {"Info": info}}
    if session.engine == "NOWEB":
        return {
            "key": {"remoteJid": raw_jid(message.via), "fromMe": True, "id": message.bare},
            "message": {"extendedTextMessage": {"text": message.text}},
            "messageTimestamp": str(int(message.at)),
            "status": "PENDING",
        }
    if session.engine == "WPP":
        return stored(message, session)
    return {"id": _webjs_id(message), "ack": 0, "body": message.text, "_data": _webjs_data(message, session)}


def _webjs_id(message: Message) -> Json:
    return {
        "fromMe": message.from_me,
        "remote": message.via,
        "id": message.bare,
        "_serialized": full_id(message),
    }


def _webjs_data(message: Message, session: Session) -> Json:
    me = (session.me or {}).get("id", "")
    return {
        "id": _webjs_id(message),
        "viewed": False,
        "body": message.text,
        "type": _webjs_type(message),
        "t": int(message.at),
        "from": _wid(me if message.from_me else message.via),
        "to": _wid(message.via if message.from_me else me),
        "ack": message.ack,
        "notifyName": session.names.get(message.author or message.chat, ""),
    }


def _wid(chat: str) -> Json:
    user, _, server = chat.partition("@")
    return {"server": server, "user": user, "_serialized": chat}


def _webjs_type(message: Message) -> str:
    if message.file is None:
        return "chat"
    family = str(message.file.get("mimetype", "")).partition("/")[0]
    return {"image": "image", "video": "video", "audio": "ptt"}.get(family, "document")


def stored(message: Message, session: Session) -> Json:
    """A message as `GET .../messages` and the webhooks give it (WAMessage)."""
    me = (session.me or {}).get("id")
    browser = session.engine in ("WEBJS", "WPP")
    group = message.chat.endswith("@g.us")
    own_from = me if browser else message.via
    return {
        "id": full_id(message),
        "timestamp": int(message.at),
        "from": own_from if message.from_me else message.via,
        "fromMe": message.from_me,
        "source": message.source,
        "to": message.via if message.from_me and browser else (me if browser else None),
        "participant": message.author if group else None,
        "body": message.text,
        "hasMedia": message.file is not None,
        "media": message.file,
        "ack": message.ack,
        "ackName": ACK_NAMES[message.ack],
        "location": None,
        "vCards": [],
        "replyTo": {"id": message.reply_to} if message.reply_to else None,
        "_data": _raw(message, session),
    }


def _raw(message: Message, session: Session) -> Json:
    """The engine's own object, with the other identity where a real engine gives it."""
    name = session.names.get(message.author or message.chat, "")
    if session.engine in ("WEBJS", "WPP"):
        return _webjs_data(message, session)
    alt = _other_identity(message)
    if session.engine == "NOWEB":
        key: Json = {"remoteJid": raw_jid(message.via), "fromMe": message.from_me, "id": message.bare}
        if message.chat.endswith("@g.us"):
            key["participant"] = message.author
        elif alt:
            key["remoteJidAlt"] = raw_jid(alt)
        return {"key": key, "messageTimestamp": int(message.at), "pushName": name, "message": {}}
    info = {"Chat": raw_jid(message.via), "ID": message.bare, "IsFromMe": message.from_me, "PushName": name}
    info["RecipientAlt" if message.from_me else "SenderAlt"] = raw_jid(alt) if alt else ""
    return {"Info": info}


def _other_identity(message: Message) -> str | None:
    if message.chat.endswith("@g.us"):
        return None
    return message.chat if message.via.endswith("@lid") else lid_for(digits_of(message.chat))


def ack_body(message: Message, session: Session, level: int, member: str | None = None) -> Json:
    """The payload of `message.ack` and `message.ack.group`."""
    me = (session.me or {}).get("id")
    browser = session.engine in ("WEBJS", "WPP")
    tail = f"_{member}" if member else ""
    return {
        "id": f"true_{message.via}_{message.bare}{tail}",
        "from": me if browser else message.via,
        "to": message.via if browser else None,
        "participant": member,
        "fromMe": True,
        "ack": level,
        "ackName": ACK_NAMES[level],
    }


def environment(session: Session) -> Json:
    return {
        "version": VERSION,
        "engine": session.engine,
        "tier": "CORE",
        "browser": "/usr/bin/chromium" if session.engine in ("WEBJS", "WPP") else None,
        "platform": "linux/x64",
        "worker": {"id": None},
    }


def envelope(event: str, payload: Any, session: Session, event_id: str) -> Json:
    """A whole webhook body."""
    return {
        "id": event_id,
        "timestamp": int(time.time() * 1000),
        "event": event,
        "session": session.name,
        "metadata": session.config.get("metadata") or {},
        "me": session.me,
        "payload": payload,
        "engine": session.engine,
        "environment": environment(session),
    }


def new_event_id() -> str:
    return "evt_" + ulid(time.time())


def session_view(session: Session) -> Json:
    """A session as `GET /api/sessions` lists it."""
    return {
        "name": session.name,
        "status": session.status,
        "config": session.config,
        "me": session.me,
        "presence": {"status": "offline"},
        "timestamps": {"activity": None},
        "assignedWorker": "sandbox",
        "engine": {"engine": session.engine},
    }


def canonical(chat: str, session: Session, world: World) -> str:
    """The chat under which a message is kept: a known LID becomes its phone."""
    if not chat.endswith("@lid"):
        return chat.replace("@s.whatsapp.net", "@c.us")
    for known in session.chats:
        if known.endswith("@c.us") and lid_for(digits_of(known)) == chat:
            return known
    return chat
