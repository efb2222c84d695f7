"""Who was deleted is forgotten after 30 days, talks and all; counts stay, and who said STOP stays stopped."""

from uuid import UUID

import pytest
from sqlalchemy import text

from tests.fixtures.api import Signed
from tests.fixtures.audience import add_device
from tests.integration.test_inbox import hears
from wa_app.db import system_unit_of_work, unit_of_work
from wa_app.kit.ids import new_id
from wa_app.schemas.blacklist import BlacklistAdd
from wa_app.schemas.contacts import Selection
from wa_app.schemas.conversations import ChatSend
from wa_app.services import blacklist, contacts, conversations, forgetting
from wa_app.services.contacts import merging

PHONE, OTHER = "+628111000999", "+628111000998"
OF_PEOPLE = (
    "messages", "message_media", "conversation_notes", "conversations", "contact_identities", "contact_tags", "consents",
    "contact_merges", "contact_merge_moves", "auto_reply_contacts", "contacts",
)  # fmt: skip


@pytest.fixture
async def device(signed: Signed) -> UUID:
    async with system_unit_of_work() as uow:
        made: UUID = await add_device(uow, signed.tenant_id, "Satu")
    return made


async def count(signed: Signed, table: str, where: str = "true") -> int:
    async with unit_of_work(signed.principal) as uow:
        found: int = (await uow.session.execute(text(f"SELECT count(*) FROM {table} WHERE {where}"))).scalar_one()
    return found


async def age(signed: Signed, contact_id: UUID, days: int) -> None:
    async with system_unit_of_work() as uow:
        await uow.session.execute(
            text("UPDATE contacts SET deleted_at = now() - make_interval(days => :days) WHERE id = :id"), {"id": contact_id, "days": days}
        )


async def contact_of(signed: Signed, chat: UUID) -> UUID:
    async with unit_of_work(signed.principal) as uow:
        return (await conversations.get(uow, chat)).contact.id


async def sent(signed: Signed, chat: UUID, words: str, state: str = "read") -> UUID:
    """A message of ours that arrived, and the same person in a broadcast."""
    async with unit_of_work(signed.principal) as uow:
        made = await conversations.send(uow, chat, ChatSend(text=words))
        await uow.session.execute(
            text("UPDATE outbound_messages SET state = :s, sent_at = now(), body = :w, chat_id = '628111000999@c.us', "
                 "dedupe_key = 'c:' || id || ':phone:+628111000999' WHERE id = :id"), {"id": made.outbound_id, "s": state, "w": words},
        )  # fmt: skip
    assert made.outbound_id is not None
    return made.outbound_id


async def test_a_person_is_forgotten_with_all_that_was_said(signed: Signed, device: UUID) -> None:
    chat, kept = await hears(signed, device, "Alamat saya Jalan Mawar 3", PHONE), await hears(signed, device, "Halo", OTHER)
    who = await contact_of(signed, chat)
    row = await sent(signed, chat, "Siap, ke Jalan Mawar 3")
    async with unit_of_work(signed.principal) as uow:
        await conversations.add_note(uow, chat, "Suka kopi pahit")
        await blacklist.add(uow, BlacklistAdd(contact_id=who))
        file, line = new_id(), (await conversations.messages(uow, chat)).items[-1].id
        await uow.session.execute(
            text("INSERT INTO files (id, tenant_id, name, mime, size, sha256, storage_key) VALUES (:f, :t, 'ktp.jpg', 'image/jpeg', 3, 'x', :k)"),
            {"f": file, "t": signed.tenant_id, "k": str(file)},
        )
        await uow.session.execute(
            text("INSERT INTO message_media (tenant_id, message_id, device_id, file_id, state) VALUES (:t, :m, :d, :f, 'done')"),
            {"t": signed.tenant_id, "m": line, "d": device, "f": file},
        )
        await contacts.delete(uow, Selection(ids=[who]))
    await age(signed, who, 29)
    assert await forgetting.sweep() == 0
    assert await count(signed, "messages") == 3, "within 30 days it can be undone"
    await age(signed, who, 31)
    assert await forgetting.sweep() == 1
    # The other one is untouched; of the one who is gone only what says nothing of a person.
    assert (await count(signed, "conversations"), await count(signed, "contacts"), await count(signed, "messages")) == (1, 1, 1)
    assert await count(signed, "conversation_notes") == 0
    assert await count(signed, "files", "deleted_at IS NULL") == 0
    assert await count(signed, "contact_identities", f"value = '{PHONE}'") == 0
    async with unit_of_work(signed.principal) as uow:
        ledger = (await uow.session.execute(text("SELECT * FROM outbound_messages WHERE id = :id"), {"id": row})).mappings().one()
        assert (await conversations.get(uow, kept)).contact.phone == OTHER
        stopped = (await uow.session.execute(text("SELECT count(*) FROM suppressions"))).scalar_one()
    assert (ledger["state"], ledger["contact_id"], ledger["body"]) == ("read", None, None)
    told = " ".join(str(value) for value in ledger.values())
    assert not [word for word in ("8111000999", "Mawar", str(who)) if word in told]
    assert stopped >= 1, "who said STOP stays stopped"
    # And whoever comes back is somebody new.
    assert await contact_of(signed, await hears(signed, device, "Halo lagi", PHONE)) != who


async def test_who_was_merged_goes_with_the_one_they_became(signed: Signed, device: UUID) -> None:
    one, two = [await contact_of(signed, await hears(signed, device, "Halo", phone)) for phone in (PHONE, OTHER)]
    async with unit_of_work(signed.principal) as uow:
        await merging.merge(uow, one, two)
    await age(signed, two, 31)
    assert await forgetting.sweep() == 0, "a merge can be taken apart while the other is there"
    async with unit_of_work(signed.principal) as uow:
        await contacts.delete(uow, Selection(ids=[one]))
    await age(signed, one, 31)
    assert await forgetting.sweep() == 2
    assert [table for table in OF_PEOPLE if await count(signed, table)] == []


async def test_what_is_on_its_way_is_waited_for(signed: Signed, device: UUID) -> None:
    chat = await hears(signed, device, "Halo", PHONE)
    who = await contact_of(signed, chat)
    row = await sent(signed, chat, "Siap", state="sending")
    async with unit_of_work(signed.principal) as uow:
        await contacts.delete(uow, Selection(ids=[who]))
    await age(signed, who, 31)
    assert await forgetting.sweep() == 0
    async with system_unit_of_work() as uow:
        await uow.session.execute(text("UPDATE outbound_messages SET state = 'sent' WHERE id = :id"), {"id": row})
    assert await forgetting.sweep() == 1
    assert [table for table in OF_PEOPLE if await count(signed, table)] == []
