"""Generated secrets of one installation, in `secrets` inside the data folder, readable by its owner only."""

import os
import secrets
from pathlib import Path

from wa_app.embedded.errors import LauncherError


class Secrets:
    """`NAME=value` lines; a value is made when it is first asked for and never changes by itself."""

    def __init__(self, home: Path) -> None:
        self.path = home / "secrets"
        self._values = self._read()

    def _read(self) -> dict[str, str]:
        if not self.path.exists():
            return {}
        try:
            lines = self.path.read_text(encoding="ascii").splitlines()
        except (OSError, UnicodeDecodeError) as problem:
            raise LauncherError(f"{self.path} cannot be read ({problem}): restore it from a backup.") from problem
        return dict(line.split("=", 1) for line in lines if "=" in line)

    def get(self, name: str, length: int = 48) -> str:
        """The secret, at most `length` URL-safe characters."""
        if name not in self._values:
            self._values[name] = secrets.token_urlsafe(length)[:length]
            self._write()
        return self._values[name]

    def _write(self) -> None:
        part = self.path.with_suffix(".part")
        part.unlink(missing_ok=True)
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as out:
            out.writelines(f"{name}={value}\n" for name, value in self._values.items())
        part.rename(self.path)
