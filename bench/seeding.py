"""Worlds to send in: a tenant, linked devices in the sandbox, contacts and planned campaigns.

Used by benches and by the integration and fault tests. Rows go in set-based and as
`sapa_system`; the devices are real sessions of a running sandbox, linked by its scan call.
"""

import asyncio
import secrets as random_secrets
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import orjson

from wa_app.channels.port import SessionSpec
from wa_app.channels.waha.client import WahaClient
from wa_app.config import get_settings
from wa_app.db import system_unit_of_work, unit_of_work
from wa_app.kit.identities import identity_hash
from wa_app.kit.ids import NIL, new_id
from wa_app.kit.secrets import digest, encrypt
from wa_app.models.identity import Membership, Role, User
from wa_app.schemas.principal import ALL_VERBS, Principal
from wa_app.services import api_keys

NO_DELAY = {"delay_min_s": 0, "delay_max_s": 0, "typing": False}


@dataclass
class SeededDevice:
    id: UUID
    session: str
    token: str
    hmac_key: str


@dataclass
class World:
    """One tenant in one sandbox."""

    sandbox_url: str
    api_key: str
    webhook_base: str = "http://127.0.0.1:9"
    tenant_id: UUID = field(default_factory=new_id)
    server_id: UUID = field(default_factory=new_id)
    identity_key: str = field(default_factory=lambda: random_secrets.token_urlsafe(16))
    devices: list[SeededDevice] = field(default_factory=list)
    contacts: list[UUID] = field(default_factory=list)

    async def connect(self) -> asyncpg.Connection:
        return await asyncpg.connect(get_settings().database_system_url)

    async def open(self) -> None:
        """The tenant and its WAHA server."""
        connection = await self.connect()
        try:
            await connection.execute(
                "INSERT INTO tenants (id, name, package_key, identity_key) VALUES ($1, 'Toko Uji', 'unlimited', $2)",
                self.tenant_id, encrypt(self.identity_key),
            )  # fmt: skip
            self.server_id = await connection.fetchval(
                "INSERT INTO waha_servers (id, name, url, api_key, capacity) VALUES ($1, 'sandbox', $2, $3, 1000) "
                "ON CONFLICT (url) DO UPDATE SET api_key = excluded.api_key RETURNING id",
                self.server_id, self.sandbox_url, encrypt(self.api_key),
            )  # fmt: skip
        finally:
            await connection.close()

    async def link(self, count: int, pacing: dict[str, Any] | None = None) -> list[SeededDevice]:
        """Linked, connected devices."""
        made = [await self._link(pacing or NO_DELAY) for _ in range(count)]
        self.devices += made
        return made

    async def _link(self, pacing: dict[str, Any]) -> SeededDevice:
        device = SeededDevice(
            new_id(), f"t{new_id().hex}", random_secrets.token_urlsafe(24), random_secrets.token_urlsafe(24)
        )
        connection = await self.connect()
        try:
            # Thousands of strangers who never answer would bring the guard in: here the engine is measured.
            await connection.execute(
                "INSERT INTO devices (id, tenant_id, name, waha_server_id, session, status, pacing, webhook_token_hash, "
                "webhook_token, hmac_key, connected_at, protection) "
                "VALUES ($1, $2, $3, $4, $5, 'CONNECTED', $6, $7, $8, $9, now(), false)",
                device.id, self.tenant_id, device.session[:8], self.server_id, device.session,
                orjson.dumps(pacing).decode(), digest(device.token), encrypt(device.token), encrypt(device.hmac_key),
            )  # fmt: skip
        finally:
            await connection.close()
        client = WahaClient(self.sandbox_url, self.api_key)
        url = f"{self.webhook_base}/webhooks/waha/{device.token}"
        try:
            await client.create_session(SessionSpec(device.session, url, device.hmac_key))
            await self.scan(device)
        finally:
            await client.aclose()
        return device

    async def api_key_of_owner(self) -> str:
        """A key for the API with every right, made by an owner of the tenant."""
        user = User(email=f"{new_id().hex}@example.test", name="Sari", password_hash="!")
        role = Role(tenant_id=self.tenant_id, key="owner", name="Owner", verbs=sorted(ALL_VERBS))
        async with system_unit_of_work() as uow:
            uow.session.add_all([user, role])
            await uow.session.flush()
            uow.session.add(Membership(tenant_id=self.tenant_id, user_id=user.id, role_id=role.id))
        async with unit_of_work(Principal(self.tenant_id, user.id, ALL_VERBS, "user", "en")) as tenant:
            _, key = await api_keys.create(tenant, "bench")
        return key

    async def scan(self, device: SeededDevice) -> None:
        """Link the session in the sandbox, as a person with a phone would."""
        async with httpx.AsyncClient(base_url=self.sandbox_url) as http:
            for _ in range(200):
                answer = await http.post(f"/sandbox/sessions/{device.session}/scan", json={})
                if answer.status_code == 200:
                    return
                await asyncio.sleep(0.05)
        raise RuntimeError(f"the sandbox did not link {device.session}: {answer.text}")

    async def add_contacts(self, count: int, first: int = 0) -> list[UUID]:
        """Contacts with phones +62812… counted up from `first`."""
        ids = [new_id() for _ in range(count)]
        # The sandbox takes numbers that end in 0000 for absent.
        phones = [f"+62812{first + n:07d}1" for n in range(count)]
        hashes = [identity_hash(self.identity_key.encode(), "phone", phone) for phone in phones]
        connection = await self.connect()
        try:
            async with connection.transaction():
                await connection.execute(
                    "INSERT INTO contacts (id, tenant_id, name, phone) "
                    "SELECT u.id, $1, 'Orang ' || u.phone, u.phone FROM unnest($2::uuid[], $3::text[]) AS u(id, phone)",
                    self.tenant_id, ids, phones,
                )  # fmt: skip
                await connection.execute(
                    "INSERT INTO contact_identities (tenant_id, contact_id, kind, value, hash) "
                    "SELECT $1, u.id, 'phone', u.phone, u.hash "
                    "FROM unnest($2::uuid[], $3::text[], $4::bytea[]) AS u(id, phone, hash)",
                    self.tenant_id, ids, phones, hashes,
                )  # fmt: skip
        finally:
            await connection.close()
        self.contacts += ids
        return ids

    async def add_campaign(
        self, contacts: list[UUID], template: str = "{Halo|Hai} {{name}}, promo hari ini", devices: Any = None
    ) -> UUID:
        """A planned campaign in PROCESSING for these contacts."""
        campaign = new_id()
        connection = await self.connect()
        try:
            async with connection.transaction():
                await connection.execute(
                    "INSERT INTO campaigns (id, tenant_id, name, message_template, status, started_at, planned_at, "
                    "plan_total) VALUES ($1, $2, 'Uji', $3, 'PROCESSING', now(), now(), $4)",
                    campaign, self.tenant_id, template, len(contacts),
                )  # fmt: skip
                for device in devices if devices is not None else self.devices:
                    await connection.execute(
                        "INSERT INTO campaign_devices (tenant_id, campaign_id, device_id) VALUES ($1, $2, $3)",
                        self.tenant_id, campaign, device.id,
                    )  # fmt: skip
                await self._plan(connection, campaign, contacts)
            # A million fresh rows without statistics make every plan a guess.
        finally:
            await connection.close()
        return campaign

    async def _plan(self, connection: Any, campaign: UUID, contacts: list[UUID]) -> None:
        await connection.execute(
            "INSERT INTO outbound_messages (tenant_id, kind, state, dedupe_key, campaign_id, contact_id, identity_kind, "
            "identity_value, expires_at) SELECT c.tenant_id, 'campaign', 'planned', 'c:' || ($2::uuid)::text || ':phone:' || c.phone, "
            "$2::uuid, c.id, 'phone', c.phone, now() + interval '1 day' FROM contacts c "
            "WHERE c.tenant_id = $1 AND c.id = ANY($3::uuid[])",
            self.tenant_id, campaign, contacts,
        )  # fmt: skip
        await connection.execute(
            "INSERT INTO campaign_counters (tenant_id, campaign_id, device_id, state, n) "
            "VALUES ($1, $2, $3, 'planned', $4)",
            self.tenant_id, campaign, NIL, len(contacts),
        )  # fmt: skip

    async def counters(self, campaign: UUID) -> dict[str, int]:
        """Counters of a campaign, summed over devices, zeros left out."""
        rows = await self.fetch(
            "SELECT state, sum(n)::int AS n FROM campaign_counters WHERE campaign_id = $1 GROUP BY state "
            "HAVING sum(n) <> 0", campaign,
        )  # fmt: skip
        return {row["state"]: row["n"] for row in rows}

    async def states(self, campaign: UUID) -> dict[str, int]:
        """Rows of a campaign by state, counted."""
        rows = await self.fetch(
            "SELECT state, count(*)::int AS n FROM outbound_messages WHERE campaign_id = $1 GROUP BY state", campaign
        )
        return {row["state"]: row["n"] for row in rows}

    async def fetch(self, query: str, *values: Any) -> list[Any]:
        connection = await self.connect()
        try:
            found: list[Any] = await connection.fetch(query, *values)
            return found
        finally:
            await connection.close()

    async def judge(self, *, items: bool = True) -> dict[str, Any]:
        """What the sandbox was asked to send from this world's sessions."""
        total: dict[str, Any] = {"asked": 0, "accepted": 0, "distinct": 0, "duplicates": 0, "items": []}
        async with httpx.AsyncClient(base_url=self.sandbox_url, timeout=60) as http:
            for device in self.devices:
                query = {"session": device.session, "items": "true" if items else "false"}
                found = (await http.get("/sandbox/counts", params=query)).json()
                for key in ("asked", "accepted", "distinct", "duplicates"):
                    total[key] += found[key]
                total["items"] += found.get("items", [])
        return total

    async def configure(self, **values: Any) -> None:
        """Change the sandbox: `acks="off"` and such."""
        async with httpx.AsyncClient(base_url=self.sandbox_url) as http:
            (await http.patch("/sandbox/config", json=values)).raise_for_status()

    async def fault(self, kind: str, **values: Any) -> None:
        """Order a fault of the sandbox."""
        async with httpx.AsyncClient(base_url=self.sandbox_url) as http:
            (await http.post("/sandbox/faults", json={"kind": kind, **values})).raise_for_status()
