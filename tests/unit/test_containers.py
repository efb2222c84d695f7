"""The container files, checked without an engine: hadolint, and what we promise of them."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from wa_app.config import ROOT, Settings
from wa_app.embedded import programs

OURS = ("web", "worker", "worker-answers", "worker-lanes", "worker-heavy", "scheduler")
DATABASES = ("postgres", "redis-queue", "redis-state", "chroma", "waha")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return loaded


class TestDockerfile:
    text = (ROOT / "Dockerfile").read_text()

    def test_hadolint_finds_nothing(self) -> None:
        binary = shutil.which("hadolint", path=str(Path(sys.executable).parent))
        assert binary, "hadolint comes with requirements-dev.txt"
        answer = subprocess.run([binary, str(ROOT / "Dockerfile")], capture_output=True, text=True, check=False)
        assert answer.stdout == ""

    def test_last_stage_is_not_root_and_has_a_health_check(self) -> None:
        last = self.text.rpartition("\nFROM ")[2]
        assert self.text.count("\nFROM ") == 2
        assert re.search(r"^USER 1\d{4}$", last, re.MULTILINE)
        assert "HEALTHCHECK" in last
        assert "/healthz" in last

    def test_frontend_is_built_in_the_image_and_secrets_are_not(self) -> None:
        assert "wa_app.cli build" in self.text
        assert not re.search(r"(SECRET|PASSWORD|API_KEY)=", self.text)
        ignored = (ROOT / ".dockerignore").read_text().split()
        assert {".env", ".git", ".sapa", ".venv", ".web"} <= set(ignored)

    def test_uv_is_the_one_of_the_launcher(self) -> None:
        pins = {re.search(r"uv==([\d.]+)", (ROOT / name).read_text())[1] for name in ("Dockerfile", "sapa")}  # type: ignore[index]
        assert len(pins) == 1


class TestCompose:
    def test_has_every_process_and_server(self, compose: dict[str, Any]) -> None:
        assert set(compose["services"]) == {*OURS, *DATABASES, "migrate"}
        assert set(programs.WORKERS) <= set(OURS)

    def test_images_are_pinned(self, compose: dict[str, Any]) -> None:
        images = [service["image"] for service in compose["services"].values()]
        assert all(":" in image and not image.endswith(":latest") for image in images)

    def test_chroma_is_the_version_of_the_lock(self, compose: dict[str, Any]) -> None:
        locked = re.search(r"^chromadb==([\d.]+)", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
        assert locked
        assert compose["services"]["chroma"]["image"].endswith(f":{locked[1]}")

    def test_only_the_web_port_is_published(self, compose: dict[str, Any]) -> None:
        assert [name for name, service in compose["services"].items() if "ports" in service] == ["web"]

    def test_secrets_come_from_outside_and_have_no_defaults(self, compose: dict[str, Any]) -> None:
        environment = compose["services"]["web"]["environment"]
        assert environment["SAPA_ENV"] == "prod"
        for name in ("SAPA_SECRET_KEY", "DATABASE_URL", "REDIS_URL", "WAHA_API_KEY"):
            assert ":?" in environment[name]

    def test_every_variable_is_one_we_read(self, compose: dict[str, Any]) -> None:
        known = {str(field.validation_alias) for field in Settings.model_fields.values()}
        for name in OURS:
            assert set(compose["services"][name]["environment"]) <= known

    def test_queue_keeps_every_key_and_state_may_forget(self, compose: dict[str, Any]) -> None:
        assert "noeviction" in compose["services"]["redis-queue"]["command"]
        assert "allkeys-lru" in compose["services"]["redis-state"]["command"]

    def test_ours_wait_for_the_migrations(self, compose: dict[str, Any]) -> None:
        for name in OURS:
            needs = compose["services"][name]["depends_on"]
            assert needs["migrate"]["condition"] == "service_completed_successfully"

    def test_volumes_are_declared(self, compose: dict[str, Any]) -> None:
        used = {mount.split(":")[0] for service in compose["services"].values() for mount in service.get("volumes", [])}
        assert used == set(compose["volumes"])
