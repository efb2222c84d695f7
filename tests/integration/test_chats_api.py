"""Chats as a program meets them: real rules, the real router, the ledger; no webhook and no lane is needed."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI

from tests.fixtures import services
from tests.fixtures.api import Signed, client_for
from tests.fixtures.audience import add_device
from wa_app.channels.port import ChatKind, Identity, IdentityKind, MessageKind, MessageReceived
from wa_app.db import system_unit_of_work, unit_of_work
from wa_app.inbound import conversations
from wa_app.inbound.answering import answer_conversation
from wa_app.kit.ids import new_id
from wa_app.schemas.ai import ChatRequest, ChatResult, Finish, Usage
from wa_app.schemas.auto_replies import AutoReplyCreate
from wa_app.schemas.conversations import ChatSend
from wa_app.services import auto_replies
from wa_app.services import conversations as chats
from wa_app.services.conversations import memory, turns

V1 = "/api/v1"


@pytest.fixture
async def http(api: FastAPI, signed: Signed) -> AsyncIterator[httpx.AsyncClient]:
    with services.environment(SAPA_ANSWER_DEBOUNCE_S="0"):
        async with client_for(api, signed) as made:
            answer = await made.patch(f"{V1}/settings/answers", json={"rule_delay_min_s": 0, "rule_delay_max_s": 0})
            assert answer.status_code == 200, answer.text
            yield made


@pytest.fixture
async def device(signed: Signed) -> UUID:
    async with system_unit_of_work() as uow:
        made: UUID = await add_device(uow, signed.tenant_id, "Satu")
    return made


async def writes(signed: Signed, device: UUID, text: str, *, look: bool = True) -> UUID:
    """A customer writes, and the engine looks. Returns the conversation."""
    person = (Identity(IdentityKind.PHONE, "+628111000999"),)
    message = MessageReceived(
        kind="message.any", event_id="", session="", message_id=new_id().hex, chat_id="628111000999@c.us", peer=person, sender=person,
        chat_kind=ChatKind.PERSON, message_kind=MessageKind.TEXT, text=text, sender_name="Siti", at=datetime.now(UTC),
    )  # fmt: skip
    async with unit_of_work(signed.principal) as uow:
        stored = await conversations.store(uow, device, message)
        assert stored is not None
        await turns.join(
            uow, conversation_id=stored.conversation_id, device_id=device, contact_id=stored.contact_id, message_id=stored.id, at=stored.at
        )
    if look:
        await answer_conversation(signed.tenant_id, stored.conversation_id)
    return stored.conversation_id


async def test_a_chat_shows_what_was_answered_and_why(http: httpx.AsyncClient, signed: Signed, device: UUID) -> None:
    rule = {"keywords": ["harga"], "match_type": "CONTAINS", "response_text": "Mulai 10rb, {{name}}", "hand_over": True}
    async with unit_of_work(signed.principal) as uow:
        await auto_replies.create(uow, AutoReplyCreate.model_validate(rule))
    chat = await writes(signed, device, "Harga?")
    (item,) = (await http.get(f"{V1}/chats", params={"q": "siti", "needs_human": True})).json()["items"]
    assert (item["id"], item["contact"]["name"], item["unread"], item["is_bot_active"]) == (str(chat), "Siti", 1, False)
    assert item["needs_human_reason"] == "rule"
    lines = (await http.get(f"{V1}/chats/{chat}/messages")).json()["items"]
    assert [(one["direction"], one["sender"], one["status"], one["text"]) for one in lines] == [
        ("OUTBOUND", "rule", "planned", "Mulai 10rb, Siti"), ("INBOUND", "contact", None, "Harga?"),
    ]  # fmt: skip
    assert [f"{one['step']}.{one['outcome']}" for one in lines[0]["trace"]][-2:] == ["rules.matched", "answer.by_rule"]
    assert lines[0]["trace"] == lines[1]["trace"]


async def test_a_persons_answer_is_sent_once_and_takes_over(http: httpx.AsyncClient, signed: Signed, device: UUID) -> None:
    chat = await writes(signed, device, "Halo")
    headers = {"Idempotency-Key": new_id().hex}
    first = await http.post(f"{V1}/chats/{chat}/send", json={"text": "Saya bantu"}, headers=headers)
    again = await http.post(f"{V1}/chats/{chat}/send", json={"text": "Saya bantu"}, headers=headers)
    assert first.status_code == again.status_code == 202
    assert first.json() == again.json()
    shown = (await http.get(f"{V1}/chats/{chat}")).json()
    assert (shown["is_bot_active"], shown["bot_off_reason"], shown["unread"]) == (False, "human", 0)
    lines = (await http.get(f"{V1}/chats/{chat}/messages")).json()["items"]
    assert [one["sender"] for one in lines] == ["human", "contact"]
    quoted = await http.post(f"{V1}/chats/{chat}/send", json={"text": "Ini", "reply_to": lines[1]["id"]})
    assert quoted.status_code == 202
    wrong = await http.post(f"{V1}/chats/{chat}/send", json={"text": "Ini", "reply_to": str(new_id())})
    assert wrong.json()["errors"][0]["code"] == "message_not_found"
    assert (await http.post(f"{V1}/chats/{chat}/send", json={"text": "\x00 "})).status_code == 422
    off = (await http.post(f"{V1}/chats/{chat}/toggle-bot", json={"active": False})).json()
    assert (off["bot_off_reason"], off["bot_resumes_at"]) == ("switched_off", None)
    await http.post(f"{V1}/chats/{chat}/send", json={"text": "Masih saya"})
    assert (await http.get(f"{V1}/chats/{chat}")).json()["bot_off_reason"] == "switched_off"
    on = (await http.post(f"{V1}/chats/{chat}/toggle-bot", json={"active": True})).json()
    assert (on["is_bot_active"], on["bot_off_reason"]) == (True, None)
    assert (await http.post(f"{V1}/chats/{chat}/answer/cancel")).json()["code"] == "no_answer_waits"


async def test_a_message_that_a_page_sends_again_by_the_same_key_is_one(signed: Signed, device: UUID) -> None:
    chat = await writes(signed, device, "Halo")
    sent = []
    for key in ("a", "a", "b", ""):
        async with unit_of_work(signed.principal) as uow:
            sent.append((await chats.send(uow, chat, ChatSend(text="Saya bantu"), key=key)).outbound_id)
    assert sent[0] == sent[1]
    assert len(set(sent)) == 3


async def test_settings_of_answers_hold_together(http: httpx.AsyncClient) -> None:
    wrong = await http.patch(f"{V1}/settings/answers", json={"rule_delay_min_s": 9, "rule_delay_max_s": 3})
    assert wrong.json()["errors"][0]["code"] == "delay_range"
    right = await http.patch(f"{V1}/settings/answers", json={"hand_back_after_h": 0})
    given = {"hand_back_after_h": 0, "rule_delay_min_s": 0, "rule_delay_max_s": 0}
    assert right.json() == given | {"auto_assign": False, "first_response_target_min": 30, "resolution_target_min": 1440,
                                    "groups": False, "group_answers_per_h": 20}  # fmt: skip


async def test_a_long_talk_is_remembered_by_a_rolling_summary(http: httpx.AsyncClient, signed: Signed, device: UUID) -> None:
    for n in range(22):
        chat = await writes(signed, device, f"Saya mau pesan nomor {n}. Tolong ya", look=False)
    asked: list[ChatRequest] = []

    async def model(tenant_id: UUID, request: ChatRequest) -> ChatResult:
        asked.append(request)
        return ChatResult("Ingin pesan 0 sampai 11.", None, Finish.STOP, Usage(), new_id(), "m", "openai", "m", None, 1.0)

    assert await memory.remember(signed.tenant_id, chat, model)
    assert "nomor 11" in asked[0].turns[0].text
    assert "nomor 12" not in asked[0].turns[0].text
    assert not await memory.remember(signed.tenant_id, chat, model)
    for n in range(22, 33):
        await writes(signed, device, f"Saya mau pesan nomor {n}. Tolong ya", look=False)

    async def quotes(tenant_id: UUID, request: ChatRequest) -> ChatResult:
        return ChatResult("Saya tidak tahu", None, Finish.STOP, Usage(), new_id(), "q", "quote", "q", None, 1.0)

    assert await memory.remember(signed.tenant_id, chat, quotes)
    async with unit_of_work(signed.principal) as uow:
        summary = await (await uow.driver()).fetchval("SELECT summary FROM conversations WHERE id = $1", chat)
    assert summary.startswith("Ingin pesan 0 sampai 11. · Saya mau pesan nomor 12. · ")
    assert "Tolong" not in summary
