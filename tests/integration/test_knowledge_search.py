"""Searching a tenant's passages with real PostgreSQL and Chroma: found, told apart by tenant, never in a gap."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import pytest
from sqlalchemy import text

from tests.fixtures.services import environment
from tests.fixtures.tenants import make_tenant
from wa_app.ai import knowledge
from wa_app.ai.knowledge import store, vectors
from wa_app.ai.knowledge.chunking import Chunk
from wa_app.ai.knowledge.sync import sweep_orphans, sync
from wa_app.config import Settings
from wa_app.db import unit_of_work
from wa_app.kit.ids import new_id
from wa_app.models.knowledge import DocumentKind, DocumentStatus, KnowledgeDocument
from wa_app.schemas.principal import Principal

PRICES = (
    "Kopi susu gula aren | Harga: Rp22.000", "Es kopi hitam | Harga: Rp15.000", "Cappuccino | Harga: Rp28.000",
    "Biji kopi Gayo 250 gram | Harga: Rp85.000",
)  # fmt: skip
FAQ = (
    "Kami buka setiap hari pukul 08.00 sampai 22.00 WIB, hari libur nasional tutup pukul 20.00.",
    "Pengiriman ke luar kota memakai JNE dan sampai dalam 2 sampai 4 hari kerja.",
    "Pembayaran lewat transfer BCA 123456 atas nama Kopi Lestari, atau QRIS di kasir.",
)


async def add(who: Principal, name: str, lines: tuple[str, ...], heading: str = "") -> UUID:
    """A document whose passages are these lines, one each."""
    new = await store.prepare([Chunk(1, heading, line, 0) for line in lines])
    async with unit_of_work(who) as uow:
        row = KnowledgeDocument(
            tenant_id=who.tenant_id, kind=DocumentKind.FILE, status=DocumentStatus.EMBEDDING, name=name
        )
        uow.session.add(row)
        await uow.session.flush()
        row.chunks = await store.swap(uow, row.id, new)
    return row.id


@pytest.fixture
async def shop(settings: Settings, chroma_url: str) -> AsyncIterator[Principal]:
    await vectors.close()
    who = await make_tenant()
    await add(who, "Daftar harga", PRICES, "Menu")
    await add(who, "Tanya jawab", FAQ)
    await sync(who)
    yield who
    await vectors.close()


@pytest.mark.parametrize(("question", "words"), [
    ("brp hrga kopi susu gula aren kak?", "22.000"), ("capucino brapa?", "28.000"), ("harga kopi hitam", "15.000"),
    ("jam buka?", "08.00"), ("berapa lama pengiriman ke luar kota", "JNE"), ("bisa bayar pakai qris?", "QRIS"),
    ("biji kopi 250gr", "85.000"), ("no rek bca", "123456"),
])  # fmt: skip
async def test_finds_what_a_customer_asks_for(shop: Principal, question: str, words: str) -> None:
    found = await knowledge.lookup(shop.tenant_id, question)
    assert words in found.passages[0].text, [(one.score, one.text) for one in found.passages]
    assert found.by_meaning
    assert all(0 <= one.score <= 1 for one in found.passages)
    assert [one.score for one in found.passages] == sorted((one.score for one in found.passages), reverse=True)


async def test_what_no_document_says_scores_low(shop: Principal) -> None:
    asked = ("siapa presiden Prancis", "apakah menjual ban mobil bekas", "cara memasang genteng")
    for question in asked:
        found = await knowledge.search(shop.tenant_id, question)
        assert not found or found[0].score < 0.5, (question, found[0])


async def test_another_tenants_documents_never_come(shop: Principal) -> None:
    other = await make_tenant()
    theirs = await add(other, "Rahasia", ("Harga kopi susu gula aren khusus agen Rp9.000 sandi ZEBRA",))
    await sync(other)
    for question in ("harga kopi susu gula aren", "sandi zebra", "harga khusus agen"):
        mine = await knowledge.search(shop.tenant_id, question, limit=20)
        assert all("ZEBRA" not in one.text for one in mine)
        assert [one.document_id for one in await knowledge.search(other.tenant_id, question)] == [theirs]
    assert await knowledge.search(shop.tenant_id, "sandi zebra", document_ids=[theirs]) == []


async def test_shared_collection_is_filtered_by_tenant(shop: Principal) -> None:
    """Even asked directly, and even when another tenant's vector is the closest one in the same collection."""
    other = await make_tenant()
    name = vectors.shared_name("wordllama-256", shop.tenant_id)
    from wa_app.ai.knowledge.embedding import embed_here

    vector = embed_here(["sandi zebra"])
    stranger = new_id()
    await vectors.put(name, other.tenant_id, [(stranger, new_id(), 999_999)], vector)
    near = await vectors.nearest(name, shop.tenant_id, vector[0], limit=50)
    assert near
    assert 999_999 not in near
    assert await vectors.nearest(name, other.tenant_id, vector[0], limit=50) == [999_999]
    await vectors.remove(name, [stranger])


async def test_only_the_chosen_documents(shop: Principal) -> None:
    found = await knowledge.search(shop.tenant_id, "harga kopi", limit=20)
    faq = next(one.document_id for one in await knowledge.search(shop.tenant_id, "jam buka"))
    only = await knowledge.search(shop.tenant_id, "harga kopi", limit=20, document_ids=[faq])
    assert {one.document_id for one in found} != {faq}
    assert {one.document_id for one in only} <= {faq}
    assert await knowledge.search(shop.tenant_id, "harga kopi", document_ids=[]) == []


async def test_words_alone_when_chroma_is_away(shop: Principal) -> None:
    await vectors.close()
    with environment(CHROMA_URL="http://127.0.0.1:9"):
        found = await knowledge.lookup(shop.tenant_id, "harga kopi hitam")
    await vectors.close()
    assert not found.by_meaning
    assert "15.000" in found.passages[0].text


async def test_vectors_follow_what_was_replaced_and_deleted(shop: Principal) -> None:
    document = await add(shop, "Promo", ("Promo Desember diskon 30 persen", "Promo Januari gratis ongkir"))
    await sync(shop)
    collection = vectors.shared_name("wordllama-256", shop.tenant_id)
    before = set(await vectors.ids(collection, shop.tenant_id, offset=0))
    new = await store.prepare([Chunk(1, "", "Promo Februari beli dua gratis satu", 0)])
    async with unit_of_work(shop) as uow:
        await store.swap(uow, document, new)
    assert "Februari" in (await knowledge.search(shop.tenant_id, "promo apa"))[0].text
    await sync(shop)
    after = set(await vectors.ids(collection, shop.tenant_id, offset=0))
    assert len(before - after) == 2
    assert len(after - before) == 1
    async with unit_of_work(shop) as uow:
        await store.take_out(uow, document)
    assert all(one.document_id != document for one in await knowledge.search(shop.tenant_id, "promo februari", limit=20))
    await sync(shop)
    assert set(await vectors.ids(collection, shop.tenant_id, offset=0)) == after & before


async def test_orphans_are_swept_and_the_young_are_left(shop: Principal) -> None:
    from wa_app.ai.knowledge.embedding import embed_here

    collection = vectors.shared_name("wordllama-256", shop.tenant_id)
    old, young = UUID("01900000-0000-7000-8000-000000000001"), new_id()
    await vectors.put(collection, shop.tenant_id, [(old, new_id(), 7), (young, new_id(), 8)], embed_here(["a", "b"]))
    assert await sweep_orphans(shop) == 1
    left = set(await vectors.ids(collection, shop.tenant_id, offset=0))
    assert old not in left
    assert young in left
    await vectors.remove(collection, [young])


async def test_a_reindex_never_leaves_a_gap(shop: Principal) -> None:
    document = await add(shop, "Alamat", ("Alamat toko Jalan Melati 5 Bandung",))
    misses = 0

    async def ask() -> None:
        nonlocal misses
        for _ in range(12):
            found = await knowledge.search(shop.tenant_id, "alamat toko melati")
            misses += not any(one.document_id == document for one in found)

    async def swap() -> None:
        for n in range(12):
            new = await store.prepare([Chunk(1, "", f"Alamat toko Jalan Melati 5 Bandung, versi {n}", 0)])
            async with unit_of_work(shop) as uow:
                await store.swap(uow, document, new)

    await asyncio.gather(ask(), swap())
    assert misses == 0


async def test_a_large_tenant_moves_to_its_own_collection(shop: Principal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vectors, "OWN_FROM", 3)
    shared = vectors.shared_name("wordllama-256", shop.tenant_id)
    await sync(shop)
    own = vectors.own_name("wordllama-256", shop.tenant_id)
    assert len(await vectors.ids(own, shop.tenant_id, offset=0)) == len(PRICES + FAQ)
    assert await vectors.ids(shared, shop.tenant_id, offset=0) == []
    async with unit_of_work(shop) as uow:
        left = await uow.session.execute(text("SELECT count(*) FROM knowledge_removals"))
        assert left.scalar_one() == 0
    assert "15.000" in (await knowledge.search(shop.tenant_id, "harga kopi hitam"))[0].text
