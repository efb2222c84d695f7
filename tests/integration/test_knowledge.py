"""From a file to an answer: upload, index, look, re-index, cancel, delete, bring back; through services and the API."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import pytest
from fastapi import FastAPI
from sqlalchemy import text

from tests.fixtures.api import client_for, make_signed_tenant
from tests.fixtures.tenants import make_tenant
from wa_app.ai.knowledge import vectors
from wa_app.ai.knowledge.sync import sync
from wa_app.config import Settings
from wa_app.db import system_unit_of_work, unit_of_work
from wa_app.errors import Conflict, Invalid, LimitReached, NotFound
from wa_app.files.port import one_chunk
from wa_app.models.knowledge import DocumentKind
from wa_app.schemas.knowledge import DocumentView, PairInput, SearchRequest
from wa_app.schemas.principal import Principal
from wa_app.services import knowledge
from wa_app.services.knowledge import running

PRICES = """# Menu

Es kopi susu gula aren: Rp22.000
Americano dingin: Rp18.000

# Jam buka

Kami buka setiap hari pukul 08.00 sampai 22.00 WIB.
"""


@pytest.fixture
async def who(settings: Settings, chroma_url: str) -> AsyncIterator[Principal]:
    await vectors.close()
    yield await make_tenant()
    await vectors.close()


async def put(who: Principal, name: str, content: str) -> DocumentView:
    return await knowledge.upload(who, name, one_chunk(content.encode()))


async def show(who: Principal, document_id: UUID) -> DocumentView:
    async with unit_of_work(who) as uow:
        return await knowledge.get(uow, document_id)


async def work(who: Principal) -> None:
    """What the workers do."""
    await knowledge.run_due(who)
    await sync(who)


async def found(who: Principal, query: str) -> list[str]:
    view = await knowledge.ask(who, SearchRequest(query=query))
    return [one.text for one in view.items]


async def test_a_file_becomes_an_answer(who: Principal) -> None:
    added = await put(who, "Daftar harga.md", PRICES)
    assert (added.status, added.chunks, added.error) == ("queued", 0, None)
    await knowledge.run_due(who)
    by_words = await show(who, added.id)
    assert by_words.status == "embedding"
    assert "22.000" in (await found(who, "harga kopi susu gula aren"))[0]
    await sync(who)
    ready = await show(who, added.id)
    assert (ready.status, ready.pages, ready.progress.done) == ("ready", 1, ready.chunks)
    assert ready.chunks >= 2
    async with unit_of_work(who) as uow:
        view = await knowledge.preview(uow, added.id)
        overview = await knowledge.overview(uow)
    assert any("Americano" in one.text for one in view.pages)
    menu = next(one for one in view.chunks if "Americano" in one.text)
    assert menu.heading == "Menu"
    assert (overview.ready, overview.passages) == (1, ready.chunks)


async def test_what_cannot_be_read_says_why_and_a_retry_is_possible(who: Principal) -> None:
    added = await put(who, "kosong.md", "   \n\n ")
    await work(who)
    failed = await show(who, added.id)
    assert failed.status == "failed"
    assert failed.error in ("file_no_text", "file_empty")
    async with unit_of_work(who) as uow:
        again = await knowledge.reindex(uow, added.id)
    assert (again.status, again.error) == ("queued", None)


async def test_kinds_that_are_not_read_are_refused_at_once_and_leave_nothing(who: Principal) -> None:
    with pytest.raises(Invalid) as refused:
        await knowledge.upload(who, "lagu.mp3", one_chunk(b"ID3" + b"\x00" * 100))
    assert refused.value.code == "file_unsupported"
    async with unit_of_work(who) as uow:
        left = await uow.session.execute(text("SELECT count(*) FROM files WHERE deleted_at IS NULL"))
        assert left.scalar_one() == 0


async def test_the_same_file_twice_is_told(who: Principal) -> None:
    await put(who, "a.md", PRICES)
    with pytest.raises(Conflict, match="knowledge_same_file"):
        await put(who, "b.md", PRICES)


async def test_a_pair_is_the_best_answer_to_its_question(who: Principal) -> None:
    await put(who, "Panjang.md", "Reservasi meja untuk rombongan bisa dibicarakan di kasir kapan saja.\n" * 5)
    async with unit_of_work(who) as uow:
        pairs = [PairInput(question="Apakah bisa reservasi meja?", answer="Bisa, minimal 6 orang, sehari sebelumnya.")]
        added = await knowledge.add_pairs(uow, pairs)
    await work(who)
    for asked in ("bisa reservasi meja?", "apakah bisa reservasi meja kak"):
        view = await knowledge.ask(who, SearchRequest(query=asked))
        assert "minimal 6 orang" in view.items[0].text
        assert view.items[0].score >= 0.9
    async with unit_of_work(who) as uow:
        again = await knowledge.add_pairs(uow, [PairInput(question="apakah bisa reservasi meja?", answer="Mulai 4 orang.")])
        assert [one.id for one in again] == [added[0].id]
    await work(who)
    assert "Mulai 4 orang" in (await found(who, "bisa reservasi meja?"))[0]


async def test_deleted_is_not_found_and_comes_back(who: Principal) -> None:
    added = await put(who, "Daftar harga.md", PRICES)
    await work(who)
    collection = vectors.shared_name("wordllama-256", who.tenant_id)
    assert await vectors.ids(collection, who.tenant_id, offset=0)
    async with unit_of_work(who) as uow:
        await knowledge.remove(uow, [added.id])
    assert await found(who, "harga americano") == []
    await work(who)
    assert await vectors.ids(collection, who.tenant_id, offset=0) == []
    with pytest.raises(NotFound):
        await show(who, added.id)
    async with unit_of_work(who) as uow:
        await knowledge.restore(uow, [added.id])
    await work(who)
    assert "18.000" in (await found(who, "harga americano"))[0]


async def test_an_hour_after_deletion_nothing_is_left(who: Principal) -> None:
    added = await put(who, "Rahasia.md", "Kata sandi gudang adalah KANCIL.")
    await work(who)
    async with unit_of_work(who) as uow:
        await knowledge.remove(uow, [added.id])
    await sync(who)
    async with system_unit_of_work() as uow:
        past = text("UPDATE knowledge_chunks SET gone_at = gone_at - interval '2 hours' WHERE tenant_id = :t AND gone_at IS NOT NULL")
        await uow.session.execute(past, {"t": who.tenant_id})
        await uow.session.execute(
            text("UPDATE knowledge_documents SET deleted_at = now() - interval '2 hours' WHERE id = :id"), {"id": added.id}
        )
        await knowledge.tidy(uow)
        for table in ("chunks", "pages", "documents", "postings", "spellings"):
            left = await uow.session.execute(
                text(f"SELECT count(*) FROM knowledge_{table} WHERE tenant_id = :t"), {"t": who.tenant_id}
            )
            assert left.scalar_one() == 0, table
        files = await uow.session.execute(
            text("SELECT count(*) FROM files WHERE tenant_id = :t AND deleted_at IS NULL"), {"t": who.tenant_id}
        )
        assert files.scalar_one() == 0


async def test_a_killed_run_goes_on_after_the_pages_it_read(who: Principal, monkeypatch: pytest.MonkeyPatch) -> None:
    added = await put(who, "Daftar harga.md", PRICES)

    async def dies(*_: object) -> None:
        raise asyncio.CancelledError

    with monkeypatch.context() as patch:
        patch.setattr(running.store, "prepare", dies)
        with pytest.raises(asyncio.CancelledError):
            await knowledge.index(who, added.id)
    async with system_unit_of_work() as uow:
        await uow.session.execute(
            text("UPDATE knowledge_documents SET lease_until = now() - interval '1 s' WHERE id = :id"), {"id": added.id}
        )
        woken = await knowledge.wake(uow)
    assert woken >= 0
    monkeypatch.setattr(running.reading, "read", None)
    await work(who)
    assert (await show(who, added.id)).status == "ready"


async def test_cancelled_while_it_runs_keeps_the_old_index(who: Principal, monkeypatch: pytest.MonkeyPatch) -> None:
    added = await put(who, "Daftar harga.md", PRICES)
    await work(who)
    async with unit_of_work(who) as uow:
        await knowledge.reindex(uow, added.id)
    real = running.store.prepare

    async def slow(chunks: object) -> object:
        async with unit_of_work(who) as uow:
            await knowledge.cancel(uow, added.id)
        return await real(chunks)  # type: ignore[arg-type]

    monkeypatch.setattr(running.store, "prepare", slow)
    await knowledge.run_due(who)
    kept = await show(who, added.id)
    assert (kept.status, kept.error) == ("ready", "knowledge_cancelled")
    assert "18.000" in (await found(who, "harga americano"))[0]


async def test_a_document_that_kills_workers_is_left_alone(who: Principal) -> None:
    added = await put(who, "Daftar harga.md", PRICES)
    async with system_unit_of_work() as uow:
        await uow.session.execute(text("UPDATE knowledge_documents SET attempts = 5 WHERE id = :id"), {"id": added.id})
    await work(who)
    assert (await show(who, added.id)).error == "knowledge_gave_up"


async def test_limits_of_the_package(who: Principal) -> None:
    async with system_unit_of_work() as uow:
        await uow.session.execute(text(
            "INSERT INTO packages (key, name, limits) VALUES ('kn-small', 'Small', '{\"knowledge_documents\": 1}') "
            "ON CONFLICT DO NOTHING"
        ))  # fmt: skip
    small = await make_tenant(package="kn-small")
    first = await put(small, "a.md", "Satu dokumen.")
    with pytest.raises(LimitReached, match="knowledge_documents_limit_reached"):
        await put(small, "b.md", "Dua dokumen.")
    async with unit_of_work(small) as uow:
        await knowledge.remove(uow, [first.id])
    await put(small, "b.md", "Dua dokumen.")


async def test_api_story_and_isolation(who: Principal, api: FastAPI) -> None:
    a, b = await make_signed_tenant(), await make_signed_tenant()
    async with client_for(api, a) as mine, client_for(api, b) as theirs:
        answer = await mine.post("/api/v1/knowledge/upload", files={"file": ("Harga.md", PRICES.encode())})
        assert answer.status_code == 202, answer.text
        document = answer.json()
        assert document["status"] == "queued"
        pairs = await mine.post("/api/v1/knowledge/pairs", json={"pairs": [{"question": "Ada parkir?", "answer": "Ada, gratis."}]})
        assert pairs.status_code == 202
        await work(a.principal)
        shown = (await mine.get(f"/api/v1/knowledge/{document['id']}")).json()
        assert shown["status"] == "ready"
        assert shown["progress"]["done"] == shown["progress"]["total"] == shown["chunks"]
        hit = (await mine.post("/api/v1/knowledge/search", json={"query": "ada parkir?"})).json()["items"][0]
        assert hit["text"] == "Ada, gratis."
        assert {"document_id", "document_name", "page", "text", "score"} <= set(hit)
        assert (await mine.get("/api/v1/knowledge?kind=pair")).json()["total"] == 1
        for path in ("", "/preview"):
            assert (await theirs.get(f"/api/v1/knowledge/{document['id']}{path}")).status_code == 404
        query = {"query": "harga americano", "document_ids": [document["id"]]}
        assert (await theirs.post("/api/v1/knowledge/search", json=query)).status_code == 404
        assert (await theirs.delete(f"/api/v1/knowledge/{document['id']}")).status_code == 404
        assert (await mine.delete(f"/api/v1/knowledge/{document['id']}")).status_code == 204
        assert (await mine.get(f"/api/v1/knowledge/{document['id']}")).status_code == 404


async def test_lists_by_kind_and_words(who: Principal) -> None:
    await put(who, "Menu musim hujan.md", "Wedang jahe Rp12.000")
    async with unit_of_work(who) as uow:
        await knowledge.add_pairs(uow, [PairInput(question=f"Soal {n}?", answer="Ya.") for n in range(3)])
        items, after, total = await knowledge.list_(uow, kinds=[DocumentKind.PAIR], limit=2)
        assert (len(items), total) == (2, 3)
        rest, end, _ = await knowledge.list_(uow, kinds=[DocumentKind.PAIR], limit=2, after=after)
        assert (len(rest), end) == (1, None)
        assert [one.name for one in (await knowledge.list_(uow, q="musim"))[0]] == ["Menu musim hujan.md"]
