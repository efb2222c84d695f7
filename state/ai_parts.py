"""What the tenant's and the platform's page of AI providers share: rows, the form, bars. Plain functions and vars."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from state.base import FormErrors
from wa_app.ai.gateway.vendors import VENDORS
from wa_app.errors import FieldError, Invalid, NotFound
from wa_app.kit.clock import utc_now
from wa_app.models.ai import ProviderKind, Rotation, Source
from wa_app.schemas.ai_providers import ProviderTest, ProviderView, UsageBar, UsageCall

COLOURS: Final = 5
"""Providers with a colour of their own in a chart; the rest share one."""
LIMIT_FIELDS: Final = ("daily_limit", "monthly_limit", "daily_tokens", "monthly_tokens")
COST_FIELDS: Final = ("daily_cost_micros", "monthly_cost_micros")
NUMBERS: Final = ("time_limit_s", "weight")
MICROS: Final = 1_000_000
FAILING: Final = ("disabled", "open", "cooling", "limit")


class ProvidersPart(FormErrors, mixin=True):
    """Vars of a page of providers. Handlers stand in the states: each of them asks who calls."""

    ready: bool = False
    rows: list[dict[str, Any]] = []
    failing: list[dict[str, Any]] = []
    tests: dict[str, dict[str, Any]] = {}
    """Provider → what its last test here said."""
    testing: str = ""
    editing: bool = False
    form_key: int = 0
    """A new number makes the browser forget what was typed."""
    draft_id: str = ""
    draft: dict[str, Any] = {}
    vendor: str = "gemini"
    key_open: bool = False
    models: list[str] = []
    models_note: str = ""
    busy: bool = False
    dropping_id: str = ""
    dropping_name: str = ""
    bars: list[dict[str, Any]] = []
    legend: list[dict[str, Any]] = []
    calls: list[dict[str, Any]] = []
    answered: int = 0
    failed: int = 0
    unanswered: int = 0
    cost_today: float = 0.0

    def _show_rows(self, views: Iterable[ProviderView]) -> None:
        self.rows = [row_of(view) for view in views]
        self.failing = [row for row in self.rows if row["state"] in FAILING]
        self.ready = True

    def _open(self, view: ProviderView | None) -> None:
        self.draft_id = str(view.id) if view else ""
        self.draft = draft_of(view)
        self.vendor = view.vendor if view else "gemini"
        self.key_open = view is None or not view.api_key_masked
        self.models, self.models_note, self.errors = [], "", {}
        self.form_key += 1
        self.editing = True

    def _tested(self, provider_id: str, found: ProviderTest) -> None:
        self.testing = ""
        self.tests = {**self.tests, provider_id: {**found.model_dump(), "cost": dollars(found.cost_micros)}}


def dollars(micros: int | None) -> float:
    """Micro-dollars as dollars; -1 where no price is known."""
    return -1.0 if micros is None else micros / MICROS


def iso(at: datetime | None) -> str:
    return at.isoformat() if at else ""


def row_of(view: ProviderView) -> dict[str, Any]:
    """A provider as the list shows it."""
    host = view.base_url.partition("://")[2].partition("/")[0]
    return {
        "id": str(view.id), "name": view.name, "kind": view.kind.value, "vendor": view.vendor, "model": view.model,
        "sign": (view.name if view.vendor == "custom" else VENDORS[view.vendor].name)[:2], "key": view.api_key_masked, "host": host if view.vendor in ("custom", "ollama") else "",
        "state": view.state, "until": iso(view.state_until), "reason": view.state_reason.partition(" ")[0], "active": view.is_active,
        "day_used": view.used_today, "day_limit": view.daily_limit or 0, "month_used": view.used_month,
        "month_limit": view.monthly_limit or 0, "day_ends": iso(view.day_ends_at), "month_ends": iso(view.month_ends_at),
        "p95": -1.0 if view.p95_ms is None else view.p95_ms / 1000, "cost": dollars(view.cost_today_micros),
        "failed": view.failed_today, "error": view.last_error, "error_at": iso(view.last_error_at), "weight": view.weight,
    }  # fmt: skip


def draft_of(view: ProviderView | None) -> dict[str, Any]:
    """What the form begins with; empty texts where there is no limit."""
    if view is None:
        empty = dict.fromkeys((*LIMIT_FIELDS, *COST_FIELDS, "name", "base_url", "model", "key"), "")
        return {**empty, "time_limit_s": "20", "weight": "1"}
    shown: dict[str, Any] = {key: "" if (value := getattr(view, key)) is None else str(value) for key in LIMIT_FIELDS}
    for key in COST_FIELDS:
        value = getattr(view, key)
        shown[key] = "" if value is None else f"{value / MICROS:g}"
    return shown | {
        "name": view.name, "base_url": view.base_url, "model": view.model, "key": view.api_key_masked,
        "time_limit_s": str(view.time_limit_s), "weight": str(view.weight),
    }  # fmt: skip


def read_form(form: dict[str, Any], vendor: str) -> dict[str, Any]:
    """Values of the form as the services take them. Raises Invalid for what is no number."""
    found: list[FieldError] = []
    values: dict[str, Any] = {}
    for key in (*LIMIT_FIELDS, *COST_FIELDS, *NUMBERS):
        if key not in form:
            continue
        try:
            values[key] = _number(str(form[key] or ""), cost=key in COST_FIELDS)
        except ValueError:
            found.append(FieldError(key, "ai_number_invalid"))
    if found:
        raise Invalid(*found, code="ai_provider_invalid")
    values = {key: value for key, value in values.items() if value is not None or key not in NUMBERS}
    text = {key: str(form.get(key) or "")[:500].strip() for key in ("name", "model", "api_key", "base_url")}
    chosen = VENDORS.get(vendor, VENDORS["custom"])
    if chosen.kind is ProviderKind.OPENAI and not text["base_url"]:
        text["base_url"] = "" if chosen.key == "openai" else chosen.base_url
    if chosen.key == "custom" and not text["base_url"]:
        raise Invalid(FieldError("base_url", "value_missing"), code="ai_provider_invalid")
    text["name"] = text["name"] or f"{chosen.name} {text['model']}".strip()[:80]
    return values | text


def _number(text: str, *, cost: bool) -> int | None:
    plain = text.strip().replace(" ", "")
    if not plain:
        return None
    made = round(float(plain.replace(",", ".")) * MICROS) if cost else int(plain.replace(".", "").replace(",", ""))
    if not 1 <= made <= 1_000_000_000:
        raise ValueError(text)
    return made


def kind_of(vendor: str) -> ProviderKind:
    return VENDORS.get(vendor, VENDORS["custom"]).kind


def rotation_of(text: str) -> Rotation:
    """A rotation from a browser's text; anything else is priority."""
    return next((one for one in Rotation if one.value == text), Rotation.PRIORITY)


def source_of(text: str) -> Source:
    """Whose providers answer, from a browser's text."""
    return next((one for one in Source if one.value == text), Source.AUTO)


def moved(ids: list[str], one: str, target: str, after: bool) -> list[str]:
    """The order after a row was dropped before or after another, or moved `up` or `down`."""
    if one not in ids:
        return ids
    rest = [each for each in ids if each != one]
    if target in ("up", "down"):
        place = max(0, min(len(rest), ids.index(one) + (1 if target == "down" else -1)))
    elif target in rest:
        place = rest.index(target) + int(after)
    else:
        return ids
    return [*rest[:place], one, *rest[place:]]


def chart(bars: Iterable[UsageBar], zone: str, *, unit: str, n: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Columns of a stacked chart, and its legend: one colour for each of the busiest providers."""
    here = ZoneInfo(zone)
    listed = list(bars)
    totals: dict[str, tuple[str, int]] = {}
    for one in listed:
        key = str(one.provider_id)
        totals[key] = (one.provider_name, totals.get(key, ("", 0))[1] + one.answered)
    ranked = sorted(totals, key=lambda key: -totals[key][1])
    colour = {key: f"c{place + 1}" if place < COLOURS else "c6" for place, key in enumerate(ranked)}
    columns: dict[datetime, dict[str, Any]] = {}
    for at in _moments(utc_now().astimezone(here), unit, n):
        columns[at] = {"at": iso(at), "answered": 0, "failed": 0, "parts": [], "label": at.hour if unit == "hour" else at.day}
    for one in listed:
        column = columns.get(one.at.astimezone(here))
        if column is not None:
            column["answered"] += one.answered
            column["failed"] += one.failed
            if one.answered:
                column["parts"].append({"colour": colour[str(one.provider_id)], "n": one.answered})
    most = max((column["answered"] for column in columns.values()), default=0) or 1
    for column in columns.values():
        for part in column["parts"]:
            part["share"] = round(part["n"] * 100 / most, 1)
    legend = [{"name": totals[key][0], "colour": colour[key], "n": totals[key][1]} for key in ranked[:COLOURS] if totals[key][1]]
    return list(columns.values()), legend


def _moments(now: datetime, unit: str, n: int) -> list[datetime]:
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    if unit == "hour":
        return [midnight.replace(hour=hour) for hour in range(n)]
    return [(midnight - timedelta(days=back)).replace(hour=0) for back in range(n - 1, -1, -1)]


def call_of(call: UsageCall) -> dict[str, Any]:
    """A line of the ledger as it is shown."""
    return {**call.model_dump(mode="json"), "id": str(call.id), "name": call.provider_name, "cost": dollars(call.cost_micros)}


def id_of(text: Any) -> UUID:
    """A UUID from a browser's text. Raises NotFound."""
    try:
        return UUID(str(text)[:64])
    except ValueError as error:
        raise NotFound from error
