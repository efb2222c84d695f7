"""The demo tenant of `./sapa up`: a shop with numbers, people, one broadcast done and one running.

Safe to run again at any time: each part is made only where it is missing. Numbers are of the
form +62 8xx-0000-xxxx. Devices are linked only when the WhatsApp server is our sandbox.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

import httpx
import structlog
from sqlalchemy import text

from wa_app.db import TenantUnitOfWork, system_unit_of_work, unit_of_work
from wa_app.kit.clock import utc_now
from wa_app.kit.ids import NIL
from wa_app.kit.passwords import hash_password
from wa_app.models.people import SuppressionReason, SuppressionScope
from wa_app.schemas.blacklist import BlacklistAdd
from wa_app.schemas.broadcasts import MessageTemplateCreate
from wa_app.schemas.campaigns import CampaignCreate, Target
from wa_app.schemas.contacts import ContactCreate
from wa_app.schemas.devices import DeviceUpdate, PacingUpdate
from wa_app.schemas.principal import Principal
from wa_app.schemas.segments import SegmentCreate
from wa_app.services import accounts, blacklist, campaigns, contacts, devices, message_templates, segments, tags
from wa_app.services.seed_agent import seed_agent
from wa_app.services.seed_health import seed_health
from wa_app.services.seed_inbox import seed_inbox
from wa_app.services.seed_knowledge import seed_knowledge
from wa_app.services.seed_rules import seed_rules

log = structlog.get_logger(__name__)

OWNER, SHOP = "Ratna Wulandari", "Nusa Niaga"
PEOPLE = 300
ROUNDS, PAUSE_S = 225, 0.4
"""How often and in what distance we look for a code, and for the link, in seconds."""
DEVICES = (
    ("Kopi Lestari", "6281200000101"), ("Kopi Lestari Grosir", "6281300000102"), ("Batik Sekar Arum", "6282100000103")
)  # fmt: skip
FIRST = (
    "Dewi Rizky Yohanes Sri Wayan Nur Joko Maria Agus Lina Siti Budi Ayu Hendra Fitri Bayu Putri Eko Ratih Doni Indah "
    "Andi Kartika Made Ketut Rina Fajar Sari Galih Wulan Arif Mega Teguh Nadia Bagus Citra Yusuf Tari Reza Anisa"
)
LAST = (
    "Anggraini Ananda Tarigan Mulyani Sudira Prasetyo Goretti Pranoto Marlina Rahmawati Santoso Lestari Wijaya Utami "
    "Nugroho Handayani Saputra Kusuma Siregar Hidayat Simanjuntak Permata Hakim Setiawan Maharani Wibowo Aulia Pertiwi"
)
CITIES = ("Bandung", "Jakarta", "Surabaya", "Yogyakarta", "Malang", "Denpasar", "Semarang", "Medan")
PREFIXES = ("812", "813", "821", "852", "856", "858", "877", "819")
TAGS = (("Pelanggan", 1.0), ("Kopi", 0.55), ("Batik", 0.4), ("Reseller", 0.12), ("VIP", 0.08))
DONE = "{Pagi|Halo|Sugeng enjing} {{name|Kak}}, beli dua gratis satu untuk semua biji kopi sampai Minggu. Balas STOP bila tidak ingin menerima info lagi."  # fmt: skip
RUNNING = "{Halo|Hai|Pagi} {{first_name|Kak}}, gajian tiba. {Diskon|Potongan} 15% untuk semua kopi {{kota|Anda}} hari ini. {Mau saya simpankan?|Boleh saya siapkan?} Balas STOP untuk berhenti."  # fmt: skip
DRAFT = "{Pagi|Halo} {{sapaan|Kak}} {{name}}, koleksi {baru|terbaru} Batik Sekar Arum sudah datang: *motif kawung & parang*, {mulai Rp 285.000|dari Rp 285.000 saja}."  # fmt: skip


@dataclass(frozen=True)
class Demo:
    """What the seeding left: whether it was there before, and whether its numbers are linked."""

    already_there: bool
    linked: bool


async def seed_demo(email: str, password: str, waha_url: str = "") -> Demo:
    """Make the demo tenant, or what is missing of it. Workers must run for the numbers to be linked."""
    if await _is_there(email):
        return Demo(already_there=True, linked=True)
    owner = await _owner(email, password)
    await _people(owner)
    await _templates(owner)
    await seed_knowledge(owner)
    async with httpx.AsyncClient(base_url=waha_url or "http://127.0.0.1:9", timeout=5) as server:
        sandbox = server if await _is_sandbox(server) else None
        numbers = await _numbers(owner, sandbox)
    linked = sandbox is not None and await _connected(owner)
    await _segments(owner)
    async with unit_of_work(owner) as uow:
        await seed_health(uow, numbers)
        await seed_rules(uow)
        await seed_agent(uow, numbers)
    await _broadcasts(owner, numbers, start=linked)
    return Demo(already_there=False, linked=linked)


async def _is_there(email: str) -> bool:
    query = text(
        "SELECT EXISTS (SELECT 1 FROM users u JOIN memberships m ON m.user_id = u.id "
        "JOIN campaigns c ON c.tenant_id = m.tenant_id WHERE u.email = :email)"
    )
    async with system_unit_of_work() as uow:
        return bool((await uow.session.execute(query, {"email": email})).scalar_one())


async def _owner(email: str, password: str) -> Principal:
    hashed = await hash_password(password)
    async with system_unit_of_work() as uow:
        user = await accounts.find_user(uow, email)
        if user is None:
            user = await accounts.add_user(uow, email, OWNER, hashed)
            await accounts.add_tenant(uow, user, SHOP)
        query = text("SELECT tenant_id FROM memberships WHERE user_id = :user ORDER BY id LIMIT 1")
        tenant_id = (await uow.session.execute(query, {"user": user.id})).scalar_one()
        system = Principal.system(tenant_id)
        return Principal(tenant_id, user.id, system.verbs)


async def _people(owner: Principal) -> None:
    async with unit_of_work(owner) as uow:
        if (await uow.session.execute(text("SELECT EXISTS (SELECT 1 FROM contacts)"))).scalar_one():
            return
        draw = Random(1928)
        for number in range(PEOPLE):
            await contacts.create(uow, _person(draw, number), source="import")
        await _stopped(uow)


STOPPED = (
    (40, SuppressionReason.UNSUBSCRIBE, SuppressionScope.MARKETING, "Stop ya kak, terima kasih"),
    (133, SuppressionReason.UNSUBSCRIBE, SuppressionScope.MARKETING, "BERHENTI"),
    (217, SuppressionReason.UNSUBSCRIBE, SuppressionScope.MARKETING, "unsub"),
    (88, SuppressionReason.SPAM_REPORT, SuppressionScope.ALL, "Melapor lewat telepon"),
    (171, SuppressionReason.MANUAL, SuppressionScope.MARKETING, "Pemasok, bukan pelanggan"),
    (260, SuppressionReason.BOUNCE, SuppressionScope.MARKETING, "Nomor lama"),
)
"""Who is on the demo's blacklist, and why."""


async def _stopped(uow: TenantUnitOfWork) -> None:
    for number, reason, scope, note in STOPPED:
        phone = f"+62{PREFIXES[number % 8]}0000{1000 + number * 29:04d}"
        await blacklist.add(uow, BlacklistAdd(phone=phone, reason=reason, scope=scope, note=note))
    await uow.session.execute(text("UPDATE suppressions SET source = 'word' WHERE reason = 'UNSUBSCRIBE'"))


TEMPLATES = (
    ("Promo gajian", "Promo",
     "{Halo|Hai|Pagi} {{first_name|Kak}}, gajian tiba. {Diskon|Potongan} 15% untuk semua kopi sampai Minggu. "
     "{Mau saya simpankan?|Boleh saya siapkan?}"),
    ("Pelanggan lama", "Sapaan",
     '{Halo|Apa kabar}, {{name|Kak}}? {{#if tag "VIP"}}Sebagai pelanggan VIP, Anda memilih lebih dulu.{{else}}Koleksi baru '
     "sudah datang.{{/if}} {Lihat|Cek} katalognya di https://batik.example/katalog"),
    ("Pengingat pesanan", "Layanan",
     "{Halo|Hai} {{first_name|Kak}}, pesanan Anda {siap diambil|sudah siap}. {Kami tunggu|Sampai jumpa} di toko."),
)  # fmt: skip


async def _templates(owner: Principal) -> None:
    async with unit_of_work(owner) as uow:
        if (await message_templates.list_(uow, limit=1))[0]:
            return
        for name, category, body in TEMPLATES:
            data = MessageTemplateCreate(name=name, category=category, body=body, language="id")
            await message_templates.create(uow, data)


def _person(draw: Random, number: int) -> ContactCreate:
    city = draw.choice(CITIES)
    return ContactCreate(
        phone=f"+62{PREFIXES[number % 8]}0000{1000 + number * 29:04d}",
        name=f"{draw.choice(FIRST.split())} {draw.choice(LAST.split())}", city=city,
        tags=[tag for tag, share in TAGS if draw.random() < share],
        attributes={"kota": city, "sapaan": draw.choice(("Kak", "Bu", "Pak"))},
    )  # fmt: skip


async def _numbers(owner: Principal, sandbox: httpx.AsyncClient | None) -> list[UUID]:
    """Three devices with a human pace; in the sandbox their codes are scanned, on a real WAHA they wait."""
    async with unit_of_work(owner) as uow:
        found = await devices.list_devices(uow)
        if not found:
            found = [await devices.create(uow, name) for name, _ in DEVICES]
            for device in found:
                pace = PacingUpdate(delay_min_s=6, delay_max_s=14, per_hour=150, per_day=600)
                await devices.update(uow, device.id, DeviceUpdate(pacing=pace))
    if sandbox is not None:
        pairs = [(one, name, phone) for one, (name, phone) in zip(found, DEVICES, strict=False) if one.status != "CONNECTED"]
        await asyncio.gather(*(_scan(sandbox, one.session, phone, name) for one, name, phone in pairs))
    return [device.id for device in found]


async def _is_sandbox(sandbox: httpx.AsyncClient) -> bool:
    try:
        return (await sandbox.get("/sandbox/config")).status_code == 200
    except httpx.TransportError:
        return False


async def _connected(owner: Principal) -> bool:
    """Wait until all numbers are connected; False when they are not by then."""
    for _ in range(ROUNDS):
        async with unit_of_work(owner) as uow:
            found = await devices.list_devices(uow)
        if found and all(one.status == "CONNECTED" for one in found):
            return True
        await asyncio.sleep(PAUSE_S)
    return False


async def _scan(sandbox: httpx.AsyncClient, session: str, phone: str, name: str) -> None:
    """Play the owner who scans the code, once the worker has made the session; gives up after a while."""
    for _ in range(ROUNDS):
        answer = await sandbox.post(f"/sandbox/sessions/{session}/scan", json={"phone": phone, "name": name})
        if answer.status_code == 200:
            return
        await asyncio.sleep(PAUSE_S)
    log.warning("seed.not_linked", session=session, status=answer.status_code)


async def _segments(owner: Principal) -> None:
    """Saved audiences, as such a shop would keep them."""
    async with unit_of_work(owner) as uow:
        known = {one.name: str(one.id) for one in await tags.list_(uow, with_counts=False)}
        if (await segments.list_(uow)).items:
            return
        malang = {"field": "city", "op": "is", "value": "Malang"}
        for name, words, match, rules in (
            ("Pelanggan Malang", "Untuk promo gerai Malang", "all", [_tagged(known["Pelanggan"]), malang]),
            ("Pembaca 30 hari terakhir", "Paling sering membuka pesan", "all",
             [{"field": "activity", "what": "read", "days": 30}]),
            ("VIP dan reseller", "Diberi tahu lebih dulu", "any", [_tagged(known["VIP"]), _tagged(known["Reseller"])]),
        ):  # fmt: skip
            given = {"name": name, "description": words, "rules": {"match": match, "rules": rules}}
            await segments.create(uow, SegmentCreate.model_validate(given))


def _tagged(tag_id: str) -> dict[str, Any]:
    return {"field": "tags", "op": "any", "tag_ids": [tag_id]}


async def _broadcasts(owner: Principal, numbers: list[UUID], *, start: bool) -> None:
    async with unit_of_work(owner) as uow:
        made = {}
        for name, words, target in (
            ("Diskon Robusta", DONE, Target(tags=["Kopi"])),
            ("Promo Biji Kopi", DONE, Target(tags=["Kopi"])),
            ("Katalog Batik November", DRAFT, Target(tags=["Batik"], exclude_tags=["Reseller"])),
            ("Promo Gajian Kopi Lestari", RUNNING, Target(all=True)),
        ):  # fmt: skip
            data = CampaignCreate(
                name=name, message_template=words, target=target, device_ids=numbers, delay_min_s=6, delay_max_s=14
            )
            made[name] = (await campaigns.create(uow, data)).id
        morning = utc_now().replace(hour=2, minute=0, second=0, microsecond=0)
        await _finished(uow, made["Diskon Robusta"], numbers, morning - timedelta(days=8), 47)
        await _finished(uow, made["Promo Biji Kopi"], numbers, morning - timedelta(days=1), 58)
        await uow.session.execute(_REPLIES, {"t": uow.tenant_id, "c": made["Promo Biji Kopi"]})
        await seed_inbox(uow)
        if start:
            await campaigns.start(uow, made["Promo Gajian Kopi Lestari"])


_ROWS = text("""
    INSERT INTO outbound_messages (tenant_id, kind, state, dedupe_key, campaign_id, contact_id, identity_kind,
        identity_value, device_id, body, error_code, created_at, claimed_at, sent_at, delivered_at, read_at)
    SELECT :t, 'campaign', p.state, 'c:' || CAST(CAST(:c AS uuid) AS text) || ':phone:' || p.phone, CAST(:c AS uuid), p.id, 'phone',
        p.phone, CASE WHEN p.state <> 'skipped' THEN (CAST(:devices AS uuid[]))[1 + p.n % 3] END,
        'Halo ' || p.name || ', beli dua gratis satu untuk semua biji kopi sampai Minggu. '
            || 'Balas STOP bila tidak ingin menerima info lagi.',
        CASE p.state WHEN 'failed' THEN (ARRAY['not_on_whatsapp', 'device_trouble', 'timeout'])[1 + p.n % 3]
            WHEN 'skipped' THEN 'suppressed' END,
        p.at, p.at,
        CASE WHEN p.state NOT IN ('failed', 'skipped') THEN p.at END,
        CASE WHEN p.state IN ('delivered', 'read') THEN p.at + interval '4 seconds' END,
        CASE WHEN p.state = 'read' THEN p.at + make_interval(mins => (2 + (p.n * p.n) % 170)::int) END
    FROM (
        SELECT c.id, c.name, c.phone, row_number() OVER (ORDER BY c.phone) AS n,
            CAST(:begin AS timestamptz) + row_number() OVER (ORDER BY c.phone) * interval '95 seconds' AS at,
            CASE WHEN EXISTS (SELECT 1 FROM suppressions s WHERE s.hash = i.hash) THEN 'skipped'
                 WHEN d.n < CAST(:read AS int) THEN 'read' WHEN d.n < 83 THEN 'delivered' WHEN d.n < 94 THEN 'sent' ELSE 'failed' END AS state
        FROM contacts c JOIN contact_identities i ON i.tenant_id = c.tenant_id AND i.contact_id = c.id
        JOIN contact_tags ct ON ct.tenant_id = c.tenant_id AND ct.contact_id = c.id
        JOIN tags g ON g.tenant_id = ct.tenant_id AND g.id = ct.tag_id AND g.folded = 'kopi'
        CROSS JOIN LATERAL (SELECT abs(hashtext(c.phone || CAST(CAST(:read AS int) AS text)) % 100) AS n) d
        WHERE c.tenant_id = :t
    ) p
""")
_BOOK = text("""
    INSERT INTO campaign_counters (tenant_id, campaign_id, device_id, state, n)
    SELECT tenant_id, campaign_id, COALESCE(device_id, :nil), state, count(*) FROM outbound_messages
    WHERE tenant_id = :t AND campaign_id = :c GROUP BY 1, 2, 3, 4
""")
_REPLIES = text("""
    WITH talk AS (
        INSERT INTO conversations (tenant_id, contact_id, device_id, chat_id, last_message_at, last_inbound_at)
        SELECT o.tenant_id, o.contact_id, o.device_id, o.identity_value, o.read_at + interval '4 minutes',
            o.read_at + interval '4 minutes' FROM outbound_messages o
        WHERE o.tenant_id = :t AND o.campaign_id = :c AND o.state = 'read' AND abs(hashtext(o.identity_value)) % 100 < 21
        RETURNING tenant_id, id, contact_id, device_id, last_inbound_at
    ), heard AS (
        UPDATE contacts c SET last_inbound_at = talk.last_inbound_at, last_replied_at = talk.last_inbound_at
        FROM talk WHERE c.tenant_id = talk.tenant_id AND c.id = talk.contact_id
    )
    INSERT INTO messages (tenant_id, conversation_id, contact_id, device_id, direction, sender, timestamp, text,
        provider_message_id)
    SELECT tenant_id, id, contact_id, device_id, 'INBOUND', 'contact', last_inbound_at,
        'Mau dua bungkus ya Kak, yang robusta', id::text FROM talk
""")
_CLOSE = text("""
    UPDATE campaigns SET status = 'COMPLETED', created_at = :begin, started_at = :begin, planned_at = :begin,
        plan_total = (SELECT count(*) FROM outbound_messages WHERE tenant_id = :t AND campaign_id = :c),
        finished_at = (SELECT max(claimed_at) FROM outbound_messages WHERE tenant_id = :t AND campaign_id = :c)
    WHERE tenant_id = :t AND id = :c
""")


async def _finished(uow: Any, campaign_id: UUID, numbers: list[UUID], begin: datetime, read: int) -> None:
    """A broadcast of earlier days, as the lanes would have left it; `read` in a hundred people read it."""
    values = {"t": uow.tenant_id, "c": campaign_id}
    devices = [numbers[n % len(numbers)] for n in range(3)]
    await uow.session.execute(_ROWS, values | {"devices": devices, "begin": begin, "read": read})
    await uow.session.execute(_BOOK, values | {"nil": NIL})
    await uow.session.execute(_CLOSE, values | {"begin": begin})
