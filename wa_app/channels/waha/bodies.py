"""What we send to WAHA: the configuration of our sessions, message bodies with files."""

import base64
from urllib.parse import unquote, urlsplit

from wa_app.channels.port import OutgoingFile, Quoted, SessionSpec
from wa_app.channels.waha.events import EVENTS


def session_config(spec: SessionSpec) -> dict[str, object]:
    """The configuration of our sessions; complete, because an update replaces the whole of it.

    NOWEB keeps no chats, messages or LIDs unless its store is on before the scan, and
    WEBJS tells no acks without `tagsEventsOn`.
    """
    return {
        "metadata": dict(spec.metadata),
        "noweb": {"markOnline": False, "store": {"enabled": True, "fullSync": False}},
        "webjs": {"tagsEventsOn": True},
        "webhooks": [
            {
                "url": spec.webhook_url,
                "events": list(EVENTS),
                "hmac": {"key": spec.hmac_key},
                "retries": {"policy": "exponential", "delaySeconds": 2, "attempts": 15},
            }
        ],
    }


def whole_id(chat_id: str, message: Quoted) -> str:
    """The id of a message as far as we know it: WEBJS finds none by less."""
    if message.from_me is None:
        return message.message_id
    tail = f"_{message.author}" if message.author else ""
    return f"{'true' if message.from_me else 'false'}_{chat_id}_{message.message_id}{tail}"


def quoting(chat_id: str, quoted: Quoted | None) -> dict[str, object]:
    """Which message of the chat is answered.

    >>> quoting("123@g.us", Quoted("ABC", False, "999@lid"))
    {'reply_to': 'false_123@g.us_ABC_999@lid'}
    """
    return {} if quoted is None else {"reply_to": whole_id(chat_id, quoted)}


def with_file(
    session: str, chat_id: str, file: OutgoingFile, caption: str, quoted: Quoted | None = None
) -> dict[str, object]:
    """A message with a file: its bytes, or where the server fetches it."""
    content: dict[str, object] = {"mimetype": file.mime, "filename": file.filename}
    if file.data is not None:
        content["data"] = base64.b64encode(file.data).decode()
    else:
        content["url"] = file.url
    body: dict[str, object] = {"session": session, "chatId": chat_id, "file": content, **quoting(chat_id, quoted)}
    if caption:
        body["caption"] = caption
    return body


def digits(phone: str) -> str:
    return "".join(char for char in phone if char.isdigit())


def file_path(url: str) -> str | None:
    """The path of a file of WAHA's inside an address, None when it is something else.

    >>> file_path("http://localhost:3000/api/files/default/3EB0.jpeg")
    '/api/files/default/3EB0.jpeg'
    """
    try:
        path = urlsplit(url).path
    except ValueError:
        return None
    _, found, name = path.partition("/api/files/")
    plain = unquote(name)
    if not found or not plain or not plain.isprintable() or ".." in plain.split("/") or "\\" in plain:
        return None
    return found + name
