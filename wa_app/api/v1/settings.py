"""`/api/v1/settings`: what a tenant decides for all its messages."""

from wa_app.api.deps import Uow
from wa_app.api.routing import router
from wa_app.schemas.conversations import AnswerSettings, AnswerSettingsChange
from wa_app.schemas.opt_out import OptOutChange, OptOutSettings
from wa_app.schemas.sending import SendingSettings
from wa_app.services import opt_out, sending_settings
from wa_app.services.conversations import settings as answer_settings

routes = router("/settings", "settings")


@routes.get("/opt-out")
async def show_opt_out(uow: Uow) -> OptOutSettings:
    """The words by which people stop and start, the answers to them, the line under broadcasts."""
    return await opt_out.get(uow)


@routes.patch("/opt-out")
async def change_opt_out(data: OptOutChange, uow: Uow) -> OptOutSettings:
    """Change what is given; an empty text or list puts the default back."""
    return await opt_out.change(uow, data)


@routes.get("/sending")
async def show_sending(uow: Uow) -> SendingSettings:
    """How often one contact may be written to by campaigns."""
    return await sending_settings.get(uow)


@routes.patch("/sending")
async def change_sending(data: SendingSettings, uow: Uow) -> SendingSettings:
    """Change what is given; `null` takes a limit away."""
    return await sending_settings.change(uow, data)


@routes.get("/answers")
async def show_answers(uow: Uow) -> AnswerSettings:
    """How automatic answers behave: when a talk goes back to the machine, how long rules wait."""
    return await answer_settings.get(uow)


@routes.patch("/answers")
async def change_answers(data: AnswerSettingsChange, uow: Uow) -> AnswerSettings:
    """Change what is given."""
    return await answer_settings.change(uow, data)
