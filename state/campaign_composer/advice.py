"""What the pre-flight knows, as the composer shows it."""

from typing import Any

from wa_app.schemas.campaigns import Preflight


def rows(result: Preflight) -> dict[str, Any]:
    """Vars of the composer by name."""
    risk, estimate, numbers, facts = result.risk, result.estimate, result.numbers, result.facts
    return {
        "risk_score": risk.score if risk else 0,
        "risk_level": risk.level if risk else "low",
        "risk_reasons": [
            {"code": one.code, "points": one.points, "args": {key: str(value) for key, value in one.args.items()}}
            for one in (risk.reasons if risk else ())
        ],
        "has_advice": risk is not None and result.audience.sendable > 0,
        "early": estimate.early.isoformat() if estimate and estimate.early else "",
        "late": estimate.late.isoformat() if estimate and estimate.late else "",
        "limits": list(estimate.limits) if estimate else [],
        "device_shares": [
            {"id": str(one.device_id), "name": one.name, "n": one.messages} for one in (estimate.devices if estimate else ())
        ],
        "people_per_text": result.people_per_text,
        "links": [{"url": one.url, "state": one.state, "reason": one.reason or ""} for one in result.links],
        "lookup": {
            "id": str(numbers.id), "status": numbers.status, "done": numbers.processed, "total": numbers.total or 0,
            "sample": numbers.is_sample,
        } if numbers else {},
        "numbers_known": facts.numbers_known if facts else 0,
        "strangers": facts.strangers if facts else 0,
    }  # fmt: skip
