"""Parts of the media library that other pages use: the picture of a file, the picker."""

from typing import Any

import reflex as rx

from state.media import MediaPickerState as P
from wa_app.components.buttons import button
from wa_app.components.dialogs import dialog
from wa_app.components.i18n import file_size, t
from wa_app.components.icons import icon
from wa_app.components.table import search_box

ACCEPT = [".jpg", ".jpeg", ".png", ".webp", ".mp4", ".3gp", ".mov", ".mp3", ".ogg", ".m4a", ".aac", ".pdf", ".docx",
          ".xlsx", ".pptx", ".csv", ".txt", ".zip"]  # fmt: skip
_ICONS = (("image", "image"), ("video", "film"), ("audio", "audio-lines"))


def media_art(row: Any) -> rx.Component:
    """The small picture of a file, or the icon of its kind."""
    kind = rx.match(row["kind"].to(str), *((key, icon(name, 26)) for key, name in _ICONS), icon("file-text", 26))
    ending = row["name"].to(str).split(".")[-1].upper()
    return rx.el.span(
        rx.cond(
            row["thumb"] != "",
            rx.el.img(src=row["thumb"].to(str), alt="", loading="lazy"),
            rx.fragment(kind, rx.el.span(ending, class_name="micro clip")),
        ),
        class_name="media-art",
        aria_hidden="true",
    )


def media_facts(row: Any) -> rx.Component:
    """Type of the content, and for pictures how large they are."""
    pixels = t("media.pixels", w=row["width"].to(int), h=row["height"].to(int))
    return rx.el.span(row["mime"].to(str), rx.cond(row["width"].to(int) > 0, rx.fragment(" · ", pixels)))


def media_picker(on_choose: Any) -> rx.Component:
    """A button that opens the library; `on_choose(file_id, name, size)` gets what was chosen."""

    def one(row: Any) -> rx.Component:
        chosen = [on_choose(row["id"].to(str), row["name"].to(str), row["size"].to(int)), P.set_open(False)]
        return rx.el.button(
            media_art(row),
            rx.el.span(rx.el.span(row["name"].to(str), class_name="strong clip"),
                       rx.el.span(file_size(row["size"]), class_name="small muted"), class_name="media-words"),
            type="button", class_name="media-card", on_click=chosen, key=row["id"].to(str),
        )  # fmt: skip

    return rx.fragment(
        button(t("media.pick"), leading="images", small=True, on_click=P.set_open(True)),
        dialog(
            search_box(P.query, P.search),
            rx.cond(
                P.rows.length() > 0, rx.el.div(rx.foreach(P.rows, one), class_name="media-grid picker"),
                rx.cond(P.ready, rx.el.p(t("media.pick.none"), class_name="muted"), rx.fragment()),
            ),
            title=t("media.pick.title"), open_=P.is_open, on_open_change=P.set_open, width=780,
        ),
    )  # fmt: skip
