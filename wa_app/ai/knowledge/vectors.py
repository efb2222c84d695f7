"""The vector side: a Chroma server. Everything in it can be made again from the passages in the database.

A tenant starts in one of a few shared collections, where each question is filtered by tenant, and gets a
collection of its own once it is large (one big filtered collection is slow, many tiny ones cost memory).
"""

import asyncio
import hashlib
import logging
import re
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit
from uuid import UUID

import structlog

from wa_app.config import get_settings
from wa_app.errors import Unavailable

if TYPE_CHECKING:
    import numpy as np

log = structlog.get_logger(__name__)

SHARED: Final = 16
"""Shared collections for each model."""
OWN_FROM: Final = 2_000
"""Passages from which a tenant gets a collection of its own."""
BATCH: Final = 500
TIMEOUT_S: Final = 5.0
_clients: dict[int, Any] = {}
_collections: dict[tuple[int, str], Any] = {}


def shared_name(model: str, tenant_id: UUID) -> str:
    """The shared collection a small tenant is in."""
    number = int.from_bytes(hashlib.sha256(tenant_id.bytes).digest()[:4], "big") % SHARED
    return f"sapa-{_slug(model)}-shared-{number}"


def own_name(model: str, tenant_id: UUID) -> str:
    """The collection of a large tenant."""
    return f"sapa-{_slug(model)}-{tenant_id.hex}"


def is_own(collection: str, tenant_id: UUID) -> bool:
    return collection.endswith(tenant_id.hex)


def _slug(model: str) -> str:
    plain = re.sub(r"[^a-z0-9]+", "-", model.lower()).strip("-")
    return plain if len(plain) <= 24 else f"{plain[:15]}-{hashlib.sha256(model.encode()).hexdigest()[:8]}"


async def _client() -> Any:
    """The client of this event loop."""
    loop = asyncio.get_running_loop()
    if id(loop) not in _clients:
        _clients[id(loop)] = await _connect()
    return _clients[id(loop)]


async def _connect() -> Any:
    def load() -> Any:
        import chromadb

        # It tells every request; ours are told where they fail.
        logging.getLogger("httpx").setLevel(logging.WARNING)
        from chromadb.config import Settings

        return chromadb.AsyncHttpClient, Settings(anonymized_telemetry=False)

    make, settings = await asyncio.to_thread(load)
    where = urlsplit(get_settings().chroma_url)
    if not where.hostname:
        raise Unavailable("vectors_unavailable")
    return await make(
        host=where.hostname, port=where.port or 8000, ssl=where.scheme == "https", settings=settings
    )  # fmt: skip


async def close() -> None:
    """Close the client of this event loop."""
    _collections.clear()
    client = _clients.pop(id(asyncio.get_running_loop()), None)
    if client is not None:
        # The client itself has no way to close its connections.
        await client._server.__aexit__(None, None, None)


async def _call(what: str, work: Any) -> Any:
    """Run a call of the client; whatever the server or the way to it does becomes Unavailable."""
    import httpx
    from chromadb.errors import ChromaError, NotFoundError

    try:
        async with asyncio.timeout(TIMEOUT_S):
            return await work
    except NotFoundError:
        # Somebody dropped a collection that we remember: the next call looks it up again.
        _collections.clear()
        if what == "drop":
            raise
        raise Unavailable("vectors_unavailable") from None
    except (TimeoutError, httpx.HTTPError, OSError, ChromaError, ValueError) as error:
        log.warning("vectors.unavailable", call=what, error=type(error).__name__)
        raise Unavailable("vectors_unavailable") from error


async def _collection(name: str) -> Any:
    """A collection by name, made when it is not there. Remembered: its id does not change while it lives."""
    key = (id(asyncio.get_running_loop()), name)
    if key not in _collections:
        client = await _call("connect", _client())
        settings = {"hnsw": {"space": "cosine", "ef_search": 100}}
        _collections[key] = await _call(
            "collection",
            client.get_or_create_collection(name, configuration=settings, embedding_function=None),
        )
    return _collections[key]


async def put(
    collection: str, tenant_id: UUID, rows: Sequence[tuple[UUID, UUID, int]], vectors: "np.ndarray[Any, Any]"
) -> None:
    """Write vectors of passages: (id, document, number) each."""
    held = await _collection(collection)
    for at in range(0, len(rows), BATCH):
        part = rows[at : at + BATCH]
        await _call("put", held.upsert(
            ids=[str(chunk_id) for chunk_id, _, _ in part],
            embeddings=vectors[at : at + BATCH],
            metadatas=[{"tenant": str(tenant_id), "document": str(document_id), "number": number}
                       for _, document_id, number in part],
        ))  # fmt: skip


async def nearest(
    collection: str, tenant_id: UUID, vector: "np.ndarray[Any, Any]", *, limit: int,
    document_ids: Sequence[UUID] | None = None,
) -> list[int]:
    """Numbers of the passages closest to a vector, of this tenant only."""
    held = await _collection(collection)
    where: dict[str, Any] | None = None if is_own(collection, tenant_id) else {"tenant": str(tenant_id)}
    if document_ids is not None:
        among = {"document": {"$in": [str(one) for one in document_ids]}}
        where = among if where is None else {"$and": [where, among]}
    found = await _call("query", held.query(
        query_embeddings=[vector.tolist()], n_results=limit, where=where, include=["metadatas"]
    ))  # fmt: skip
    return [int(one["number"]) for one in found["metadatas"][0] if one["tenant"] == str(tenant_id)]


async def remove(collection: str, chunk_ids: Sequence[UUID]) -> None:
    """Take vectors out; those that are not there are no trouble."""
    held = await _collection(collection)
    for at in range(0, len(chunk_ids), BATCH):
        await _call("remove", held.delete(ids=[str(one) for one in chunk_ids[at : at + BATCH]]))


async def leave(collection: str, tenant_id: UUID) -> None:
    """Take everything of a tenant out of a collection; its own collection goes altogether."""
    from chromadb.errors import NotFoundError

    if is_own(collection, tenant_id):
        client = await _call("connect", _client())
        _collections.clear()
        with suppress(NotFoundError):
            await _call("drop", client.delete_collection(collection))
        return
    held = await _collection(collection)
    await _call("leave", held.delete(where={"tenant": str(tenant_id)}))


async def ids(collection: str, tenant_id: UUID, *, offset: int, limit: int = 1000) -> list[UUID]:
    """Ids of a tenant's vectors, page by page, for comparing them with its passages."""
    held = await _collection(collection)
    found = await _call("list", held.get(
        where={"tenant": str(tenant_id)}, limit=limit, offset=offset, include=[]
    ))  # fmt: skip
    return [UUID(one) for one in found["ids"]]
