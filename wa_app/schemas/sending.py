"""What a tenant decides for everything it sends."""

from pydantic import BaseModel, ConfigDict, Field


class SendingSettings(BaseModel):
    """Limits over all devices and campaigns. `null` means none; a change leaves out what stays."""

    model_config = ConfigDict(extra="forbid")
    frequency_per_week: int | None = Field(
        None, ge=1, le=100, description="Messages of campaigns that one contact may get in any seven days."
    )
