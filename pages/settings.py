"""Settings: profile, security, business, team, API keys. Each part is a page of its own."""

from collections.abc import Sequence
from typing import Any
from zoneinfo import available_timezones

import reflex as rx

from pages import routes
from pages.answer_settings import answer_settings
from pages.inbox_settings import inbox_settings
from pages.layout import shell
from state.answer_settings import AnswerSettingsState
from state.base import AppState
from state.inbox_settings import InboxSettingsState
from state.settings import ApiKeysState, BusinessState, ProfileState, SecurityState, TeamState
from wa_app.components.buttons import button
from wa_app.components.cards import card, card_body, card_row, page_header, tabs, two_lines
from wa_app.components.chips import avatar, chip, tile
from wa_app.components.dialogs import confirm, dialog, menu_item
from wa_app.components.dialogs import row_menu as ellipsis_menu
from wa_app.components.feedback import empty, notice, skeleton_rows
from wa_app.components.forms import (
    checkbox,
    field_errors,
    form,
    form_section,
    password_field,
    select_field,
    text_field,
)
from wa_app.components.i18n import ago, date, error_text, t, t_var

TABS = (
    ("profile", routes.SETTINGS),
    ("security", routes.SETTINGS_SECURITY),
    ("business", routes.SETTINGS_BUSINESS),
    ("opt_out", routes.SETTINGS_OPT_OUT),
    ("ai", routes.SETTINGS_AI),
    ("team", routes.SETTINGS_TEAM),
    ("teams", routes.SETTINGS_TEAMS),
    ("quick_replies", routes.SETTINGS_QUICK_REPLIES),
    ("api_keys", routes.SETTINGS_API_KEYS),
)
LANGUAGE_NAMES = (("id", "Bahasa Indonesia"), ("en", "English"))
NEAR_ZONES = ("Asia/Jakarta", "Asia/Makassar", "Asia/Jayapura", "Asia/Singapore", "Asia/Kuala_Lumpur")


def frame(active: str, *content: Any, actions: Sequence[rx.Component] = ()) -> rx.Component:
    """A page of the settings; `active` is the key of its tab."""
    items = [(key, t(f"settings.tab.{key}"), href) for key, href in TABS]
    return shell(
        page_header(t("nav.settings"), t(f"settings.{active}.words"), *actions),
        tabs(items, active),
        rx.el.div(*content, class_name="stack-gap"),
        title=t(f"settings.tab.{active}"),
        active="settings",
        crumbs=[(t("nav.settings"), routes.SETTINGS)] if active != "profile" else (),
    )


def _languages(label: Any, name: str, value: Any, errors: Any, help_: Any = None) -> rx.Component:
    return select_field(
        label, name, list(LANGUAGE_NAMES), default_value=value, key=value, help_=help_, **field_errors(errors, name)
    )


def _save(text: Any = None) -> rx.Component:
    return rx.el.div(button(t("common.save") if text is None else text, type="submit", look="primary"), class_name="row")


@rx.page(route=routes.SETTINGS, title="Sapa", on_load=AppState.on_load)
def profile() -> rx.Component:
    """Name and language of the person."""
    return frame(
        "profile",
        form(
            form_section(
                t("settings.profile"),
                t("settings.profile.help"),
                text_field(
                    t("auth.name"), "name", default_value=AppState.user_name, key=AppState.user_name,
                    auto_complete="name", max_length=100, **field_errors(ProfileState.errors, "name"),
                ),
                text_field(
                    t("auth.email"), "email", value=AppState.user_email, read_only=True, type="email",
                    help_=t("settings.email_help"),
                ),
                _languages(t("settings.language"), "language", AppState.language, ProfileState.errors),
                _save(),
            ),
            on_submit=ProfileState.save,
            class_name="wide",
        ),
    )  # fmt: skip


def _session(row: Any) -> rx.Component:
    icon_name = rx.cond(row["is_program"], tile("code-xml"), tile("monitor-smartphone"))
    where = rx.cond(row["is_program"], t("settings.program"), row["device"])
    return card_row(
        icon_name,
        two_lines(
            rx.fragment(where, rx.cond(row["is_current"], rx.fragment(" ", chip(t("settings.this_device"), "ok")))),
            rx.fragment(row["tenant"], " · ", row["ip"], " · ", ago(row["seen_at"])),
        ),
        rx.cond(
            row["is_current"],
            rx.fragment(),
            button(t("settings.end_session"), small=True, on_click=SecurityState.end_session(row["id"])),
        ),
    )


@rx.page(route=routes.SETTINGS_SECURITY, title="Sapa", on_load=[AppState.on_load, SecurityState.load])
def security() -> rx.Component:
    """Password and sign-ins."""
    errors = SecurityState.errors
    return frame(
        "security",
        form(
            form_section(
                t("auth.password"),
                t("settings.password_help"),
                rx.el.input(
                    type="text", name="username", value=AppState.user_email, read_only=True, auto_complete="username",
                    class_name="sr", tab_index=-1, custom_attrs={"aria-hidden": "true"},
                ),
                password_field(
                    t("settings.old_password"), "old_password", max_length=200, **field_errors(errors, "old_password")
                ),
                password_field(
                    t("auth.new_password"), "new_password", auto_complete="new-password", max_length=200,
                    help_=t("auth.password_help"), **field_errors(errors, "new_password"),
                ),
                _save(t("settings.change_password")),
            ),
            on_submit=SecurityState.change_password,
            class_name="wide",
        ),
        card(
            rx.foreach(SecurityState.rows, _session),
            title=t("settings.sessions"),
            action=button(
                t("settings.everywhere"), small=True, look="danger", on_click=SecurityState.ask_everywhere(True)
            ),
        ),
        confirm(
            t("settings.everywhere.title"),
            t("settings.everywhere.words"),
            open_=SecurityState.asking,
            on_open_change=SecurityState.ask_everywhere,
            confirm_text=t("settings.everywhere"),
            on_confirm=SecurityState.sign_out_everywhere,
        ),
    )  # fmt: skip


def _zones() -> list[tuple[str, str]]:
    others = sorted(zone for zone in available_timezones() if "/" in zone and not zone.startswith(("Etc/", "SystemV/")))
    return [(zone, zone.replace("_", " ")) for zone in (*NEAR_ZONES, *(z for z in others if z not in NEAR_ZONES))]


@rx.page(route=routes.SETTINGS_BUSINESS, title="Sapa", on_load=[AppState.on_load, BusinessState.load, AnswerSettingsState.load, InboxSettingsState.load])
def business() -> rx.Component:
    """Name, time zone and customers' language."""
    state = BusinessState
    fields = form(
        form_section(
            t("settings.tab.business"),
            t("settings.business.help"),
            text_field(
                t("auth.business_name"), "business_name", default_value=state.name, key=state.name, max_length=100,
                auto_complete="organization", read_only=~state.may_write,
                **field_errors(state.errors, "business_name"),
            ),
            select_field(
                t("settings.time_zone"), "time_zone", _zones(), default_value=state.time_zone, key=state.time_zone,
                help_=t("settings.time_zone_help"), disabled=~state.may_write,
                **field_errors(state.errors, "time_zone"),
            ),
            _languages(
                t("settings.customer_language"), "business_language", state.business_language, state.errors,
                t("settings.customer_language_help"),
            ),
            rx.cond(state.may_write, _save(), notice(t("settings.read_only"))),
        ),
        on_submit=state.save,
        class_name="wide",
    )  # fmt: skip
    return frame("business", rx.cond(state.ready, fields, card(skeleton_rows(3))), answer_settings(), inbox_settings())


def _role_select(row: Any) -> rx.Component:
    return rx.el.select(
        rx.foreach(
            TeamState.grantable, lambda pair: rx.el.option(t_var("role." + pair[1].to(str)), value=pair[0])
        ),
        value=row["role_id"],
        on_change=lambda role_id: TeamState.change_role(row["id"], role_id),
        aria_label=t("settings.role_of", name=row["name"]),
        class_name="input w-auto",
    )


def _member(row: Any) -> rx.Component:
    may = TeamState.may_write & row["may_change"].to(bool)
    return card_row(
        avatar(row["name"]),
        two_lines(
            rx.fragment(row["name"], rx.cond(row["is_self"], rx.fragment(" ", chip(t("settings.you"))))), row["email"]
        ),
        rx.cond(may, _role_select(row), chip(t_var("role." + row["role"].to(str)))),
        rx.cond(
            may,
            ellipsis_menu(
                menu_item(
                    t("settings.remove_member"), TeamState.ask_remove(row["id"], row["name"]), icon_name="user-minus",
                    danger=True,
                )
            ),
        ),
    )  # fmt: skip


@rx.page(route=routes.SETTINGS_TEAM, title="Sapa", on_load=[AppState.on_load, TeamState.load])
def team() -> rx.Component:
    """People and roles."""
    return frame(
        "team",
        card(
            rx.cond(TeamState.ready, rx.foreach(TeamState.rows, _member), skeleton_rows(3)),
            title=t("settings.members"),
        ),
        confirm(
            t("settings.remove_member.title", name=TeamState.leaving_name),
            t("settings.remove_member.words"),
            open_=TeamState.leaving_id != "",
            on_open_change=TeamState.close_question,
            confirm_text=t("settings.remove_member"),
            on_confirm=TeamState.remove,
        ),
    )


def _key(row: Any) -> rx.Component:
    used = rx.cond(row["used_at"], t("settings.key_used", ago=ago(row["used_at"])), t("settings.key_unused"))
    ends = rx.cond(row["expires_at"], t("settings.key_ends", date=date(row["expires_at"])), t("settings.key_endless"))
    return card_row(
        tile("key-round"),
        two_lines(
            rx.fragment(
                row["name"], rx.cond(row["is_expired"], rx.fragment(" ", chip(t("settings.key_expired"), "warn")))
            ),
            rx.fragment(rx.el.span(row["masked"], class_name="mono"), " · ", used, " · ", ends),
        ),
        rx.cond(
            ApiKeysState.may_write,
            button(
                t("settings.revoke"), small=True, look="danger",
                on_click=ApiKeysState.ask_revoke(row["id"], row["name"]),
            ),
        ),
    )  # fmt: skip


def _scope(scope: Any) -> rx.Component:
    return checkbox(
        rx.el.span(scope, class_name="mono"),
        checked=ApiKeysState.picked.contains(scope),
        on_change=ApiKeysState.toggle_scope(scope),
    )


def _new_key() -> rx.Component:
    state = ApiKeysState
    scope_error = state.errors["scopes"]["code"].to(str)
    make = form(
        text_field(
            t("settings.key_name"), "key_name", max_length=100, placeholder=t("settings.key_name_example"),
            **field_errors(state.errors, "key_name"),
        ),
        rx.el.fieldset(
            rx.el.legend(t("settings.scopes"), class_name="field-label mb-[6px]"),
            rx.el.div(rx.foreach(state.scopes, _scope), class_name="grid gap-1 grid-cols-1 sm:grid-cols-2"),
            rx.cond(scope_error, rx.el.span(error_text(scope_error), class_name="field-error", role="alert")),
            class_name="field",
        ),
        select_field(
            t("settings.expiry"), "expiry",
            [("90", t("settings.days", n=90)), ("30", t("settings.days", n=30)), ("365", t("settings.days", n=365)),
             ("", t("settings.key_endless"))],
        ),
        rx.el.div(button(t("settings.make_key"), type="submit", look="primary"), class_name="dlg-foot"),
        on_submit=state.create,
    )  # fmt: skip
    shown = rx.el.div(
        notice(t("settings.key_once"), tone="warn", icon_name="triangle-alert"),
        rx.el.div(
            rx.el.code(state.made, class_name="mono grow select-all break-all"),
            button(t("settings.copy"), leading="copy", small=True, on_click=rx.set_clipboard(state.made)),
            class_name="row gap-2",
        ),
        rx.el.div(
            button(t("settings.key_kept"), look="primary", on_click=state.ask_new(False)), class_name="dlg-foot"
        ),
        class_name="stack-gap",
    )
    return dialog(
        rx.cond(state.made, shown, make),
        title=t("settings.new_key"),
        open_=state.making,
        on_open_change=state.ask_new,
        width=600,
    )


@rx.page(route=routes.SETTINGS_API_KEYS, title="Sapa", on_load=[AppState.on_load, ApiKeysState.load])
def api_keys() -> rx.Component:
    """Keys for programs."""
    state = ApiKeysState
    make = button(t("settings.new_key"), look="primary", leading="plus", on_click=state.ask_new(True))
    none = empty(t("settings.no_keys"), t("settings.no_keys.words"), rx.cond(state.may_write, make))
    keys = rx.cond(state.rows.length() > 0, rx.foreach(state.rows, _key), none)
    return frame(
        "api_keys",
        card(
            rx.cond(state.ready, keys, skeleton_rows(3)),
            title=t("settings.tab.api_keys"),
            action=rx.cond(state.may_write & (state.rows.length() > 0), make),
        ),
        card(card_body(rx.el.p(t("settings.api_docs"), " ", rx.el.a("/api/docs", href="/api/docs", class_name="mono")))),
        _new_key(),
        confirm(
            t("settings.revoke.title", name=state.revoking_name),
            t("settings.revoke.words"),
            open_=state.revoking_id != "",
            on_open_change=state.close_question,
            confirm_text=t("settings.revoke"),
            on_confirm=state.revoke,
        ),
    )
