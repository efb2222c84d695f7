"""`/api/v1/devices` over HTTP, with the sandbox behind it."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from tests.fixtures.api import Signed, client_for
from tests.fixtures.sandbox import KEY, Sandbox, quick, running_sandbox
from tests.fixtures.services import environment
from wa_app import queues
from wa_app.channels import registry
from wa_app.db import system_unit_of_work
from wa_app.kit.ids import new_id
from wa_app.schemas.devices import PacingUpdate
from wa_app.schemas.presets import PRESETS
from wa_app.services import devices

DEVICES = "/api/v1/devices"
SHAPE = {"id", "name", "channel", "session", "status", "phone", "is_active_for_broadcast", "last_seen_at"}


@dataclass
class Wired:
    """Two tenants' clients, and the sandbox both link to."""

    mine: httpx.AsyncClient
    other: httpx.AsyncClient
    sandbox: Sandbox

    async def create(self) -> dict[str, Any]:
        answer = await self.mine.post(DEVICES, json={"name": "Toko Bandung", "channel": "waha"})
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    async def until(self, device_id: str, status: str) -> dict[str, Any]:
        for _ in range(100):
            body = (await self.mine.get(f"{DEVICES}/{device_id}")).json()
            if body["status"] == status:
                return dict(body)
            await asyncio.sleep(0.05)
        raise AssertionError(f"never {status}: {body}")


@pytest.fixture
async def wired(api: FastAPI, signed: Signed, other: Signed, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Wired]:
    """Workers are played by tasks that start when something is enqueued."""
    tasks: set[asyncio.Task[Any]] = set()

    async def work(*args: Any) -> None:
        for job in args[-1]:
            if job.actor == "device.provision":
                ids = UUID(job.kwargs["tenant_id"]), UUID(job.kwargs["device_id"])
                tasks.add(asyncio.create_task(devices.provision(*ids, registry.channel)))

    monkeypatch.setattr(queues, "send", work)
    async with running_sandbox(quick()) as sandbox, client_for(api, signed) as mine, client_for(api, other) as strange:
        with environment(WAHA_URL=sandbox.url, WAHA_API_KEY=KEY):
            async with system_unit_of_work() as uow:
                gone = "UPDATE devices SET deleted_at = now(), waha_server_id = NULL, status_detail = '{}'"
                await uow.session.execute(text(gone))
                await uow.session.execute(text("DELETE FROM waha_servers"))
            yield Wired(mine, strange, sandbox)
            await asyncio.gather(*tasks)
            await registry.close()


async def test_from_nothing_to_linked(wired: Wired) -> None:
    made = await wired.create()
    assert set(made) >= SHAPE
    assert (made["status"], made["phone"], made["is_active_for_broadcast"]) == ("STARTING", None, True)
    await wired.until(made["id"], "SCAN_QR")

    code = (await wired.mine.get(f"{DEVICES}/{made['id']}/qr")).json()
    assert (code["status"], code["qr"][:2], code["expires_at"][-1]) == ("SCAN_QR", "2@", "Z")
    picture = await wired.mine.get(f"{DEVICES}/{made['id']}/qr", params={"format": "png"})
    assert picture.headers["content-type"] == "image/png"
    assert picture.content.startswith(b"\x89PNG")
    typed = await wired.mine.post(f"{DEVICES}/{made['id']}/pairing-code", json={"phone": "0812-0000-3312"})
    assert len(typed.json()["code"]) == 9

    await wired.sandbox.scan(made["session"], "6281200003312")
    await devices.probe(registry.channel)
    linked = await wired.until(made["id"], "CONNECTED")
    assert linked["phone"] == "+6281200003312"
    nothing = await wired.mine.get(f"{DEVICES}/{made['id']}/qr")
    assert (nothing.status_code, nothing.json()["code"]) == (409, "device_nothing_to_scan")
    diary = (await wired.mine.get(f"{DEVICES}/{made['id']}/events")).json()["items"]
    assert [event["kind"] for event in diary] == ["connected", "scan_qr"]


async def test_a_wish_for_an_engine(wired: Wired) -> None:
    wished = await wired.mine.post(DEVICES, json={"name": "Toko", "engine_hints": {"engine": "GOWS"}})
    assert wished.status_code == 201, wished.text
    for wrong, field in (({"engine": "FAST"}, "engine_hints.engine"), ({"browser": "x"}, "engine_hints.browser")):
        answer = await wired.mine.post(DEVICES, json={"name": "Toko", "engine_hints": wrong})
        assert [error["field"] for error in answer.json()["errors"]] == [field], answer.text


async def test_changes(wired: Wired) -> None:
    made = await wired.create()
    path = f"{DEVICES}/{made['id']}"
    pacing = {"delay_min_s": 3, "delay_max_s": 9, "per_minute": 6, "quiet_hours": {"start": "21:00", "end": "07:00"}}
    changed = (await wired.mine.patch(path, json={"name": "Kedai", "pacing": pacing})).json()
    assert (changed["name"], changed["pacing"]) == ("Kedai", pacing)
    assert (await wired.mine.patch(f"{path}/toggle")).json()["is_active_for_broadcast"] is False
    assert (await wired.mine.patch(path, json={"is_active_for_broadcast": True})).json()["is_active_for_broadcast"]
    for wrong in ({"pacing": {"delay_min_s": 20}}, {"pacing": {"per_day": 0}}, {"pacing": {"speed": 9}}, {"name": " "}):
        answer = await wired.mine.patch(path, json=wrong)
        assert answer.status_code == 422, wrong
    page = (await wired.mine.get(DEVICES, params={"q": "keda"})).json()
    assert [item["id"] for item in page["items"]] == [made["id"]]
    assert (await wired.mine.delete(path)).status_code == 204
    assert (await wired.mine.get(path)).status_code == 404


async def test_tempo_takes_every_key_and_names_the_field_it_refuses(wired: Wired) -> None:
    path = f"{DEVICES}/{(await wired.create())['id']}"
    given = {
        "strangers_per_day": 40, "package_size_min": 5, "package_size_max": 9, "package_pause_min_s": 60,
        "package_pause_max_s": 120, "working_days": [4, 0, 0], "per_minute": 3,
    }  # fmt: skip
    kept = (await wired.mine.patch(path, json={"pacing": given, "weight": 4})).json()
    assert kept["pacing"] == {**given, "working_days": [0, 4]}
    assert kept["weight"] == 4
    for wrong, field in (
        ({"package_size_min": 12}, "pacing.package_size_max"),
        ({"package_pause_max_s": 1}, "pacing.package_pause_max_s"),
        ({"delay_min_s": 9, "delay_max_s": 3}, "pacing.delay_max_s"),
        ({"working_days": [7]}, "pacing.working_days.0"),
        ({"working_days": []}, "pacing.working_days"),
        ({"strangers_per_day": -1}, "pacing.strangers_per_day"),
        ({"preset": "fast"}, "pacing.preset"),
        ({"quiet_hours": {"start": "21:00+07:00", "end": "07:00"}}, "pacing.quiet_hours.start"),
    ):
        answer = await wired.mine.patch(path, json={"pacing": wrong})
        assert answer.status_code == 422, wrong
        assert [error["field"] for error in answer.json()["errors"]] == [field], answer.text


async def test_presets_set_every_key_and_a_change_makes_them_custom(wired: Wired) -> None:
    path = f"{DEVICES}/{(await wired.create())['id']}"
    for name, values in PRESETS.items():
        pacing = (await wired.mine.patch(path, json={"pacing": {"preset": name}})).json()["pacing"]
        assert pacing == {**values, "preset": name}
        assert PacingUpdate.model_validate(pacing)
    pacing = (await wired.mine.patch(path, json={"pacing": {"preset": "new", "per_day": 60}})).json()["pacing"]
    assert (pacing["preset"], pacing["per_day"], pacing["delay_max_s"]) == ("custom", 60, 60)
    await wired.mine.patch(path, json={"pacing": {"preset": "warm"}})
    pacing = (await wired.mine.patch(path, json={"pacing": {"typing": False}})).json()["pacing"]
    assert (pacing["preset"], pacing["typing"], pacing["per_hour"]) == ("custom", False, 100)


async def test_warming_up_begins_ends_and_has_a_curve(wired: Wired) -> None:
    path = f"{DEVICES}/{(await wired.create())['id']}"
    begun = (await wired.mine.patch(path, json={"warmup_stage": 1})).json()
    assert (begun["warmup_stage"], begun["warmup_curve"][0], begun["warmup_curve"][-1]) == (1, 20, 1000)
    assert begun["warmup_stage_at"] is not None
    curve = [*range(10, 24)]
    assert (await wired.mine.patch(path, json={"warmup_curve": curve})).json()["warmup_curve"] == curve
    for wrong in ([1] * 13, [5, *range(4, 17)], [0, *range(1, 14)]):
        answer = await wired.mine.patch(path, json={"warmup_curve": wrong})
        assert [error["field"] for error in answer.json()["errors"]] == ["warmup_curve"]
    assert (await wired.mine.patch(path, json={"warmup_stage": 15})).status_code == 422
    ended = (await wired.mine.patch(path, json={"warmup_stage": None, "warmup_curve": None})).json()
    assert (ended["warmup_stage"], ended["warmup_curve"][0]) == (None, 20)
    diary = (await wired.mine.get(f"{path}/events")).json()["items"]
    assert [event["detail"]["now"] for event in diary if event["kind"] == "warmup"] == [None, 1]


async def test_frequency_is_a_setting_of_the_tenant(wired: Wired) -> None:
    path = "/api/v1/settings/sending"
    assert (await wired.mine.get(path)).json() == {"frequency_per_week": None}
    assert (await wired.mine.patch(path, json={"frequency_per_week": 3})).json() == {"frequency_per_week": 3}
    assert (await wired.mine.get(path)).json() == {"frequency_per_week": 3}
    assert (await wired.other.get(path)).json() == {"frequency_per_week": None}
    assert (await wired.mine.patch(path, json={"frequency_per_week": 0})).status_code == 422
    assert (await wired.mine.patch(path, json={"frequency_per_week": None})).json() == {"frequency_per_week": None}


async def test_pages(wired: Wired) -> None:
    ids = [(await wired.create())["id"] for _ in range(3)]
    first = (await wired.mine.get(DEVICES, params={"limit": 2})).json()
    rest = (await wired.mine.get(DEVICES, params={"limit": 2, "cursor": first["next_cursor"]})).json()
    assert [item["id"] for item in first["items"] + rest["items"]] == ids
    assert rest["next_cursor"] is None


async def test_another_tenants_device_is_not_found(wired: Wired) -> None:
    made = await wired.create()
    await wired.until(made["id"], "SCAN_QR")
    for device_id in (made["id"], str(new_id())):
        path = f"{DEVICES}/{device_id}"
        answers = [
            await wired.other.get(path),
            await wired.other.patch(path, json={"name": "x"}),
            await wired.other.delete(path),
            await wired.other.get(f"{path}/qr"),
            await wired.other.get(f"{path}/events"),
            await wired.other.patch(f"{path}/toggle"),
            await wired.other.post(f"{path}/pairing-code", json={"phone": "081200003312"}),
            *[await wired.other.post(f"{path}/{verb}") for verb in ("link", "restart", "disconnect")],
        ]
        assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(404, "device_not_found")}
    assert (await wired.other.get(DEVICES)).json()["items"] == []
    assert (await wired.mine.get(f"{DEVICES}/{made['id']}")).json()["name"] == "Toko Bandung"
