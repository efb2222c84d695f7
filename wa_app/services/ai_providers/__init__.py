"""A tenant's own AI providers, how its calls are spread, and its budget. The platform's are in `services.admin.ai`."""

from wa_app.services.ai_providers.settings import change_settings, get_settings_view
from wa_app.services.ai_providers.verbs import (
    choosable,
    create,
    get,
    list_,
    models,
    remove,
    reorder,
    test,
    update,
)

__all__ = [
    "change_settings",
    "choosable",
    "create",
    "get",
    "get_settings_view",
    "list_",
    "models",
    "remove",
    "reorder",
    "test",
    "update",
]
