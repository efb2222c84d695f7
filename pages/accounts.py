"""The signed-out pages: sign in, sign up, forgotten password, new password."""

from typing import Any

import reflex as rx

from pages import routes
from pages.layout import gate
from state.accounts import AccountsState
from wa_app.components.buttons import button, link, link_button
from wa_app.components.feedback import notice
from wa_app.components.forms import password_field, text_field
from wa_app.components.i18n import t
from wa_app.components.signing import busy, done, field_error, refusal, signing_form


def _email(**props: Any) -> rx.Component:
    return text_field(
        t("auth.email"), "email", type="email", auto_complete="username", input_mode="email", max_length=254,
        required=True, spell_check=False, auto_capitalize="none", **field_error("email"), **props,
    )  # fmt: skip


def _new_password(label: str) -> rx.Component:
    return password_field(
        t(label), "password", auto_complete="new-password", max_length=200, required=True,
        help_=t("auth.password_help"), **field_error("password"),
    )  # fmt: skip


def _submit(text: str) -> rx.Component:
    return button(t(text), type="submit", look="primary", wide=True, busy=busy())


def _aside(question: str, answer: str, href: str) -> rx.Component:
    return rx.el.p(t(question), " ", link(t(answer), href=href, class_name="strong"), class_name="muted text-center")


@rx.page(route=routes.SIGN_IN, title="Sapa", on_load=AccountsState.go_home)
def login() -> rx.Component:
    """Sign in."""
    return gate(
        signing_form(
            _email(auto_focus=True),
            password_field(
                t("auth.password"), "password", auto_complete="current-password", max_length=200, required=True,
                **field_error("password"),
            ),
            rx.el.div(link(t("auth.login.forgot"), href=routes.FORGOT_PASSWORD), class_name="row justify-end"),
            refusal(),
            _submit("auth.login.button"),
            action="login",
            to=routes.HOME,
        ),
        _aside("auth.login.no_account", "auth.login.to_sign_up", routes.SIGN_UP),
        title=t("auth.login.title"),
        words=t("auth.login.words"),
    )  # fmt: skip


@rx.page(route=routes.SIGN_UP, title="Sapa", on_load=AccountsState.go_home)
def sign_up() -> rx.Component:
    """Make an account and a business."""
    return gate(
        signing_form(
            text_field(
                t("auth.name"), "name", auto_complete="name", max_length=100, required=True, auto_focus=True,
                **field_error("name"),
            ),
            text_field(
                t("auth.business_name"), "business_name", auto_complete="organization", max_length=100, required=True,
                **field_error("business_name"),
            ),
            _email(),
            _new_password("auth.password"),
            refusal(),
            _submit("auth.sign_up.button"),
            action="signup",
            to=routes.HOME,
            with_language=True,
        ),
        _aside("auth.sign_up.has_account", "auth.sign_up.to_login", routes.SIGN_IN),
        title=t("auth.sign_up.title"),
        words=t("auth.sign_up.words"),
    )  # fmt: skip


@rx.page(route=routes.FORGOT_PASSWORD, title="Sapa", on_load=AccountsState.go_home)
def forgot_password() -> rx.Component:
    """Have a link mailed."""
    sent = rx.el.div(notice(t("auth.forgot.sent"), tone="ok", icon_name="mail-check"), role="status")
    ask = signing_form(
        _email(auto_focus=True), refusal(), _submit("auth.forgot.button"), action="forgot-password"
    )
    return gate(
        rx.cond(done(), sent, rx.fragment()),
        rx.el.div(ask, class_name=rx.cond(done(), "hidden", "")),
        link_button(t("auth.forgot.back"), routes.SIGN_IN, look="link", leading="arrow-left"),
        title=t("auth.forgot.title"),
        words=t("auth.forgot.words"),
    )


@rx.page(route=routes.RESET_PASSWORD, title="Sapa")
def reset_password() -> rx.Component:
    """Set a new password by the mailed link."""
    saved = rx.el.div(
        rx.el.div(notice(t("auth.reset.done"), tone="ok", icon_name="circle-check"), role="status"),
        link_button(t("auth.login.button"), routes.SIGN_IN, look="primary", wide=True),
        class_name="stack-gap",
    )
    ask = signing_form(
        _new_password("auth.new_password"),
        refusal(),
        _submit("auth.reset.button"),
        link_button(t("auth.reset.again"), routes.FORGOT_PASSWORD, look="link"),
        action="reset-password",
        from_address=["token"],
    )  # fmt: skip
    return gate(
        rx.cond(done(), saved, rx.fragment()),
        rx.el.div(ask, class_name=rx.cond(done(), "hidden", "")),
        title=t("auth.reset.title"),
        words=t("auth.reset.words"),
    )
