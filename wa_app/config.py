"""Settings, read from the environment and `.env` (names in docs/operations.md)."""

from functools import lru_cache
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

ROOT = Path(__file__).resolve().parent.parent


class Settings(BaseSettings):
    """Everything the processes of Sapa read from outside.

    The launcher fills the addresses of embedded services in; in production they
    are set by hand. Outside development a missing or short secret is refused.
    """

    model_config = SettingsConfigDict(env_file=ROOT / ".env", extra="ignore", frozen=True)

    env: Literal["dev", "test", "prod"] = Field("dev", validation_alias="SAPA_ENV")
    data: Path = Field(ROOT / ".sapa", validation_alias="SAPA_DATA")
    port: int = Field(8000, validation_alias="SAPA_PORT")
    secret_key: str = Field("", validation_alias="SAPA_SECRET_KEY")
    database_url: str = Field("", validation_alias="DATABASE_URL")
    database_app_url: str = Field("", validation_alias="DATABASE_APP_URL")
    database_system_url: str = Field("", validation_alias="DATABASE_SYSTEM_URL")
    redis_url: str = Field("", validation_alias="REDIS_URL")
    redis_state_url: str = Field("", validation_alias="REDIS_STATE_URL")
    chroma_url: str = Field("", validation_alias="CHROMA_URL")
    s3_url: str = Field("", validation_alias="S3_URL")
    waha_url: str = Field("", validation_alias="WAHA_URL")
    waha_api_key: str = Field("", validation_alias="WAHA_API_KEY")
    public_url: str = Field("", validation_alias="PUBLIC_URL")
    smtp_url: str = Field("", validation_alias="SMTP_URL")
    reconcile_wait_s: float = Field(120.0, validation_alias="SAPA_RECONCILE_WAIT_S")
    """Seconds without an echo after which an unknown message is looked up in its chat."""
    number_checks_per_minute: int = Field(10, ge=0, validation_alias="SAPA_NUMBER_CHECKS_PER_MINUTE")
    """How often a device may ask whether a number is on WhatsApp; 0 turns the question off."""
    number_checks_per_day: int = Field(300, ge=0, validation_alias="SAPA_NUMBER_CHECKS_PER_DAY")
    lease_s: float = Field(30.0, ge=6.0, validation_alias="SAPA_LEASE_S")
    """Seconds after which the work of a process that died is taken over by another."""
    answer_debounce_s: float = Field(3.0, ge=0.0, le=60.0, validation_alias="SAPA_ANSWER_DEBOUNCE_S")
    """Messages that follow one another within this many seconds are answered together."""
    sentry_dsn: str = Field("", validation_alias="SENTRY_DSN")
    max_upload_mb: int = Field(100, ge=1, validation_alias="SAPA_MAX_UPLOAD_MB")
    media_delivery: Literal["auto", "link", "base64"] = Field("auto", validation_alias="SAPA_MEDIA_DELIVERY")
    """How WAHA gets the file of a message: by a link it fetches, inside the call, or by size."""
    unused_files_days: int = Field(90, ge=1, validation_alias="SAPA_UNUSED_FILES_DAYS")
    """Days after which an upload that nothing uses is deleted."""
    ocr_threads: int = Field(2, ge=1, le=16, validation_alias="SAPA_OCR_THREADS")
    """Threads that read one picture; pictures are read one at a time in each process."""
    reading_max_pages: int = Field(300, ge=1, validation_alias="SAPA_READING_MAX_PAGES")
    """Pages of a document that are read at most; a longer one is refused."""
    reading_max_s: int = Field(1800, ge=10, validation_alias="SAPA_READING_MAX_S")
    """Seconds that reading one document may take."""
    trusted_proxies: int = Field(0, ge=0, validation_alias="SAPA_TRUSTED_PROXIES")
    """How many proxies of ours stand before this process; only then X-Forwarded-For counts."""
    auth_rate: int = Field(5, ge=1, validation_alias="SAPA_AUTH_RATE")
    """Tries a minute at one account's password; other limits on signing in are multiples of it."""
    time_zone: str = Field("Asia/Jakarta", validation_alias="SAPA_TIME_ZONE")
    """The installation's own: days and months of the platform's limits begin there."""
    ai_private_addresses: bool = Field(False, validation_alias="SAPA_AI_PRIVATE_ADDRESSES")
    """Whether tenants' own AI providers may lie in private networks, over plain http too."""
    metrics_token: str = Field("", validation_alias="SAPA_METRICS_TOKEN")
    """Bearer token for `/metrics` from other machines; without one only this machine may read it."""

    @model_validator(mode="after")
    def _refuse_weak_secret(self) -> Self:
        if self.env == "prod" and len(self.secret_key) < 32:
            raise ValueError("SAPA_SECRET_KEY must be set to at least 32 random characters in production")
        return self

    @property
    def base_url(self) -> str:
        """Address under which browsers and webhooks reach this installation."""
        return self.public_url.rstrip("/") or f"http://127.0.0.1:{self.port}"

    @property
    def origins(self) -> tuple[str, ...]:
        """Origins whose pages may talk to us: our own, under each name it has."""
        local = (f"http://127.0.0.1:{self.port}", f"http://localhost:{self.port}")
        return (self.base_url, *(origin for origin in local if self.is_dev and origin != self.base_url))

    @property
    def is_dev(self) -> bool:
        return self.env in ("dev", "test")


@lru_cache
def get_settings() -> Settings:
    """The settings of this process, read once."""
    return Settings()
