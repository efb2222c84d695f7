"""What we send to WAHA: the configuration of our sessions, message bodies with files."""

import base64
from urllib.parse import unquote, urlsplit

from wa_app.channels.port import OutgoingFile, SessionSpec
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


def with_file(session: str, chat_id: str, file: OutgoingFile, caption: str) -> dict[str, object]:
    content: dict[str, object] = {"mimetype": file.mime, "filename": file.filename}
    if file.data is not None:
        content["data"] = base64.b64encode(file.data).decode()
    else:
        content["url"] = file.url
    body: dict[str, object] = {"session": session, "chatId": chat_id, "file": content}
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
