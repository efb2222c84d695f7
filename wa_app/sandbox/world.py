"""What the sandbox remembers: sessions, chats, files, faults and counts. In memory, bounded."""

import hashlib
import json
import random
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

Engine = Literal["WEBJS", "WPP", "NOWEB", "GOWS"]
Acks = Literal["human", "instant", "off"]
Json = dict[str, Any]

ENGINES: tuple[Engine, ...] = ("WEBJS", "WPP", "NOWEB", "GOWS")
ACK_NAMES = {-1: "ERROR", 0: "PENDING", 1: "SERVER", 2: "DEVICE", 3: "READ", 4: "PLAYED"}
MAX_COUNTED = 2_000_000
MAX_FILE_BYTES = 64 * 1024 * 1024
FILES_KEPT_BYTES = 128 * 1024 * 1024


@dataclass
class SandboxSettings:
    """How the sandbox behaves; PATCH `/sandbox/config` changes it while running.

    Numbers that end in `absent_suffix` are not on WhatsApp. `acks`: `human` lets
    ticks come in seconds, `instant` at once, `off` sends no echo and no ack at all.
    A send takes up to `send_s` before WhatsApp has it, and as long again until it is answered.
    """

    api_key: str = "sandbox"
    engine: Engine = "WEBJS"
    acks: Acks = "human"
    absent_suffix: str = "0000"
    start_s: float = 0.4
    send_s: float = 0.0
    qr_first_s: float = 60.0
    qr_next_s: float = 20.0
    qr_count: int = 6
    qr_wait_s: float = 10.0
    file_life_s: float = 180.0
    """How long a customer's file can be fetched, as WAHA keeps it."""
    keep_messages: int = 50_000
    state_file: Path | None = None
    base_url: str = "http://127.0.0.1:3000"


@dataclass(slots=True)
class Message:
    """A message of a session. `chat` is canonical (phone or group); `via` is the id it was addressed by."""

    bare: str
    session: str
    chat: str
    via: str
    from_me: bool
    text: str
    at: float
    ack: int = 0
    source: str = "api"
    author: str | None = None
    file: Json | None = None
    reply_to: str | None = None


@dataclass
class Fault:
    """Something to go wrong: `kind` (see faults.py) for a session or `*`, with a probability, a number of times."""

    id: int
    kind: str
    session: str = "*"
    probability: float = 1.0
    count: int | None = None
    seconds: float = 60.0
    hits: int = 0

    def view(self) -> Json:
        return {
            "id": self.id, "kind": self.kind, "session": self.session, "probability": self.probability,
            "count": self.count, "seconds": self.seconds, "hits": self.hits,
        }  # fmt: skip


@dataclass
class GroupChat:
    """A group. `members` are chats by phone; engines tell some of them only by their LID.

    Of `hidden` the list of members tells the LID alone, a look-up the phone; of `secret` nobody ever tells the phone.
    """

    id: str
    subject: str
    members: list[str] = field(default_factory=list)
    hidden: set[str] = field(default_factory=set)
    secret: set[str] = field(default_factory=set)
    admins: set[str] = field(default_factory=set)


@dataclass
class Session:
    """One linked (or not yet linked) WhatsApp account."""

    name: str
    engine: Engine
    config: Json
    status: str = "STOPPED"
    statuses: deque[Json] = field(default_factory=lambda: deque(maxlen=3))
    me: Json | None = None
    data: Json | None = None
    qr: str | None = None
    qr_no: int = 0
    qr_until: float = 0.0
    pairing_code: str | None = None
    run: int = 0
    chats: dict[str, deque[str]] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    lid_first: set[str] = field(default_factory=set)
    typing: dict[str, float] = field(default_factory=dict)
    groups: dict[str, GroupChat] = field(default_factory=dict)
    log: deque[Json] = field(default_factory=lambda: deque(maxlen=2000))

    def note(self, kind: str, chat: str) -> None:
        self.log.append({"at": time.time(), "kind": kind, "chat": chat})


class World:
    """Everything the sandbox knows."""

    def __init__(self, settings: SandboxSettings) -> None:
        self.settings = settings
        self.sessions: dict[str, Session] = {}
        self.messages: OrderedDict[tuple[str, str], Message] = OrderedDict()
        self.files: OrderedDict[str, tuple[bytes, str, float]] = OrderedDict()
        self.files_bytes = 0
        self.faults: list[Fault] = []
        self.fault_no = 0
        self.asked: dict[tuple[str, str, str], list[int]] = {}
        self.accepted_at: dict[tuple[str, str, str], float] = {}
        self.overflow = False
        self.deliveries: deque[Json] = deque(maxlen=2000)
        self.version = 0

    def touched(self) -> None:
        """Something a person at the page would see has changed."""
        self.version += 1

    def count(self, session: str, chat: str, text: str, *, accepted: bool) -> None:
        """Record one request to send, and whether a message went out for it."""
        key = (session, chat, text)
        pair = self.asked.get(key)
        if pair is None:
            if len(self.asked) >= MAX_COUNTED:
                self.overflow = True
                return
            pair = self.asked[key] = [0, 0]
        pair[0] += 1
        pair[1] += accepted
        if accepted:
            self.accepted_at[key] = time.time()

    def keep(self, message: Message, session: Session) -> None:
        """Store a message, forgetting the oldest beyond the bound."""
        self.messages[(message.session, message.bare)] = message
        session.chats.setdefault(message.chat, deque(maxlen=1000)).append(message.bare)
        if len(self.messages) > self.settings.keep_messages:
            _, old = self.messages.popitem(last=False)
            self._forget(old)
        self.version += 1

    def _forget(self, old: Message) -> None:
        owner = self.sessions.get(old.session)
        if owner is None or old.chat not in owner.chats:
            return
        line = owner.chats[old.chat]
        if line and line[0] == old.bare:
            line.popleft()
        if not line:
            del owner.chats[old.chat]

    def in_chat(self, session: Session, chat: str) -> list[Message]:
        """The messages of a chat that are still kept, oldest first."""
        bares = session.chats.get(chat, ())
        return [message for bare in bares if (message := self.messages.get((session.name, bare)))]

    def keep_file(self, name: str, data: bytes, mime: str) -> None:
        """Store a file, forgetting the oldest beyond the bound."""
        self.files[name] = (data, mime, time.time())
        self.files_bytes += len(data)
        while self.files_bytes > FILES_KEPT_BYTES and len(self.files) > 1:
            _, (old, *_) = self.files.popitem(last=False)
            self.files_bytes -= len(old)

    def fault(self, session: str, *kinds: str) -> Fault | None:
        """The first fault of these kinds that strikes now; its count goes down."""
        for fault in self.faults:
            if fault.kind not in kinds or fault.session not in ("*", session):
                continue
            if fault.count == 0 or random.random() >= fault.probability:
                continue
            if fault.count is not None:
                fault.count -= 1
            fault.hits += 1
            return fault
        return None

    def reset(self, *, sessions: bool) -> None:
        """Forget messages, counts, faults and logs; with `sessions` the sessions too."""
        self.messages.clear()
        self.files.clear()
        self.files_bytes = 0
        self.faults.clear()
        self.asked.clear()
        self.accepted_at.clear()
        self.overflow = False
        self.deliveries.clear()
        for session in self.sessions.values():
            session.chats.clear()
            session.typing.clear()
            session.log.clear()
        if sessions:
            for session in self.sessions.values():
                session.run += 1
            self.sessions.clear()
        self.touched()

    def save(self) -> None:
        """Write the sessions down, as a real server keeps its credentials over a restart."""
        path = self.settings.state_file
        if path is None:
            return
        rows = [
            {"name": s.name, "engine": s.engine, "config": s.config, "me": s.me, "started": s.status != "STOPPED"}
            for s in self.sessions.values()
        ]
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        part.write_text(json.dumps(rows))
        part.replace(path)

    def load(self, start: Callable[[Session], None]) -> None:
        """Read the sessions back and start those that ran."""
        path = self.settings.state_file
        if path is None or not path.exists():
            return
        try:
            rows = json.loads(path.read_text())
        except ValueError:
            return
        for row in rows:
            session = Session(row["name"], row["engine"], row["config"], me=row["me"])
            self.sessions[session.name] = session
            if row["started"]:
                start(session)


def new_bare_id() -> str:
    """A message id as WhatsApp's web clients make them."""
    return f"3EB0{random.getrandbits(72):018X}"


_ULID = "0123456789abcdefghjkmnpqrstvwxyz"


def ulid(at: float) -> str:
    """A ULID in lower case."""
    number = (int(at * 1000) << 80) | random.getrandbits(80)
    return "".join(_ULID[(number >> shift) & 31] for shift in range(125, -5, -5))


def lid_for(digits: str) -> str:
    """The LID of a number: invented, but always the same."""
    return f"{int(hashlib.sha256(digits.encode()).hexdigest()[:12], 16) % 10**14:014d}@lid"


def digits_of(chat: str) -> str:
    return chat.partition("@")[0].partition(":")[0]
