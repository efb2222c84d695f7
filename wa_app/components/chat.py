"""Chat bubbles and the phone that previews a message."""

from typing import Any, Literal

import reflex as rx

from wa_app.components.chips import avatar, message_state_icon
from wa_app.components.i18n import t
from wa_app.components.icons import icon


def bubble(
    text: Any, *, side: Literal["in", "out", "ai"] = "in", time: Any = "", state: Any = None, image: Any = None
) -> rx.Component:
    """One message. `state` draws its tick; the AI's messages say so with their icon."""
    head = [rx.el.div(icon("sparkles", 13), class_name="text-spark-text")] if side == "ai" else []
    picture = [rx.cond(image, rx.el.img(src=image, alt=""))] if image is not None else []
    tick = [message_state_icon(state)] if state is not None else []
    return rx.el.div(
        *head,
        *picture,
        rx.el.span(text),
        rx.el.div(rx.el.span(time), *tick, class_name="meta"),
        class_name=f"bubble {side}",
    )


def date_pill(text: Any) -> rx.Component:
    """Day between messages."""
    return rx.el.div(text, class_name="date-pill")


def chat(*children: Any, **props: Any) -> rx.Component:
    """The ground bubbles stand on."""
    return rx.el.div(*children, class_name="chat", **props)


def phone_preview(sender: Any, *messages: Any, min_height: str = "320px") -> rx.Component:
    """How a message will look on the customer's phone."""
    return rx.el.div(
        rx.el.div(
            icon("arrow-left"),
            avatar(sender, "indigo"),
            rx.el.div(
                rx.el.span(sender, class_name="strong clip"),
                rx.el.span(t("preview.business"), class_name="micro muted"),
                class_name="stack grow",
            ),
            icon("ellipsis-vertical"),
            class_name="phone-head",
        ),
        chat(*messages, style={"minHeight": min_height}),
        class_name="phone",
    )
