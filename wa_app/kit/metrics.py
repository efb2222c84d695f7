"""Counters and timers of all processes of this machine, read together at `/metrics`.

prometheus_client keeps them in small memory-mapped files, one set per process, so several
web workers and Dramatiq processes add up. What the database or Redis knows better (queue
age, lane lag, unknown messages) is asked there when somebody scrapes: `wa_app.services.health`.
"""

import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Histogram, values
from starlette.types import Scope

from wa_app.config import get_settings

_QUICK = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True)
class Meters:
    """Everything a process counts by itself."""

    http_seconds: Histogram
    intake_flush_seconds: Histogram
    lease_losses: Counter
    provider_errors: Counter
    rate_limited: Counter
    actor_seconds: Histogram


def folder() -> Path:
    """Where the processes keep their numbers."""
    return get_settings().data / "metrics"


@lru_cache
def meters() -> Meters:
    """The meters of this process, made when the first number comes."""
    folder().mkdir(parents=True, exist_ok=True)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder())
    # prometheus_client chooses at import; whoever imported it first must not decide for us.
    values.ValueClass = values.get_value_class()  # type: ignore[no-untyped-call]
    registry = CollectorRegistry()
    return Meters(
        Histogram("sapa_http_seconds", "Time to answer", ["route", "method", "status"], buckets=_QUICK,
                  registry=registry),
        Histogram("sapa_intake_flush_seconds", "Time of one insert of webhooks", ["process"], buckets=_QUICK,
                  registry=registry),
        Counter("sapa_lease_losses", "Leases that passed to somebody else", ["what"], registry=registry),
        Counter("sapa_provider_errors", "Errors of servers we call", ["provider", "kind"], registry=registry),
        Counter("sapa_rate_limited", "Calls refused for coming too often", ["scope"], registry=registry),
        Histogram("sapa_actor_seconds", "Time of one job of a worker", ["actor", "outcome"], buckets=_QUICK,
                  registry=registry),
    )  # fmt: skip


def observe_http(scope: Scope, status: int, seconds: float) -> None:
    """Time of one request, under its route (never its path: ids would make endless series)."""
    route = getattr(scope.get("route"), "path", None) or "other"
    meters().http_seconds.labels(route, scope["method"], str(status or 499)).observe(seconds)


def observe_flush(seconds: float, process: str = "web") -> None:
    """Time of one multi-row insert of incoming webhooks."""
    meters().intake_flush_seconds.labels(process).observe(seconds)


def lease_lost(what: str) -> None:
    """A holder found its lease with somebody else; `what` is the table."""
    meters().lease_losses.labels(what).inc()


def provider_error(provider: str, kind: str) -> None:
    """A server we call failed; `kind` is the class of the error."""
    meters().provider_errors.labels(provider, kind).inc()


def rate_limited(scope: str) -> None:
    """A call was refused for coming too often."""
    meters().rate_limited.labels(scope).inc()


def observe_actor(actor: str, outcome: str, seconds: float) -> None:
    """Time of one job; `outcome` is ok, failed or expired."""
    meters().actor_seconds.labels(actor, outcome).observe(seconds)
