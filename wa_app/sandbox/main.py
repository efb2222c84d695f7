"""Running the sandbox as a process of its own."""

import os
from pathlib import Path
from typing import cast

import uvicorn

from wa_app.sandbox.app import create_app
from wa_app.sandbox.world import ENGINES, Acks, SandboxSettings


def settings_from_env(host: str, port: int) -> SandboxSettings:
    """Settings from `WAHA_API_KEY`, `SANDBOX_ENGINE`, `SANDBOX_ACKS` and `SANDBOX_STATE` (a file)."""
    engine, acks = os.environ.get("SANDBOX_ENGINE", "WEBJS").upper(), os.environ.get("SANDBOX_ACKS", "human")
    if engine not in ENGINES or acks not in ("human", "instant", "off"):
        raise SystemExit("SANDBOX_ENGINE is one of WEBJS NOWEB GOWS WPP, SANDBOX_ACKS one of human instant off")
    state = os.environ.get("SANDBOX_STATE")
    return SandboxSettings(
        api_key=os.environ.get("WAHA_API_KEY") or "sandbox",
        engine=engine,
        acks=cast(Acks, acks),
        state_file=Path(state) if state else None,
        base_url=f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{port}",  # noqa: S104
    )


def run(host: str = "127.0.0.1", port: int = 3000) -> None:
    """Serve the sandbox until TERM or Ctrl-C."""
    app = create_app(settings_from_env(host, port))
    uvicorn.run(app, host=host, port=port, log_level="warning", access_log=False, timeout_graceful_shutdown=2)


if __name__ == "__main__":
    run(os.environ.get("SANDBOX_HOST", "127.0.0.1"), int(os.environ.get("SANDBOX_PORT", "3000")))
