"""The API does what it says: the description is reviewed, and odd requests get answers that fit it.

After a wanted change of the API: `python -m tests.contract.test_openapi` writes the new snapshot,
and its diff is read in the review like any other change.
"""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import cycle
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase
from hypothesis import settings as tried
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.fixtures.api import make_signed_tenant
from wa_app.api.app import create_api
from wa_app.config import ROOT, Settings
from wa_app.db import system_unit_of_work
from wa_app.kit.secrets import digest, new_token
from wa_app.models.identity import SessionKind, UserSession
from wa_app.services.sessions import COOKIE

SNAPSHOT = ROOT / "tests" / "contract" / "openapi.json"
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
API_PAGE = ROOT / "docs" / "api.md"
NOT_TRIED = (
    "/api/v1/events",  # a stream does not end; tests/integration/test_events.py
    "/api/v1/auth/",  # bcrypt and its own limits; tests/integration/test_auth*.py
)
EXAMPLES = 8
SESSIONS = 40
"""Enough that no single one meets its limit of calls."""


def described() -> dict[str, Any]:
    return dict(create_api().openapi())


def test_description_is_the_reviewed_one() -> None:
    now, reviewed = described(), json.loads(SNAPSHOT.read_text("utf-8"))
    assert sorted(now["paths"]) == sorted(reviewed["paths"])
    for path, operations in now["paths"].items():
        assert operations == reviewed["paths"][path], f"{path} differs: python -m tests.contract.test_openapi, then review"
    assert now == reviewed


def test_description_is_complete() -> None:
    for path, operations in described()["paths"].items():
        for method, operation in operations.items():
            assert operation.get("description") or operation.get("summary"), f"{method} {path} says nothing about itself"
            assert "default" in operation["responses"], f"{method} {path} does not say how it fails"


@pytest.fixture(scope="module")
async def cookies(settings: Settings) -> Iterator[str]:
    """Cookies of one owner, in turn."""
    owner, made = await make_signed_tenant(), [new_token() for _ in range(SESSIONS)]
    async with system_unit_of_work() as uow:
        uow.session.add_all(
            UserSession(
                tenant_id=owner.tenant_id, user_id=owner.user_id, kind=SessionKind.BROWSER, token_hash=digest(cookie),
                expires_at=datetime.now(UTC) + timedelta(hours=1),
            )
            for cookie in made
        )  # fmt: skip
    return cycle(made)


schema = schemathesis.openapi.from_dict(described())
for start in NOT_TRIED:
    schema = schema.exclude(path_regex=f"^{start}")


@schema.parametrize()
@tried(
    max_examples=EXAMPLES, deadline=None, derandomize=True, database=None, phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
def test_odd_requests_get_fitting_answers(case: Any, served: str, cookies: Iterator[str]) -> None:
    if case.operation.path.endswith("/ocr/scan"):
        # No worker reads here: whoever waits would only wait.
        case.query = {**(case.query or {}), "wait": 0}
    case.call_and_validate(
        base_url=served, checks=CHECKS, headers={"Origin": served, "Cookie": f"{COOKIE}={next(cookies)}"}, timeout=20
    )


def section(name: str, lines: list[str]) -> str:
    return f"<!-- {name}: written by `python -m tests.contract.test_openapi` -->\n" + "\n".join(lines) + "\n<!-- end -->"


def written() -> str:
    """`docs/api.md` with its table as it should be."""
    text = API_PAGE.read_text("utf-8")
    calls = ["| call | what it does |", "|---|---|"]
    for path, operations in sorted(described()["paths"].items()):
        for method, operation in operations.items():
            what = (operation.get("description") or operation["summary"]).split("\n\n")[0].replace("\n", " ").replace("|", "\\|")
            calls.append(f"| `{method.upper()} {path}` | {what} |")
    return re.sub(r"<!-- calls:.*?<!-- end -->", lambda _: section("calls", calls), text, flags=re.S)


def test_page_of_the_api_is_up_to_date() -> None:
    assert API_PAGE.read_text("utf-8") == written(), "python -m tests.contract.test_openapi, then review"


if __name__ == "__main__":
    API_PAGE.write_text(written(), "utf-8")
    SNAPSHOT.write_text(json.dumps(described(), indent=1, sort_keys=True, ensure_ascii=False) + "\n", "utf-8")
