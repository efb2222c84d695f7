"""Every part of the design system in its states, at /dev/components (development only)."""

from typing import Any

import reflex as rx

from pages import routes
from pages.layout import shell
from state.components_demo import ComponentsDemoState as Demo
from wa_app.components.buttons import button, icon_button, link_button
from wa_app.components.cards import (
    card,
    card_body,
    card_row,
    definition,
    figure,
    figure_strip,
    page_header,
    segmented,
    spark_line,
    tabs,
    two_lines,
)
from wa_app.components.chat import bubble, date_pill, phone_preview
from wa_app.components.chips import (
    MESSAGE_STATES,
    TAG_COLOURS,
    avatar,
    campaign_state_chip,
    chip,
    device_state_chip,
    message_state,
    tag_chip,
    tile,
)
from wa_app.components.dialogs import confirm, dialog, drawer, menu, menu_item
from wa_app.components.feedback import empty, inline_error, notice, skeleton_rows
from wa_app.components.forms import (
    checkbox,
    date_time_field,
    form,
    form_section,
    password_field,
    radio_group,
    save_bar,
    select_field,
    switch,
    tag_list,
    tag_picker,
    text_area,
    text_field,
)
from wa_app.components.i18n import date_time, money, number, percent, phone
from wa_app.components.progress import bar, ribbon, ribbon_legend
from wa_app.components.qr import numbered, qr_countdown, qr_dialog, qr_paper, state_track
from wa_app.components.table import (
    Column,
    Paging,
    Selection,
    data_table,
    export_button,
    filter_chip,
    name_cell,
    search_box,
    toolbar,
)
from wa_app.components.uploader import uploader
from wa_app.components.wizard import steps, sticky_foot

_DEVICE_STATES = ("STARTING", "SCAN_QR", "PASSKEY", "CONNECTED", "PAUSED", "DISCONNECTED", "FAILED")
_CAMPAIGN_STATES = ("DRAFT", "PENDING", "PROCESSING", "PAUSED", "COMPLETED", "CANCELLED")
_COUNTS = {
    "planned": 426,
    "sending": 2,
    "sent": 121,
    "delivered": 247,
    "read": 410,
    "played": 2,
    "held": 0,
    "unknown": 2,
    "failed": 9,
    "skipped": 21,
    "cancelled": 0,
}


def _wrap(*children: Any) -> rx.Component:
    return rx.el.div(*children, class_name="row flex-wrap gap-3")


def _buttons() -> rx.Component:
    return card(
        card_body(
            _wrap(
                button("Buat siaran", look="primary", leading="megaphone"),
                button("Impor kontak", leading="user-plus"),
                button("Hentikan", look="danger", leading="circle-stop"),
                button("Hapus 12 kontak", look="danger-solid"),
                button("Batal", look="quiet"),
                button("Semua siaran", look="link", trailing="arrow-right"),
                button("Kecil", small=True),
                button("Menyimpan", look="primary", busy=Demo.busy),
                button("Nonaktif", disabled=True),
                link_button("Ke Beranda", routes.HOME, leading="house"),
                icon_button("copy", "Salin", outlined=True),
                icon_button("trash-2", "Hapus"),
            )
        ),
        title="Tombol",
    )


def _chips() -> rx.Component:
    return card(
        card_body(
            _wrap(*(chip(tone, tone) for tone in ("neutral", "brand", "ok", "warn", "bad", "odd", "spark"))),
            rx.el.div(class_name="h-3"),
            _wrap(
                *(device_state_chip(rx.Var.create(s)) for s in _DEVICE_STATES),
                device_state_chip(rx.Var.create("CONNECTED"), 6),
            ),
            rx.el.div(class_name="h-3"),
            _wrap(*(campaign_state_chip(rx.Var.create(s)) for s in _CAMPAIGN_STATES)),
            rx.el.div(class_name="h-3"),
            _wrap(*(message_state(rx.Var.create(s)) for s in MESSAGE_STATES)),
            rx.el.div(class_name="h-3"),
            _wrap(*(tag_chip(c, c) for c in TAG_COLOURS)),
            rx.el.div(class_name="h-3"),
            _wrap(
                *(avatar("Siti Rahmawati", c) for c in TAG_COLOURS),
                avatar("Ratna", size="lg"),
                avatar("Ratna W", size="sm"),
                tile("coffee"),
                tile("unplug", "bad"),
                tile("circle-help", "odd"),
            ),
        ),
        title="Chip, tag, petal",
    )


def _progress() -> rx.Component:
    counts = rx.Var.create(_COUNTS)
    return card(
        card_body(
            ribbon(counts, large=True),
            ribbon_legend(counts, 1240, active=Demo.choice, on_pick=Demo.choose),
            rx.el.div(class_name="h-4"),
            ribbon(counts),
            rx.el.div(class_name="h-4"),
            bar(412, 600, label="412 dari 600"),
            rx.el.div(class_name="h-2"),
            bar(96, 500, tone="bad", label="96 dari 500"),
        ),
        title="Pita dan batang",
    )


def _figures() -> rx.Component:
    points = [1.0, 2, 2, 3, 5, 6, 8, 9, 8, 10]
    return figure_strip(
        figure(
            "Terkirim hari ini",
            number(1201),
            rx.fragment(rx.el.span("+12%", class_name="up"), " dari Jumat lalu"),
            spark_line(rx.Var.create(points)),
        ),
        figure("Dibaca", percent(71.4), "+3,1 poin minggu ini", spark_line(rx.Var.create(points))),
        figure("Pesan masuk", number(478), None, spark_line(rx.Var.create(points), "c2")),
        figure("Pesanan", money(14280000), phone("+6281200003312")),
    )


def _forms() -> rx.Component:
    return card(
        card_body(
            form_section(
                "Profil",
                "Tampil pada tim Anda.",
                text_field("Nama", "name", placeholder="Ratna Wulandari", help_="Nama lengkap."),
                text_field("Nomor", "phone", error="invalid", default_value="0812-00"),
                text_field("Kota", "city", optional=True, leading="map-pin"),
                password_field("Kata sandi", "password"),
                text_area("Catatan", "note", rows=3),
                select_field("Wilayah", "region", [("ID", "Indonesia"), ("MY", "Malaysia")]),
                radio_group(
                    "Bila nomor sudah ada",
                    "double",
                    [("fill", "Isi yang kosong"), ("skip", "Lewati")],
                    value=Demo.choice,
                    on_change=Demo.choose,
                ),
                checkbox("Mereka setuju dihubungi lewat WhatsApp", note="Dicatat sebagai bukti izin."),
                switch("Ikut siaran", Demo.flag, Demo.flip),
                tag_picker("Tag", Demo.tags, Demo.selected, Demo.toggle),
                date_time_field("Jadwal", "at", zone="WIB"),
            ),
            form_section(
                "Berkas",
                "CSV atau XLSX.",
                uploader(accept=[".csv", ".xlsx"], types_text="CSV, XLSX", on_uploaded=Demo.uploaded),
            ),
            save_bar(Demo.flag, Demo.flip, Demo.flip),
        ),
        title="Isian",
    )


def _table() -> rx.Component:
    return data_table(
        Demo.rows,
        [
            Column("Nama", lambda row: name_cell(row["name"], phone(row["phone"]), row["color"])),
            Column("Tag", lambda row: tag_list(row["tags"].to(list[dict[str, str]])), phone="wide"),
            Column("Ditambah", lambda row: date_time(row["at"]), phone="hide"),
            Column("Belanja", lambda row: money(row["spent"]), align="end"),
        ],
        label="Contoh",
        toolbar=toolbar(
            search_box(Demo.query, Demo.search),
            filter_chip("Tag", "batik", Demo.flip),
            right=[export_button(Demo.flip)],
        ),
        on_open=Demo.choose,
        row_menu=lambda row: [
            menu_item("Ubah", Demo.choose(row["id"]), icon_name="pencil"),
            menu_item("Hapus", Demo.choose(row["id"]), icon_name="trash-2", danger=True),
        ],
        selection=Selection(
            Demo.selected, Demo.toggle, Demo.toggle_all, Demo.clear, bar=[button("Tag"), button("Hapus", look="danger")]
        ),
        paging=Paging(1, 50, 2418, False, True, Demo.flip, Demo.flip, is_estimate=True),
        empty=empty("Belum ada kontak", "Impor daftar pelanggan Anda.", button("Impor kontak", look="primary")),
        filtered=Demo.query != "",
        on_clear=Demo.clear_query,
    )


def _feedback() -> rx.Component:
    return rx.el.div(
        card(
            empty(
                "Belum ada siaran",
                "Kirim satu pesan ke banyak pelanggan, tanpa kehilangan satu pun.",
                button("Buat siaran", look="primary"),
                button("Lihat contoh", look="link"),
            )
        ),
        rx.el.div(
            notice("Nomor baru dipanaskan 14 hari.", tone="spark", icon_name="flame"),
            notice(
                "2 pesan tidak pasti terkirim. Kami tidak mengirim ulang tanpa keputusan Anda.",
                tone="odd",
                icon_name="circle-help",
                action=button("Putuskan", look="link"),
            ),
            notice("Laundry Cling terputus sejak 07.52.", tone="bad", icon_name="unplug"),
            inline_error("not_found", reference="a1b2c3", on_retry=Demo.flip),
            card(skeleton_rows(3), title="Memuat"),
            _wrap(
                button("Toast", on_click=Demo.say),
                button("Toast galat", on_click=Demo.complain),
                button("Galat tak terduga", on_click=Demo.crash),
            ),
            class_name="stack-gap",
        ),
        class_name="grid gap-4 lg:grid-cols-2",
    )


def _overlays() -> rx.Component:
    return card(
        card_body(
            _wrap(
                button("Dialog", on_click=Demo.show("dialog")),
                button("Konfirmasi", on_click=Demo.show("confirm")),
                button("Laci", on_click=Demo.show("drawer")),
                button("QR", on_click=Demo.show("qr")),
                menu(button("Menu", trailing="chevron-down"), menu_item("Gandakan", Demo.flip, icon_name="copy")),
            ),
            dialog(
                form(text_field("Nama", "dialog_name")),
                title="Ubah nama",
                open_=Demo.shown == "dialog",
                on_open_change=Demo.hide,
                foot=[button("Simpan", look="primary", on_click=Demo.hide(False))],
            ),
            confirm(
                "Hentikan siaran?",
                "426 pesan yang menunggu tidak akan dikirim.",
                open_=Demo.shown == "confirm",
                on_open_change=Demo.hide,
                confirm_text="Hentikan siaran",
                cancel_text="Biarkan berjalan",
                on_confirm=Demo.hide(False),
            ),
            drawer(
                rx.el.dl(definition("Kota", "Bandung"), definition("Sejak", "Maret 2025")),
                title="Siti Rahmawati",
                lead=avatar("Siti Rahmawati"),
                open_=Demo.shown == "drawer",
                on_open_change=Demo.hide,
                foot=[button("Kirim pesan", look="primary")],
            ),
            qr_dialog(
                numbered(
                    "Buka WhatsApp di ponsel dengan nomor ini.",
                    "Ketuk Setelan, Perangkat tertaut, Tautkan perangkat.",
                    "Arahkan kamera ke kode.",
                ),
                notice("Nomor baru dipanaskan 14 hari.", tone="spark", icon_name="flame"),
                state_track(("Sesi disiapkan", "done"), ("Menunggu pindaian", "now"), ("Tersambung", "next")),
                right=[qr_paper(""), qr_countdown(18, 20)],
                title="Tautkan Laundry Antar-Jemput",
                note="+62 857-0000-0118",
                open_=Demo.shown == "qr",
                on_open_change=Demo.hide,
            ),
        ),
        title="Dialog",
    )


@rx.page(route=routes.DEV_COMPONENTS, title="Sapa · komponen")
def components_demo() -> rx.Component:
    """All parts, one under the other."""
    return shell(
        page_header(
            "Komponen",
            "Semua bagian, semua keadaan",
            button("Impor kontak"),
            button("Buat siaran", look="primary"),
            chip=chip("Draf"),
        ),
        tabs([("a", "Ringkasan", routes.DEV_COMPONENTS), ("b", "Rincian", routes.HOME)], "a"),
        rx.el.div(
            segmented([("a", "Laju"), ("b", "Kumulatif")], Demo.choice, Demo.choose, label="Tampilan"),
            steps(["Unggah", "Cocokkan kolom", "Periksa", "Impor"], 2),
            _figures(),
            _progress(),
            _table(),
            _buttons(),
            _chips(),
            card(
                card_row(
                    tile("megaphone"),
                    two_lines("Promo Gajian", "812 dari 1.240"),
                    chip("Berjalan", "spark", live=True),
                    href=routes.HOME,
                ),
                title="Siaran",
                note="3",
            ),
            _feedback(),
            _overlays(),
            phone_preview(
                "Batik Sekar Arum",
                date_pill("hari ini"),
                bubble(
                    "Halo Kak Siti, koleksi terbaru sudah datang.",
                    side="out",
                    time="09.41",
                    state=rx.Var.create("read"),
                ),
                bubble("Masih ada?", time="09.42"),
                bubble("Masih ada 3.", side="ai", time="09.43"),
            ),
            _forms(),
            class_name="stack-gap",
        ),
        title="Komponen",
        active="settings",
        foot=sticky_foot(
            button("Batal", look="quiet"),
            right=[
                button("Kembali", leading="arrow-left"),
                button("Periksa 2.467 baris", look="primary", trailing="arrow-right"),
            ],
        ),
    )
