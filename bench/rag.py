"""Does a top-5 passage hold the answer, and how fast is that, also among 100,000 passages?

Questions and passages are FacQA's: the part that comes with the tests, or another file (`--set facqa=PATH`, JSON
lines of `question`, `passage`, `answers`). The product itself indexes and asks. The ratio is the share of questions
whose answer stands in one of the five passages. Options: `facqa`, `n` (passages of the large tenant, 100,000),
`asked` (questions for the time, 300).
"""

import asyncio
import json
import random
import re
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import quantiles
from typing import Any

from bench.harness import Bench, Result
from wa_app.config import ROOT

NEEDS = ("postgres", "redis", "chroma")
BAR, BAR_MS = 0.96, 100.0
PER_DOCUMENT = 500
SHIPPED = ROOT / "tests" / "data" / "facqa_part.jsonl"
_GOODS = ("kopi susu", "kopi hitam", "teh tarik", "roti bakar", "wedang jahe", "cokelat panas", "es jeruk", "kue lapis")
_KINDS = ("gula aren", "pandan", "original", "keju", "vanila", "karamel", "jahe merah", "kelapa muda", "durian", "kurma")
_PLACES = ("Bandung", "Malang", "Surabaya", "Medan", "Makassar", "Denpasar", "Bogor", "Solo", "Padang", "Manado")
_LINES = (
    "{goods} {kind} ukuran {size} ml di cabang {place} dijual Rp{price} dengan kode {code}.",
    "Pengiriman {goods} {kind} ke {place} memakan waktu {days} hari kerja, ongkos Rp{price}, kode layanan {code}.",
    "Promo {code}: beli {days} {goods} {kind} di {place} hemat Rp{price} sampai akhir bulan.",
    "Cabang {place} buka pukul {days}.00 dan menyediakan {goods} {kind}; tanyakan kode {code} seharga Rp{price}.",
)


async def run(env: Bench) -> Result:
    from wa_app import db
    from wa_app.ai.knowledge import vectors

    try:
        quality = await _quality(Path(env.option("facqa", str(SHIPPED))))
        speed = await _speed(env.option("n", 100_000), env.option("asked", 300))
    finally:
        await vectors.close()
        await db.dispose()
    figures = quality | speed
    return Result("rag", figures["hit5"], figures, figures["hit5"] >= BAR and figures["p95_ms"] < BAR_MS)


async def _tenant() -> Any:
    from wa_app.db import system_unit_of_work
    from wa_app.kit.secrets import encrypt, new_token
    from wa_app.models.identity import Tenant
    from wa_app.schemas.principal import Principal

    tenant = Tenant(name="Bench", identity_key=encrypt(new_token()))
    async with system_unit_of_work() as uow:
        uow.session.add(tenant)
    return Principal.system(tenant.id)


async def _index(principal: Any, texts: Sequence[str]) -> float:
    """Index texts as passages, `PER_DOCUMENT` to a document. Returns the seconds it took, vectors included."""
    from wa_app.ai.knowledge import store
    from wa_app.ai.knowledge.chunking import Chunk
    from wa_app.ai.knowledge.sync import sync
    from wa_app.db import unit_of_work
    from wa_app.models.knowledge import DocumentKind, KnowledgeDocument

    started = time.perf_counter()
    for at in range(0, len(texts), PER_DOCUMENT):
        new = await store.prepare([Chunk(1, "", one, 0) for one in texts[at : at + PER_DOCUMENT]])
        async with unit_of_work(principal) as uow:
            row = KnowledgeDocument(tenant_id=principal.tenant_id, kind=DocumentKind.FILE, name=f"Bagian {at}")
            uow.session.add(row)
            await uow.session.flush()
            await store.swap(uow, row.id, new)
    await sync(principal)
    return time.perf_counter() - started


async def _quality(path: Path) -> dict[str, Any]:
    from wa_app.ai import knowledge

    content = await asyncio.to_thread(path.read_text, "utf-8")
    rows = [json.loads(line) for line in content.splitlines() if line.strip()]
    passages = list(dict.fromkeys(row["passage"] for row in rows))
    principal = await _tenant()
    await _index(principal, passages)
    hits = dict.fromkeys(("hit1", "hit5", "gold1", "gold5"), 0)
    for row in rows:
        found = [one.text for one in await knowledge.search(principal.tenant_id, row["question"])]
        for k in (1, 5):
            hits[f"hit{k}"] += any(holds(text, row["answers"]) for text in found[:k])
            hits[f"gold{k}"] += row["passage"] in found[:k]
    return {"questions": len(rows), "passages": len(passages)} | {name: n / len(rows) for name, n in hits.items()}


def holds(text: str, answers: Sequence[str]) -> bool:
    """Whether one of the answers stands in a text, signs and case aside."""
    plain = _plain(text)
    return any(_plain(answer) in plain for answer in answers)


def _plain(text: str) -> str:
    return re.sub(r"[\W_]+", " ", text.lower()).strip()


def made_up(n: int, seed: int = 7) -> list[str]:
    """Passages of a shop with many branches."""
    rng = random.Random(seed)

    def one() -> str:
        return " ".join(
            rng.choice(_LINES).format(
                goods=rng.choice(_GOODS), kind=rng.choice(_KINDS), place=rng.choice(_PLACES), size=rng.randrange(200, 600, 50),
                price=f"{rng.randrange(5, 400)}.000", code=f"K{rng.randrange(10**6)}", days=rng.randrange(2, 12),
            )
            for _ in range(3)
        )  # fmt: skip

    return [one() for _ in range(n)]


async def _speed(n: int, asked: int) -> dict[str, Any]:
    from wa_app.ai import knowledge

    principal = await _tenant()
    seconds = await _index(principal, await asyncio.to_thread(made_up, n))
    rng, took, by_meaning = random.Random(11), [], 0
    for number in range(asked + 20):
        question = f"berapa harga {rng.choice(_GOODS)} {rng.choice(_KINDS)} di {rng.choice(_PLACES)} kak?"
        started = time.perf_counter()
        found = await knowledge.lookup(principal.tenant_id, question)
        if number >= 20:  # the first ones open connections and warm the caches
            took.append((time.perf_counter() - started) * 1000)
            by_meaning += found.by_meaning
    cuts = quantiles(took, n=100)
    return {
        "large": n, "index_s": seconds, "p50_ms": cuts[49], "p95_ms": cuts[94], "p99_ms": cuts[98],
        "by_meaning": by_meaning / max(1, asked),
    }  # fmt: skip
