"""The report on paper: one to three A4 pages in the product's look. Pure: figures in, bytes out.

Drawn directly, so that nothing has to be laid out by trying. The typeface holds Latin letters; what
it does not have (emoji, other scripts in a campaign's name) is left out rather than shown as boxes.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from wa_app.i18n import translate
from wa_app.schemas.reports import Hour, Report
from wa_app.services.reports import wording

FONTS: Final = Path(__file__).resolve().parent / "fonts"
WIDTH, HEIGHT, MARGIN = 595.28, 841.89, 44.0
INNER = WIDTH - 2 * MARGIN
FOOT = 46.0
TEXT, TEXT_2, TEXT_3, LINE, GROUND, BRAND, NILA, SPARK = (
    "#191E2C", "#515766", "#636875", "#E7E4DE", "#FAF9F7", "#24448C", "#14203B", "#F0A51E"
)  # fmt: skip
READ, DELIVERED, SENT, PLANNED, FAILED, UNKNOWN, SKIPPED = (
    "#1D3A7A", "#4A72C8", "#7C9CE0", "#DEDAD2", "#D0402F", "#9A5BB0", "#A39D92"
)  # fmt: skip
REPLIED = "#E09A18"
MOST_ROWS = 12
MOST_BARS = 48


def render(report: Report, tenant: str, language: str, made_at: datetime) -> bytes:
    """The report as a PDF."""
    from reportlab.pdfgen.canvas import Canvas

    _register()
    out = io.BytesIO()
    title = f"{translate(language, 'report.title')}: {report.name}"
    canvas = Canvas(out, pagesize=(WIDTH, HEIGHT), pageCompression=1)
    canvas.setTitle(_plain(title))
    canvas.setAuthor(_plain(tenant))
    canvas.setSubject("Sapa")
    sheet = _Sheet(canvas, language, report.time_zone, _plain(report.name), made_at)
    _head(sheet, report, tenant)
    _figures(sheet, report)
    _funnel(sheet, report)
    _hours(sheet, report)
    _devices(sheet, report)
    _reasons(sheet, report)
    _variants(sheet, report)
    _compared(sheet, report)
    sheet.close()
    return out.getvalue()


@dataclass
class _Sheet:
    """A page being filled from the top."""

    canvas: Any
    language: str
    zone: str
    name: str
    made_at: datetime
    y: float = HEIGHT
    page: int = 1

    def t(self, key: str, **args: str | int) -> str:
        return translate(self.language, key, **args)

    def n(self, value: float, decimals: int = 0) -> str:
        return wording.number(value, self.language, decimals)

    def text(
        self, x: float, y: float, words: str, *, size: float = 9.5, bold: bool = False, colour: str = TEXT,
        align: str = "left", width: float | None = None,
    ) -> None:  # fmt: skip
        face = "Sapa-Bold" if bold else "Sapa"
        shown = _fitting(_plain(words), face, size, width)
        self.canvas.setFont(face, size)
        self.canvas.setFillColor(_colour(colour))
        # The typeface's own spaces are narrow (LOOK §2).
        space = 0.07 * size
        wide = _width(shown, face, size) + space * shown.count(" ")
        left = x - (wide if align == "right" else wide / 2 if align == "centre" else 0)
        self.canvas.drawString(left, y, shown, wordSpace=space)

    def box(self, x: float, y: float, width: float, height: float, colour: str, radius: float = 0) -> None:
        self.canvas.setFillColor(_colour(colour))
        if width > 0 and height > 0:
            self.canvas.roundRect(x, y, width, height, min(radius, width / 2, height / 2), stroke=0, fill=1)

    def line(self, y: float, x: float = MARGIN, width: float = INNER) -> None:
        self.canvas.setStrokeColor(_colour(LINE))
        self.canvas.setLineWidth(0.7)
        self.canvas.line(x, y, x + width, y)

    def section(self, title: str, height: float) -> None:
        """A heading with room for what follows; a new page when there is none."""
        if self.y - height - 34 < FOOT:
            self._turn()
        self.y -= 26
        self.text(MARGIN, self.y, title, size=11.5, bold=True)
        self.y -= 10

    def _turn(self) -> None:
        self._foot()
        self.canvas.showPage()
        self.page += 1
        self.y = HEIGHT - MARGIN
        self.text(MARGIN, self.y, self.name, size=9, colour=TEXT_3, width=INNER)
        self.y -= 4

    def _foot(self) -> None:
        self.line(FOOT - 8)
        when = self.t("report.pdf.made", time=wording.moment(self.made_at, self.language, self.zone))
        self.text(MARGIN, FOOT - 22, when, size=8, colour=TEXT_3)
        self.text(WIDTH - MARGIN, FOOT - 22, self.t("report.pdf.page", n=self.page), size=8, colour=TEXT_3, align="right")

    def close(self) -> None:
        self._foot()
        self.canvas.showPage()
        self.canvas.save()


def _head(sheet: _Sheet, report: Report, tenant: str) -> None:
    height = 112.0
    sheet.box(0, HEIGHT - height, WIDTH, height, NILA)
    _petals(sheet.canvas, WIDTH - MARGIN - 22, HEIGHT - 58)
    top = HEIGHT - 38
    sheet.text(MARGIN, top, sheet.t("report.title"), size=9, colour="#B7C2D9")
    sheet.text(MARGIN, top - 24, report.name, size=19, bold=True, colour="#FFFFFF", width=INNER - 90)
    begun = wording.moment(report.started_at, sheet.language, sheet.zone)
    ended = wording.moment(report.finished_at, sheet.language, sheet.zone)
    state = sheet.t(f"campaign.state.{report.status.value.lower()}")
    span = f"{begun} – {ended}" if report.finished_at else begun
    sheet.text(MARGIN, top - 43, f"{tenant} · {state}", size=9, colour="#B7C2D9", width=INNER - 90)
    sheet.text(MARGIN, top - 56, span, size=9, colour="#B7C2D9", width=INNER - 90)
    sheet.y = HEIGHT - height - 6


def _petals(canvas: Any, x: float, y: float) -> None:
    """The mark: four petals of the kawung."""
    canvas.saveState()
    canvas.translate(x, y)
    for turn in range(4):
        canvas.setFillColor(_colour(SPARK if turn == 0 else "#B7C2D9"))
        path = canvas.beginPath()
        path.moveTo(1.6, 1.6)
        path.curveTo(1.6, 11, 6, 18, 18, 18)
        path.curveTo(18, 6, 11, 1.6, 1.6, 1.6)
        canvas.drawPath(path, stroke=0, fill=1)
        canvas.rotate(90)
    canvas.restoreState()


def _figures(sheet: _Sheet, report: Report) -> None:
    funnel, language = report.funnel, sheet.language
    cells = [
        (sheet.t("report.sent"), sheet.n(funnel.sent), sheet.t("report.of_people", n=sheet.n(funnel.planned))),
        (sheet.t("report.delivered"), wording.percent(_share(funnel.delivered, funnel.sent), language), sheet.n(funnel.delivered)),
        (sheet.t("report.read"), wording.percent(_share(funnel.read, funnel.sent), language), sheet.n(funnel.read)),
        (sheet.t("report.replied"), wording.percent(_share(funnel.replied, funnel.sent), language), sheet.n(funnel.replied)),
        (sheet.t("report.opted_out"), wording.percent(_share(report.opted_out, funnel.sent), language), sheet.n(report.opted_out)),
    ]  # fmt: skip
    width, top = INNER / len(cells), sheet.y - 18
    for at, (label, value, note) in enumerate(cells):
        x = MARGIN + at * width + (8 if at else 0)
        sheet.text(x, top, label, size=8.5, colour=TEXT_2, width=width - 12)
        sheet.text(x, top - 22, value, size=17, bold=True, width=width - 12)
        sheet.text(x, top - 36, note, size=8.5, colour=TEXT_3, width=width - 12)
    sheet.y = top - 48
    sheet.line(sheet.y)


def _funnel(sheet: _Sheet, report: Report) -> None:
    funnel = report.funnel
    steps = [
        ("report.planned", funnel.planned, PLANNED), ("report.sent", funnel.sent, SENT),
        ("report.delivered", funnel.delivered, DELIVERED), ("report.read", funnel.read, READ),
        ("report.replied", funnel.replied, REPLIED),
    ]  # fmt: skip
    if funnel.clicked is not None:
        steps.append(("report.clicked", funnel.clicked, "#2F8F83"))
    sheet.section(sheet.t("report.funnel"), 20.0 * len(steps))
    most = max(funnel.planned, 1)
    for key, n, colour in steps:
        sheet.y -= 20
        sheet.text(MARGIN, sheet.y + 3, sheet.t(key), colour=TEXT_2)
        sheet.box(MARGIN + 92, sheet.y, (INNER - 210) * n / most, 12, colour, 2)
        sheet.text(WIDTH - MARGIN - 52, sheet.y + 3, sheet.n(n), bold=True, align="right")
        sheet.text(WIDTH - MARGIN, sheet.y + 3, wording.percent(_share(n, funnel.planned), sheet.language), colour=TEXT_3, align="right")


def _hours(sheet: _Sheet, report: Report) -> None:
    shown = _filled(report.hours)
    if not any(hour.sent or hour.read for hour in shown):
        return
    height = 118.0
    sheet.section(sheet.t("report.hours"), height + 34)
    sheet.text(WIDTH - MARGIN, sheet.y + 10, f"{sheet.t('report.sent')}  |  {sheet.t('report.read')}", size=8, colour=TEXT_3, align="right")
    bottom = sheet.y - height
    most = max(max(hour.sent, hour.read) for hour in shown)
    for step in range(1, 4):
        y = bottom + (height - 18) * step / 3
        sheet.line(y, MARGIN + 34, INNER - 34)
        sheet.text(MARGIN + 28, y - 3, sheet.n(round(most * step / 3)), size=7.5, colour=TEXT_3, align="right")
    sheet.line(bottom, MARGIN + 34, INNER - 34)
    slot = (INNER - 34) / len(shown)
    every = max(1, -(-len(shown) // 12))
    for at, hour in enumerate(shown):
        x = MARGIN + 34 + at * slot
        wide = max(1.0, min(9.0, slot / 2 - 1))
        sheet.box(x + slot / 2 - wide, bottom, wide, (height - 18) * hour.sent / most, SENT, 1)
        sheet.box(x + slot / 2, bottom, wide, (height - 18) * hour.read / most, READ, 1)
        if at % every == 0:
            words = wording.hour(hour.at, sheet.zone, sheet.language)
            sheet.text(x + slot / 2, bottom - 11, words, size=7, colour=TEXT_3, align="centre")
    sheet.y = bottom - 24
    best = max(shown, key=lambda hour: hour.read)
    facts = [sheet.t("report.best_hour", hour=wording.hour(best.at, sheet.zone, sheet.language), n=sheet.n(best.read))] if best.read else []
    if report.median_read_s is not None:
        facts.append(sheet.t("report.median_read", time=wording.duration(report.median_read_s, sheet.language)))
    if report.per_minute:
        facts.append(sheet.t("report.rate", n=sheet.n(report.per_minute, 1), time=wording.duration(report.seconds, sheet.language)))
    sheet.text(MARGIN, sheet.y, "  ·  ".join(facts), size=8.5, colour=TEXT_2, width=INNER)


def _filled(hours: Sequence[Hour]) -> list[Hour]:
    """Every hour from the first to the last one, empty ones too; of a long campaign the beginning."""
    if not hours:
        return []
    by_hour = {hour.at: hour for hour in hours}
    first, last = min(by_hour), max(by_hour)
    count = min(MOST_BARS, round((last - first).total_seconds() / 3600) + 1)
    return [by_hour.get(at, Hour(at=at)) for at in (first + timedelta(hours=n) for n in range(count))]


def _table(sheet: _Sheet, title: str, head: Sequence[str], rows: Sequence[Sequence[str]], widths: Sequence[float]) -> None:
    """First column left, the others right."""
    if not rows:
        return
    shown = rows[:MOST_ROWS]
    sheet.section(title, 20 + 18.0 * len(shown))
    rights = [MARGIN + sum(widths[: at + 1]) * INNER for at in range(len(widths))]
    sheet.box(MARGIN, sheet.y - 16, INNER, 18, GROUND, 3)
    for line in (head, *shown):
        is_head = line is head
        sheet.y -= 11 if is_head else 18
        for at, cell in enumerate(line):
            width = widths[at] * INNER - 8
            x, align = (MARGIN + 4, "left") if at == 0 else (rights[at] - 4, "right")
            sheet.text(x, sheet.y, cell, size=8.5 if is_head else 9.5, bold=is_head, align=align, width=width,
                       colour=TEXT_2 if is_head else TEXT)  # fmt: skip
        if not is_head:
            sheet.line(sheet.y - 6)
    sheet.y -= 6
    if len(rows) > MOST_ROWS:
        sheet.y -= 12
        sheet.text(MARGIN + 4, sheet.y, sheet.t("report.pdf.more", n=len(rows) - MOST_ROWS), size=8.5, colour=TEXT_3)


def _devices(sheet: _Sheet, report: Report) -> None:
    keys = ("report.device", "report.taken", "report.sent", "report.delivered", "report.read", "report.failed")
    rows = [
        [one.name, *(sheet.n(n) for n in (one.taken, one.arrived)), wording.percent(_share(one.delivered, one.arrived), sheet.language),
         wording.percent(_share(one.read, one.arrived), sheet.language), sheet.n(one.failed)]
        for one in report.devices
    ]  # fmt: skip
    _table(sheet, sheet.t("report.devices"), [sheet.t(key) for key in keys], rows, (0.35, 0.13, 0.13, 0.13, 0.13, 0.13))


def _reasons(sheet: _Sheet, report: Report) -> None:
    rows = [
        [sheet.t(f"reason.{one.code}") if one.code else sheet.t("report.no_reason"), sheet.t(f"status.{one.state}"), sheet.n(one.n)]
        for one in report.reasons
    ]
    head = [sheet.t("report.reason"), sheet.t("report.state"), sheet.t("report.people")]
    _table(sheet, sheet.t("report.reasons"), head, rows, (0.6, 0.22, 0.18))


def _variants(sheet: _Sheet, report: Report) -> None:
    keys = ("report.variant", "report.sent", "report.read", "report.replied")
    rows = [
        [one.name, sheet.n(one.sent), wording.percent(_share(one.read, one.sent), sheet.language),
         wording.percent(_share(one.replied, one.sent), sheet.language)]
        for one in report.variants
    ]  # fmt: skip
    _table(sheet, sheet.t("report.variants"), [sheet.t(key) for key in keys], rows, (0.4, 0.2, 0.2, 0.2))


def _compared(sheet: _Sheet, report: Report) -> None:
    before = report.previous
    if before is None:
        return
    funnel, language = report.funnel, sheet.language
    now = (_share(funnel.delivered, funnel.sent), _share(funnel.read, funnel.sent), _share(funnel.replied, funnel.sent))
    then = (before.delivered_share, before.read_share, before.replied_share)
    rows = [
        [report.name, sheet.n(funnel.sent), *(wording.percent(one, language) for one in now)],
        [before.name, sheet.n(before.sent), *(wording.percent(one, language) for one in then)],
    ]
    keys = ("report.broadcast", "report.sent", "report.delivered", "report.read", "report.replied")
    _table(sheet, sheet.t("report.compared"), [sheet.t(key) for key in keys], rows, (0.44, 0.14, 0.14, 0.14, 0.14))


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


@lru_cache
def _register() -> None:
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFont

    for name, file in (("Sapa", "PlusJakartaSans-Regular.ttf"), ("Sapa-Bold", "PlusJakartaSans-SemiBold.ttf")):
        pdfmetrics.registerFont(TTFont(name, str(FONTS / file)))


@lru_cache
def _letters() -> frozenset[int]:
    from reportlab.pdfbase import pdfmetrics

    _register()
    return frozenset(pdfmetrics.getFont("Sapa").face.charToGlyph)


def _plain(words: str) -> str:
    """Only what the typeface can draw."""
    known = _letters()
    return " ".join("".join(char for char in words if ord(char) in known or char == " ").split())


def _width(words: str, face: str, size: float) -> float:
    from reportlab.pdfbase.pdfmetrics import stringWidth

    return float(stringWidth(words, face, size))


def _fitting(words: str, face: str, size: float, width: float | None) -> str:
    if width is None or _width(words, face, size * 1.02) <= width:
        return words
    while words and _width(f"{words}…", face, size * 1.02) > width:
        words = words[:-1]
    return f"{words.rstrip()}…"


@lru_cache(maxsize=64)
def _colour(value: str) -> Any:
    from reportlab.lib.colors import HexColor

    return HexColor(value)
