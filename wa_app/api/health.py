"""`/healthz` (this process lives), `/readyz` (it can work), `/metrics` (figures for Prometheus)."""

import hmac
import ipaddress
from collections.abc import Iterator

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from wa_app.config import get_settings
from wa_app.errors import NotSignedIn
from wa_app.kit import metrics
from wa_app.services import health

routes = APIRouter(tags=["health"], include_in_schema=False)


@routes.get("/healthz")
async def healthz() -> dict[str, str]:
    """This process answers. It asks nobody else, so that a restart is not ordered for another's fault."""
    return {"status": "ok"}


@routes.get("/readyz")
async def readyz(response: Response) -> health.Readiness:
    """Database, Redis, Chroma and WAHA, each with its time; 503 when work is impossible."""
    found = await health.readiness()
    response.status_code = 503 if found.status == "down" else 200
    response.headers["Cache-Control"] = "no-store"
    return found


@routes.get("/metrics")
async def prometheus(request: Request) -> Response:
    """For this machine without more, for others with `SAPA_METRICS_TOKEN` as a bearer token."""
    if not may_read(request):
        raise NotSignedIn
    registry = CollectorRegistry()
    metrics.meters()
    MultiProcessCollector(registry, path=str(metrics.folder()))  # type: ignore[no-untyped-call]
    registry.register(_Figures(await health.figures()))
    return PlainTextResponse(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


def may_read(request: Request) -> bool:
    """Whether figures may be shown to this caller. A proxy on this machine is not this machine."""
    if token := get_settings().metrics_token:
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        return hmac.compare_digest(given.encode(), token.encode())
    host = request.client.host if request.client else ""
    forwarded = {"x-forwarded-for", "forwarded", "x-real-ip", "via"} & set(request.headers.keys())
    try:
        return ipaddress.ip_address(host).is_loopback and not forwarded
    except ValueError:
        return False


class _Figures(Collector):
    """Numbers that were read a moment ago, in Prometheus' own form."""

    def __init__(self, found: list[health.Figure]) -> None:
        self._found = found

    def collect(self) -> Iterator[Metric]:
        families: dict[str, GaugeMetricFamily] = {}
        for figure in self._found:
            family = families.setdefault(
                figure.name, GaugeMetricFamily(figure.name, figure.help, labels=list(figure.labels))
            )
            family.add_metric(list(figure.labels.values()), figure.value)
        yield from families.values()
