"""The frame of every page: sidebar, top bar, phone bars. Signed-out pages use `gate`."""

from collections.abc import Sequence
from typing import Any

import reflex as rx
from reflex.style import set_color_mode

from pages import routes
from pages.navigation import ACTIONS, ADMIN, BUILD, DAILY, PHONE, PLACES, RUN, Place
from state.base import AppState
from state.inbox.listing import InboxState
from state.jobs import JobsState
from state.waiting import WaitingState
from wa_app.components.buttons import icon_button, link
from wa_app.components.chips import avatar
from wa_app.components.dialogs import menu, menu_item, menu_separator, popover
from wa_app.components.feedback import offline_bar
from wa_app.components.i18n import t, t_var
from wa_app.components.icons import NOUNS, icon, noun_icon
from wa_app.components.progress import bar
from wa_app.components.shell import command_palette, language_switch, open_palette, zone_sync


def mark(class_name: str = "") -> rx.Component:
    """Sapa's sign: four petals, one kunyit."""
    return rx.el.span(*(rx.el.i() for _ in range(4)), class_name=f"mark {class_name}".strip(), aria_hidden="true")


def _waiting(place: Place, active: str) -> list[rx.Component]:
    """How much waits for this person there."""
    if place.noun != "inbox":
        return []
    # The inbox counts live, for its own folders too.
    n = InboxState.counts["waiting"].to(int) if active == "inbox" else WaitingState.n
    pill = rx.el.b(
        rx.cond(n > 99, "99+", n), rx.el.span(" ", t("nav.waiting"), class_name="sr"), class_name="count-pill nav-count"
    )  # fmt: skip
    return [rx.cond(n > 0, pill)]


def _nav_item(place: Place, active: str) -> rx.Component:
    current = {"aria_current": "page"} if place.noun == active else {}
    return link(
        noun_icon(place.noun), rx.el.span(t(f"nav.{place.noun}")), *_waiting(place, active), href=place.href, class_name="nav-item",
        **current,
    )  # fmt: skip


def _role() -> rx.Component:
    return rx.cond(AppState.role_name, t_var("role." + AppState.role_name), "")


def _tenant_button() -> rx.Component:
    return rx.el.button(
        mark(),
        rx.el.span(
            rx.el.span(AppState.tenant_name, class_name="name clip"),
            rx.el.span(_role(), class_name="sub clip"),
            class_name="stack grow",
        ),
        icon("chevrons-up-down"),
        type="button",
        class_name="tenant",
        aria_label=t("shell.tenant_switch") + ": " + AppState.tenant_name,
    )


def _tenant_menu() -> rx.Component:
    def one(membership: Any) -> rx.Component:
        return menu_item(
            rx.fragment(
                rx.el.span(membership["name"], class_name="grow"),
                rx.cond(membership["id"] == AppState.tenant_id, icon("check")),
            ),
            AppState.switch_tenant(membership["id"]),
        )

    return menu(_tenant_button(), rx.foreach(AppState.memberships, one), align="start")


def _user_menu() -> rx.Component:
    trigger = rx.el.button(
        avatar(AppState.user_name),
        rx.el.span(
            rx.el.span(AppState.user_name, class_name="name clip"),
            rx.el.span(_role(), class_name="sub clip"),
            class_name="stack grow",
        ),
        icon("ellipsis"),
        type="button",
        class_name="who",
        aria_label=t("shell.user_menu") + ": " + AppState.user_name,
    )
    return menu(
        trigger,
        menu_item(t("shell.profile"), rx.redirect(routes.SETTINGS), icon_name="circle-user-round"),
        menu_separator(),
        menu_item(t("shell.sign_out"), AppState.sign_out, icon_name="log-out"),
        align="start",
    )


def _sidebar(active: str) -> rx.Component:
    return rx.el.aside(
        _tenant_menu(),
        rx.el.nav(
            *(_nav_item(place, active) for place in DAILY),
            *((rx.el.div(t("nav.build"), class_name="nav-group"),) if BUILD else ()),
            *(_nav_item(place, active) for place in BUILD),
            rx.el.div(t("nav.run"), class_name="nav-group"),
            *(_nav_item(place, active) for place in RUN),
            rx.cond(
                AppState.is_platform_admin,
                rx.fragment(
                    rx.el.div(t("nav.admin"), class_name="nav-group"), *(_nav_item(place, active) for place in ADMIN)
                ),
            ),
            class_name="nav",
            aria_label=t("nav.main"),
        ),
        rx.el.hr(class_name="who-line"),
        _user_menu(),
        class_name="side",
    )


def theme_menu() -> rx.Component:
    """Light, dark or as the device; remembered by the browser."""
    return menu(
        rx.el.button(
            rx.color_mode_cond(icon("sun"), icon("moon")),
            type="button",
            class_name="icon-btn",
            aria_label=t("shell.theme"),
        ),
        *_theme_items(),
    )


def _theme_items() -> list[rx.Component]:
    modes = (("light", "sun"), ("dark", "moon"), ("system", "monitor"))
    return [menu_item(t(f"shell.theme.{mode}"), set_color_mode(mode), icon_name=name) for mode, name in modes]


def _job(row: Any) -> rx.Component:
    done, total = row["done"].to(int), row["total"].to(int)
    return link(
        rx.el.div(
            rx.el.div(
                rx.cond(row["kind"] == "campaign", noun_icon("campaigns"), noun_icon("contacts")),
                rx.el.span(row["name"], class_name="strong clip grow"),
                class_name="row",
            ),
            rx.cond(total > 0, bar(done, total, label=row["name"])),
            rx.el.span(
                rx.cond(total > 0, t("shell.job.of", done=done, total=total), t("shell.job.done", done=done)),
                class_name="small muted",
            ),
            class_name="stack gap-[6px]",
        ),
        href=rx.match(
            row["kind"].to(str),
            ("import", routes.CONTACTS_IMPORT),
            ("blacklist", routes.CONTACTS_BLACKLIST),
            ("rules", routes.AUTOMATION),
            ("grab", routes.CONTACTS_GROUPS + "?job=" + row["id"].to(str)),
            routes.CAMPAIGNS + "/" + row["id"].to(str),
        ),
        class_name="job",
    )


def _bell() -> rx.Component:
    """Running jobs; the dot says that there are some."""
    button = rx.el.button(
        icon("bell"),
        rx.cond(JobsState.jobs.length() > 0, rx.el.i(class_name="bell-dot")),
        type="button",
        class_name="icon-btn",
        aria_label=t("shell.jobs"),
    )
    panel = popover(
        button,
        rx.el.h2(t("shell.jobs"), class_name="h2 mb-2"),
        rx.cond(
            JobsState.jobs.length() > 0,
            rx.foreach(JobsState.jobs, _job),
            rx.el.p(t("shell.no_jobs"), class_name="muted"),
        ),
        label=t("shell.jobs"),
        on_open_change=JobsState.load_when,
    )
    return rx.el.div(panel, on_mount=JobsState.load)


def _crumbs(crumbs: Sequence[tuple[Any, str]], title: Any) -> rx.Component:
    before = [rx.el.li(link(text, href=href), icon("chevron-right", 14)) for text, href in crumbs]
    return rx.el.nav(
        rx.el.ol(*before, rx.el.li(rx.el.span(title, class_name="clip", aria_current="page")), class_name="crumbs"),
        aria_label=t("shell.crumbs"),
        class_name="min-w-0",
    )


def _topbar(crumbs: Sequence[tuple[Any, str]], title: Any) -> rx.Component:
    search = rx.el.button(
        icon("search"),
        rx.el.span(t("shell.search"), class_name="grow clip text-start"),
        rx.el.span("⌘K", class_name="kbd", aria_hidden="true"),
        type="button",
        class_name="cmd",
        on_click=open_palette(),
    )
    return rx.el.header(_crumbs(crumbs, title), search, _bell(), theme_menu(), language_switch(), class_name="topbar")


def _phone_bar(title: Any, back: str | None) -> rx.Component:
    left = []
    if back is not None:
        left = [link(icon("arrow-left", 22), href=back, class_name="icon-btn back", aria_label=t("common.back"))]
    return rx.el.header(
        *left,
        rx.el.div(title, class_name="title clip grow"),
        icon_button("search", t("shell.search"), size=22, tooltip=False, on_click=open_palette()),
        _bell(),
        language_switch(),
        class_name="phonebar",
    )


def _bottom_bar(active: str) -> rx.Component:
    def one(place: Place) -> rx.Component:
        current = {"aria_current": "page"} if place.noun == active else {}
        return link(
            noun_icon(place.noun, 22), rx.el.span(t(f"nav.{place.noun}")), *_waiting(place, active), href=place.href, **current
        )

    return rx.el.nav(
        *(one(place) for place in PHONE), _more_menu(active), class_name="bottombar", aria_label=t("nav.main")
    )


def _more_menu(active: str) -> rx.Component:
    rest = [place for place in PLACES if place not in PHONE]
    current = {"aria_current": "page"} if active in {place.noun for place in rest} else {}
    trigger = rx.el.button(
        icon("layout-grid", 22), rx.el.span(t("nav.more")), type="button", class_name="more", **current
    )
    return menu(
        trigger,
        *(menu_item(t(f"nav.{place.noun}"), rx.redirect(place.href), icon_name=NOUNS[place.noun]) for place in rest),
        rx.cond(
            AppState.is_platform_admin,
            rx.fragment(*(
                menu_item(t(f"nav.{place.noun}"), rx.redirect(place.href), icon_name=NOUNS[place.noun])
                for place in ADMIN
            )),
        ),
        menu_separator(),
        *_theme_items(),
        menu_separator(),
        menu_item(t("shell.sign_out"), AppState.sign_out, icon_name="log-out"),
    )


def shell(
    *content: Any,
    title: Any,
    active: str,
    crumbs: Sequence[tuple[Any, str]] = (),
    foot: rx.Component | None = None,
    class_name: str = "",
) -> rx.Component:
    """A signed-in page.

    `title` names the page in the top bar (the h1 is the page's own `page_header`); `active` is the noun
    of the sidebar; `crumbs` are (text, href) above it, the last one is where the phone's back arrow leads;
    `foot` is a `sticky_foot`.
    """
    back = crumbs[-1][1] if crumbs else None
    counts = {} if active == "inbox" else {"on_mount": [WaitingState.load, WaitingState.watch]}
    return rx.el.div(
        zone_sync(AppState.tenant_zone, AppState.language),
        rx.el.a(t("shell.skip"), href="#content", class_name="skip"),
        _sidebar(active),
        rx.el.div(
            _topbar(crumbs, title),
            _phone_bar(_tenant_menu() if class_name == "home" else title, back),
            offline_bar(),
            rx.el.main(
                *content, *([foot] if foot is not None else []), id="content", tab_index=-1, class_name="content"
            ),
            class_name="main",
        ),
        _bottom_bar(active),
        command_palette([{"key": f"nav.{p.noun}", "href": p.href, "letter": p.letter} for p in PLACES], list(ACTIONS)),
        class_name=f"shell {class_name}".strip(),
        **counts,
    )


def gate(*content: Any, title: Any, words: Any = None) -> rx.Component:
    """A page without the frame: signing in and what belongs to it. `title` is its h1."""
    return rx.el.div(
        rx.el.aside(
            rx.el.div(mark(), t("app.name"), class_name="gate-brand"),
            rx.el.p(t("app.tagline"), class_name="gate-words"),
            rx.el.span(),
            class_name="gate-side nila",
        ),
        rx.el.main(
            offline_bar(),
            rx.el.div(theme_menu(), language_switch(), class_name="gate-top"),
            rx.el.div(
                rx.el.div(mark("on-light"), t("app.name"), class_name="gate-brand lg:hidden"),
                rx.el.div(
                    rx.el.h1(title, class_name="display"),
                    *([rx.el.p(words, class_name="muted")] if words is not None else []),
                    class_name="stack gap-1",
                ),
                *content,
                class_name="gate-box",
            ),
            class_name="gate-main",
        ),
        class_name="gate",
    )
