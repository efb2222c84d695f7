"""One number's page: what it says of its health, what may be changed, in both languages and on a phone."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import text

from tests.fixtures.app import RunningApp
from tests.fixtures.people import Person, in_app, make_person
from wa_app import db
from wa_app.kit.clock import utc_now

pytestmark = pytest.mark.browser
READY_MS = 20_000
FAILURES = [{"sign": "failures", "value": 14.8, "fine": 3, "points": 28, "of": 40},
            {"sign": "opt_outs", "value": 1.6, "fine": 1, "points": 8, "of": 50}]  # fmt: skip


@dataclass(frozen=True)
class Number:
    """A number of a tenant, with a week behind it that ended badly."""

    owner: Person
    id: UUID


async def _week(tenant_id: UUID) -> UUID:
    async with db.system_unit_of_work() as uow:
        found = await uow.session.execute(
            text("SELECT id FROM devices WHERE tenant_id = :t AND status = 'CONNECTED' ORDER BY id LIMIT 1"), {"t": tenant_id}
        )
        device: UUID = found.scalar_one()
        now = utc_now()
        for step in range(7 * 8):
            at = now - timedelta(hours=3 * step)
            score = 64 if step < 3 else 78 if step < 6 else 96 - step % 5
            await uow.session.execute(
                text("INSERT INTO device_health (tenant_id, device_id, score, created_at) VALUES (:t, :d, :s, :at)"),
                {"t": tenant_id, "d": device, "s": score, "at": at},
            )
        for number in range(30):
            await uow.session.execute(
                text("INSERT INTO device_events (tenant_id, device_id, kind, detail, created_at) "
                     "VALUES (:t, :d, :k, CAST(:x AS jsonb), :at)"),
                {"t": tenant_id, "d": device, "k": "connected" if number % 2 else "disconnected",
                 "x": orjson.dumps({"before": "CONNECTED"}).decode(), "at": now - timedelta(hours=40 - number)},
            )  # fmt: skip
        detail = {"before": "none", "level": "slow", "reason": "failures", "value": 14.8, "fine": 3, "score": 64}
        await uow.session.execute(
            text("INSERT INTO device_events (tenant_id, device_id, kind, detail, created_at) "
                 "VALUES (:t, :d, 'guard', CAST(:x AS jsonb), :at)"),
            {"t": tenant_id, "d": device, "x": orjson.dumps(detail).decode(), "at": now - timedelta(hours=8)},
        )  # fmt: skip
        await uow.session.execute(
            text("UPDATE devices SET name = 'Kopi Lestari', health_score = 64, health_at = now(), guard = 'slow', "
                 "guard_at = now(), guard_until = now() + interval '25 min', guard_reason = 'failures', "
                 "health_signs = CAST(:signs AS jsonb), guard_detail = CAST(:detail AS jsonb), connected_at = now(), "
                 "warmup_stage = 5, pacing = '{\"per_day\": 500, \"strangers_per_day\": 50}', "
                 "status_detail = '{\"quota_total\": 80, \"quota_used\": 31, \"new_chats_left\": 49}' WHERE id = :d"),
            {"d": device, "signs": orjson.dumps(FAILURES).decode(), "detail": orjson.dumps(detail).decode()},
        )  # fmt: skip
        return device


@pytest.fixture
def bad_week(app: RunningApp) -> Number:
    owner = make_person(app, busy=True)
    return Number(owner, in_app(app, _week(owner.tenant_id)))


@pytest.fixture
def opened(browser: Browser, app: RunningApp) -> Iterator[Any]:
    errors: list[str] = []

    def open_(number: Number, language: str = "id", width: int = 1280, theme: Any = "light") -> Page:
        context = browser.new_context(viewport={"width": width, "height": 844}, base_url=app.base_url, color_scheme=theme,
                                      reduced_motion="reduce")  # fmt: skip
        context.add_cookies([number.owner.cookie])
        context.add_init_script(f"localStorage.getItem('sapa_lang') ?? localStorage.setItem('sapa_lang', '{language}')")
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(f"/devices/{number.id}")
        expect(page.get_by_role("heading", level=1, name="Kopi Lestari")).to_be_visible(timeout=READY_MS)
        return page

    yield open_
    for context in browser.contexts:
        context.close()
    assert errors == []


def serious(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [f"{one['id']}: {node['html'][:160]}" for one in found if one["impact"] in ("serious", "critical")
            for node in one["nodes"]]  # fmt: skip


@pytest.mark.parametrize(("width", "language"), [(1280, "id"), (390, "en"), (320, "id")])
def test_is_usable_by_everyone(opened: Any, bad_week: Number, width: int, language: str) -> None:
    page = opened(bad_week, language, width)
    expect(page.locator(".health-chart svg polyline")).not_to_have_count(0)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert serious(page) == []
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    expect(page.locator("html.dark")).to_have_count(1)
    assert serious(page) == []


def test_says_how_the_number_is_and_why(opened: Any, bad_week: Number) -> None:
    page = opened(bad_week)
    health = page.locator("section").filter(has=page.get_by_role("heading", name="Kesehatan nomor"))
    expect(health).to_contain_text("64 dari 100")
    expect(health).to_contain_text("14,8% pesan ditolak dalam 24 jam, wajar sampai 3%.")
    expect(health).to_contain_text("−28 poin")
    expect(page.get_by_role("status").filter(has_text="Diperlambat")).to_contain_text("Paling cepat dilonggarkan")
    expect(page.locator(".health-chart svg")).to_have_attribute("aria-label", "Nilai 64 dari 100, terendah 64, 1 tindakan.")
    expect(page.get_by_text("Tahap 5 dari 14")).to_be_visible()
    expect(page.get_by_text("31 dari 80")).to_be_visible()
    diary = page.locator(".diary li")
    expect(diary).to_have_count(15)
    page.get_by_role("button", name="Tampilkan yang lebih lama").click()
    expect(diary).to_have_count(30)


def test_a_preset_fills_the_form_and_is_saved(opened: Any, bad_week: Number) -> None:
    page = opened(bad_week, "en")
    page.get_by_role("button", name="New number").click()
    expect(page.get_by_text("About 100 messages a day, 30 an hour.")).to_be_visible()
    expect(page.get_by_label("Shortest (seconds)")).to_have_value("20")
    page.get_by_label("New contacts per day").fill("-3")
    page.get_by_label("Per hour", exact=True).click()
    expect(page.get_by_role("alert").filter(has_text="from 0 to")).to_be_visible()
    page.get_by_label("New contacts per day").fill("12")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("button", name="Save")).to_have_count(0)
    page.reload()
    expect(page.get_by_label("New contacts per day")).to_have_value("12", timeout=READY_MS)
    expect(page.get_by_label("Per hour", exact=True)).to_have_value("30")


def test_protection_goes_off_by_name_only_and_on_freely(opened: Any, bad_week: Number) -> None:
    page = opened(bad_week)
    page.get_by_role("switch", name="Lindungi nomor ini").click()
    dialog = page.get_by_role("dialog", name="Matikan perlindungan Kopi Lestari?")
    dialog.get_by_label("Ketik Kopi Lestari untuk mematikan").fill("kopi")
    dialog.get_by_role("button", name="Matikan perlindungan").click()
    expect(dialog.get_by_role("alert")).to_contain_text("Ketik nama perangkat persis")
    dialog.get_by_label("Ketik Kopi Lestari untuk mematikan").fill("Kopi Lestari")
    dialog.get_by_role("button", name="Matikan perlindungan").click()
    expect(dialog).to_have_count(0)
    expect(page.get_by_role("switch", name="Lindungi nomor ini")).to_have_attribute("aria-checked", "false")
    expect(page.locator(".diary li").first).to_contain_text("Perlindungan dimatikan oleh pemilik")
    page.get_by_role("switch", name="Lindungi nomor ini").click()
    expect(page.get_by_role("switch", name="Lindungi nomor ini")).to_have_attribute("aria-checked", "true")


def test_warm_up_is_ended_and_its_curve_changed(opened: Any, bad_week: Number) -> None:
    page = opened(bad_week, "en", 390)
    page.get_by_role("button", name="Edit curve").click()
    dialog = page.get_by_role("dialog", name="Warm-up curve")
    dialog.get_by_label("Stage 1", exact=True).fill("99999")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_role("alert")).to_contain_text("that never fall")
    dialog.get_by_label("Stage 1", exact=True).fill("15")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_have_count(0)
    expect(page.get_by_text("Stage 1: 15 messages a day")).to_have_count(1)
    page.get_by_role("button", name="End warm-up").click()
    expect(page.get_by_role("button", name="Start warming up")).to_be_visible()
    expect(page.locator(".diary li").first).to_contain_text("Warm-up ended")


def test_a_number_that_is_not_ours_is_not_there(opened: Any, app: RunningApp, bad_week: Number, browser: Browser) -> None:
    stranger = make_person(app)
    context = browser.new_context(base_url=app.base_url)
    context.add_cookies([stranger.cookie])
    page = context.new_page()
    page.goto(f"/devices/{bad_week.id}")
    expect(page.get_by_text("Perangkat ini tidak ada.").or_(page.get_by_text("There is no such device."))).to_be_visible(
        timeout=READY_MS
    )
    expect(page.get_by_text("Kopi Lestari")).to_have_count(0)
