"""Home: what to do next until the first broadcast has gone out, then today in numbers."""

from typing import Any

import reflex as rx

from pages import routes
from pages.layout import shell
from state.base import AppState
from state.home import HomeState
from wa_app.components.buttons import link, link_button
from wa_app.components.cards import card, card_body, card_row, figure, figure_strip, page_header, two_lines
from wa_app.components.chips import campaign_state_chip, chip, device_state_chip, tile
from wa_app.components.feedback import notice, skeleton_rows
from wa_app.components.i18n import greeting, moment, number, percent, t, t_var, today
from wa_app.components.icons import icon
from wa_app.components.progress import bar, ribbon


def _header() -> rx.Component:
    first_name = HomeState.user_name.split(" ")[0]
    hello = rx.cond(HomeState.user_name, t("home.hello", greeting=greeting(), name=first_name), greeting())
    waiting = HomeState.decisions.length()
    state = rx.cond(
        HomeState.has_broadcast,
        rx.cond(waiting > 0, t("home.waiting", date=today(), n=waiting), t("home.calm", date=today())),
        t("home.starting", date=today()),
    )
    return page_header(
        hello,
        rx.cond(HomeState.ready, state, today()),
        rx.cond(
            HomeState.has_broadcast,
            rx.fragment(
                link_button(t("home.step.contacts.do"), routes.CONTACTS_IMPORT, leading="user-plus"),
                link_button(t("home.step.broadcast.do"), routes.CAMPAIGN_NEW, look="primary", leading="megaphone"),
            ),
        ),
        display=True,
    )


def _step(n: int, noun: str, done: Any, ready: Any, href: str) -> rx.Component:
    state = rx.cond(done, "done", rx.cond(ready, "now", "next"))
    action = rx.cond(
        done,
        chip(t("home.step.done"), "ok"),
        rx.cond(
            ready,
            link_button(t(f"home.step.{noun}.do"), href, look="primary"),
            link_button(t(f"home.step.{noun}.do"), href),
        ),
    )
    return rx.el.li(
        rx.el.span(rx.cond(done, icon("check", 13), rx.fragment(str(n))), class_name="petal-no"),
        two_lines(t(f"home.step.{noun}"), rx.el.span(t(f"home.step.{noun}.why"), class_name="wrap")),
        action,
        class_name="card-row step-row step",
        custom_attrs={"data-state": state},
    )


def _first_steps() -> rx.Component:
    device, contacts, broadcast = HomeState.has_device, HomeState.has_contacts, HomeState.has_broadcast
    return card(
        rx.el.ol(
            _step(1, "device", device, ~device, routes.DEVICES),
            _step(2, "contacts", contacts, device & ~contacts, routes.CONTACTS_IMPORT),
            _step(3, "broadcast", broadcast, device & contacts, routes.CAMPAIGN_NEW),
            _step(4, "knowledge", HomeState.has_knowledge, rx.Var.create(False), routes.KNOWLEDGE),
            class_name="plain",
        ),
        title=t("home.steps.title"),
        note=t("home.steps.progress", n=HomeState.steps_done),
    )


def _figures() -> rx.Component:
    read = rx.cond(HomeState.read_percent >= 0, percent(HomeState.read_percent), "–")
    read_note = rx.cond(HomeState.read_percent >= 0, t("home.read.note"), t("home.read.none"))
    return figure_strip(
        figure(t("home.sent"), number(HomeState.sent), t("home.sent.note", n=HomeState.device_count)),
        figure(t("home.read"), read, read_note),
        figure(t("home.incoming"), number(HomeState.incoming), t("home.incoming.note")),
        figure(t("home.failed"), number(HomeState.failed), t("home.failed.note")),
        aria_live="polite",
    )


def _decision(row: Any) -> rx.Component:
    def line(kind: str, tone: str, icon_name: str, title: Any, why: Any, href: Any) -> rx.Component:
        return card_row(
            tile(icon_name, tone),
            two_lines(title, why),
            rx.el.span(t(f"home.decide.{kind}.do"), class_name="btn desk"),
            rx.el.span(icon("chevron-right", 20), class_name="icon phone-only muted"),
            href=href,
            key=row["kind"].to(str) + row["id"].to(str),
        )

    name, n = row["name"].to(str), row["n"].to(int)
    campaign = routes.CAMPAIGNS + "/" + row["id"].to(str)
    return rx.match(
        row["kind"],
        (
            "device",
            line(
                "device",
                "bad",
                "unplug",
                t("home.decide.device", name=name),
                t("home.decide.device.why", time=moment(row["at"])),
                routes.DEVICES,
            ),
        ),
        (
            "guarded",
            line(
                "guarded",
                "warn",
                "shield-alert",
                t("home.decide.guarded", name=name),
                t_var("devices.guard." + row["level"].to(str)) + ". " + t_var("devices.guard." + row["level"].to(str) + ".note"),
                routes.DEVICES + "/" + row["id"].to(str),
            ),
        ),
        (
            "paused",
            line(
                "paused",
                "warn",
                "circle-pause",
                t("home.decide.paused", name=name),
                t("home.decide.paused.why"),
                campaign,
            ),
        ),
        line(
            "unknown",
            "odd",
            "circle-help",
            t("home.decide.unknown", n=n),
            t("home.decide.unknown.why", name=name),
            campaign,
        ),
    )


def _decisions() -> rx.Component:
    return rx.cond(
        HomeState.decisions.length() > 0,
        card(
            rx.foreach(HomeState.decisions, _decision),
            title=t("home.decide.title"),
            note=number(HomeState.decisions.length()),
        ),
    )


def _broadcast(row: Any) -> rx.Component:
    scheduled = row["scheduled_at"].to(str)
    return card_row(
        rx.el.div(
            rx.el.div(
                rx.el.span(row["name"], class_name="strong clip grow"),
                campaign_state_chip(row["status"]),
                class_name="row",
            ),
            ribbon(row["counts"].to(dict[str, int])),
            rx.el.div(
                rx.el.span(
                    rx.el.b(number(row["done"])), t("home.of_total", total=row["total"].to(int)), class_name="grow"
                ),
                rx.cond(scheduled, rx.el.span(t("home.starts", time=moment(scheduled)))),
                class_name="row small muted",
            ),
            class_name="stack grow gap-[7px]",
        ),
        href=routes.CAMPAIGNS + "/" + row["id"].to(str),
        key=row["id"].to(str),
    )


def _broadcasts() -> rx.Component:
    return card(
        rx.cond(
            HomeState.broadcasts.length() > 0,
            rx.foreach(HomeState.broadcasts, _broadcast),
            card_body(rx.el.p(t("home.broadcasts.none"), class_name="muted")),
        ),
        title=t("home.broadcasts"),
        action=link(
            rx.el.span(t("home.broadcasts.all")), icon("arrow-right"), href=routes.CAMPAIGNS, class_name="row strong"
        ),
    )


def _device(row: Any) -> rx.Component:
    used, cap = row["used"].to(int), row["cap"].to(int)
    figures = rx.cond(cap > 0, number(used) + " / " + number(cap), number(used))
    return card_row(
        tile("smartphone"),
        rx.el.div(
            rx.el.div(
                rx.el.span(row["name"], class_name="strong clip grow"),
                device_state_chip(row["status"]),
                class_name="row",
            ),
            rx.el.div(
                rx.cond(
                    cap > 0,
                    rx.el.div(
                        bar(
                            used,
                            cap,
                            tone=rx.cond(row["status"] == "CONNECTED", "", "bad"),
                            label=row["name"].to(str) + ": " + figures,
                        ),
                        class_name="grow",
                    ),
                    rx.el.span(class_name="grow"),
                ),
                rx.el.span(figures, class_name="small muted"),
                class_name="row gap-3",
            ),
            class_name="stack grow",
        ),
        href=routes.DEVICES + "/" + row["id"].to(str),
        key=row["id"].to(str),
    )


def _devices() -> rx.Component:
    return card(
        rx.cond(
            HomeState.devices.length() > 0,
            rx.foreach(HomeState.devices, _device),
            card_body(rx.el.p(t("home.devices.none"), class_name="muted")),
        ),
        title=t("home.devices"),
        note=t("home.devices.note"),
    )


def _no_knowledge() -> rx.Component:
    """Broadcasts go out, but nothing can answer what comes back."""
    return rx.cond(
        ~HomeState.has_knowledge,
        notice(
            rx.el.b(t("home.knowledge.none")), " ", t("home.step.knowledge.why"), icon_name="book-open-text",
            action=link_button(t("home.step.knowledge.do"), routes.KNOWLEDGE, small=True),
        ),
    )  # fmt: skip


@rx.page(route=routes.HOME, title="Sapa", on_load=[AppState.on_load, HomeState.load, HomeState.watch])
def home() -> rx.Component:
    """The first page after signing in."""
    running = rx.el.div(
        _figures(),
        rx.el.div(
            rx.el.div(_decisions(), _no_knowledge(), _broadcasts(), class_name="stack-gap"),
            rx.el.div(_devices(), class_name="stack-gap"),
            class_name="cols",
        ),
        class_name="stack-gap",
    )
    return shell(
        _header(),
        rx.cond(
            HomeState.ready,
            rx.cond(HomeState.has_broadcast, running, _first_steps()),
            card(skeleton_rows(3)),
        ),
        title=t("nav.home"),
        active="home",
        class_name="home",
    )
