"""Conversations as files, and deleting them: a worker does what may take long, with progress and an end by hand."""

from wa_app.services.chat_jobs.deleting import delete, matching, request_delete
from wa_app.services.chat_jobs.exporting import forget, request_export
from wa_app.services.chat_jobs.running import again, cancel, get, recent, run, wake

__all__ = ["again", "cancel", "delete", "forget", "get", "matching", "recent", "request_delete", "request_export", "run", "wake"]
