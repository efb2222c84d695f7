"""Short links: replaced at the claim, led on from, counted for people, attributed."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import httpx
import pytest
import pytest_asyncio

from bench.seeding import World
from wa_app.api.app import create_api
from wa_app.channels import registry
from wa_app.config import get_settings
from wa_app.db import unit_of_work
from wa_app.schemas.broadcasts import VariantInput
from wa_app.schemas.campaigns import CampaignCreate, Target
from wa_app.schemas.principal import Principal
from wa_app.sending import files, lanes, planning
from wa_app.sending.links import LinkBook
from wa_app.services import campaigns, clicks
from wa_app.services.campaigns import links

PERSON = "Mozilla/5.0 (Linux; Android 14; SM-A546E) AppleWebKit/537.36 Chrome/130.0 Mobile Safari/537.36"
INSIDE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1) AppleWebKit/605.1.15 Mobile/15E148 [FBAN/FBIOS;FBAV/500.0]"
TEXT = "Katalog: https://toko.example/nov?a=1&b=2, peta www.peta.example/malang. {Yuk|Ayo} https://toko.example/nov?a=1&b=2"


@pytest_asyncio.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(create_api())
    async with httpx.AsyncClient(transport=transport, base_url="http://sapa.test") as client:
        yield client


async def sent(world: World, people: int = 3, **more: Any) -> tuple[UUID, list[Any]]:
    """A tracked campaign that has gone out, and its rows by contact."""
    await world.link(1)
    await world.add_contacts(people)
    async with unit_of_work(Principal.system(world.tenant_id)) as uow:
        made = await campaigns.create(uow, CampaignCreate(
            name="Tautan", **{"message_template": TEXT, "track_links": True, **more}, target=Target(all=True)
        ))  # fmt: skip
        await campaigns.start(uow, made.id)
    await planning.plan(world.tenant_id, made.id)
    await lanes.run_lane(world.tenant_id, world.devices[0].id, registry.channel, files.loader, 120.0)
    rows = await world.fetch("SELECT * FROM outbound_messages WHERE campaign_id = $1 ORDER BY id", made.id)
    assert {row["state"] for row in rows} == {"sent"}
    return made.id, rows


def slugs(body: str) -> list[str]:
    base = f"{get_settings().base_url}/link/"
    return [word.split("/link/")[1].rstrip(".,") for word in body.split() if word.startswith(base)]


async def opened(http: httpx.AsyncClient, slug: str, agent: str = PERSON, **headers: str) -> httpx.Response:
    return await http.get(f"/link/{slug}", headers={"user-agent": agent, **headers})


async def report(world: World, campaign_id: UUID) -> Any:
    async with unit_of_work(Principal.system(world.tenant_id)) as uow:
        return await links.links(uow, campaign_id)


async def test_addresses_become_personal_links_that_lead_on_and_count(world: World, http: httpx.AsyncClient) -> None:
    campaign_id, rows = await sent(world)
    assert all("toko.example" not in row["body"] and "peta.example" not in row["body"] for row in rows)
    first, second = slugs(rows[0]["body"]), slugs(rows[1]["body"])
    assert first[0] == first[2] != first[1]
    assert not set(first) & set(second)
    assert {one[:5] for one in first} == {one[:5] for one in second}
    # One row per address, however many recipients.
    assert len(await world.fetch("SELECT * FROM links WHERE campaign_id = $1", campaign_id)) == 2

    answer = await opened(http, first[0])
    assert (answer.status_code, answer.headers["location"]) == (302, "https://toko.example/nov?a=1&b=2")
    assert answer.headers["cache-control"] == "no-store"
    assert (await opened(http, first[1], INSIDE)).headers["location"] == "https://www.peta.example/malang"
    await opened(http, first[0])
    await opened(http, second[0])
    figures = {one.url: (one.clicks, one.people) for one in await report(world, campaign_id)}
    assert figures == {"https://toko.example/nov?a=1&b=2": (3, 2), "https://www.peta.example/malang": (1, 1)}
    async with unit_of_work(Principal.system(world.tenant_id)) as uow:
        stats = await campaigns.stats(uow, campaign_id)
        people, after = await links.clickers(uow, campaign_id)
    assert (stats.clicks, stats.clicked, after) == (4, 2, None)
    assert {one.contact_id: (one.clicks, one.links) for one in people} == {
        rows[0]["contact_id"]: (3, 2), rows[1]["contact_id"]: (1, 1),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("agent", "headers"),
    [
        ("WhatsApp/2.24.20.89 A", {}),
        ("facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)", {}),
        ("TelegramBot (like TwitterBot)", {}), ("curl/8.5", {}), ("python-requests/2.32", {}), ("", {}),
        ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", {}),
        (PERSON, {"sec-purpose": "prefetch;prerender"}),
    ],
)  # fmt: skip
async def test_previews_and_crawlers_are_led_on_but_are_not_people(
    world: World, http: httpx.AsyncClient, agent: str, headers: dict[str, str]
) -> None:
    campaign_id, rows = await sent(world, 1)
    answer = await opened(http, slugs(rows[0]["body"])[0], agent, **headers)
    assert answer.status_code == 302
    assert sum(one.clicks for one in await report(world, campaign_id)) == 0
    assert [row["is_bot"] for row in await world.fetch("SELECT is_bot FROM link_clicks")] .count(True) >= 1


async def test_a_look_without_opening_counts_nothing(world: World, http: httpx.AsyncClient) -> None:
    campaign_id, rows = await sent(world, 1)
    slug = slugs(rows[0]["body"])[0]
    assert (await http.head(f"/link/{slug}", headers={"user-agent": PERSON})).status_code == 302
    assert await world.fetch("SELECT * FROM link_clicks WHERE campaign_id = $1", campaign_id) == []


async def test_foreign_tokens_lead_on_without_a_name(world: World, http: httpx.AsyncClient) -> None:
    campaign_id, rows = await sent(world, 1)
    code = slugs(rows[0]["body"])[0][:5]
    for slug in (code, f"{code}AAAAAAAA"):
        assert (await opened(http, slug)).status_code == 302
    clicked = await world.fetch("SELECT contact_id, outbound_id FROM link_clicks WHERE campaign_id = $1", campaign_id)
    assert [tuple(row) for row in clicked] == [(None, None)] * 2
    # One person twice, as far as anybody can tell.
    (figures,) = [one for one in await report(world, campaign_id) if one.clicks]
    assert (figures.clicks, figures.people) == (2, 1)


async def test_what_is_kept_of_a_visitor_names_nobody(world: World, http: httpx.AsyncClient) -> None:
    await sent(world, 1)
    assert clicks.visitor(world.tenant_id, "203.0.113.7", "x") == clicks.visitor(world.tenant_id, "203.0.113.200", "x")
    assert clicks.visitor(world.tenant_id, "203.0.113.7", "x") != clicks.visitor(world.tenant_id, "203.0.114.7", "x")
    columns = await world.fetch("SELECT column_name FROM information_schema.columns WHERE table_name = 'link_clicks'")
    assert not {"ip", "agent", "user_agent"} & {row["column_name"] for row in columns}


@pytest.mark.parametrize("slug", ["abcde", "zzzzzAAAAAAAA", "x", "a" * 300, "%00", "..%2f..%2fetc", "https:%2f%2fevil.example"])
async def test_unknown_links_say_so_in_the_visitors_language(http: httpx.AsyncClient, settings: Any, slug: str) -> None:
    answer = await opened(http, slug, **{"accept-language": "en"})
    assert answer.status_code == 404
    if "/" not in slug and "%2f" not in slug:
        assert "This link does not exist" in answer.text
        assert "location" not in answer.headers


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "https://a@evil.example", "//evil.example", "https://a.example\\@evil.example", "data:text/html,x"]
)
async def test_even_a_row_with_a_hostile_address_leads_nowhere(world: World, http: httpx.AsyncClient, url: str) -> None:
    await sent(world, 1)
    connection = await world.connect()
    try:
        await connection.execute("UPDATE links SET url = $2, code = code WHERE tenant_id = $1", world.tenant_id, url)
    finally:
        await connection.close()
    code = (await world.fetch("SELECT code FROM links WHERE tenant_id = $1 LIMIT 1", world.tenant_id))[0]["code"]
    answer = await opened(http, code)
    assert (answer.status_code, "location" in answer.headers) == (404, False)


async def test_addresses_that_differ_by_person_and_variant_are_tracked_too(world: World, http: httpx.AsyncClient) -> None:
    texts = [VariantInput(message_template="A https://toko.example/u/{{phone}}", share=50),
             VariantInput(message_template="B https://toko.example/b", share=50)]  # fmt: skip
    campaign_id, rows = await sent(world, 4, variants=texts)
    for row in rows:
        answer = await opened(http, slugs(row["body"])[0])
        wanted = f"https://toko.example/u/{row['identity_value']}" if row["variant"] == 0 else "https://toko.example/b"
        assert answer.headers["location"] == wanted
    async with unit_of_work(Principal.system(world.tenant_id)) as uow:
        stats = await campaigns.stats(uow, campaign_id)
    assert [one.clicked for one in stats.variants] == [2, 2]


async def test_a_lane_whose_transaction_failed_does_not_send_dead_links(world: World) -> None:
    async with unit_of_work(Principal.system(world.tenant_id)) as uow:
        made = await campaigns.create(uow, CampaignCreate(name="Tautan", message_template=TEXT))
    book = LinkBook(world.tenant_id, made.id, "https://s.id", b"k")
    async with unit_of_work(Principal.system(world.tenant_id)) as uow:
        await book.prepare(await uow.driver(), ["https://toko.example/a"])
        await uow.session.rollback()
    lost = dict(book.codes or {})
    async with unit_of_work(Principal.system(world.tenant_id)) as uow:
        await book.prepare(await uow.driver(), ["https://toko.example/a"])
    kept = {row["url"]: row["code"] for row in await world.fetch("SELECT * FROM links WHERE campaign_id = $1", made.id)}
    assert book.codes == kept != lost
