"""What crosses the border of the campaigns noun: inputs, views, figures."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from wa_app.models.outbound import CampaignStatus, MessageState, WinnerBy
from wa_app.schemas.broadcasts import Repeat, TestPhase, VariantFigures, VariantInput, VariantView
from wa_app.schemas.preflight import AudienceFacts, Estimate, LinkView, NumberJob, Risk
from wa_app.schemas.segments import Rules

MAX_TAGS = 100
MAX_DEVICES = 200
MAX_SEGMENTS = 20


class Target(BaseModel):
    """Whom a campaign goes to: everybody, who carries one of `tags`, who is in a segment, whom `filter` means.

    What is given narrows: tags and a segment together mean who is in both. Excluded tags and
    segments are taken off at the end. `frozen`: the people are written down when the campaign
    is started or scheduled; else they are found when it is planned.
    """

    model_config = ConfigDict(extra="forbid")

    tags: list[str] = Field(default_factory=list, max_length=MAX_TAGS)
    exclude_tags: list[str] = Field(default_factory=list, max_length=MAX_TAGS)
    segment_id: UUID | None = None
    exclude_segment_ids: list[UUID] = Field(default_factory=list, max_length=MAX_SEGMENTS)
    filter: Rules | None = None
    all: bool = False
    frozen: bool = False

    @property
    def is_empty(self) -> bool:
        return not (self.all or self.tags or self.segment_id or self.filter)


class CampaignCreate(BaseModel):
    """A new draft."""

    model_config = ConfigDict(extra="forbid")

    name: str
    message_template: str = ""
    file_id: UUID | None = None
    target: Target = Field(default_factory=Target)
    device_ids: list[UUID] | None = Field(default=None, max_length=MAX_DEVICES)
    """None or empty: every device that is active for broadcasts when the campaign starts."""
    footer: bool = False
    """Puts the tenant's opt-out line under every message."""
    delay_min_s: int | None = None
    delay_max_s: int | None = None
    scheduled_at: datetime | None = None
    variants: list[VariantInput] | None = None
    """Two to five ways to write it, or none; the first takes the place of `message_template` and `file_id`."""
    test: TestPhase | None = None
    winner_by: WinnerBy = WinnerBy.READ
    track_links: bool = False
    template_id: UUID | None = None
    """The message template its text was taken from."""
    repeat: Repeat | None = None


class CampaignUpdate(BaseModel):
    """Changes to a draft; what is not set stays."""

    model_config = ConfigDict(extra="forbid")

    name: str | None = None
    message_template: str | None = None
    file_id: UUID | None = None
    target: Target | None = None
    device_ids: list[UUID] | None = Field(default=None, max_length=MAX_DEVICES)
    footer: bool | None = None
    delay_min_s: int | None = None
    delay_max_s: int | None = None
    scheduled_at: datetime | None = None
    variants: list[VariantInput] | None = None
    test: TestPhase | None = None
    winner_by: WinnerBy | None = None
    track_links: bool | None = None
    template_id: UUID | None = None
    repeat: Repeat | None = None


class Counts(BaseModel):
    """Rows of a campaign by state. `total` is always their sum."""

    planned: int = 0
    sending: int = 0
    sent: int = 0
    delivered: int = 0
    read: int = 0
    played: int = 0
    held: int = 0
    failed: int = 0
    skipped: int = 0
    cancelled: int = 0
    unknown: int = 0
    total: int = 0

    @property
    def processed(self) -> int:
        """Rows about which the lanes have nothing left to do."""
        return self.total - self.planned - self.sending - self.held

    @property
    def arrived(self) -> int:
        """Rows that WhatsApp took."""
        return self.sent + self.delivered + self.read + self.played


class CampaignView(BaseModel):
    """A campaign as the API and the pages show it."""

    id: UUID
    name: str
    status: CampaignStatus
    message_template: str
    file_id: UUID | None
    target: Target
    device_ids: list[UUID]
    footer: bool
    delay_min_s: int | None
    delay_max_s: int | None
    scheduled_at: datetime | None
    started_at: datetime | None
    planned_at: datetime | None
    finished_at: datetime | None
    expires_at: datetime | None
    plan_total: int | None
    pause_reason: str | None
    pause_detail: dict[str, Any] = {}
    """Figures behind a guard's pause."""
    resend_of: UUID | None = None
    """The campaign whose silent readers this one writes to again."""
    waiting_reason: str | None = None
    """Why nothing leaves although the campaign runs: `devices_disconnected` or None."""
    variants: list[VariantView] = []
    test: TestPhase | None = None
    test_ends_at: datetime | None = None
    winner_by: WinnerBy = WinnerBy.READ
    winner: str | None = None
    """Letter of the variant that the rest of the audience gets."""
    winner_at: datetime | None = None
    winner_how: str | None = None
    track_links: bool = False
    template_id: UUID | None = None
    repeat: Repeat | None = None
    series_id: UUID | None = None
    series_run: int | None = None
    created_by: UUID | None
    created_at: datetime
    updated_at: datetime | None
    counts: Counts = Field(default_factory=Counts)


class Stats(Counts):
    """The figures of `GET campaigns/{id}/stats`."""

    status: CampaignStatus
    replied: int = 0
    opted_out: int = 0
    clicks: int = 0
    clicked: int = 0
    """Recipients who opened a tracked link; `clicks` counts every opening."""
    variants: list[VariantFigures] = []
    rate_per_minute: float | None = None
    eta: datetime | None = None


class LogRow(BaseModel):
    """One row of a campaign's log."""

    id: UUID
    contact_id: UUID | None
    contact_name: str
    phone: str | None
    identity: str
    device_id: UUID | None
    device_name: str
    status: MessageState
    message: str | None
    error_code: str | None
    error_message: str | None
    attempt: int
    created_at: datetime
    sent_at: datetime | None
    delivered_at: datetime | None
    read_at: datetime | None


class AudienceCount(BaseModel):
    """How many people a target means, and how many of them can and may be written to."""

    total: int
    suppressed: int
    no_identity: int

    @property
    def sendable(self) -> int:
        return self.total - self.suppressed - self.no_identity


class Check(BaseModel):
    """One line of the pre-flight: `code` is a key `campaigns.check.<code>` or `error.<code>`."""

    level: Literal["ok", "warning", "error"]
    field: str
    code: str
    args: dict[str, str | int] = Field(default_factory=dict)


class Preflight(BaseModel):
    """What would happen if the campaign started now."""

    checks: list[Check]
    audience: AudienceCount
    variants: int
    devices: int
    devices_connected: int
    seconds: int | None
    """Estimated length of the run, in the middle of the range; None without a connected device."""
    facts: AudienceFacts | None = None
    estimate: Estimate | None = None
    people_per_text: int = 0
    """How many people read the same words as one of them, expected."""
    links: list[LinkView] = Field(default_factory=list)
    numbers: NumberJob | None = None
    risk: Risk | None = None

    @property
    def errors(self) -> list[Check]:
        return [check for check in self.checks if check.level == "error"]


class Lane(BaseModel):
    """A device in a campaign: its share and what it does right now."""

    device_id: UUID
    name: str
    phone: str | None
    doing: Literal["typing", "replying", "gap", "idle", "paused", "disconnected", "failed", "off"]
    detail: str = ""
    """Who is being written to, or why the lane is paused."""
    wait_s: int = 0
    taken: int = 0
    share: float = 0.0
    used_today: int = 0
    cap_today: int | None = None
    used_hour: int = 0
    cap_hour: int | None = None


class LiveRow(BaseModel):
    """One line of the live list."""

    id: UUID
    name: str
    phone: str
    status: MessageState
    device_name: str
    error_code: str | None
    at: datetime


class Pulse(BaseModel):
    """What was sent in one minute."""

    at: datetime
    n: int


class PreviewContact(BaseModel):
    """A real contact of the audience, with the values a template may use."""

    id: UUID
    name: str
    phone: str
    city: str
    values: dict[str, str]
    tags: list[str] = []
    """Folded names of its tags, as conditions compare them."""
