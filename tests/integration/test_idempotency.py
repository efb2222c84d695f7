"""One Idempotency-Key, one deed."""

import asyncio
from uuid import UUID

import httpx
from fastapi import FastAPI
from sqlalchemy import text

from tests.fixtures.api import Signed, client_for
from wa_app.db import system_unit_of_work

KEY = {"Idempotency-Key": "order-1"}


async def count_files(signed: Signed) -> int:
    async with system_unit_of_work() as uow:
        found = await uow.session.execute(
            text("SELECT count(*) FROM files WHERE tenant_id = :t"), {"t": signed.tenant_id}
        )
        return int(found.scalar_one())


async def test_same_key_and_body_gives_the_first_answer(client: httpx.AsyncClient, signed: Signed) -> None:
    first = await client.post("/api/v1/files", content=b"a,b\n", headers=KEY)
    again = await client.post("/api/v1/files", content=b"a,b\n", headers=KEY)
    assert first.status_code == again.status_code == 201
    assert first.json() == again.json()
    assert again.headers["idempotency-replayed"] == "true"
    assert await count_files(signed) == 1


async def test_multipart_is_the_same_under_another_boundary(client: httpx.AsyncClient, signed: Signed) -> None:
    answers = [await client.post("/api/v1/files", files={"file": ("a.csv", b"a,b\n")}, headers=KEY) for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert await count_files(signed) == 1


async def test_another_body_with_the_key_is_a_conflict(client: httpx.AsyncClient) -> None:
    await client.post("/api/v1/files", content=b"a,b\n", headers=KEY)
    answer = await client.post("/api/v1/files", content=b"c,d\n", headers=KEY)
    assert (answer.status_code, answer.json()["code"]) == (409, "idempotency_key_reused")


async def test_many_at_once_do_it_once(client: httpx.AsyncClient, signed: Signed) -> None:
    answers = await asyncio.gather(
        *(client.post("/api/v1/files", content=b"a,b\n", headers=KEY) for _ in range(8))
    )
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert {answer.json().get("code") for answer in answers if answer.status_code == 409} <= {"request_in_progress"}
    assert len({answer.json()["id"] for answer in answers if answer.status_code == 201}) == 1
    assert await count_files(signed) == 1


async def test_failed_request_frees_its_key(client: httpx.AsyncClient) -> None:
    assert (await client.post("/api/v1/files", content=b"", headers=KEY)).status_code == 422
    assert (await client.post("/api/v1/files", content=b"a", headers=KEY)).status_code == 201


async def test_crash_does_not_lock_the_key(client: httpx.AsyncClient, signed: Signed) -> None:
    await client.post("/api/v1/files", content=b"a", headers=KEY)
    for age, status in (("10 seconds", 409), ("10 minutes", 201)):
        async with system_unit_of_work() as uow:
            await uow.session.execute(
                text(f"UPDATE idempotency_keys SET status = NULL, created_at = now() - interval '{age}' WHERE tenant_id = :t"),
                {"t": signed.tenant_id},
            )
        assert (await client.post("/api/v1/files", content=b"a", headers=KEY)).status_code == status


async def test_key_of_another_tenant_is_another_key(
    client: httpx.AsyncClient, api: FastAPI, other: Signed
) -> None:
    mine = (await client.post("/api/v1/files", content=b"a", headers=KEY)).json()
    async with client_for(api, other) as theirs:
        answer = await theirs.post("/api/v1/files", content=b"b", headers=KEY)
    assert answer.status_code == 201
    assert UUID(answer.json()["id"]) != UUID(mine["id"])


async def test_answer_is_sealed_at_rest(client: httpx.AsyncClient, signed: Signed) -> None:
    await client.post("/api/v1/files", content=b"a", headers={**KEY, "X-File-Name": "rahasia.txt"})
    async with system_unit_of_work() as uow:
        kept = await uow.session.execute(
            text("SELECT response::text FROM idempotency_keys WHERE tenant_id = :t"), {"t": signed.tenant_id}
        )
        assert "rahasia" not in kept.scalar_one()


async def test_streaming_route_reads_json_too(client: httpx.AsyncClient) -> None:
    body = {"file_id": "00000000-0000-7000-8000-000000000000"}
    answer = await client.post("/api/v1/contacts/upload", json=body, headers=KEY)
    assert answer.status_code == 404, answer.text
