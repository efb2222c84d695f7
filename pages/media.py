"""The media library: what was uploaded, with small pictures, and who uses it."""

from typing import Any

import reflex as rx

from pages import routes
from pages.layout import shell
from pages.media_parts import ACCEPT, media_art, media_facts
from state.base import AppState
from state.media import MediaState as S
from wa_app.components.buttons import button, link
from wa_app.components.cards import definition, page_header
from wa_app.components.dialogs import confirm, dialog, drawer
from wa_app.components.feedback import empty, filtered_empty, notice, skeleton_rows
from wa_app.components.i18n import date, file_size, t, t_var
from wa_app.components.table import filter_select, search_box, toolbar
from wa_app.components.uploader import uploader

KINDS = ("image", "video", "audio", "document")


def _unsent(row: Any) -> rx.Var[str]:
    """Of a file no broadcast carries: whether something else needs it."""
    return rx.cond(row["elsewhere"].to(bool), t("media.used_elsewhere"), t("media.used_none"))


def _card(row: Any) -> rx.Component:
    used = row["used"].to(int)
    return rx.el.button(
        media_art(row),
        rx.el.span(
            rx.el.span(row["name"], class_name="strong clip"),
            rx.el.span(file_size(row["size"]), " · ",
                       rx.cond(used > 0, t("media.used", n=used), _unsent(row)), class_name="small muted clip"),
            class_name="media-words",
        ),
        type="button", class_name="media-card", on_click=S.open(row["id"]), key=row["id"].to(str),
    )  # fmt: skip


def _grid() -> rx.Component:
    more = rx.cond(S.next_id != "", rx.el.div(button(t("media.more"), on_click=S.more), class_name="media-more"))
    nothing = rx.cond(
        (S.query != "") | (S.kind != ""), filtered_empty(S.clear),
        empty(t("media.empty.title"), t("media.empty.text"),
              button(t("media.upload"), look="primary", leading="upload", on_click=S.set_uploading(True))),
    )  # fmt: skip
    bar = toolbar(
        search_box(S.query, S.search),
        filter_select(
            t("media.kind"), [("", t("media.kind.all")), *((one, t(f"media.kind.{one}")) for one in KINDS)],
            value=S.kind, on_change=S.filter_kind,
        ),
    )  # fmt: skip
    grid = rx.el.div(rx.foreach(S.rows, _card), class_name="media-grid")
    body = rx.cond(S.rows.length() > 0, rx.fragment(grid, more), rx.cond(S.ready, nothing, skeleton_rows()))
    return rx.el.section(bar, body, class_name="card", aria_label=t("media.title"))


def _upload() -> rx.Component:
    return dialog(
        uploader(accept=ACCEPT, types_text=t("media.types"), on_uploaded=S.uploaded, purpose="message",
                 max_bytes=100 * 1024 * 1024),
        title=t("media.upload.title"), note=t("media.upload.note"), open_=S.uploading,
        on_open_change=S.set_uploading, width=600,
    )  # fmt: skip


def _use(one: Any) -> rx.Component:
    return rx.el.li(link(one["name"].to(str), href=routes.CAMPAIGNS + "/" + one["id"].to(str), class_name="link clip"))


def _detail() -> rx.Component:
    shown = S.shown
    large = rx.match(
        shown["kind"].to(str),
        ("image", rx.cond(shown["problem"] == "", rx.el.img(
            src=shown["url"].to(str), alt=t("media.preview", name=shown["name"].to(str)), class_name="media-large"))),
        ("video", rx.el.video(src=shown["url"].to(str), controls=True, preload="metadata", class_name="media-large")),
        ("audio", rx.el.audio(src=shown["url"].to(str), controls=True, preload="metadata", class_name="w-full")),
        rx.el.div(media_art(shown), class_name="media-large-doc"),
    )
    return drawer(
        rx.cond(shown["problem"] != "", notice(t_var("media.problem." + shown["problem"].to(str)), tone="warn",
                                               icon_name="triangle-alert")),
        large,
        rx.el.dl(
            definition(t("media.size"), file_size(shown["size"])),
            definition(t("media.type"), media_facts(shown)),
            definition(t("media.added"), date(shown["added"])),
            class_name="m-0",
        ),
        rx.el.h3(t("media.used_in"), class_name="h2"),
        rx.cond(S.uses.length() > 0, rx.el.ul(rx.foreach(S.uses, _use), class_name="media-uses"),
                rx.el.p(_unsent(shown), class_name="muted")),
        title=shown["name"].to(str), open_=S.opened, on_open_change=S.close,
        foot=[
            button(t("media.delete"), look="danger", leading="trash-2", on_click=S.ask_delete),
            rx.el.span(class_name="grow"),
            rx.cond(shown["problem"] == "", button(t("media.use"), look="primary", leading="megaphone", on_click=S.use)),
        ],
    )  # fmt: skip


@rx.page(route=routes.MEDIA, title="Sapa", on_load=[AppState.on_load, S.load])
def media() -> rx.Component:
    """Everything uploaded for messages, once each."""
    return shell(
        page_header(
            t("media.title"),
            rx.cond(S.ready, t("media.state", n=S.n, size=file_size(S.bytes)), ""),
            button(t("media.upload"), look="primary", leading="upload", on_click=S.set_uploading(True)),
        ),
        _grid(),
        _upload(),
        _detail(),
        confirm(
            t("media.delete.title", name=S.shown["name"].to(str)), t("media.delete.text"), open_=S.asked,
            on_open_change=S.close_question, confirm_text=t("media.delete"), on_confirm=S.delete,
        ),
        title=t("media.title"),
        active="media",
    )  # fmt: skip
