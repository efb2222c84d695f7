"""The Chroma server of the `chromadb` wheel (never the in-process client: it is not process-safe)."""

import sys
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from wa_app.embedded.process import Program, tail


@dataclass(frozen=True)
class Chroma:
    """The embedded vector server on loopback."""

    home: Path
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def program(self) -> Program:
        self.home.mkdir(parents=True, exist_ok=True)
        command = str(Path(sys.executable).parent / "chroma")
        return Program(
            "chroma",
            (command, "run", "--path", str(self.home), "--host", "127.0.0.1", "--port", str(self.port)),
            env={"ANONYMIZED_TELEMETRY": "False", "CHROMA_DISABLE_VERSION_CHECK": "1"},
            cwd=self.home,
            group="embedded",
        )

    def answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/api/v2/heartbeat", timeout=1) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False

    def failure(self, log: Path) -> str:
        return (
            f"Chroma could not start in {self.home} ({tail(log, 1) or 'no reason given'}): move the folder away "
            f"(mv {self.home} {self.home}.broken), start again, and re-index the documents."
        )
