"""The child: parses one file, answers in frames, dies at its limits instead of the worker.

    python -m wa_app.ai.parsing.child PATH MIME MEMORY CPU_S MAX_PAGES
"""

import os
import resource
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from wa_app.ai.parsing.frames import Pipe
from wa_app.ai.parsing.shapes import Job, Limits, Output, Refused

Parser = Callable[[Job, Output], None]
_WORD: Final = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_EXCEL: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
KINDS: Final[dict[str, str]] = {
    "text/plain": "texts", "text/markdown": "texts", "text/csv": "sheets", "text/tab-separated-values": "sheets",
    _EXCEL: "sheets", _WORD: "words", "application/pdf": "pdf", "text/html": "pages", "image/jpeg": "pictures", "image/png": "pictures",
    "image/webp": "pictures", "image/gif": "pictures", "image/heic": "pictures",
    "application/x-ole-storage": "old", "application/msword": "old", "application/vnd.ms-excel": "old",
}  # fmt: skip
"""Type of content → the module that parses it."""


def main() -> int:
    """Parse what the arguments name."""
    path, mime, memory, cpu_s, max_pages = sys.argv[1:]
    job = Job(Path(path), mime, Limits(int(memory), int(cpu_s), int(max_pages)))
    # What libraries print must not get between the frames.
    wire = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    pipe = Pipe(wire)
    confine(job.limits)
    try:
        parser(job.mime)(job, pipe)
        pipe.end()
    except Refused as error:
        pipe.refused(error)
    except (MemoryError, RecursionError):
        pipe.refused(Refused("file_too_complex"))
    except BrokenPipeError:
        return 1
    return 0


def confine(limits: Limits) -> None:
    """Bounds that the kernel holds this process to."""
    resource.setrlimit(resource.RLIMIT_AS, (limits.memory, limits.memory))
    resource.setrlimit(resource.RLIMIT_CPU, (limits.cpu_s, limits.cpu_s + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))


def parser(mime: str) -> Parser:
    """The function that parses this type; its library is imported only now."""
    from importlib import import_module

    if mime not in KINDS:
        raise Refused("file_unsupported", mime=mime)
    found: Parser = import_module(f"wa_app.ai.parsing.{KINDS[mime]}").parse
    return found


if __name__ == "__main__":
    sys.exit(main())
