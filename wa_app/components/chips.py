"""Chips: a state in one word with its dot, tags in the tenant's colours, petal avatars."""

from typing import Any, Literal

import reflex as rx

from wa_app.components.i18n import t
from wa_app.components.icons import icon
from wa_app.components.inline import inline

Tone = Literal["neutral", "brand", "ok", "warn", "bad", "odd", "spark"]

TAG_COLOURS = ("indigo", "terra", "teal", "ochre", "plum", "olive", "rose", "sea", "mist", "red", "orange")
"""Names of the colours a tag may have; stored on the tag, drawn as `--k-<name>`."""

MESSAGE_STATES = (
    "read",
    "delivered",
    "sent",
    "sending",
    "held",
    "unknown",
    "failed",
    "skipped",
    "cancelled",
    "planned",
)
"""The order of message states on every ribbon and legend."""

_STATE_ICONS = {
    "read": "check-check",
    "played": "check-check",
    "delivered": "check-check",
    "sent": "check",
    "sending": "loader",
    "unknown": "circle-help",
    "failed": "x",
    "skipped": "minus",
    "planned": "clock",
    "held": "circle-pause",
    "cancelled": "ban",
}
_STATE_INK = {
    "read": "text-brand-text",
    "played": "text-brand-text",
    "delivered": "text-[var(--st-delivered)]",
    "sending": "text-spark-text",
    "unknown": "text-odd",
    "failed": "text-bad",
    "held": "text-warn",
}


def chip(text: Any, tone: Tone = "neutral", *, dot: bool = True, live: bool = False) -> rx.Component:
    """A small state label. `live` lets the dot breathe and is for what happens right now."""
    mark = rx.el.i(class_name="dot live" if live else "dot") if dot else None
    return rx.el.span(*([mark] if mark else []), rx.el.span(text, class_name="clip"), class_name=f"chip {tone}")


def device_state_chip(state: rx.Var[str], warm_up_day: Any = None) -> rx.Component:
    """Chip of a device's state (`CONNECTED`, `SCAN_QR`, …); `warm_up_day` > 0 shows the warm-up instead of connected."""
    connected = chip(t("device.state.connected"), "ok")
    if warm_up_day is not None:
        warm = chip(rx.fragment(t("device.state.warm_up"), " · ", t("device.day", n=warm_up_day)), "brand")
        connected = rx.cond(rx.Var.create(warm_up_day).to(int) > 0, warm, connected)
    return rx.match(
        rx.Var.create(state).to(str).upper(),
        ("CONNECTED", connected),
        ("SCAN_QR", chip(t("device.state.scan_qr"), "spark", live=True)),
        ("PASSKEY", chip(t("device.state.passkey"), "spark", live=True)),
        ("STARTING", chip(t("device.state.starting"))),
        ("PAUSED", chip(t("device.state.paused"), "warn")),
        ("DISCONNECTED", chip(t("device.state.disconnected"), "bad")),
        chip(t("device.state.failed"), "bad"),
    )


def campaign_state_chip(state: rx.Var[str]) -> rx.Component:
    """Chip of a campaign's state (`DRAFT`, `PROCESSING`, …)."""
    return rx.match(
        rx.Var.create(state).to(str).upper(),
        ("DRAFT", chip(t("campaign.state.draft"))),
        ("PENDING", chip(t("campaign.state.pending"), "brand")),
        ("PROCESSING", chip(t("campaign.state.processing"), "spark", live=True)),
        ("PAUSED", chip(t("campaign.state.paused"), "warn")),
        ("COMPLETED", chip(t("campaign.state.completed"), "ok")),
        chip(t("campaign.state.cancelled")),
    )


def message_state(state: rx.Var[str]) -> rx.Component:
    """Icon and word of one message's state (`read`, `sending`, …)."""

    def shown(name: str) -> rx.Component:
        return rx.el.span(
            icon(_STATE_ICONS[name]), t(f"status.{name}"), class_name=f"row {_STATE_INK.get(name, 'text-text-2')}"
        )

    return rx.match(
        rx.Var.create(state).to(str).lower(), *((name, shown(name)) for name in _STATE_ICONS), shown("planned")
    )


def message_state_icon(state: rx.Var[str]) -> rx.Component:
    """Only the tick of a message's state, with its word for screen readers."""

    def shown(name: str) -> rx.Component:
        return rx.el.span(
            icon(_STATE_ICONS[name]),
            rx.el.span(t(f"status.{name}"), class_name="sr"),
            class_name=f"icon {_STATE_INK.get(name, 'text-text-2')}",
        )

    return rx.match(
        rx.Var.create(state).to(str).lower(), *((name, shown(name)) for name in _STATE_ICONS), shown("planned")
    )


def _colour(name: Any) -> dict[str, Any]:
    return inline(k="var(--k-" + rx.Var.create(name).to(str) + ", var(--k-mist))")


def tag_chip(name: Any, colour: Any = "mist") -> rx.Component:
    """A contact's tag; `colour` is one of `TAG_COLOURS`."""
    return rx.el.span(rx.el.span(name, class_name="clip"), class_name="tag", custom_attrs=_colour(colour))


def avatar(name: Any, colour: Any = "mist", *, size: Literal["sm", "md", "lg"] = "md") -> rx.Component:
    """Petal with a person's initials. Decoration: the name stands beside it."""
    initials = rx.Var.create(name).to(str)
    return rx.el.span(
        rx.Var(
            f"(String({initials!s} ?? '').trim().split(/\\s+/).slice(0, 2).map((w) => [...w][0] ?? '').join('') || '?').toUpperCase()",
            _var_type=str,
            _var_data=initials._get_all_var_data(),
        ),
        class_name="avatar" if size == "md" else f"avatar {size}",
        custom_attrs=_colour(colour),
        aria_hidden="true",
    )


def tile(name: str, tone: str = "") -> rx.Component:
    """Rounded square with an icon: devices, files, kinds of notices."""
    return rx.el.span(icon(name), class_name=f"tile {tone}".strip(), aria_hidden="true")
