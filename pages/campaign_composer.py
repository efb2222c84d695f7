"""The composer: recipients, message, timing and check at the left, what one person reads at the right."""

from typing import Any

import reflex as rx

from pages import routes
from pages.campaign_checks import checks, gauge, trial_dialog
from pages.composer_extras import repeat_card, template_dialogs, tracking, variant_bar, variant_panel
from pages.layout import shell
from pages.media_parts import media_picker
from state.base import AppState
from state.campaign_composer import CampaignComposerState as S
from wa_app.components.buttons import button, icon_button, link, link_button
from wa_app.components.cards import card, card_body, page_header, saved_note, segmented
from wa_app.components.chat import bubble, date_pill, phone_preview
from wa_app.components.chips import campaign_state_chip, device_state_chip, tile
from wa_app.components.dialogs import confirm
from wa_app.components.editor import message_editor, whatsapp_text
from wa_app.components.feedback import empty, notice, skeleton_rows
from wa_app.components.forms import checkbox, date_time_field, field, select, switch, tag_picker, text_field
from wa_app.components.i18n import clock, error_text, file_size, number, phone, t, t_var, zone_name
from wa_app.components.icons import icon
from wa_app.components.ticking import tick_box
from wa_app.components.uploader import uploader

ACCEPT = [".jpg", ".jpeg", ".png", ".webp", ".mp4", ".3gp", ".mp3", ".ogg", ".m4a", ".aac", ".pdf", ".docx", ".xlsx",
          ".pptx", ".csv", ".txt", ".zip"]  # fmt: skip
STEP_ICONS = {"people": "users", "message": "message-square-text", "timing": "calendar-clock", "check": "list-checks"}


def _mark(step: str) -> rx.Component:
    return rx.match(
        S.step_state[step],
        ("ok", rx.el.span(icon("circle-check"), class_name="icon text-ok-dot")),
        ("warning", rx.el.span(icon("triangle-alert"), class_name="icon text-warn-dot")),
        ("error", rx.el.span(icon("circle-alert"), class_name="icon text-bad-dot")),
        rx.el.span(),
    )


def _rail() -> rx.Component:
    gaps = rx.cond(S.delay_min | S.delay_max, t("composer.rail.gap", low=S.delay_min, high=S.delay_max), t("composer.rail.safe"))
    when = rx.cond(S.when == "later", t("composer.rail.later"), t("composer.rail.now"))
    notes: dict[str, Any] = {
        "people": t("composer.rail.people", n=S.sendable), "message": t("composer.rail.variants", n=S.variants),
        "timing": rx.fragment(when, " · ", gaps),
        "check": rx.cond(S.draft_id == "", t("composer.rail.unchecked"), rx.cond(S.errors > 0, t("composer.rail.errors", n=S.errors),
                         rx.cond(S.warnings > 0, t("composer.rail.warnings", n=S.warnings), t("composer.rail.fine")))),
    }  # fmt: skip

    def one(step: str) -> rx.Component:
        return rx.el.button(
            icon(STEP_ICONS[step], 18),
            rx.el.span(rx.el.b(t(f"composer.step.{step}")), rx.el.small(notes[step])),
            _mark(step),
            type="button", class_name="rail-step", on_click=S.go(step),
            aria_current=rx.cond(S.step == step, "step", "false"),
        )  # fmt: skip

    return rx.el.nav(*(one(step) for step in STEP_ICONS), class_name="rail", aria_label=t("composer.steps"))


def _segment() -> rx.Component:
    """Which segment, and where one makes the first."""
    options = rx.el.select(
        rx.el.option(t("composer.segment.pick"), value=""),
        rx.foreach(S.segment_options, lambda one: rx.el.option(one["name"], value=one["id"])),
        value=S.segment_id, on_change=S.set_segment, id="composer_segment", class_name="input max-w-[360px]",
    )  # fmt: skip
    none = rx.el.p(t("composer.segment.none"), " ", link(t("segments.new"), href=routes.SEGMENT_NEW), class_name="muted")
    return rx.cond(S.segment_options.length() > 0, field(t("composer.segment"), "composer_segment", options), none)


def _without() -> rx.Component:
    """Who is left out."""
    tags = tag_picker(t("composer.people.unwanted"), S.tag_options, S.unwanted, S.toggle_unwanted)
    others = tag_picker(t("composer.segment.without"), S.other_segments, S.without, S.toggle_without)
    return rx.fragment(rx.cond(S.tag_options.length() > 0, tags), rx.cond(S.other_segments.length() > 0, others))


def _people() -> rx.Component:
    choices = [("all", t("composer.people.all")), ("tags", t("composer.people.tags")), ("segment", t("composer.people.segment"))]
    scope = segmented(choices, S.scope, S.set_scope, label=t("composer.step.people"))
    none = rx.el.p(t("composer.people.no_tags"), class_name="muted")
    wanted = rx.match(
        S.scope,
        ("tags", rx.cond(S.tag_options.length() > 0,
                         tag_picker(t("composer.people.wanted"), S.tag_options, S.wanted, S.toggle_wanted), none)),
        ("segment", _segment()),
        ("filter", notice(t("composer.people.filter"))),
        rx.fragment(),
    )  # fmt: skip
    live = rx.cond(
        S.scope != "all",
        checkbox(t("composer.frozen"), note=t("composer.frozen.note"), checked=S.frozen, on_change=S.flip_frozen),
    )
    count = rx.el.div(
        rx.el.span(number(S.sendable), class_name="figure"),
        rx.el.span(t("composer.people.count"), class_name="strong"),
        rx.el.span(t("composer.people.minus", total=S.people, suppressed=S.suppressed, unreachable=S.unreachable),
                   class_name="small muted"),
        class_name="row gap-2 flex-wrap", role="status",
    )  # fmt: skip
    return card(card_body(rx.el.div(scope, wanted, _without(), live, rx.el.hr(class_name="border-line"), count,
                                    class_name="stack gap-4")), title=t("composer.step.people"))  # fmt: skip


def _file() -> rx.Component:
    picture = rx.cond(S.file_kind == "image", rx.el.img(src=S.file_url, alt="", class_name="w-[76px] h-[58px] object-cover rounded-lg"),
                      tile("paperclip"))  # fmt: skip
    shown = rx.el.div(
        picture,
        rx.el.div(
            rx.el.span(S.file_name, class_name="strong clip"),
            rx.el.span(file_size(S.file_size), " · ", t_var("composer.file." + S.file_kind), class_name="small muted clip"),
            class_name="stack grow",
        ),
        icon_button("trash-2", t("composer.file.remove"), on_click=S.detach),
        class_name="file-row",
    )  # fmt: skip
    pick = rx.el.div(
        uploader(accept=ACCEPT, types_text=t("composer.file.types"), on_uploaded=S.attach, compact=True,
                 max_bytes=100 * 1024 * 1024, purpose="message"),
        media_picker(S.attach),
        class_name="stack gap-2 items-start pick",
    )  # fmt: skip
    wrong = rx.cond(
        S.file_error,
        rx.el.span(icon("circle-alert", 13), error_text(S.file_error, S.file_error_args), class_name="field-error", role="alert"),
    )
    return rx.el.div(rx.cond(S.file_id, shown, pick), wrong, class_name="ed-foot stack gap-2")


def _problems() -> rx.Component:
    def one(check: Any) -> rx.Component:
        mine = (check["step"] == "message") & (check["level"] == "error") & (check["code"] != "message_missing")
        return rx.cond(
            mine,
            rx.el.span(icon("circle-alert", 13), t_var("error." + check["code"].to(str), check["args"]),
                       class_name="field-error", role="alert"),
        )  # fmt: skip

    return rx.foreach(S.checks, one)


def _message() -> rx.Component:
    editor = message_editor(
        _file(), value=S.message, variables=S.variables, on_rest=S.set_message, label=t("composer.step.message"),
        problems=S.step_state["message"] == "error",
    )  # fmt: skip
    problems = rx.cond(S.step_state["message"] == "error", rx.el.div(_problems(), class_name="stack gap-1"))
    return rx.fragment(
        variant_bar(), editor, problems, variant_panel(), tracking(), _footer(), template_dialogs(), checks()
    )


def _footer() -> rx.Component:
    """The opt-out line: it belongs to the tenant, here it is switched."""
    change = link(t("composer.footer.change"), href=routes.SETTINGS_OPT_OUT, class_name="link")
    return card(
        card_body(
            switch(t("composer.footer"), S.footer, S.flip_footer),
            rx.el.span("“", S.footer_line, "” · ", change, class_name="small muted"),
            class_name="stack gap-2",
        )
    )


def _device(row: Any) -> rx.Component:
    words = rx.el.span(rx.el.span(row["name"], class_name="strong clip"),
                       rx.el.span(rx.cond(row["phone"], phone(row["phone"]), ""), class_name="small muted"),
                       class_name="stack grow")  # fmt: skip
    box = tick_box(checked=S.chosen.contains(row["id"]), on_change=S.toggle_device(row["id"]))
    return rx.el.label(box, words, device_state_chip(row["status"].to(str)), class_name="check", key=row["id"].to(str))


def _timing() -> rx.Component:
    when = segmented([("now", t("composer.when.now")), ("later", t("composer.when.later"))], S.when, S.set_when,
                     label=t("composer.when"))  # fmt: skip
    moment_ = rx.cond(
        S.when == "later",
        date_time_field(t("composer.when.time"), "when_local", zone=t("composer.when.zone", zone=zone_name()),
                        error=S.when_error, value=S.when_local, on_change=S.set_when_local),
    )  # fmt: skip
    gaps = rx.el.div(
        text_field(t("composer.gap.min"), "delay_min", type="number", min=0, max=3600, input_mode="numeric",
                   default_value=S.delay_min, key="min" + S.draft_id, on_blur=S.set_delay_min, placeholder="5"),
        text_field(t("composer.gap.max"), "delay_max", type="number", min=0, max=3600, input_mode="numeric",
                   default_value=S.delay_max, key="max" + S.draft_id, on_blur=S.set_delay_max, placeholder="20",
                   error=S.delay_error, error_args={"limit": 3600}),
        class_name="grid grid-cols-2 gap-3 max-w-[360px]",
    )  # fmt: skip
    devices = rx.cond(
        S.device_rows.length() > 0,
        rx.el.div(rx.foreach(S.device_rows, _device), class_name="device-pick"),
        notice(t("error.campaign_no_device"), tone="warn", icon_name="smartphone",
               action=link_button(t("campaigns.see_devices"), routes.DEVICES, small=True)),
    )  # fmt: skip
    return rx.fragment(
        card(card_body(rx.el.div(when, moment_, class_name="stack gap-3")), title=t("composer.when")),
        repeat_card(),
        card(card_body(rx.el.div(gaps, rx.el.p(t("composer.gap.help"), class_name="small muted"), class_name="stack gap-2")),
             title=t("composer.gap")),
        card(card_body(devices, rx.el.p(t("composer.devices.help"), class_name="small muted pt-2")),
             title=t("composer.devices"), note=t("composer.devices.note", n=S.connected)),
    )  # fmt: skip


def _review() -> rx.Component:
    field = text_field(t("composer.name"), "campaign_name", default_value=S.name, key="name" + S.draft_id,
                       on_blur=S.set_name, max_length=120, error=S.name_error, error_args={"limit": 120})  # fmt: skip
    return rx.fragment(card(card_body(field)), checks())


def _preview() -> rx.Component:
    body = rx.el.div(
        rx.cond((S.file_id != "") & (S.file_kind != "image"),
                rx.el.div(icon("paperclip", 14), rx.el.span(S.file_name, class_name="clip"), class_name="row small pb-1")),
        rx.cond(S.preview, whatsapp_text(S.preview), rx.el.span(t("composer.preview.empty"), class_name="muted")),
    )  # fmt: skip
    many = S.sample_names.length() > 1
    pages = rx.cond(
        many,
        rx.el.div(
            icon_button("chevron-left", t("composer.preview.previous"), outlined=True, on_click=S.previous_sample, tooltip=False),
            rx.el.span(number(S.sample_at + 1), " / ", number(S.sample_names.length()), class_name="strong"),
            icon_button("chevron-right", t("composer.preview.next"), outlined=True, on_click=S.next_sample, tooltip=False),
            class_name="row gap-2",
        ),
    )  # fmt: skip
    who = rx.el.label(
        rx.el.span(t("composer.preview.as"), class_name="muted flex-none"),
        select(S.sample_options, value=S.sample_at.to(str), on_change=S.pick_sample),
        class_name="row gap-2",
    )
    return rx.el.aside(
        rx.el.div(rx.el.h2(t("composer.preview"), class_name="h2 grow"), pages, class_name="row"),
        phone_preview(
            S.tenant_name, date_pill(t("composer.preview.today")),
            bubble(body, image=rx.cond(S.file_kind == "image", S.file_url, ""), time=clock(S.saved_at)),
        ),
        rx.cond(S.sample_names.length() > 0, who),
        gauge(),
        class_name="preview-side", aria_label=t("composer.preview"),
    )  # fmt: skip


def _ask() -> rx.Component:
    later = S.when == "later"
    return confirm(
        rx.cond(later, t("composer.ask.later.title", n=S.sendable), t("composer.ask.title", n=S.sendable)),
        t("composer.ask.text", n=S.sendable, devices=S.connected),
        open_=S.asked, on_open_change=S.close_question, on_confirm=S.start, destructive=False, busy=S.busy,
        confirm_text=rx.cond(later, t("composer.ask.later.do"), t("composer.ask.do", n=S.sendable)),
        cancel_text=t("composer.ask.leave"),
    )  # fmt: skip


def _page() -> rx.Component:
    middle = rx.match(S.step, ("message", _message()), ("timing", _timing()), ("check", _review()), _people())
    forward = rx.cond(
        S.step == "check",
        rx.fragment(),
        rx.el.div(button(t("common.next"), trailing="arrow-right", on_click=S.forward), class_name="row justify-end desk"),
    )
    go = button(t("composer.send"), look="primary", trailing="arrow-right", on_click=S.ask_start, busy=S.busy,
                disabled=S.draft_id == "")  # fmt: skip
    body = rx.el.div(
        _rail(), rx.el.div(middle, forward, class_name="stack-gap"), _preview(), class_name="composer"
    )
    lost = empty(t("campaigns.missing.title"), t("error.not_found"),
                 link_button(t("campaigns.all"), routes.CAMPAIGNS, look="primary"))  # fmt: skip
    saved = rx.cond(S.saved_at, saved_note(clock(S.saved_at)), t("composer.unsaved"))
    on_phone = rx.cond(
        S.step == "check", go, button(t("common.next"), look="primary", trailing="arrow-right", on_click=S.forward)
    )
    return shell(
        page_header(S.name, saved, rx.el.span(go, class_name="desk"), chip=rx.cond(S.ready, campaign_state_chip(S.status))),
        rx.cond(S.missing, lost, rx.cond(S.ready, body, card(skeleton_rows(6)))),
        _ask(), trial_dialog(),
        rx.cond(S.ready, rx.el.div(on_phone, class_name="phone-action phone-only")),
        title=rx.cond(S.name, S.name, t("campaigns.new")), active="campaigns",
        crumbs=[(t("campaigns.title"), routes.CAMPAIGNS)],
    )  # fmt: skip


@rx.page(route=routes.CAMPAIGN_NEW, title="Sapa", on_load=[AppState.on_load, S.load_new, S.watch_checks])
def campaign_new() -> rx.Component:
    """A new broadcast."""
    return _page()


@rx.page(route=routes.CAMPAIGN_EDIT, title="Sapa", on_load=[AppState.on_load, S.load, S.watch_checks])
def campaign_edit() -> rx.Component:
    """A draft."""
    return _page()
