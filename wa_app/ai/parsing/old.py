"""Files of old Office programs, which are not read: say which kind it is."""

from wa_app.ai.parsing.shapes import MEGABYTE, Job, Output, Refused

_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")


def parse(job: Job, out: Output) -> None:
    """Refuse: a new file with a password looks like an old one."""
    with job.path.open("rb") as file:
        is_locked = _ENCRYPTED in file.read(32 * MEGABYTE)
    raise Refused("file_encrypted" if is_locked else "file_old_office")
