"""Uploader of several files at once: straight to a route of ours by XHR, one after the other."""

from typing import Any

import reflex as rx

from wa_app.components.i18n import library
from wa_app.components.uploader import post_module

MB = 1024 * 1024


def _added(document_id: rx.Var[str]) -> tuple[rx.Var[str]]:
    return (document_id,)


class ManyUploader(rx.NoSSRComponent):
    """Drop zone whose files each have their progress, and their reason when they are refused."""

    tag = "ManyUploader"

    accept: rx.Var[list[str]]
    types_text: rx.Var[str]
    max_bytes: rx.Var[int]
    action: rx.Var[str]

    on_added: rx.EventHandler[_added]  # type: ignore[valid-type,type-arg]


def many_uploader(
    *, accept: list[str], types_text: str, action: str, on_added: Any, max_bytes: int = 100 * MB
) -> rx.Component:
    """Choose or drop files; each is posted to `action` (a route of ours) and `on_added(id)` fires when it was taken."""
    library()
    post_module()
    ManyUploader.library = rx.asset("many_uploader.jsx", shared=True).importable_path
    return ManyUploader.create(
        accept=accept, types_text=types_text, max_bytes=max_bytes, action=action, on_added=on_added
    )
