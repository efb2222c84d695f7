"""The application object Reflex serves: theme, error handling, lifespan, the API beside it, pages."""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import reflex as rx
import structlog
from reflex.app import default_error_boundary
from reflex.event import EventSpec

import pages  # noqa: F401  (a page exists only when its module is imported)
from pages.not_found import not_found
from wa_app import db, live
from wa_app.ai import gateway
from wa_app.api.app import create_api
from wa_app.components.feedback import error_toast
from wa_app.config import get_settings
from wa_app.errors import AppError, NotSignedIn
from wa_app.kit.log import configure_logging
from wa_app.state_locks import patient

log = structlog.get_logger(__name__)

_FIRST_PAINT = """(() => {
  const page = document.documentElement;
  let lang = null;
  try { lang = localStorage.getItem("sapa_lang"); } catch { /* storage may be forbidden */ }
  page.lang = lang === "en" ? "en" : "id";
})();"""


_TO_SIGN_IN = """(() => {
  if (location.pathname.startsWith("/login")) return;
  sessionStorage.removeItem("token");
  location.assign("/login?next=" + encodeURIComponent(location.pathname));
})()"""


def on_backend_error(exception: Exception) -> EventSpec:
    """What a person sees when a handler raised: our words for expected trouble, a reference for surprises."""
    if isinstance(exception, NotSignedIn):
        return rx.call_script(_TO_SIGN_IN)
    if isinstance(exception, AppError):
        return error_toast(exception.code, **exception.args_)
    reference = uuid.uuid4().hex[:8]
    log.error("handler.surprise", reference=reference, exc_info=exception)
    return error_toast("surprise", reference=reference)


@asynccontextmanager
async def resources() -> AsyncIterator[None]:
    """Connections of one web process: opened after the fork, closed at its end."""
    configure_logging("web")
    if not get_settings().redis_url:
        yield
        return
    async with live.running():
        yield
    await gateway.close()
    await db.dispose()


def _tab_is_connected(client_token: str) -> bool:
    namespace = app.event_namespace
    return namespace is not None and client_token in namespace.token_to_sid


app = rx.App(
    stylesheets=[
        "/theme.css", "/components.css", "/forms.css", "/shell.css", "/campaigns.css", "/segments.css", "/reports.css", "/media.css", "/devices.css", "/agents.css", "/rules.css", "/ai.css", "/inbox.css", "/inbox_list.css", "/inbox_chat.css",
    ],
    head_components=[
        # Reflex takes an unknown property for a style: only a custom attribute reaches React.
        rx.el.script(custom_attrs={"dangerouslySetInnerHTML": rx.Var.create({"__html": _FIRST_PAINT})}),
        rx.el.meta(name="theme-color", content="#14203B"),
        rx.el.link(rel="icon", href="/favicon.svg", type="image/svg+xml"),
    ],
    html_lang="id",
    # Without Reflex's own connection overlay, which speaks English over the page: the shell has an offline bar.
    app_wraps={(55, "ErrorBoundary"): lambda _stateful: default_error_boundary()},
    api_transformer=create_api(),
    backend_exception_handler=on_backend_error,
    toaster=rx.toast.provider(position="bottom-left", close_button=True, rich_colors=False, visible_toasts=3),
)
# Reflex offers no other way to choose one.
app._state_manager = patient(app._state_manager)
app.register_lifespan_task(resources)
live.check_tabs_with(_tab_is_connected)
app.add_page(not_found, route="404", title="404 · Sapa")
