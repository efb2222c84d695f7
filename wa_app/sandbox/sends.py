"""The send calls, plain ASGI: they carry the load of the benches, so nothing stands between socket and chat."""

import asyncio
import base64
import binascii
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import aiohttp
import orjson

from wa_app.sandbox import wire
from wa_app.sandbox.life import Life
from wa_app.sandbox.world import MAX_FILE_BYTES, Fault, Json, Session, World, digits_of

Scope = Any
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]

PATHS: Final = {
    "/api/sendText": "text",
    "/api/sendImage": "file",
    "/api/sendVideo": "file",
    "/api/sendVoice": "file",
    "/api/sendFile": "file",
    "/api/sendSeen": "seen",
    "/api/startTyping": "typing",
    "/api/stopTyping": "typed",
}
_BEFORE: Final = ("hang_before", "http_500", "422", "463", "no_lid", "rate")
_AFTER: Final = ("hang", "cut", "empty_answer", "http_500_after")
_JSON: Final = [(b"content-type", b"application/json; charset=utf-8")]


class Sends:
    """Answers the calls in PATHS."""

    def __init__(self, world: World, life: Life) -> None:
        self.world = world
        self.life = life

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not allowed(scope, self.world.settings.api_key):
            await answer(send, 401, {"message": "Unauthorized", "statusCode": 401})
            return
        body = await read_body(receive)
        if body is None:
            return
        try:
            asked = orjson.loads(body)
        except orjson.JSONDecodeError:
            await answer(send, 400, bad_request(["body must be JSON"]))
            return
        what = PATHS[scope["path"]]
        missing = _missing(asked, what)
        if missing:
            await answer(send, 400, bad_request(missing))
            return
        session = self.world.sessions.get(asked["session"])
        if session is None:
            text = f'Session "{asked["session"]}" does not exist'
            await answer(send, 422, {"error": text, "session": asked["session"]})
        elif session.status != "WORKING":
            await answer(send, 422, not_ready(session, ["WORKING"]))
        elif what in ("text", "file"):
            await self._message(session, asked, what, send)
        else:
            self._presence(session, asked["chatId"], what)
            await answer(send, 201, {})

    def _presence(self, session: Session, chat: str, what: str) -> None:
        session.note(what, chat)
        canonical = wire.canonical(chat, session, self.world)
        if what == "typing":
            session.typing[canonical] = time.time()
        else:
            session.typing.pop(canonical, None)
        self.world.touched()

    async def _message(self, session: Session, asked: Json, what: str, send: Send) -> None:
        world = self.world
        chat, text = asked["chatId"], asked.get("text" if what == "text" else "caption") or ""
        before = world.fault(session.name, *_BEFORE) if world.faults else None
        if before or self._unreachable(session, chat):
            world.count(session.name, chat, text, accepted=False)
            await self._refuse(before, session, send)
            return
        file = None
        if what == "file":
            file, problem = await self._file(asked["file"])
            if problem:
                await answer(send, 500, engine_error(problem))
                return
        await self._take_time()
        message = world.messages.get((session.name, asked["id"])) if asked.get("id") else None
        world.count(session.name, chat, text, accepted=message is None)
        if message is None:
            bare = asked.get("id")
            message = self.life.accept(session, chat, text, bare=bare, file=file, reply_to=asked.get("reply_to"))
        after = world.fault(session.name, *_AFTER) if world.faults else None
        if after:
            await self._spoil(after, send)
            return
        await self._take_time()
        await answer(send, 201, wire.send_answer(message, session))

    async def _take_time(self) -> None:
        if self.world.settings.send_s:
            await asyncio.sleep(random.uniform(0.0, self.world.settings.send_s))

    def _unreachable(self, session: Session, chat: str) -> bool:
        """GOWS looks the LID up and fails; the other engines send into the void."""
        return session.engine == "GOWS" and digits_of(chat).endswith(self.world.settings.absent_suffix)

    async def _refuse(self, fault: Fault | None, session: Session, send: Send) -> None:
        kind = fault.kind if fault else "no_lid"
        if fault and kind == "hang_before":
            await asyncio.sleep(fault.seconds)
        if kind == "422":
            await answer(send, 422, {**not_ready(session, ["WORKING"]), "status": "FAILED"})
            return
        await answer(send, 500, engine_error(_ENGINE_WORDS.get(kind, "Evaluation failed: t is undefined")))

    async def _spoil(self, fault: Fault, send: Send) -> None:
        """The message went out; the caller is not told so."""
        if fault.kind == "hang":
            await asyncio.sleep(fault.seconds)
        if fault.kind == "empty_answer":
            await send({"type": "http.response.start", "status": 201, "headers": []})
            await send({"type": "http.response.body", "body": b""})
        elif fault.kind == "http_500_after":
            await answer(send, 500, engine_error("Evaluation failed: t is undefined"))
        else:
            headers = [*_JSON, (b"content-length", b"400")]
            await send({"type": "http.response.start", "status": 201, "headers": headers})
            await send({"type": "http.response.body", "body": b'{"id":"true_', "more_body": True})

    async def _file(self, given: Json) -> tuple[Json | None, str | None]:
        mime, name = str(given.get("mimetype")), given.get("filename")
        if given.get("data"):
            try:
                data = base64.b64decode(given["data"], validate=True)
            except (binascii.Error, ValueError):
                return None, "invalid base64"
            return self.life.store_file(data, mime, name), None
        try:
            async with self.life.hooks.client.get(str(given.get("url"))) as response:
                if response.status != 200:
                    return None, f"download failed with status code {response.status}"
                data = await response.content.read(MAX_FILE_BYTES)
        except (aiohttp.ClientError, TimeoutError, ValueError):
            return None, "download failed"
        return self.life.store_file(data, mime, name), None


_ENGINE_WORDS: Final = {
    "463": "2 UNKNOWN: server returned error 463",
    "no_lid": "2 UNKNOWN: no LID found for the number from server",
    "rate": "rate-overlimit",
}


def _missing(asked: object, what: str) -> list[str]:
    """What WAHA's validation would say of the body."""
    if not isinstance(asked, dict):
        return ["body must be an object"]
    wrong = [f"{key} must be a string" for key in ("session", "chatId") if not isinstance(asked.get(key), str)]
    if what == "text" and not isinstance(asked.get("text"), str):
        wrong.append("text must be a string")
    if what == "file" and not isinstance(asked.get("file"), dict):
        wrong.append("file must be an object")
    return wrong


def allowed(scope: Scope, key: str) -> bool:
    """Whether the request carries the key."""
    return any(name == b"x-api-key" and value == key.encode() for name, value in scope["headers"])


async def read_body(receive: Receive) -> bytes | None:
    """The whole body, None when the caller went away."""
    parts = b""
    while True:
        event: Mapping[str, Any] = await receive()
        if event["type"] == "http.disconnect":
            return None
        parts += bytes(event.get("body", b""))
        if not event.get("more_body"):
            return parts


async def answer(send: Send, status: int, value: object) -> None:
    """A JSON answer."""
    body = orjson.dumps(value)
    headers = [*_JSON, (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def bad_request(problems: list[str]) -> Json:
    return {"statusCode": 400, "message": problems, "error": "Bad Request"}


def not_ready(session: Session, expected: list[str]) -> Json:
    return {
        "error": "Session status is not as expected. Try again later or restart the session",
        "session": session.name,
        "status": session.status,
        "expected": expected,
    }


def engine_error(words: str) -> Json:
    """What WAHA answers for everything an engine throws; it echoes the request, as the real one does."""
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
    return {
        "statusCode": 500,
        "timestamp": stamp,
        "exception": {"message": words, "name": "Error", "stack": "Error\n    at sandbox"},
        "request": {"path": "/api", "method": "POST", "body": {"text": "(echo)"}, "query": {}},
        "version": {"version": wire.VERSION},
    }
