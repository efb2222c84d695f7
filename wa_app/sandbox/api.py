"""WAHA's paths, answered by the sandbox."""

import asyncio
import base64
import io
import time
from typing import Any

import segno
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from wa_app.sandbox import wire
from wa_app.sandbox.life import Life, new_pairing_code
from wa_app.sandbox.sends import allowed, engine_error, not_ready
from wa_app.sandbox.world import ENGINES, GroupChat, Json, Message, Session, World, digits_of, lid_for, new_bare_id

_CONFIG_KEYS = (
    "metadata", "webhooks", "proxy", "ignore", "client", "noweb", "gows", "webjs", "debug",
)  # fmt: skip
_ACK_BY_NAME = {"ERROR": -1, "PENDING": 0, "SERVER": 1, "DEVICE": 2, "READ": 3, "PLAYED": 4}


class WahaApi:
    """Handlers by WAHA's paths; each checks the key first, as the real server does."""

    def __init__(self, world: World, life: Life) -> None:
        self.world = world
        self.life = life

    def routes(self) -> list[Route]:
        table: list[tuple[str, str, Any]] = [
            ("GET", "/api/server/version", self.version),
            ("GET", "/api/version", self.version),
            ("GET", "/health", self.health),
            ("GET", "/api/sessions", self.list_sessions),
            ("POST", "/api/sessions", self.create_session),
            ("GET", "/api/sessions/{session}", self.get_session),
            ("PUT", "/api/sessions/{session}", self.update_session),
            ("DELETE", "/api/sessions/{session}", self.delete_session),
            ("GET", "/api/sessions/{session}/me", self.me),
            ("POST", "/api/sessions/{session}/{verb:str}", self.session_verb),
            ("GET", "/api/contacts/check-exists", self.check_exists),
            ("GET", "/api/files/{name:path}", self.file),
            ("GET", "/api/{session}/auth/qr", self.qr),
            ("POST", "/api/{session}/auth/request-code", self.request_code),
            ("GET", "/api/{session}/new-message-id", self.new_message_id),
            ("GET", "/api/{session}/chats/{chat}/messages", self.messages),
            ("GET", "/api/{session}/chats/{chat}/messages/{message}", self.message),
            ("GET", "/api/{session}/groups", self.groups),
            ("GET", "/api/{session}/groups/{group}", self.group),
            ("GET", "/api/{session}/groups/{group}/participants/v2", self.participants),
            ("GET", "/api/{session}/lids/pn/{phone}", self.lid_of),
            ("GET", "/api/{session}/lids/{lid}", self.phone_of),
        ]
        routes = [Route(path, self._guarded(handler), methods=[method]) for method, path, handler in table]
        return [Route("/ping", self.ping), *routes]

    async def _crowded(self, request: Request) -> Response | None:
        """Faults of what WhatsApp is asked about groups: it limits how often."""
        session = request.path_params["session"]
        if self.world.fault(session, "rate_reads"):
            return JSONResponse(engine_error("rate-overlimit"), 500)
        if slow := self.world.fault(session, "hang_reads"):
            await asyncio.sleep(slow.seconds)
        return None

    def _guarded(self, handler: Any) -> Any:
        crowded = (self.groups, self.group, self.participants, self.lid_of, self.phone_of)

        async def run(request: Request) -> Response:
            if not allowed(request.scope, self.world.settings.api_key):
                return JSONResponse({"message": "Unauthorized", "statusCode": 401}, 401)
            broken = self.world.fault("*", "http_500_reads") if request.method == "GET" else None
            if broken:
                return JSONResponse(engine_error("Internal server error"), 500)
            if handler in crowded and (refusal := await self._crowded(request)) is not None:
                return refusal
            answer = await handler(request)
            return answer if isinstance(answer, Response) else JSONResponse(answer)

        return run

    def _session(self, request: Request) -> Session | None:
        return self.world.sessions.get(request.path_params["session"])

    def _ready(self, request: Request, name: str | None = None) -> tuple[Session, None] | tuple[None, Response]:
        """The session when it works, else the 422 that WAHA gives."""
        wanted = name if name is not None else request.path_params["session"]
        session = self.world.sessions.get(wanted)
        if session is None:
            error = {"error": f'Session "{wanted}" does not exist', "session": wanted}
            return None, JSONResponse(error, 422)
        if session.status != "WORKING":
            return None, JSONResponse(not_ready(session, ["WORKING"]), 422)
        return session, None

    async def ping(self, request: Request) -> Response:
        return JSONResponse({"message": "pong"})

    async def health(self, request: Request) -> Any:
        return {"status": "ok", "info": {}, "error": {}, "details": {}}

    async def version(self, request: Request) -> Any:
        probe = Session("", self.world.settings.engine, {})
        return wire.environment(probe)

    async def list_sessions(self, request: Request) -> Any:
        everyone = request.query_params.get("all") == "true"
        return [wire.session_view(s) for s in self.world.sessions.values() if everyone or s.status != "STOPPED"]

    async def create_session(self, request: Request) -> Any:
        asked = await _json(request)
        name = asked.get("name") or f"session_{new_bare_id().lower()}"
        if name in self.world.sessions:
            error = f"Session '{name}' already exists. Use PUT to update it."
            return JSONResponse({"statusCode": 422, "message": error, "error": "Unprocessable Entity"}, 422)
        config = asked.get("config") or {}
        engine = (config.get("metadata") or {}).get("sandbox.engine", self.world.settings.engine)
        session = Session(name, engine if engine in ENGINES else self.world.settings.engine, _known_config(config))
        self.world.sessions[name] = session
        if asked.get("start", True):
            self.life.start(session)
        self.world.save()
        self.world.touched()
        return JSONResponse({"name": name, "status": session.status, "config": session.config}, 201)

    async def get_session(self, request: Request) -> Any:
        session = self._session(request)
        return wire.session_view(session) if session else _not_found()

    async def update_session(self, request: Request) -> Any:
        session = self._session(request)
        if session is None:
            return _not_found()
        session.config = _known_config((await _json(request)).get("config") or {})
        if session.status != "STOPPED":
            self.life.restart(session)
        self.world.save()
        return {"name": session.name, "status": session.status, "config": session.config}

    async def delete_session(self, request: Request) -> Any:
        session = self._session(request)
        if session:
            self.life.delete(session)
        return Response(status_code=200)

    async def session_verb(self, request: Request) -> Any:
        session = self._session(request)
        verbs = {
            "start": self.life.start,
            "stop": self.life.stop,
            "restart": self.life.restart,
            "logout": self.life.logout,
        }
        verb = verbs.get(request.path_params["verb"])
        if session is None or verb is None:
            return _not_found()
        verb(session)
        return JSONResponse({"name": session.name, "status": session.status, "config": session.config}, 201)

    async def me(self, request: Request) -> Any:
        session = self._session(request)
        return JSONResponse(session.me) if session else _not_found()

    async def qr(self, request: Request) -> Any:
        session = self._session(request)
        if session is None:
            return JSONResponse({"error": "Session does not exist", "session": request.path_params["session"]}, 422)
        until = time.monotonic() + self.world.settings.qr_wait_s
        while session.qr is None and session.status != "WORKING" and time.monotonic() < until:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
        if session.qr is None:
            return JSONResponse(not_ready(session, ["SCAN_QR_CODE"]), 422)
        if request.query_params.get("format") == "raw":
            return {"value": session.qr}
        picture = io.BytesIO()
        segno.make(session.qr, error="l", boost_error=False).save(picture, kind="png", scale=6, border=4)
        if "application/json" in request.headers.get("accept", ""):
            return {"mimetype": "image/png", "data": base64.b64encode(picture.getvalue()).decode()}
        return Response(picture.getvalue(), media_type="image/png")

    async def request_code(self, request: Request) -> Any:
        session = self._session(request)
        if session is None or session.status != "SCAN_QR_CODE":
            status = session.status if session else "STOPPED"
            return JSONResponse(
                {
                    "error": "Can request code only in SCAN_QR_CODE status",
                    "status": status,
                    "expected": ["SCAN_QR_CODE"],
                },
                422,
            )
        phone = (await _json(request)).get("phoneNumber")
        if not isinstance(phone, str) or not phone.isdigit():
            return JSONResponse(
                {"statusCode": 400, "message": ["phoneNumber must be digits"], "error": "Bad Request"}, 400
            )
        session.pairing_code = new_pairing_code()
        session.names["pairing"] = phone
        self.world.touched()
        return JSONResponse({"code": session.pairing_code}, 201)

    async def new_message_id(self, request: Request) -> Any:
        session, problem = self._ready(request)
        if session is None:
            return problem
        if session.engine not in ("NOWEB", "GOWS"):
            error = {
                "statusCode": 501,
                "message": "The method is not implemented by the engine.",
                "error": "Not Implemented",
            }
            return JSONResponse(error, 501)
        return {"id": new_bare_id()}

    async def check_exists(self, request: Request) -> Any:
        session, problem = self._ready(request, request.query_params.get("session", ""))
        if session is None:
            return problem
        phone = "".join(char for char in request.query_params.get("phone", "") if char.isdigit())
        if not phone or phone.endswith(self.world.settings.absent_suffix):
            absent: Json = {"numberExists": False}
            return {**absent, "chatId": None} if session.engine == "GOWS" else absent
        return {"numberExists": True, "chatId": f"{_on_whatsapp(phone)}@c.us"}

    async def messages(self, request: Request) -> Any:
        session, problem = self._ready(request)
        if session is None:
            return problem
        chat, query = request.path_params["chat"], request.query_params
        if chat == "all":
            found = [m for name in session.chats for m in self.world.in_chat(session, name)]
        else:
            found = self.world.in_chat(session, wire.canonical(chat, session, self.world))
        found = [m for m in found if _matches(m, query)]
        found.sort(key=lambda m: m.at, reverse=query.get("sortOrder", "desc") != "asc")
        offset, limit = int(query.get("offset", 0)), int(query.get("limit", 10))
        return [_read_back(m, session) for m in found[offset : offset + limit]]

    async def message(self, request: Request) -> Any:
        session, problem = self._ready(request)
        if session is None:
            return problem
        chat, asked = request.path_params["chat"], request.path_params["message"]
        found = self.world.in_chat(session, wire.canonical(chat, session, self.world))
        one = next((m for m in found if asked in (m.bare, wire.full_id(m))), None)
        if one is None:
            return _not_found()
        view = _read_back(one, session)
        is_there = request.query_params.get("downloadMedia", "true") == "true" and not self.world.fault(session.name, "media_never")
        return view if is_there else {**view, "media": None}

    async def groups(self, request: Request) -> Any:
        session, problem = self._ready(request)
        if session is None:
            return problem
        offset, limit = int(request.query_params.get("offset", 0)), int(request.query_params.get("limit", 10**6))
        chosen = list(session.groups.values())[offset : offset + limit]
        if session.engine == "NOWEB":
            return {g.id: {"id": g.id, "subject": g.subject, "size": len(g.members)} for g in chosen}
        if session.engine == "GOWS":
            return [{"JID": g.id, "Name": g.subject, "ParticipantCount": len(g.members)} for g in chosen]
        return [
            {"id": {"_serialized": g.id, "user": digits_of(g.id), "server": "g.us"}, "name": g.subject, "isGroup": True}
            for g in chosen
        ]

    async def group(self, request: Request) -> Any:
        session, problem = self._ready(request)
        if session is None:
            return problem
        group = session.groups.get(request.path_params["group"])
        return {"id": group.id, "subject": group.subject, "size": len(group.members)} if group else _not_found()

    async def participants(self, request: Request) -> Any:
        session, problem = self._ready(request)
        if session is None:
            return problem
        group = session.groups.get(request.path_params["group"])
        if group is None:
            return _not_found()
        me = (session.me or {}).get("id", "")
        return [{"id": me, "pn": me, "role": "admin"}, *(_participant(m, group, session) for m in group.members)]

    async def lid_of(self, request: Request) -> Any:
        session, problem = self._ready(request)
        if session is None:
            return problem
        phone = digits_of(request.path_params["phone"])
        known = not phone.endswith(self.world.settings.absent_suffix)
        return {"lid": lid_for(phone) if known else None, "pn": f"{phone}@c.us"}

    async def phone_of(self, request: Request) -> Any:
        session, problem = self._ready(request)
        if session is None:
            return problem
        lid = f"{digits_of(request.path_params['lid'])}@lid"
        secret = set().union(*(group.secret for group in session.groups.values()))
        members = [m for group in session.groups.values() for m in group.members if m not in secret]
        known = [*session.chats, *members, (session.me or {}).get("id", "")]
        found = next((c for c in known if c.endswith("@c.us") and lid_for(digits_of(c)) == lid), None)
        return {"lid": lid, "pn": found}

    async def file(self, request: Request) -> Any:
        kept = self.world.files.get(request.path_params["name"])
        if kept is None or time.time() - kept[2] > self.world.settings.file_life_s:
            return JSONResponse({"error": {"code": 404, "key": "FILE_NOT_FOUND", "message": "File not found"}}, 404)
        return Response(kept[0], media_type=kept[1])


def _participant(member: str, group: GroupChat, session: Session) -> Json:
    """One entry of `participants/v2`: browsers tell the phone where they know it, the others the LID and its phone."""
    role = "admin" if member in group.admins else "participant"
    lid = lid_for(digits_of(member))
    if member in group.hidden or member in group.secret:
        return {"id": lid, "role": role}
    if session.engine in ("WEBJS", "WPP"):
        return {"id": member, "role": role}
    return {"id": lid, "pn": member, "role": role}


def _read_back(message: Message, session: Session) -> Json:
    """A stored message; NOWEB says `app` even of those sent through the API (devlikeapro/waha#1167)."""
    view = wire.stored(message, session)
    return {**view, "source": "app"} if session.engine == "NOWEB" else view


def _matches(message: Message, query: Any) -> bool:
    """The filters of `GET .../messages`."""
    since, until = query.get("filter.timestamp.gte"), query.get("filter.timestamp.lte")
    if (since and int(message.at) < float(since)) or (until and int(message.at) > float(until)):
        return False
    from_me, ack = query.get("filter.fromMe"), query.get("filter.ack")
    if from_me and message.from_me is not (from_me == "true"):
        return False
    return not ack or message.ack == _ACK_BY_NAME.get(ack)


def _on_whatsapp(phone: str) -> str:
    """The number under which WhatsApp knows a phone: many in Brazil without the ninth digit."""
    if phone.startswith("55") and len(phone) == 13 and phone[4] == "9" and int(phone[2:4]) >= 31:
        return phone[:4] + phone[5:]
    return phone


def _known_config(config: Json) -> Json:
    """Unknown properties are dropped in silence, as WAHA does."""
    return {key: config[key] for key in _CONFIG_KEYS if key in config}


async def _json(request: Request) -> Json:
    try:
        value = await request.json()
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _not_found() -> JSONResponse:
    return JSONResponse({"statusCode": 404, "message": "Session not found", "error": "Not Found"}, 404)
