"""The application object Reflex serves: theme, error handling, lifespan, API beside it, pages."""

import logging
import uuid

import reflex as rx
from reflex.event import EventSpec

import pages  # noqa: F401  (a page exists only when its module is imported)
from pages.not_found import not_found
from wa_app.components.feedback import error_toast
from wa_app.errors import AppError

logger = logging.getLogger(__name__)

_FIRST_PAINT = """(() => {
  const d = document.documentElement;
  try {
    const lang = localStorage.getItem("sapa_lang");
    d.lang = lang === "en" ? "en" : "id";
    const mode = localStorage.getItem("theme") || "system";
    const dark = mode === "dark" || (mode === "system" && matchMedia("(prefers-color-scheme: dark)").matches);
    d.classList.add(dark ? "dark" : "light");
  } catch { d.lang = "id"; }
})();"""


def on_backend_error(exception: Exception) -> EventSpec:
    """What a person sees when a handler raised: our words for expected trouble, a reference for surprises."""
    if isinstance(exception, AppError):
        return error_toast(exception.code, **exception.args_)
    reference = uuid.uuid4().hex[:8]
    logger.error("surprise %s", reference, exc_info=exception)
    return error_toast("surprise", reference=reference)


app = rx.App(
    stylesheets=["/theme.css", "/components.css", "/forms.css", "/shell.css"],
    head_components=[
        rx.el.script(dangerously_set_inner_html={"__html": _FIRST_PAINT}),
        rx.el.meta(name="theme-color", content="#14203B"),
    ],
    html_lang="id",
    backend_exception_handler=on_backend_error,
    toaster=rx.toast.provider(position="bottom-left", close_button=True, visible_toasts=3),
)
app.add_page(not_found, route="404", title="404 · Sapa")
