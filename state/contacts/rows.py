"""What pages show of contacts, tags and imports."""

from typing import Any
from zlib import crc32

from wa_app.kit.phones import display
from wa_app.schemas.contacts import TAG_COLORS, ContactView, ImportView, TagView

OPEN = ("queued", "running")
NO_JOB: dict[str, Any] = {
    **dict.fromkeys(("id", "name", "status", "error", "errors_url", "created_at"), ""),
    **dict.fromkeys(("total", "processed", "created", "updated", "skipped", "failed", "duplicates", "warnings"), 0),
    "error_args": {},
}


def tag_row(tag: TagView) -> dict[str, Any]:
    return {"id": str(tag.id), "name": tag.name, "color": tag.color, "contacts": tag.contacts or 0}


def contact_row(contact: ContactView) -> dict[str, Any]:
    """What a list shows of a contact; one without a name is called by its number."""
    number = display(contact.phone) if contact.phone else ""
    return {
        "id": str(contact.id),
        "name": contact.name or number or "LID",
        "phone": contact.phone or "",
        "city": contact.city,
        "tags": [{"id": str(tag.id), "name": tag.name, "color": tag.color} for tag in contact.tags],
        "source": contact.source,
        "created_at": contact.created_at.isoformat(),
        "color": TAG_COLORS[crc32(contact.id.bytes) % len(TAG_COLORS)],
    }


def job_row(job: ImportView) -> dict[str, Any]:
    """What pages show of an import."""
    return {
        **job.model_dump(include={"processed", "created", "updated", "skipped", "failed", "duplicates", "warnings"}),
        "id": str(job.id),
        "name": job.file_name,
        "status": job.status.value,
        "total": job.total or 0,
        "error": job.error_code or "",
        "error_args": {key: str(value) for key, value in job.error_args.items()},
        "errors_url": job.errors_url or "",
        "created_at": job.created_at.isoformat(),
    }
