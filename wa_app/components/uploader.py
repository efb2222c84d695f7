"""File uploader: straight to `POST /api/v1/files` by XHR, never through Reflex's own upload route."""

from typing import Any, Literal

import reflex as rx
from reflex.event import no_args_event_spec

from wa_app.components.i18n import library

MB = 1024 * 1024


def _picked(file: rx.Var[dict[str, Any]]) -> tuple[rx.Var[str], rx.Var[str], rx.Var[int]]:
    return file["id"].to(str), file["name"].to(str), file["size"].to(int)  # type: ignore[index]


class Uploader(rx.NoSSRComponent):
    """Drop zone with progress, cancel and checks of type and size before anything is sent."""

    tag = "Uploader"

    accept: rx.Var[list[str]]
    types_text: rx.Var[str]
    max_bytes: rx.Var[int]
    compact: rx.Var[bool]
    purpose: rx.Var[str]
    value_name: rx.Var[str]
    value_size: rx.Var[int]

    on_uploaded: rx.EventHandler[_picked]  # type: ignore[valid-type,type-arg]
    on_cleared: rx.EventHandler[no_args_event_spec]  # type: ignore[valid-type,type-arg]


def post_module() -> None:
    """Write the module that sends files, which all fields for files import."""
    rx.asset("file_post.js", shared=True)


def uploader(
    *,
    accept: list[str],
    types_text: str,
    on_uploaded: Any,
    max_bytes: int = 50 * MB,
    compact: bool = False,
    value_name: Any = "",
    value_size: Any = 0,
    on_cleared: Any = None,
    purpose: Literal["any", "message"] = "any",
) -> rx.Component:
    """Choose or drop one file. `accept`: endings with dot; `types_text`: the same for people ("CSV, XLSX").

    Fires `on_uploaded(file_id, name, size)`; errors of the API are shown in place. `value_name` shows
    a file chosen earlier. With `purpose="message"` the API refuses what WhatsApp would not take.
    """
    library()
    post_module()
    Uploader.library = rx.asset("uploader.jsx", shared=True).importable_path
    props: dict[str, Any] = {} if on_cleared is None else {"on_cleared": on_cleared}
    return Uploader.create(
        accept=accept,
        types_text=types_text,
        max_bytes=max_bytes,
        compact=compact,
        purpose=purpose,
        value_name=value_name,
        value_size=value_size,
        on_uploaded=on_uploaded,
        **props,
    )
