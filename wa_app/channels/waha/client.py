"""A WAHA server behind the channel port."""

import base64
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote

import httpx
import orjson
from httpx_aiohttp import AiohttpTransport

from wa_app.channels.port import (
    Account,
    ChannelError,
    ChatKind,
    DeviceStatus,
    DeviceTrouble,
    Group,
    GroupMember,
    Identity,
    IdentityKind,
    IdentityPair,
    IncomingMedia,
    MediaGone,
    NumberCheck,
    OutgoingFile,
    OwnMessage,
    Quoted,
    Receipt,
    SessionInfo,
    SessionSpec,
    Unsupported,
)
from wa_app.channels.waha.answers import (
    id_of,
    items,
    read_group,
    read_member,
    read_own_message,
    read_pair,
    read_session,
)
from wa_app.channels.waha.bodies import digits, file_path, quoting, session_config, whole_id, with_file
from wa_app.channels.waha.errors import classify, from_transport
from wa_app.channels.waha.events import loads, media_of
from wa_app.channels.waha.models import (
    account,
    as_chat,
    as_map,
    as_text,
    chat_kind,
    engine_name,
    key_of_message,
)

CONNECT_S: Final = 5.0
READ_S: Final = 30.0
QR_S: Final = 30.0
"""The server itself waits 10-14 s for a QR to appear."""
SEND_S: Final = 60.0
SEND_FILE_S: Final = 180.0
MEDIA_AGAIN_S: Final = 60.0
KEEP_ALIVE_S: Final = 4.0
"""Node closes idle connections after 5 s: one kept longer would break under a message and leave it unknown."""
PAGE: Final = 500
MEDIA_CHUNK: Final = 256 * 1024
_ENGINES_WITH_IDS: Final = frozenset({"NOWEB", "GOWS"})


class WahaClient:
    """Calls to one WAHA server. Made lazily, one per process and server; close it with `aclose()`.

    Args:
        base_url: address of the server, a path prefix is kept.
        api_key: sent as `X-Api-Key`.
        transport: another httpx transport, for tests.
    """

    def __init__(self, base_url: str, api_key: str, *, transport: httpx.AsyncBaseTransport | None = None) -> None:
        # httpx logs every address at INFO, and ours hold phone numbers.
        logging.getLogger("httpx").setLevel(logging.WARNING)
        limits = httpx.Limits(max_connections=200, keepalive_expiry=KEEP_ALIVE_S)
        self._base = base_url.rstrip("/")
        self._headers = httpx.Headers(
            {"X-Api-Key": api_key, "Accept": "application/json", "Content-Type": "application/json"}
        )
        self._http = httpx.AsyncClient(
            transport=transport or AiohttpTransport(limits=limits), trust_env=False, follow_redirects=False
        )
        self._send_urls: dict[str, httpx.URL] = {}
        self._engines: dict[str, str] = {}

    async def aclose(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    async def ping(self) -> None:
        """Prove that the server answers and takes our key."""
        await self._get("/api/server/version")

    async def create_session(self, spec: SessionSpec) -> SessionInfo:
        """Create the session, or give an existing one this configuration (which restarts it)."""
        config = session_config(spec)
        response = await self._request(
            "POST", "/api/sessions", {"name": spec.name, "start": spec.start, "config": config}, ok=(422,)
        )
        if response.status_code == 422:
            if await self.get_session(spec.name) is None:
                raise classify(422, response.content, sending=False)
            response = await self._request("PUT", _path("/api/sessions", spec.name), {"config": config})
            if spec.start:
                await self.start_session(spec.name)
        return read_session(loads(response.content)) or SessionInfo(spec.name, DeviceStatus.STARTING, spec.start)

    async def list_sessions(self) -> list[SessionInfo]:
        """All sessions, stopped ones too (the server leaves those out unless asked)."""
        found = await self._get("/api/sessions?all=true")
        return [info for item in items(found) if (info := read_session(item))]

    async def get_session(self, session: str) -> SessionInfo | None:
        """One session, None when the server does not know it."""
        response = await self._request("GET", _path("/api/sessions", session), ok=(404,))
        return None if response.status_code == 404 else read_session(loads(response.content))

    async def start_session(self, session: str) -> None:
        """Start; fine when it runs already."""
        await self._request("POST", _path("/api/sessions", session, "start"))

    async def stop_session(self, session: str) -> None:
        """Stop without unlinking; fine when it is stopped already."""
        await self._request("POST", _path("/api/sessions", session, "stop"))

    async def restart_session(self, session: str) -> None:
        """Stop and start."""
        await self._request("POST", _path("/api/sessions", session, "restart"))

    async def logout_session(self, session: str) -> None:
        """Unlink the account; a running session asks for a new scan."""
        await self._request("POST", _path("/api/sessions", session, "logout"))

    async def delete_session(self, session: str) -> None:
        """Unlink and forget; fine when it is already gone."""
        await self._request("DELETE", _path("/api/sessions", session), ok=(404,))

    async def me(self, session: str) -> Account | None:
        """The linked account, None before linking."""
        return account(await self._get(_path("/api/sessions", session, "me")))

    async def qr(self, session: str) -> str:
        """The text to draw as a QR code."""
        answer = as_map(await self._get(_path("/api", session, "auth/qr") + "?format=raw", read_s=QR_S))
        value = as_text(answer.get("value"))
        if value is None:
            raise DeviceTrouble("no qr in the answer")
        return value

    async def qr_png(self, session: str) -> bytes:
        """The QR code as a picture."""
        answer = as_map(await self._get(_path("/api", session, "auth/qr") + "?format=image", read_s=QR_S))
        data = as_text(answer.get("data"))
        if data is None:
            raise DeviceTrouble("no qr in the answer")
        return base64.b64decode(data)

    async def pairing_code(self, session: str, phone: str) -> str:
        """A code to type on the phone."""
        response = await self._request(
            "POST", _path("/api", session, "auth/request-code"), {"phoneNumber": digits(phone)}, read_s=QR_S
        )
        code = as_text(as_map(loads(response.content)).get("code"))
        if code is None:
            raise DeviceTrouble("no code in the answer")
        return code

    async def check_number(self, session: str, phone: str) -> NumberCheck:
        """Whether a number is on WhatsApp; send to the chat id it gives, not to the dialled digits."""
        answer = as_map(
            await self._get(f"/api/contacts/check-exists?phone={digits(phone)}&session={quote(session, safe='')}")
        )
        exists = answer.get("numberExists") is True
        return NumberCheck(exists, as_chat(answer.get("chatId")) if exists else None)

    def chat_id_of(self, identity: Identity) -> str:
        """`<digits>@c.us` for a phone, `<digits>@lid` for a LID, a group's own id."""
        if identity.kind is IdentityKind.GROUP:
            return identity.value
        server = "lid" if identity.kind is IdentityKind.LID else "c.us"
        return f"{digits(identity.value)}@{server}"

    async def new_message_id(self, session: str) -> str | None:
        """An id to send a text under; None on engines that have none (WEBJS, WPP, old versions)."""
        engine = self._engines.get(session) or await self._learn_engine(session)
        if engine not in _ENGINES_WITH_IDS:
            return None
        try:
            answer = as_map(await self._get(_path("/api", session, "new-message-id")))
        except Unsupported:
            self._engines[session] = f"{engine} without ids"
            return None
        return as_text(answer.get("id"))

    async def _learn_engine(self, session: str) -> str:
        info = await self.get_session(session)
        engine = (info.engine if info else None) or await self._server_engine()
        self._engines[session] = engine
        return engine

    async def _server_engine(self) -> str:
        return engine_name(await self._get("/api/server/version")) or "UNKNOWN"

    async def send_text(
        self, session: str, chat_id: str, text: str, *, message_id: str | None = None, link_preview: bool = True,
        quoted: Quoted | None = None,
    ) -> Receipt:  # fmt: skip
        """Send a text, under `message_id` where the engine takes one."""
        body: dict[str, object] = {"session": session, "chatId": chat_id, "text": text, **quoting(chat_id, quoted)}
        if message_id is not None:
            body["id"] = message_id
        if not link_preview:
            body["linkPreview"] = False
        return await self._send("sendText", body, SEND_S)

    async def send_image(
        self, session: str, chat_id: str, file: OutgoingFile, caption: str = "", *, quoted: Quoted | None = None
    ) -> Receipt:
        """Send a picture (JPEG; the server does not convert)."""
        return await self._send("sendImage", with_file(session, chat_id, file, caption, quoted), SEND_FILE_S)

    async def send_video(
        self, session: str, chat_id: str, file: OutgoingFile, caption: str = "", *, quoted: Quoted | None = None
    ) -> Receipt:
        """Send a video, converted by the server unless it is MP4 already."""
        body = with_file(session, chat_id, file, caption, quoted)
        return await self._send("sendVideo", {**body, "convert": file.mime != "video/mp4"}, SEND_FILE_S)

    async def send_voice(
        self, session: str, chat_id: str, file: OutgoingFile, *, quoted: Quoted | None = None
    ) -> Receipt:
        """Send a voice message, converted by the server unless it is OGG already."""
        body = with_file(session, chat_id, file, "", quoted)
        return await self._send("sendVoice", {**body, "convert": not file.mime.startswith("audio/ogg")}, SEND_FILE_S)

    async def send_file(
        self, session: str, chat_id: str, file: OutgoingFile, caption: str = "", *, quoted: Quoted | None = None
    ) -> Receipt:
        """Send any file as a document."""
        return await self._send("sendFile", with_file(session, chat_id, file, caption, quoted), SEND_FILE_S)

    async def seen(self, session: str, chat_id: str, message_ids: Sequence[str] = ()) -> None:
        """Mark as read: the given messages (bare ids), or what is unread in the chat."""
        body: dict[str, object] = {"session": session, "chatId": chat_id}
        if message_ids and chat_kind(chat_id) is ChatKind.PERSON:
            body["messageIds"] = [f"false_{chat_id}_{bare}" for bare in message_ids]
        await self._request("POST", "/api/sendSeen", body)

    async def start_typing(self, session: str, chat_id: str) -> None:
        """Show "typing…"; it does not end by itself."""
        await self._request("POST", "/api/startTyping", {"session": session, "chatId": chat_id})

    async def stop_typing(self, session: str, chat_id: str) -> None:
        """Take "typing…" away."""
        await self._request("POST", "/api/stopTyping", {"session": session, "chatId": chat_id})

    async def own_messages(self, session: str, chat_id: str, *, since: datetime, limit: int = 100) -> list[OwnMessage]:
        """The owner's messages of a chat since a moment, newest first."""
        query = (
            f"?limit={limit}&downloadMedia=false&filter.fromMe=true&sortOrder=desc"
            f"&filter.timestamp.gte={int(since.astimezone(UTC).timestamp())}"
        )
        found = await self._get(_path("/api", session, "chats", chat_id, "messages") + query)
        messages = [message for item in items(found) if (message := read_own_message(item, chat_id))]
        return [message for message in messages if message.at is None or message.at >= since.replace(microsecond=0)]

    async def groups(self, session: str) -> list[Group]:
        """All groups, without their members."""
        return [
            group
            async for item in self._pages(_path("/api", session, "groups") + "?exclude=participants&")
            if (group := read_group(item))
        ]

    async def group_members(self, session: str, group_id: str) -> list[GroupMember]:
        """The members of a group who have not left."""
        found = await self._get(_path("/api", session, "groups", group_id, "participants/v2"))
        return [member for item in items(found) if (member := read_member(item))]

    async def phone_of(self, session: str, lid: str) -> IdentityPair:
        """The phone behind a LID; unknown is normal."""
        return read_pair(await self._get(_path("/api", session, "lids", lid)))

    async def lid_of(self, session: str, phone: str) -> IdentityPair:
        """The LID of a phone; unknown is normal."""
        return read_pair(await self._get(_path("/api", session, "lids/pn", digits(phone))))

    async def _pages(self, url: str) -> AsyncIterator[object]:
        """Items of a paged listing, each page a list or a map by id, until a page brings nothing new."""
        seen: set[str] = set()
        while True:
            page = items(await self._get(f"{url}limit={PAGE}&offset={len(seen)}"))
            fresh = [item for item in page if (name := id_of(item)) and name not in seen]
            seen.update(filter(None, map(id_of, fresh)))
            for item in fresh:
                yield item
            if not fresh or len(page) < PAGE:
                return

    async def media(self, url: str) -> AsyncGenerator[bytes, None]:
        """The file of a message. WAHA writes its own idea of its host into the address: ours is taken instead.

        An address that is not one of WAHA's own files (a pre-signed one of a store) is MediaGone: our key and our
        network are not for other hosts.
        """
        path = file_path(url)
        if path is None:
            raise MediaGone("address of another host")
        timeout = {"connect": CONNECT_S, "pool": CONNECT_S, "read": READ_S, "write": READ_S}
        request = httpx.Request(
            "GET", httpx.URL(self._base + path), headers=self._headers, extensions={"timeout": timeout}
        )
        try:
            response = await self._http.send(request, stream=True)
            try:
                await self._refuse_no_file(response)
                async for chunk in response.aiter_bytes(MEDIA_CHUNK):
                    yield chunk
            finally:
                await response.aclose()
        except httpx.TransportError as error:
            raise from_transport(error, sending=False) from error

    async def media_again(self, session: str, chat_id: str, message: Quoted) -> IncomingMedia | None:
        """Have the server download the file of a message once more, which may take its time."""
        path = _path("/api", session, "chats", chat_id, "messages", whole_id(chat_id, message))
        return media_of(as_map(await self._get(f"{path}?downloadMedia=true", MEDIA_AGAIN_S)).get("media"))

    async def _refuse_no_file(self, response: httpx.Response) -> None:
        if response.status_code in (404, 410):
            raise MediaGone(f"http {response.status_code}")
        if not response.is_success:
            await response.aread()
            raise _failure(response, sending=False)

    async def _send(self, verb: str, body: dict[str, object], read_s: float) -> Receipt:
        """Put a message out. Any failure after the request left is OutcomeUnknown, never retried here."""
        url = self._send_urls.get(verb) or self._send_urls.setdefault(verb, httpx.URL(f"{self._base}/api/{verb}"))
        response = await self._exchange("POST", url, orjson.dumps(body), read_s, sending=True)
        if not response.is_success:
            raise _failure(response, sending=True)
        key = key_of_message(loads(response.content))
        return Receipt(key.bare, key.chat_id) if key else Receipt(None)

    async def _get(self, path: str, read_s: float = READ_S) -> object:
        response = await self._request("GET", path, read_s=read_s)
        return loads(response.content)

    async def _request(
        self,
        method: str,
        path: str,
        body: Mapping[str, object] | None = None,
        *,
        read_s: float = READ_S,
        ok: tuple[int, ...] = (),
    ) -> httpx.Response:
        """A call that sends no message; statuses in `ok` are answers, not errors."""
        content = None if body is None else orjson.dumps(body)
        response = await self._exchange(method, httpx.URL(self._base + path), content, read_s, sending=False)
        if not response.is_success and response.status_code not in ok:
            raise _failure(response, sending=False)
        return response

    async def _exchange(
        self, method: str, url: httpx.URL, content: bytes | None, read_s: float, *, sending: bool
    ) -> httpx.Response:
        """One request and its whole answer.

        Built by hand, as merging the client's defaults costs a third of the call.
        """
        timeout = {"connect": CONNECT_S, "pool": CONNECT_S, "read": read_s, "write": read_s}
        request = httpx.Request(method, url, headers=self._headers, content=content, extensions={"timeout": timeout})
        try:
            return await self._http.send(request)
        except httpx.TransportError as error:
            raise from_transport(error, sending=sending) from error


def _failure(response: httpx.Response, *, sending: bool) -> ChannelError:
    return classify(
        response.status_code, response.content, sending=sending, retry_after=response.headers.get("retry-after")
    )


def _path(*parts: str) -> str:
    """A path of fixed parts (which may hold slashes) and names, each percent-encoded: `@` becomes `%40`."""
    return "/".join(part if part.startswith("/") or part in _FIXED else quote(part, safe="") for part in parts)


_FIXED: Final = frozenset({"auth/qr", "auth/request-code", "lids/pn", "participants/v2"})
