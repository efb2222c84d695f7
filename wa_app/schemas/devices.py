"""What crosses the border of the devices noun: inputs and the view of one linked number."""

from datetime import datetime, time
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    field_serializer,
    field_validator,
)
from pydantic_core import PydanticCustomError

from wa_app.schemas.clock_time import ClockTime

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60)]
Weekday = Annotated[int, Field(ge=0, le=6)]
Preset = Literal["new", "warm", "old", "cloud", "custom"]
"""Ready-made tempos; their figures are in `wa_app.schemas.presets`."""
Status = Literal["STARTING", "SCAN_QR", "PASSKEY", "CONNECTED", "DISCONNECTED", "FAILED"]


Engine = Literal["WEBJS", "WPP", "NOWEB", "GOWS"]


class QuietHours(BaseModel):
    """From `start` to `end` (may span midnight) nothing of a campaign leaves."""

    model_config = ConfigDict(extra="forbid")
    start: ClockTime
    end: ClockTime

    @field_serializer("start", "end")
    def _short(self, value: time) -> str:
        return value.strftime("%H:%M")


class PacingUpdate(BaseModel):
    """Changes to a device's tempo; what is left out stays. Times in seconds, `null` caps mean none.

    A `preset` other than `custom` sets every key; keys given beside it win over the preset's.
    """

    model_config = ConfigDict(extra="forbid")
    preset: Preset | None = None
    delay_min_s: float | None = Field(None, ge=0, le=3600)
    delay_max_s: float | None = Field(None, ge=0, le=3600)
    per_minute: int | None = Field(None, ge=1, le=10_000)
    per_hour: int | None = Field(None, ge=1, le=100_000)
    per_day: int | None = Field(None, ge=1, le=1_000_000, description="Over a calendar day of the tenant.")
    strangers_per_day: int | None = Field(
        None, ge=0, le=1_000_000, description="Messages a day to contacts who never wrote; 0: none."
    )
    package_size_min: int | None = Field(None, ge=1, le=10_000)
    package_size_max: int | None = Field(None, ge=1, le=10_000)
    package_pause_min_s: float | None = Field(None, ge=0, le=3600)
    package_pause_max_s: float | None = Field(None, ge=0, le=3600)
    quiet_hours: QuietHours | None = None
    working_days: list[Weekday] | None = Field(
        None, min_length=1, max_length=7, description="0 = Monday … 6 = Sunday, in the contact's zone; `null`: every day."
    )
    typing: bool | None = None

    @field_validator("delay_max_s", "package_size_max", "package_pause_max_s")
    @classmethod
    def _ordered(cls, value: float | None, info: ValidationInfo) -> float | None:
        least = info.data.get(str(info.field_name).replace("_max", "_min"))
        if value is not None and least is not None and least > value:
            raise PydanticCustomError("crossed", "must not be below its minimum")
        return value

    @field_validator("working_days")
    @classmethod
    def _sorted(cls, value: list[int] | None) -> list[int] | None:
        return None if value is None else sorted(set(value))


class EngineHints(BaseModel):
    """A wish for where the session goes; without a server that fits, any other carries it."""

    model_config = ConfigDict(extra="forbid")
    engine: Engine | None = Field(None, description="Prefer a server that was seen running this engine.")


class DeviceCreate(BaseModel):
    """A number to link."""

    name: Name
    channel: Literal["waha"] = "waha"
    engine_hints: EngineHints | None = None


class DeviceUpdate(BaseModel):
    """Changes to a device; what is left out stays."""

    name: Name | None = None
    is_active_for_broadcast: bool | None = None
    pacing: PacingUpdate | None = None
    weight: int | None = Field(None, ge=1, le=100, description="Its share of a broadcast among devices of one tempo.")
    warmup_stage: int | None = Field(None, ge=1, le=14, description="Stage of warm-up; `null` ends it.")
    warmup_curve: list[int] | None = Field(
        None, description="Messages a day at each of the 14 stages, never falling; `null`: the default curve."
    )

    protection: bool | None = Field(None, description="Whether Sapa may slow or pause this number by itself. Only an owner turns it off.")
    confirm: str | None = Field(None, max_length=60, description="The device's name, typed: needed to turn protection off.")

    @field_validator("warmup_curve")
    @classmethod
    def _rises(cls, value: list[int] | None) -> list[int] | None:
        if value is not None and (len(value) != 14 or value != sorted(value) or not 1 <= value[0] <= value[-1] <= 100_000):
            raise PydanticCustomError("curve", "14 numbers from 1 to 100000 that never fall")
        return value


class HealthSign(BaseModel):
    """One reason for a score: what was measured in the last day, up to where that is fine, the points it took."""

    sign: str
    value: float
    fine: float = 0
    points: int
    of: int


class GuardView(BaseModel):
    """What Sapa does to protect a number now, since when, until when at least, and why."""

    level: Literal["none", "slow", "half", "strangers", "all"] = "none"
    since: datetime | None = None
    until: datetime | None = None
    reason: str | None = None
    detail: dict[str, Any] = {}


class LimitsView(BaseModel):
    """WhatsApp's own limits on new chats, as far as the server tells; null means not told, never free."""

    restricted: bool | None = None
    restricted_until: datetime | None = None
    restriction: str | None = None
    quota_total: int | None = None
    quota_used: int | None = None
    quota_left: int | None = None
    quota_ends: datetime | None = None
    told_at: datetime | None = None


class DeviceView(BaseModel):
    """A linked number as pages and programs see it. `reason` is a stable word that says why it is so."""

    id: UUID
    name: str
    channel: str
    session: str
    status: Status
    reason: str | None
    passkey_code: str | None
    phone: str | None
    push_name: str | None
    engine: str | None
    is_active_for_broadcast: bool
    pacing: dict[str, Any]
    weight: int = 1
    warmup_stage: int | None = None
    warmup_stage_at: datetime | None = None
    warmup_curve: list[int] = []
    """The curve in force, also where none is stored."""
    last_seen_at: datetime | None
    connected_at: datetime | None
    status_changed_at: datetime | None
    paused_until: datetime | None
    pause_reason: str | None
    sent_today: int = 0
    strangers_today: int = 0
    health_score: int | None = None
    health_at: datetime | None = None
    health_signs: list[HealthSign] = []
    protection: bool = True
    guard: GuardView = GuardView()
    limits: LimitsView = LimitsView()
    created_at: datetime


class DeviceQr(BaseModel):
    """What to draw, and until when WhatsApp takes it."""

    status: Status
    qr: str
    expires_at: datetime
    lives_s: int = Field(description="How long this code lives in all, in seconds.")


class PairingCode(BaseModel):
    """Eight letters to type on the phone."""

    code: str


class DeviceEventView(BaseModel):
    """Something that happened to a device."""

    id: UUID
    kind: str
    detail: dict[str, Any]
    created_at: datetime


class HealthPoint(BaseModel):
    """The lowest score within a piece of time, and the strictest guard."""

    at: datetime
    score: int | None
    guard: str


class HealthHistory(BaseModel):
    """The score over time, oldest first, and what was done in that time, newest first."""

    score: int | None
    signs: list[HealthSign]
    guard: GuardView
    protection: bool
    points: list[HealthPoint]
    actions: list[DeviceEventView]
