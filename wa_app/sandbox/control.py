"""The sandbox's own paths: the customer's side, faults, counts. No key: it is a tool on your machine."""

import base64
import binascii
import re
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from wa_app.sandbox import wire
from wa_app.sandbox.changes import Changes
from wa_app.sandbox.life import Life
from wa_app.sandbox.world import ENGINES, MAX_FILE_BYTES, Fault, Json, Message, Session, World

FAULTS = {
    "hang": "accept the message, then never answer (seconds)",
    "cut": "accept the message, then break the connection in the middle of the answer",
    "empty_answer": "accept the message, answer 201 with an empty body",
    "http_500_after": "accept the message, answer 500",
    "hang_before": "take nothing, answer 500 after a long wait (seconds)",
    "http_500": "take nothing, answer 500",
    "422": "take nothing, answer 422 as for a session that is not working",
    "463": "take nothing, answer 500 'error 463': the account is restricted",
    "no_lid": "take nothing, answer 500 'no LID found'",
    "rate": "take nothing, answer 500 'rate-overlimit'",
    "http_500_reads": "answer 500 to GET requests (session *)",
    "rate_reads": "answer 500 'rate-overlimit' to questions about groups and LIDs",
    "hang_reads": "answer questions about groups and LIDs after a wait (seconds)",
    "media_empty": "tell of a customer's file without its address, until it is asked for",
    "media_never": "have no file for who asks for it",
    "webhook_twice": "send a webhook two times",
    "webhook_late": "send a webhook late (seconds)",
    "webhook_reorder": "send webhooks up to 2 s late, so that they overtake each other",
    "webhook_lost": "never send a webhook",
}
_DIGITS = re.compile(r"\d{5,15}")
MAX_MEMBERS = 5_000


class Control:
    """What a person at the page, or a fault test, does to the pretended WhatsApp."""

    def __init__(self, world: World, life: Life) -> None:
        self.world = world
        self.life = life
        self.changes = Changes(life)

    def routes(self) -> list[Route]:
        of_session: list[tuple[str, Callable[[Session, Json], Any]]] = [
            ("scan", self._scan),
            ("confirm", self._confirm),
            ("drop", self._drop),
            ("inbound", self._inbound),
            ("owner", self._owner),
            ("read", self._read),
            ("typing", self._typing),
            ("react", self.changes.react),
            ("edit", self.changes.edit),
            ("revoke", self.changes.revoke),
            ("group", self._group),
            ("leave", self._leave),
        ]
        routes = [
            Route(f"/sandbox/sessions/{{session}}/{verb}", self._on_session(handler), methods=["POST"])
            for verb, handler in of_session
        ]
        return [
            Route("/sandbox/state", self.state),
            Route("/sandbox/chat", self.chat),
            Route("/sandbox-file/api/files/{name:path}", self.file),
            Route("/sandbox/log", self.log),
            Route("/sandbox/counts", self.counts),
            Route("/sandbox/config", self.config, methods=["GET", "PATCH"]),
            Route("/sandbox/faults", self.faults, methods=["GET", "POST", "DELETE"]),
            Route("/sandbox/faults/{id:int}", self.drop_fault, methods=["DELETE"]),
            Route("/sandbox/reset", self.reset, methods=["POST"]),
            *routes,
        ]

    def _on_session(self, handler: Callable[[Session, Json], Any]) -> Callable[[Request], Awaitable[Response]]:
        async def run(request: Request) -> Response:
            session = self.world.sessions.get(request.path_params["session"])
            if session is None:
                return JSONResponse({"error": "no such session"}, 404)
            answer = handler(session, await _json(request))
            if isinstance(answer, Response):
                return answer
            self.world.touched()
            return JSONResponse(answer)

        return run

    def _scan(self, session: Session, asked: Json) -> Any:
        """`{phone?, name?, passkey?}`: the owner scans the code or types the pairing code."""
        if session.status != "SCAN_QR_CODE":
            return JSONResponse({"error": f"nothing to scan while {session.status}"}, 409)
        code = asked.get("code")
        if code and code != session.pairing_code:
            return JSONResponse({"error": "wrong pairing code"}, 409)
        phone = asked.get("phone") or (session.names.get("pairing") if session.pairing_code else None)
        self.life.scan(session, phone, asked.get("name"), passkey=bool(asked.get("passkey")))
        return wire.session_view(session)

    def _confirm(self, session: Session, asked: Json) -> Any:
        """The owner compares the passkey's code and agrees."""
        if not session.status.startswith("PASSKEY"):
            return JSONResponse({"error": f"nothing to confirm while {session.status}"}, 409)
        self.life.link(session, session.names.pop("passkey", None) or None, None)
        return wire.session_view(session)

    def _drop(self, session: Session, asked: Json) -> Any:
        """`{status?: FAILED|STARTING|STOPPED, back_after_s?}`: the link breaks."""
        self.life.drop(session, asked.get("status") or "FAILED", asked.get("back_after_s"))
        return wire.session_view(session)

    def _inbound(self, session: Session, asked: Json) -> Any:
        """`{from, text?, name?, group?, lid?, media?: {data, mimetype, filename?}}`: a customer writes."""
        phone = str(asked.get("from", "")).lstrip("+")
        if not _DIGITS.fullmatch(phone):
            return JSONResponse({"error": "`from` must be 5 to 15 digits"}, 422)
        person = f"{phone}@c.us"
        if asked.get("name"):
            session.names[person] = str(asked["name"])
        (session.lid_first.add if asked.get("lid") else session.lid_first.discard)(person)
        group = asked.get("group")
        if group and group not in session.groups:
            return JSONResponse({"error": "no such group"}, 404)
        media = _media(asked.get("media"))
        if asked.get("media") and media is None:
            return JSONResponse({"error": "`media` needs base64 `data` and a `mimetype`"}, 422)
        file = self.life.store_file(*media) if media else None
        message = self.life.inbound(
            session, group or person, str(asked.get("text") or ""), author=person if group else None, file=file
        )
        return {"id": wire.full_id(message)}

    def _owner(self, session: Session, asked: Json) -> Any:
        """`{to, text}`: the owner types on the phone."""
        message = self.life.owner_writes(session, _chat_of(asked.get("to")), str(asked.get("text") or ""))
        return {"id": wire.full_id(message)}

    def _read(self, session: Session, asked: Json) -> Any:
        self.life.read_all(session, str(asked.get("chat")))
        return {}

    def _typing(self, session: Session, asked: Json) -> Any:
        self.life.customer_types(session, str(asked.get("chat")), typing=bool(asked.get("on")))
        return {}

    def _group(self, session: Session, asked: Json) -> Any:
        """`{subject, members: [phone], count?, first?, hidden?, secret?, admins?}`: the owner is put into a new group.

        `count` adds that many people with phones from `first` up; `hidden` and `secret` see `Life.join_group`.
        """
        count = min(int(asked.get("count") or 0), MAX_MEMBERS)
        first = int(asked.get("first") or 628770000001)
        members = [_chat_of(member) for member in asked.get("members") or []]
        members += [f"{first + n}@c.us" for n in range(count)]
        more = {name: int(asked.get(name) or 0) for name in ("hidden", "secret", "admins")}
        if more["hidden"] + more["secret"] > len(members):
            return JSONResponse({"error": "more hidden members than members"}, 422)
        group = self.life.join_group(session, str(asked.get("subject") or "Grup"), members, **more)
        return {"id": group.id}

    def _leave(self, session: Session, asked: Json) -> Any:
        """`{group}`: the owner leaves a group."""
        return {"left": session.groups.pop(str(asked.get("group")), None) is not None}

    async def state(self, request: Request) -> Response:
        """What the page shows; `?since=` answers 204 when nothing has changed."""
        if request.query_params.get("since") == str(self.world.version):
            return Response(status_code=204)
        sessions = [self._session_view(session) for session in self.world.sessions.values()]
        return JSONResponse(
            {
                "version": self.world.version,
                "sessions": sessions,
                "faults": [fault.view() for fault in self.world.faults],
                "kinds": FAULTS,
                "config": self._config_view(),
                "deliveries": list(self.world.deliveries)[-12:],
            }
        )

    def _session_view(self, session: Session) -> Json:
        chats = [self._chat_view(session, chat) for chat in list(session.chats)[-200:]]
        chats.sort(key=lambda chat: -chat["at"])
        return {
            "name": session.name,
            "engine": session.engine,
            "status": session.status,
            "me": session.me,
            "data": session.data,
            "qr_no": session.qr_no,
            "qr_until": session.qr_until,
            "pairing_code": session.pairing_code,
            "metadata": session.config.get("metadata") or {},
            "groups": [{"id": g.id, "subject": g.subject, "members": g.members} for g in session.groups.values()],
            "chats": chats,
        }

    def _chat_view(self, session: Session, chat: str) -> Json:
        messages = self.world.in_chat(session, chat)
        last = messages[-1] if messages else None
        group = session.groups.get(chat)
        return {
            "id": chat,
            "name": group.subject if group else session.names.get(chat, ""),
            "last": last.text[:80] if last else "",
            "at": last.at if last else 0,
            "typing": chat in session.typing,
        }

    async def chat(self, request: Request) -> Response:
        """`?session=&chat=`: the last 200 messages of a chat, oldest first."""
        session = self.world.sessions.get(request.query_params.get("session", ""))
        if session is None:
            return JSONResponse({"error": "no such session"}, 404)
        chat = request.query_params.get("chat", "")
        messages = self.world.in_chat(session, chat)[-200:]
        return JSONResponse({"items": [_shown(m, session) for m in messages], "typing": chat in session.typing})

    async def file(self, request: Request) -> Response:
        """A picture for the page, which holds no key; served inert."""
        kept = self.world.files.get(request.path_params["name"])
        if kept is None:
            return JSONResponse({"error": "no such file"}, 404)
        headers = {"Content-Security-Policy": "default-src 'none'; sandbox", "X-Content-Type-Options": "nosniff"}
        return Response(kept[0], media_type=kept[1], headers=headers)

    async def log(self, request: Request) -> Response:
        """`?session=`: seen and typing calls as they came."""
        session = self.world.sessions.get(request.query_params.get("session", ""))
        return JSONResponse({"items": list(session.log) if session else []})

    async def counts(self, request: Request) -> Response:
        """What the sandbox was asked to send, the judge in fault tests.

        `?session=&chat=` narrow, `?items=false` gives the totals only. `asked` counts
        requests, `accepted` counts messages that went out.
        """
        query = request.query_params
        rows = [
            (key, pair)
            for key, pair in self.world.asked.items()
            if query.get("session", key[0]) == key[0] and query.get("chat", key[1]) == key[1]
        ]
        answer: Json = {
            "asked": sum(pair[0] for _, pair in rows),
            "accepted": sum(pair[1] for _, pair in rows),
            "distinct": sum(1 for _, pair in rows if pair[1]),
            "duplicates": sum(pair[1] - 1 for _, pair in rows if pair[1] > 1),
            "overflow": self.world.overflow,
        }
        if query.get("items") != "false":
            answer["items"] = [
                {"session": s, "chat": c, "text": t, "asked": pair[0], "accepted": pair[1],
                 "at": self.world.accepted_at.get((s, c, t))} for (s, c, t), pair in rows
            ]
        return JSONResponse(answer)

    async def config(self, request: Request) -> Response:
        """`{engine?, acks?, absent_suffix?, start_s?, send_s?, qr_first_s?, qr_next_s?, file_life_s?}`."""
        if request.method == "PATCH":
            asked = await _json(request)
            settings = self.world.settings
            if asked.get("engine") in ENGINES:
                settings.engine = asked["engine"]
            if asked.get("acks") in ("human", "instant", "off"):
                settings.acks = asked["acks"]
            if asked.get("absent_suffix"):
                settings.absent_suffix = str(asked["absent_suffix"])
            for name in ("start_s", "send_s", "qr_first_s", "qr_next_s", "qr_wait_s", "file_life_s"):
                if isinstance(asked.get(name), int | float):
                    setattr(settings, name, float(asked[name]))
            self.world.touched()
        return JSONResponse(self._config_view())

    def _config_view(self) -> Json:
        settings = self.world.settings
        return {
            "engine": settings.engine, "acks": settings.acks, "absent_suffix": settings.absent_suffix,
            "start_s": settings.start_s, "send_s": settings.send_s, "qr_first_s": settings.qr_first_s, "qr_next_s": settings.qr_next_s,
            "qr_wait_s": settings.qr_wait_s, "file_life_s": settings.file_life_s,
        }  # fmt: skip

    async def faults(self, request: Request) -> Response:
        """POST `{kind, session?, probability?, count?, seconds?}`; DELETE forgets all."""
        if request.method == "DELETE":
            self.world.faults.clear()
        elif request.method == "POST":
            asked = await _json(request)
            if asked.get("kind") not in FAULTS:
                return JSONResponse({"error": "unknown kind", "kinds": FAULTS}, 422)
            self.world.fault_no += 1
            fault = Fault(
                self.world.fault_no,
                asked["kind"],
                asked.get("session") or "*",
                float(asked.get("probability", 1.0)),
                asked.get("count"),
                float(asked.get("seconds", 60.0)),
            )
            self.world.faults.append(fault)
            self.world.touched()
            return JSONResponse(fault.view(), 201)
        self.world.touched()
        return JSONResponse({"items": [fault.view() for fault in self.world.faults], "kinds": FAULTS})

    async def drop_fault(self, request: Request) -> Response:
        self.world.faults = [fault for fault in self.world.faults if fault.id != request.path_params["id"]]
        self.world.touched()
        return JSONResponse({})

    async def reset(self, request: Request) -> Response:
        """`{sessions?: bool}`: forget messages, counts and faults, and the sessions too when asked."""
        self.world.reset(sessions=bool((await _json(request)).get("sessions")))
        self.world.save()
        return JSONResponse({})


def _shown(message: Message, session: Session) -> Json:
    return {
        "id": message.bare,
        "from_me": message.from_me,
        "text": message.text,
        "at": message.at,
        "ack": message.ack,
        "source": message.source,
        "author": session.names.get(message.author or "", message.author),
        "file": message.file,
        "reply_to": message.reply_to,
    }


def _chat_of(given: object) -> str:
    text = str(given or "")
    return text if "@" in text else f"{text.lstrip('+')}@c.us"


def _media(given: object) -> tuple[bytes, str, str | None] | None:
    if not isinstance(given, dict) or not given.get("mimetype"):
        return None
    try:
        data = base64.b64decode(str(given.get("data", "")), validate=True)
    except (binascii.Error, ValueError):
        return None
    return (data, str(given["mimetype"]), given.get("filename")) if 0 < len(data) <= MAX_FILE_BYTES else None


async def _json(request: Request) -> Json:
    try:
        value = await request.json()
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
