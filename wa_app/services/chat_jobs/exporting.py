"""Conversations as a file behind the file port: CSV with a line for each message, or JSON with a talk for each conversation.

What was said is written, notes never. Pieces go to a spool of this machine; the job's row remembers the last conversation and the
length of the spool. After a crash the spool is cut to that length; on another machine, where there is none, it begins anew.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import orjson
from sqlalchemy import text

from wa_app.config import get_settings
from wa_app.db import SystemUnitOfWork, TenantUnitOfWork, unit_of_work
from wa_app.errors import AppError, NotFound
from wa_app.files.port import CHUNK
from wa_app.kit.tables import csv_chunks
from wa_app.models.merges import ChatJobKind
from wa_app.models.reports import JobStatus
from wa_app.schemas.chat_jobs import ChatJobView
from wa_app.schemas.conversations import ChatFilters, ChatView
from wa_app.services import audit, conversations, entitlements, files
from wa_app.services.chat_jobs import choosing, rows
from wa_app.services.conversations import chats, lines

KEPT: Final = timedelta(days=7)
"""How long an exported file stays."""
HEADER: Final = ("conversation", "name", "phone", "device", "time", "direction", "sender", "author", "type", "text", "file", "status")
BOM: Final = 3
PAGE: Final = 500
_FORGET = text("""
    UPDATE files f SET deleted_at = now() FROM chat_jobs j
    WHERE j.tenant_id = f.tenant_id AND j.file_id = f.id AND f.deleted_at IS NULL AND j.finished_at < now() - CAST(:kept AS interval)
""")


async def request_export(
    uow: TenantUnitOfWork, format_: str, *, conversation_id: UUID | None = None, filters: ChatFilters | None = None
) -> ChatJobView:
    """Ask for a file of one conversation, or of those of a filter. Raises NotFound, LimitReached."""
    uow.require("messages.read")
    uow.require("contacts.export")
    if conversation_id is not None:
        await chats.chat_of(uow, conversation_id)
        options: dict[str, Any] = {"ids": [str(conversation_id)]}
    else:
        options = choosing.options_of(filters or ChatFilters(), uow.principal.user_id)
    await entitlements.require(uow, "exports")
    audit.record(uow, "conversation.export", "conversation", conversation_id, file=format_, filters=options.get("filters"))
    return await rows.add(uow, ChatJobKind(format_), options)


async def write(mine: rows.Run) -> None:
    """Make the file, or go on with it."""
    spool = _spool(mine.job.id)
    try:
        done = await _write(mine, spool, is_csv=mine.job.kind == ChatJobKind.CSV)
        await _keep(mine, f"chats-{mine.job.created_at:%Y%m%d-%H%M}.{mine.job.kind.value}", _read(spool), done)
    except (AppError, rows.Stopped):
        await asyncio.to_thread(spool.unlink, True)
        raise
    await asyncio.to_thread(spool.unlink, True)


async def _write(mine: rows.Run, spool: Path, *, is_csv: bool) -> int:
    """Fill the spool. Returns how many conversations are in it."""
    after, done, size = await _resume(mine, spool, is_csv)
    async with unit_of_work(mine.principal) as uow:
        total = await choosing.count(uow, mine.job.options)
    while True:
        async with unit_of_work(mine.principal) as uow:
            ids = await choosing.piece(uow, mine.job.options, after)
        if not ids:
            break
        for one in ids:
            size = await asyncio.to_thread(_append, spool, await _talk(mine, one, is_csv, first=size == 0))
            after, done = one, done + 1
        await mine.step(processed=done, total=max(total, done), result={"bytes": size, "after": str(after)})
    if not is_csv:
        await asyncio.to_thread(_append, spool, b"\n]\n" if size else b"[]\n")
    return done


async def _resume(mine: rows.Run, spool: Path, is_csv: bool) -> tuple[UUID | None, int, int]:
    """After which conversation to go on, how many are behind us, and how long the spool is."""
    result = mine.job.result
    length = int(result.get("bytes", 0))
    if await asyncio.to_thread(_cut, spool, length):
        return UUID(result["after"]), mine.job.processed, length
    return None, 0, await asyncio.to_thread(_append, spool, b"".join(csv_chunks(HEADER, []))) if is_csv else 0


async def _talk(mine: rows.Run, conversation_id: UUID, is_csv: bool, *, first: bool) -> bytes:
    """One conversation, the oldest line first; nothing when it has just been deleted."""
    try:
        async with unit_of_work(mine.principal) as uow:
            view, chat = await conversations.get(uow, conversation_id), await chats.chat_of(uow, conversation_id)
    except NotFound:
        return b""
    said: list[Mapping[str, Any]] = []
    while True:
        async with unit_of_work(mine.principal) as uow:
            before = (said[-1]["at"], said[-1]["id"]) if said else None
            page = await lines.fetch(await uow.driver(), chat, PAGE, before)
        said += page
        if len(page) < PAGE:
            break
    said.reverse()
    return await asyncio.to_thread(_csv if is_csv else _json, view, said, first)


def _csv(view: ChatView, said: list[Mapping[str, Any]], first: bool) -> bytes:
    data = b"".join(csv_chunks((), (_cells(view, row) for row in said)))
    return data[BOM:].split(b"\r\n", 1)[1]


def _cells(view: ChatView, row: Mapping[str, Any]) -> list[str]:
    media = lines.plain(row["media"]) or {}
    return [
        str(view.id), view.contact.name, view.contact.phone or "", view.device_name, row["at"].isoformat(), row["direction"], row["sender"],
        row["author_name"] or "", row["type"], row["text"] or "", media.get("filename") or "", row["status"] or "",
    ]  # fmt: skip


def _json(view: ChatView, said: list[Mapping[str, Any]], first: bool) -> bytes:
    shown = view.model_dump(mode="json", include={"id", "contact", "device_id", "device_name", "status", "priority", "tags", "team_name",
                                                  "assignee_name"})  # fmt: skip
    keys = {"id", "direction", "type", "text", "media", "status", "sender", "author_name", "error_code", "campaign_id", "timestamp", "reading"}
    shown["messages"] = [lines.view(row).model_dump(mode="json", include=keys) for row in said]
    return (b"[\n" if first else b",\n") + orjson.dumps(shown)


async def _keep(mine: rows.Run, name: str, chunks: AsyncIterator[bytes], done: int) -> None:
    """Put the bytes behind the file port and end the job: a job that is done has its file."""
    kept = (await files.store(replace(mine.principal, user_id=mine.job.created_by), name, chunks, limited=False)).id
    try:
        await mine.step(status=JobStatus.DONE, file_id=kept, processed=done, total=done)
    except rows.Stopped:
        async with unit_of_work(mine.principal) as uow:
            await files.delete(uow, kept)
        raise


async def forget(uow: SystemUnitOfWork) -> int:
    """Let exported files go after a week (for the sweep)."""
    return (await uow.session.execute(_FORGET, {"kept": KEPT})).rowcount  # type: ignore[attr-defined,no-any-return]


def _spool(job_id: UUID) -> Path:
    return get_settings().data / "exports" / f"chats-{job_id}"


def _cut(spool: Path, length: int) -> bool:
    """Cut the spool to what is certain; False: it begins anew."""
    spool.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not length or not spool.exists() or spool.stat().st_size < length:
        spool.write_bytes(b"")
        return False
    with spool.open("r+b") as handle:
        handle.truncate(length)
    return True


def _append(spool: Path, data: bytes) -> int:
    with spool.open("ab") as handle:
        handle.write(data)
        handle.flush()
        return handle.tell()


async def _read(spool: Path) -> AsyncIterator[bytes]:
    with await asyncio.to_thread(spool.open, "rb") as handle:
        while chunk := await asyncio.to_thread(handle.read, CHUNK):
            yield chunk
