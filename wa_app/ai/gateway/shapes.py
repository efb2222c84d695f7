"""What passes between the gateway and the adapters of vendors."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol
from uuid import UUID

from wa_app.models.ai import ProviderKind
from wa_app.schemas.ai import Finish, Grounding, Turn, Usage


class Why(StrEnum):
    """Why a provider did not answer, and with it what helps."""

    KEY = "key"
    """The key is refused: off, until a person gives another."""
    EXHAUSTED = "exhausted"
    """Nothing left on the account: waiting minutes does not help."""
    THROTTLE = "throttle"
    """Too fast: pause as long as the vendor says."""
    CONTEXT = "context"
    """The request is longer than the model takes."""
    REQUEST = "request"
    """The vendor does not take this request; another key changes nothing."""
    BLOCKED = "blocked"
    """Refused for what it says."""
    CONFIG = "config"
    """No such model, wrong address."""
    UPSTREAM = "upstream"
    """Down, overloaded, unreachable, too slow."""


class Fault(Exception):
    """A vendor's failure in our words. `detail` is a status or a stable word; the vendor's own text may quote people."""

    def __init__(
        self, why: Why, detail: str = "", *, hint_s: float | None = None, retry: bool = False, message: str = "",
        usage: Usage | None = None,
    ) -> None:  # fmt: skip
        super().__init__(f"{why} {detail}".strip())
        self.why, self.detail, self.hint_s, self.usage = why, detail, hint_s, usage
        self.retry = retry
        """Whether asking the same provider once more makes sense at once."""
        self.message = message[:300]
        """The vendor's text: for whoever tests a provider, never for a log."""

    @property
    def words(self) -> str:
        """As it is kept with the provider: `upstream 503`."""
        return f"{self.why} {self.detail}".strip()[:80]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where and as whom a model is asked."""

    id: UUID
    name: str
    kind: ProviderKind
    base_url: str
    model: str
    key: str
    fingerprint: str
    is_own: bool
    """A tenant's own: its address is not trusted."""
    time_limit_s: float = 20.0


@dataclass(frozen=True, slots=True)
class Ask:
    """One question to one model."""

    system: str
    turns: tuple[Turn, ...]
    json_schema: dict[str, Any] | None = None
    max_output_tokens: int = 1024
    temperature: float | None = None
    grounding: Grounding | None = None
    feature: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a vendor answered. Without `usage` we count."""

    text: str
    finish: Finish
    usage: Usage | None
    model: str
    parsed: dict[str, Any] | None = field(default=None)
    """Only when no JSON has to be read from `text`."""


@dataclass(frozen=True, slots=True)
class Vectors:
    """Embeddings in the order of the texts. Gemini does not say how many tokens they took."""

    vectors: list[list[float]]
    tokens: int | None


class Adapter(Protocol):
    """One vendor's SDK. Every failure leaves it as a `Fault`; cancelling a call is left alone."""

    async def chat(self, ask: Ask) -> Answer: ...

    def stream(self, ask: Ask) -> AsyncGenerator[str | Answer]:
        """Pieces of text, then the answer with the whole of it."""
        ...

    async def embed(self, texts: list[str], dimensions: int | None, *, for_query: bool) -> Vectors: ...

    async def models(self) -> list[str]: ...

    async def close(self) -> None: ...
