"""Reflex reads this file; every value comes from `wa_app/config.py`."""

import reflex as rx

from wa_app.config import get_settings
from wa_app.embedded.same_origin import SameOriginPlugin

settings = get_settings()

config = rx.Config(
    app_name="wa_app",
    frontend_port=settings.port,
    backend_port=settings.port,
    api_url=settings.base_url,
    deploy_url=settings.base_url,
    cors_allowed_origins=settings.origins,
    redis_url=settings.redis_state_url or None,
    telemetry_enabled=False,
    show_built_with_reflex=False,
    default_color_mode="system",
    frontend_packages=[
        "@fontsource-variable/plus-jakarta-sans@5.3.0",
        "@fontsource-variable/jetbrains-mono@5.3.0",
    ],
    plugins=[
        rx.plugins.RadixThemesPlugin(
            theme=rx.theme(accent_color="indigo", gray_color="sand", radius="medium", has_background=False)
        ),
        rx.plugins.TailwindV4Plugin(),
        SameOriginPlugin(),
    ],
    disable_plugins=[rx.plugins.SitemapPlugin],
)
