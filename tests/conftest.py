"""What every test gets: settings of a test environment, no network outside this machine, real services on request."""

import ipaddress
import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

pytest_plugins = [
    "tests.fixtures.services",
    "tests.fixtures.sandbox",
    "tests.fixtures.app",
    "tests.fixtures.api", "tests.fixtures.s3", "tests.fixtures.served",
    "tests.fixtures.engine",
    "tests.fixtures.vendors",
]

OUTSIDE = (
    "DATABASE_URL", "DATABASE_APP_URL", "DATABASE_SYSTEM_URL", "REDIS_URL", "REDIS_STATE_URL", "CHROMA_URL",
    "S3_URL", "WAHA_URL", "WAHA_API_KEY", "PUBLIC_URL", "SMTP_URL", "SENTRY_DSN",
)  # fmt: skip
FOLDER = pytest.StashKey[Path]()
LOCAL_NAMES = {"localhost", "", None}


def pytest_configure(config: pytest.Config) -> None:
    # Imported here: pytest must load its plugins before anybody else does.
    from tests.fixtures import services

    if not hasattr(config, "workerinput"):
        folder = Path(tempfile.mkdtemp(prefix="sapa-test-"))
        folder.chmod(0o711)
        config.stash[FOLDER] = folder
        os.environ |= {services.FOLDER: str(folder), services.CONTROLLER: str(os.getpid())}
        (folder / "data").mkdir()
    # Set, not removed: a variable wins over the developer's .env file.
    os.environ |= dict.fromkeys(OUTSIDE, "")
    os.environ |= {
        "SAPA_ENV": "test", "SAPA_SECRET_KEY": services.SECRET, "SAPA_DATA": f"{os.environ[services.FOLDER]}/data",
        "REFLEX_TELEMETRY_ENABLED": "false", "REFLEX_CHECK_LATEST_VERSION": "false",
    }  # fmt: skip
    sys.addaudithook(_stay_on_this_machine)


def pytest_unconfigure(config: pytest.Config) -> None:
    folder = config.stash.get(FOLDER, None)
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)


def _stay_on_this_machine(event: str, args: tuple[object, ...]) -> None:
    """Refuse connections and look-ups that would leave loopback."""
    if event == "socket.connect" and isinstance(args[1], tuple):
        _refuse_outside(args[1][0])
    elif event == "socket.getaddrinfo":
        _refuse_outside(args[0])


def _refuse_outside(host: object) -> None:
    name = host.decode() if isinstance(host, bytes) else host
    if name in LOCAL_NAMES:
        return
    try:
        local = ipaddress.ip_address(str(name)).is_loopback
    except ValueError:
        local = False
    if not local:
        raise RuntimeError(f"a test tried to reach {name}: only this machine is allowed")
