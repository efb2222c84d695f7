"""Quick replies: everybody's and one's own, found by a word, filled with a customer's values."""

import pytest

from tests.fixtures.api import Signed
from tests.fixtures.audience import add_device
from tests.integration.test_inbox import hears
from tests.integration.test_team import business, hired
from wa_app.db import system_unit_of_work, unit_of_work
from wa_app.errors import Conflict, Forbidden, Invalid, NotFound
from wa_app.kit.ids import new_id
from wa_app.schemas.principal import Principal
from wa_app.schemas.quick_replies import QuickReplyCreate, QuickReplyUpdate
from wa_app.services import quick_replies


def made(shortcut: str, body: str = "Halo", **more: object) -> QuickReplyCreate:
    return QuickReplyCreate.model_validate({"shortcut": shortcut, "body": body, **more})


async def test_a_word_finds_by_shortcut_then_title_then_text(signed: Signed) -> None:
    async with unit_of_work(signed.principal) as uow:
        for one in (
            made("/Harga", "Mulai 10rb", title="Daftar harga", category="Jual"), made("promo", "Harga promo", category="Jual"),
            made("alamat", "Jl. Mawar", title="Harga ongkir"), made("harga-grosir", "Grosir"), made("buka", "Jam buka", personal=True),
        ):  # fmt: skip
            await quick_replies.create(uow, one)
        assert [one.shortcut for one in await quick_replies.list_(uow, q="/harga")] == ["harga", "harga-grosir", "alamat", "promo"]
        assert [one.shortcut for one in await quick_replies.list_(uow, q="harga promo")] == ["promo"]
        assert [one.shortcut for one in await quick_replies.list_(uow, category="Jual", limit=1)] == ["harga"]
        assert await quick_replies.categories(uow) == ["Jual"]
        assert [one.personal for one in await quick_replies.list_(uow)] == [False, True, False, False, False]


async def test_values_of_the_customer_are_filled_and_nothing_is_drawn(signed: Signed) -> None:
    async with system_unit_of_work() as every:
        device = await add_device(every, signed.tenant_id, "Satu")
    chat = await hears(signed, device, "Halo")
    async with unit_of_work(signed.principal) as uow:
        body = "Kak {{nama}} di {{kota|kota Anda}}, {a|b} [PROMO] [phone]{{pesanan}}"
        one = await quick_replies.create(uow, made("salam", body))
        filled = await quick_replies.fill(uow, one.id, chat)
        assert (filled.text, filled.file) == ("Kak Siti di kota Anda, {a|b} [PROMO] +628111000999", None)
        with pytest.raises(NotFound):
            await quick_replies.fill(uow, one.id, new_id())
        with pytest.raises(NotFound):
            await quick_replies.fill(uow, new_id(), chat)


async def test_what_is_wrong_is_said_by_field(signed: Signed) -> None:
    async with unit_of_work(signed.principal) as uow:
        with pytest.raises(Invalid) as told:
            await quick_replies.create(uow, made("dua kata", " \x00"))
        assert {(one.field, one.code) for one in told.value.fields} == {("shortcut", "shortcut_invalid"), ("body", "message_missing")}
        with pytest.raises(Invalid):
            await quick_replies.create(uow, made("a", file_id=new_id()))
        await quick_replies.create(uow, made("sama"))
        await quick_replies.create(uow, made("SAMA", personal=True))
    with pytest.raises(Conflict, match="shortcut_exists"):
        async with unit_of_work(signed.principal) as uow:
            await quick_replies.create(uow, made("Sama"))
    async with unit_of_work(signed.principal) as uow:
        other = await quick_replies.create(uow, made("lain"))
    with pytest.raises(Conflict, match="shortcut_exists"):
        async with unit_of_work(signed.principal) as uow:
            await quick_replies.update(uow, other.id, QuickReplyUpdate(shortcut="/sama"))


@pytest.mark.usefixtures("settings")
async def test_ones_own_is_nobody_elses_and_everybodys_is_the_businesss() -> None:
    tenant, owner = await business()
    agent, colleague = await hired(tenant, "agent"), await hired(tenant, "agent")
    async with unit_of_work(owner) as uow:
        shared = await quick_replies.create(uow, made("jam"))
    async with unit_of_work(agent) as uow:
        with pytest.raises(Forbidden):
            await quick_replies.create(uow, made("x"))
        own = await quick_replies.create(uow, made("aku", "Saya", personal=True))
        for call in (
            quick_replies.update(uow, shared.id, QuickReplyUpdate(body="y")), quick_replies.remove(uow, shared.id),
            quick_replies.update(uow, own.id, QuickReplyUpdate(personal=False)),
        ):  # fmt: skip
            with pytest.raises(Forbidden):
                await call
        assert (await quick_replies.update(uow, own.id, QuickReplyUpdate(title="Aku"))).title == "Aku"
    for stranger in (colleague, owner, Principal(tenant, None, owner.verbs, "api_key")):
        async with unit_of_work(stranger) as uow:
            assert [one.shortcut for one in await quick_replies.list_(uow)] == ["jam"]
            for hidden in (quick_replies.get(uow, own.id), quick_replies.remove(uow, own.id), quick_replies.update(uow, own.id, QuickReplyUpdate())):
                with pytest.raises(NotFound):
                    await hidden
    async with unit_of_work(owner) as uow:
        mine = await quick_replies.update(uow, shared.id, QuickReplyUpdate(personal=True))
        assert mine.personal
        await quick_replies.remove(uow, mine.id)
        assert await quick_replies.list_(uow) == []
