"""What crosses the border of the devices noun: inputs and the view of one linked number."""

from datetime import datetime, time
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_serializer, model_validator

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60)]
Status = Literal["STARTING", "SCAN_QR", "PASSKEY", "CONNECTED", "DISCONNECTED", "FAILED"]


class QuietHours(BaseModel):
    """From `start` to `end` (may span midnight) nothing of a campaign leaves."""

    model_config = ConfigDict(extra="forbid")
    start: time
    end: time

    @field_serializer("start", "end")
    def _short(self, value: time) -> str:
        return value.strftime("%H:%M")


class PacingUpdate(BaseModel):
    """Changes to a device's tempo; what is left out stays. Delays in seconds, `null` caps mean none."""

    model_config = ConfigDict(extra="forbid")
    delay_min_s: float | None = Field(None, ge=0, le=3600)
    delay_max_s: float | None = Field(None, ge=0, le=3600)
    per_minute: int | None = Field(None, ge=1, le=10_000)
    per_hour: int | None = Field(None, ge=1, le=100_000)
    per_day: int | None = Field(None, ge=1, le=1_000_000)
    quiet_hours: QuietHours | None = None
    typing: bool | None = None

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.delay_min_s is not None and self.delay_max_s is not None and self.delay_min_s > self.delay_max_s:
            raise ValueError("delay_min_s must not be above delay_max_s")
        return self


class DeviceCreate(BaseModel):
    """A number to link."""

    name: Name
    channel: Literal["waha"] = "waha"
    engine_hints: dict[str, Any] | None = None


class DeviceUpdate(BaseModel):
    """Changes to a device; what is left out stays."""

    name: Name | None = None
    is_active_for_broadcast: bool | None = None
    pacing: PacingUpdate | None = None


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
    last_seen_at: datetime | None
    connected_at: datetime | None
    status_changed_at: datetime | None
    paused_until: datetime | None
    pause_reason: str | None
    sent_today: int = 0
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

    kind: str
    detail: dict[str, Any]
    created_at: datetime
