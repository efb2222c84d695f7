"""The demo tenant of `./sapa up`: two linked numbers, contacts with tags, a running broadcast, a draft.

It goes through the same verbs as a person, so that the demo shows only what the product does. The phones
are linked by acting as their owner in the sandbox; on a real WAHA they wait for a person to scan.
"""

import asyncio
from dataclasses import dataclass
from uuid import UUID

import httpx

from wa_app.db import SystemUnitOfWork, system_unit_of_work, unit_of_work
from wa_app.kit import passwords
from wa_app.schemas.campaigns import CampaignCreate, Target
from wa_app.schemas.contacts import ContactCreate
from wa_app.schemas.principal import Principal
from wa_app.services import accounts, contacts, devices
from wa_app.services.campaigns import editing, running

BUSINESS = "Kopi Senja"
OWNER = "Ayu Lestari"
NUMBERS = (("Toko Kemang", "6281298000001"), ("Toko Dago", "6281298000002"))
FIRST = ("Adi", "Bayu", "Citra", "Dewi", "Eko", "Fitri", "Galih", "Hana", "Indra", "Joko", "Kirana", "Laras")
LAST = ("Pratama", "Wijaya", "Sari", "Putri", "Nugroho")
CITIES = ("Jakarta", "Bandung", "Surabaya", "Medan", "Makassar")
TAGS = (["Pelanggan", "VIP"], ["Pelanggan"], ["Pelanggan"], ["Baru"])
RUNNING = (
    "{Halo|Hai|Selamat siang} {{name|Kak}}, {akhir pekan ini|mulai besok} ada diskon 20% untuk semua kopi susu "
    "di Kopi Senja. {Ditunggu ya|Sampai jumpa} di toko {{city|terdekat}}!"
)
DRAFT = "{Halo|Hai} {{name|Kak}}, menu baru kami: Es Kopi Pandan. {Mau coba|Mau kami sisihkan satu}?"
LINK_WAIT_S = 90.0


@dataclass(frozen=True)
class Demo:
    """What the seeding left: whether it was there before, and whether its numbers are linked."""

    already_there: bool
    linked: bool


async def seed_demo(email: str, password: str, waha_url: str = "") -> Demo:
    """Make the demo unless somebody has this email already. Workers must run for the numbers to be linked."""
    async with system_unit_of_work() as uow:
        if await accounts.find_user(uow, email):
            return Demo(already_there=True, linked=True)
        tenant_id = await _sign_up(uow, email, password)
    principal = Principal.system(tenant_id)
    await _add_contacts(principal)
    linked = await _link_numbers(principal, waha_url)
    await _add_campaigns(principal, start=linked)
    return Demo(already_there=False, linked=linked)


async def _sign_up(uow: SystemUnitOfWork, email: str, password: str) -> UUID:
    user = await accounts.add_user(uow, email, OWNER, await passwords.hash_password(password))
    tenant = await accounts.add_tenant(uow, user, BUSINESS)
    return tenant.id


async def _add_contacts(principal: Principal) -> None:
    async with unit_of_work(principal) as uow:
        for number, (first, last) in enumerate((first, last) for last in LAST for first in FIRST):
            person = ContactCreate(
                phone=f"+6281299{number:06d}",
                name=f"{first} {last}",
                city=CITIES[number % len(CITIES)],
                tags=TAGS[number % len(TAGS)],
            )
            await contacts.create(uow, person, source="demo")


async def _link_numbers(principal: Principal, waha_url: str) -> bool:
    """Add both numbers; in the sandbox also scan their codes. True when all are connected."""
    async with unit_of_work(principal) as uow:
        made = [(await devices.create(uow, name), phone) for name, phone in NUMBERS]
    async with httpx.AsyncClient(base_url=waha_url or "http://127.0.0.1:9", timeout=5) as sandbox:
        if not await _is_sandbox(sandbox):
            return False
        scans = (_scan(sandbox, device.session, phone) for device, phone in made)
        if not all(await asyncio.gather(*scans)):
            return False
    return await _connected(principal, {device.id for device, _ in made})


async def _is_sandbox(sandbox: httpx.AsyncClient) -> bool:
    try:
        return (await sandbox.get("/sandbox/config")).status_code == 200
    except httpx.TransportError:
        return False


async def _scan(sandbox: httpx.AsyncClient, session: str, phone: str) -> bool:
    """Be the owner who scans the code once it is shown."""
    try:
        async with asyncio.timeout(LINK_WAIT_S):
            while True:
                answer = await sandbox.post(
                    f"/sandbox/sessions/{session}/scan", json={"phone": phone, "name": BUSINESS}
                )
                if answer.status_code == 200:
                    return True
                await asyncio.sleep(0.3)
    except TimeoutError:
        return False


async def _connected(principal: Principal, wanted: set[UUID]) -> bool:
    try:
        async with asyncio.timeout(LINK_WAIT_S):
            while True:
                async with unit_of_work(principal) as uow:
                    views = [await devices.get(uow, device_id) for device_id in wanted]
                if all(view.status == "CONNECTED" for view in views):
                    return True
                await asyncio.sleep(0.3)
    except TimeoutError:
        return False


async def _add_campaigns(principal: Principal, *, start: bool) -> None:
    """One broadcast that runs for some minutes, and a draft to try things with."""
    async with unit_of_work(principal) as uow:
        promo = await editing.create(
            uow,
            CampaignCreate(
                name="Promo akhir pekan",
                message_template=RUNNING,
                target=Target(all=True),
                delay_min_s=8,
                delay_max_s=20,
            ),
        )
        await editing.create(uow, CampaignCreate(name="Menu baru", message_template=DRAFT, target=Target(tags=["VIP"])))
    if start:
        async with unit_of_work(principal) as uow:
            await running.start(uow, promo.id)
