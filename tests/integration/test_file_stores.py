"""The two places that keep files, a folder and a bucket, hold the same promises."""

import errno
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.fixtures.s3 import Bucket
from wa_app.errors import Unavailable
from wa_app.files.local import LocalFileStore
from wa_app.files.port import FileGone, FileStore, StorageFull, one_chunk
from wa_app.files.s3 import S3FileStore


@pytest.fixture(params=["local", "s3"])
async def store(request: pytest.FixtureRequest, tmp_path: Path, bucket: Bucket) -> AsyncIterator[FileStore]:
    if request.param == "local":
        yield LocalFileStore(tmp_path)
        return
    made = S3FileStore.at(bucket.url)
    yield made
    await made.aclose()


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


async def all_of(store: FileStore, key: str, *span: int) -> bytes:
    return b"".join([chunk async for chunk in store.read(key, *span)])


async def test_a_store_gives_back_what_it_took(store: FileStore) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for n in range(40):
            yield bytes([n]) * 20_000

    body = b"".join([chunk async for chunk in chunks()])
    stored = await store.put("tenant/a b+c&é.txt", chunks())
    assert (stored.size, stored.head) == (len(body), body[:8192])
    assert await all_of(store, "tenant/a b+c&é.txt") == body
    assert await all_of(store, "tenant/a b+c&é.txt", 19_990, 30) == body[19_990:20_020]
    assert await all_of(store, "tenant/a b+c&é.txt", len(body) - 5) == body[-5:]
    async with store.local("tenant/a b+c&é.txt") as path:
        assert path.read_bytes() == body
    await store.delete("tenant/a b+c&é.txt")
    await store.delete("tenant/a b+c&é.txt")
    with pytest.raises(FileGone):
        await all_of(store, "tenant/a b+c&é.txt")
    with pytest.raises(FileGone):
        async with store.local("tenant/a b+c&é.txt"):
            pass


async def test_a_store_keeps_nothing_of_an_upload_that_breaks_off(store: FileStore, bucket: Bucket, tmp_path: Path) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"x" * 10_000
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await store.put("tenant/half", chunks())
    assert not bucket.objects
    assert not files_in(tmp_path)


async def test_keys_cannot_leave_their_place(store: FileStore) -> None:
    with pytest.raises(ValueError, match="stay inside"):
        await store.put("../../etc/passwd", one_chunk(b"x"))


async def test_s3_trouble_is_tried_again_and_then_said(bucket: Bucket) -> None:
    store = S3FileStore.at(bucket.url)
    bucket.answers = [503, 500]
    await store.put("a", one_chunk(b"hello"))
    assert bucket.objects == {"/bin/sapa/a": b"hello"}
    assert len(bucket.asked) == 3
    bucket.answers = [503] * 3
    with pytest.raises(Unavailable, match="file_store_refused"):
        await store.put("b", one_chunk(b"hello"))
    bucket.answers = [507]
    with pytest.raises(StorageFull):
        await store.put("c", one_chunk(b"hello"))
    wrong = S3FileStore.at(bucket.url.replace("secret", "guess"))
    with pytest.raises(Unavailable, match="file_store_refused"):
        await wrong.put("d", one_chunk(b"hello"))
    away = S3FileStore.at("http://a:b@127.0.0.1:1/bin")
    with pytest.raises(Unavailable, match="file_store_unreachable"):
        await away.put("e", one_chunk(b"hello"))
    for one in (store, wrong, away):
        await one.aclose()


async def test_without_room_to_spool_s3_says_full(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    from wa_app.files.s3 import store as module

    async def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(module, "_fill", full)
    store = S3FileStore.at(bucket.url)
    with pytest.raises(StorageFull):
        await store.put("a", one_chunk(b"x"))
    assert not bucket.asked
