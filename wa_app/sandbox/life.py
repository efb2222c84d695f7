"""What happens to sessions and messages over time: QR codes, linking, ticks, people writing."""

import asyncio
import base64
import random
import secrets
import string
import time
from collections.abc import Coroutine
from typing import Any

from wa_app.sandbox import wire
from wa_app.sandbox.hooks import Hooks
from wa_app.sandbox.world import (
    GroupChat,
    Json,
    Message,
    Session,
    World,
    digits_of,
    lid_for,
    new_bare_id,
    ulid,
)


class Life:
    """The verbs of the pretended WhatsApp, used by the API and by the page alike."""

    def __init__(self, world: World, hooks: Hooks) -> None:
        self.world = world
        self.hooks = hooks
        self._tasks: set[asyncio.Task[None]] = set()

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def set_status(self, session: Session, status: str, data: Json | None = None) -> None:
        session.status = status
        session.data = data
        session.statuses.append({"status": status, "timestamp": int(time.time() * 1000)})
        payload = {"name": session.name, "status": status, "statuses": list(session.statuses), "data": data}
        self.hooks.emit(session, payload, "session.status")
        self.world.save()

    def start(self, session: Session) -> None:
        if session.status in ("STARTING", "SCAN_QR_CODE", "WORKING"):
            return
        session.run += 1
        self.set_status(session, "STARTING")
        self.spawn(self._boot(session, session.run))

    async def _boot(self, session: Session, run: int) -> None:
        await asyncio.sleep(self.world.settings.start_s)
        if session.run != run:
            return
        if session.me:
            self.set_status(session, "WORKING")
            return
        await self._show_codes(session, run)

    async def _show_codes(self, session: Session, run: int) -> None:
        """Six codes, the first for 60 s and the others for 20 s, then FAILED."""
        settings = self.world.settings
        for number in range(1, settings.qr_count + 1):
            life_s = settings.qr_first_s if number == 1 else settings.qr_next_s
            session.qr = _qr_value()
            session.qr_no = number
            session.qr_until = time.time() + life_s
            self.set_status(session, "SCAN_QR_CODE")
            await asyncio.sleep(life_s)
            if session.run != run:
                return
        session.qr = None
        self.set_status(session, "FAILED")

    def stop(self, session: Session) -> None:
        session.run += 1
        session.qr = None
        session.pairing_code = None
        if session.status != "STOPPED":
            self.set_status(session, "STOPPED")

    def restart(self, session: Session) -> None:
        self.stop(session)
        self.start(session)

    def logout(self, session: Session) -> None:
        running = session.status != "STOPPED"
        session.me = None
        self.stop(session)
        if running:
            self.start(session)

    def delete(self, session: Session) -> None:
        session.me = None
        self.stop(session)
        self.world.sessions.pop(session.name, None)
        self.world.save()
        self.world.touched()

    def scan(self, session: Session, phone: str | None, name: str | None, *, passkey: bool = False) -> None:
        """The owner scans the code (or types the pairing code) with a phone."""
        session.run += 1
        session.qr = None
        session.pairing_code = None
        if passkey:
            self.set_status(session, "PASSKEY_CONFIRMATION_REQUIRED", {"code": f"{secrets.randbelow(10_000):04d}"})
            session.names["passkey"] = phone or ""
            return
        self.link(session, phone, name)

    def link(self, session: Session, phone: str | None, name: str | None) -> None:
        digits = phone or f"62811{random.randrange(10**7, 10**8)}"
        session.me = {
            "id": f"{digits}@c.us",
            "lid": lid_for(digits),
            "jid": f"{digits}:{random.randrange(1, 99)}@s.whatsapp.net",
            "pushName": name or "Toko Sandbox",
        }
        self.set_status(session, "WORKING")

    def drop(self, session: Session, status: str, back_after_s: float | None) -> None:
        """The link breaks: FAILED for a log-out or ban, STARTING for a lost network."""
        session.run += 1
        if status == "FAILED":
            session.me = None
        self.set_status(session, status)
        if back_after_s is not None:
            self.spawn(self._come_back(session, session.run, back_after_s))

    async def _come_back(self, session: Session, run: int, after_s: float) -> None:
        await asyncio.sleep(after_s)
        if session.run == run:
            self.set_status(session, "WORKING")

    def accept(self, session: Session, chat: str, text: str, **extra: Any) -> Message:
        """A message of the owner goes out; ticks follow by the settings."""
        at = time.time()
        via = chat.replace("@s.whatsapp.net", "@c.us")
        message = Message(
            extra.pop("bare", None) or new_bare_id(),
            session.name,
            wire.canonical(via, session, self.world),
            via,
            True,
            text,
            at,
            **extra,
        )
        self.world.keep(message, session)
        if self.world.settings.acks != "off":
            self._echo_and_ticks(message, session)
        return message

    def _echo_and_ticks(self, message: Message, session: Session) -> None:
        """The engine's own order: GOWS starts at SERVER and never says so again."""
        gows = session.engine == "GOWS"
        message.ack = 1 if gows else 0
        self.hooks.emit(session, wire.stored(message, session), "message.any")
        person = message.chat.endswith("@c.us") or message.chat.endswith("@lid")
        absent = digits_of(message.chat).endswith(self.world.settings.absent_suffix)
        reached = (1,) if absent else (1, 2, 3)
        loop = asyncio.get_running_loop()
        wait = 0.0
        for level in reached:
            if level == 1 and gows:
                continue
            if self.world.settings.acks == "human":
                wait += {1: random.uniform(0.1, 0.4), 2: random.uniform(0.5, 3.0), 3: random.uniform(2.0, 12.0)}[level]
                if level == 3 and random.random() > 0.8:
                    continue
            if person or message.chat.endswith("@g.us"):
                loop.call_later(wait, self.ack, message, session, level)

    def ack(self, message: Message, session: Session, level: int) -> None:
        """A tick arrives: told by webhook, except where the engine would keep silent."""
        if self.world.sessions.get(session.name) is not session:
            return
        message.ack = max(message.ack, level)
        if session.engine == "WEBJS" and not (session.config.get("webjs") or {}).get("tagsEventsOn"):
            return
        if message.chat.endswith("@g.us"):
            group = session.groups.get(message.chat)
            for member in (group.members if group else [])[:50]:
                payload = wire.ack_body(message, session, level, lid_for(digits_of(member)))
                self.hooks.emit(session, payload, "message.ack.group")
            return
        self.hooks.emit(session, wire.ack_body(message, session, level), "message.ack")

    def read_all(self, session: Session, chat: str) -> None:
        """The customer opens the chat: everything of ours in it is read."""
        for message in self.world.in_chat(session, chat):
            if message.from_me and message.ack < 3:
                self.ack(message, session, 3)
        self.world.touched()

    def inbound(self, session: Session, chat: str, text: str, *, author: str | None = None, **extra: Any) -> Message:
        """A customer writes. Chats marked so arrive under the LID, as new chats do."""
        via = lid_for(digits_of(chat)) if chat in session.lid_first else chat
        message = Message(
            new_bare_id(), session.name, chat, via, False, text, time.time(), ack=2, source="app",
            author=lid_for(digits_of(author)) if author else None, **extra,
        )  # fmt: skip
        if author:
            session.names[message.author or ""] = session.names.get(author, "")
        self.world.keep(message, session)
        told = wire.stored(message, session)
        if message.file is not None and self.world.fault(session.name, "media_empty"):
            told["media"] = {**message.file, "url": None, "error": {"code": 13, "details": "download failed"}}
        self.hooks.emit(session, told, "message", "message.any")
        return message

    def owner_writes(self, session: Session, chat: str, text: str) -> Message:
        """The owner types on the phone: `source` app, not ours."""
        return self.accept(session, chat, text, source="app")

    def customer_types(self, session: Session, chat: str, *, typing: bool) -> None:
        state = "typing" if typing else "paused"
        payload = {
            "id": chat,
            "presences": [{"participant": chat, "lastKnownPresence": state, "lastSeen": None}],
        }
        self.hooks.emit(session, payload, "presence.update")

    def join_group(
        self, session: Session, subject: str, members: list[str], *, hidden: int = 0, secret: int = 0, admins: int = 0
    ) -> GroupChat:
        """The owner is put into a new group together with the members.

        The last `secret` members are known by LID only, the `hidden` ones before them until they are looked up;
        the first `admins` lead the group.
        """
        group = GroupChat(f"1203630{random.randrange(10**11, 10**12)}@g.us", subject, members)
        group.secret = set(members[len(members) - secret :])
        group.hidden = set(members[len(members) - secret - hidden : len(members) - secret])
        group.admins = set(members[:admins])
        session.groups[group.id] = group
        session.names[group.id] = subject
        people = [{"id": lid_for(digits_of(m)), "pn": m, "role": "participant"} for m in members]
        info = {
            "id": group.id,
            "subject": subject,
            "description": "",
            "invite": f"https://chat.whatsapp.com/{ulid(time.time())[:22]}",
            "membersCanAddNewMember": True,
            "membersCanSendMessages": True,
            "newMembersApprovalRequired": False,
            "participants": people,
        }
        payload = {"group": info, "timestamp": int(time.time()), "_data": {}}
        self.hooks.emit(session, payload, "group.v2.join")
        return group

    def store_file(self, data: bytes, mime: str, filename: str | None) -> Json:
        """Keep a file and give the `media` object that points to it."""
        name = f"{new_bare_id()}.{mime.partition('/')[2].partition(';')[0] or 'bin'}"
        self.world.keep_file(name, data, mime)
        url = f"{self.world.settings.base_url}/api/files/{name}"
        return {"url": url, "mimetype": mime, "filename": filename, "error": None}


def _qr_value() -> str:
    parts = [base64.b64encode(secrets.token_bytes(32)).decode() for _ in range(3)]
    return "2@" + ",".join(parts)


def new_pairing_code() -> str:
    """`ABCD-1234`, from letters and digits that are not mistaken for each other."""
    alphabet = [c for c in string.ascii_uppercase + string.digits if c not in "IO01"]
    code = "".join(secrets.choice(alphabet) for _ in range(8))
    return f"{code[:4]}-{code[4:]}"
