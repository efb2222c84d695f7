"""`/api/v1/chats/…`: conversations as files, and deleting them."""

from uuid import UUID

from wa_app.api.deps import CurrentPrincipal, Uow
from wa_app.api.routing import router
from wa_app.schemas.chat_jobs import ChatExport, ChatJobView, ChatsDelete, ChatsExport
from wa_app.services import chat_jobs

routes = router("/chats", "chats")


@routes.post("/export", status_code=202)
async def export_many(uow: Uow, body: ChatsExport) -> ChatJobView:
    """Have the conversations of a view and its filters written as CSV or JSON by a worker; notes are left out."""
    return await chat_jobs.request_export(uow, body.format, filters=body.filters)


@routes.post("/bulk-delete", status_code=202)
async def bulk_delete(uow: Uow, body: ChatsDelete) -> ChatJobView:
    """Have many conversations deleted by a worker, by `chat_ids` or by `filters`."""
    return await chat_jobs.request_delete(uow, body)


@routes.get("/jobs")
async def list_jobs(uow: Uow) -> list[ChatJobView]:
    """The newest files and deletions, those being done too."""
    return await chat_jobs.recent(uow)


@routes.get("/jobs/{chat_job_id}")
async def show_job(uow: Uow, chat_job_id: UUID) -> ChatJobView:
    """How far one is, and when a file is done a link that works for an hour."""
    return await chat_jobs.get(uow, chat_job_id)


@routes.post("/jobs/{chat_job_id}/cancel", status_code=202)
async def cancel_job(uow: Uow, chat_job_id: UUID) -> ChatJobView:
    """Stop it at its next step; what is deleted by then stays deleted."""
    return await chat_jobs.cancel(uow, chat_job_id)


@routes.post("/jobs/{chat_job_id}/again", status_code=202)
async def repeat_job(uow: Uow, chat_job_id: UUID) -> ChatJobView:
    """Ask for the same work once more, when it failed or was cancelled; another job is answered."""
    return await chat_jobs.again(uow, chat_job_id)


@routes.post("/{chat_id}/export", status_code=202)
async def export_one(uow: Uow, chat_id: UUID, body: ChatExport) -> ChatJobView:
    """Have one conversation written as CSV or JSON; notes are left out."""
    return await chat_jobs.request_export(uow, body.format, conversation_id=chat_id)


@routes.delete("/{chat_id}", status_code=204)
async def delete(principal: CurrentPrincipal, chat_id: UUID) -> None:
    """Delete it for good: lines, notes, drafts, cases. What was sent stays in the ledger; a customer who writes again begins anew."""
    await chat_jobs.delete(principal, chat_id)
