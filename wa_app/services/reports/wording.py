"""Numbers, shares and times in files, as the languages write them (LOOK §6)."""

from datetime import datetime
from zoneinfo import ZoneInfo

_MONTHS = {
    "id": ["Januari", "Februari", "Maret", "April", "Mei", "Juni", "Juli", "Agustus", "September", "Oktober", "November", "Desember"],
    "en": ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"],
}
_ZONES = {"Asia/Jakarta": "WIB", "Asia/Pontianak": "WIB", "Asia/Makassar": "WITA", "Asia/Jayapura": "WIT"}


def number(n: float, language: str, decimals: int = 0) -> str:
    """1240 is `1.240` in Indonesian, `1,240` in English."""
    plain = f"{n:,.{decimals}f}"
    return plain if language == "en" else plain.translate(str.maketrans(",.", ".,"))


def percent(share: float | None, language: str) -> str:
    """0.714 is `71,4%`; a dash where nothing is known."""
    return "–" if share is None else f"{number(share * 100, language, 1)}%"


def moment(at: datetime | None, language: str, zone: str) -> str:
    """`20 November 2026 09.41 WIB`."""
    if at is None:
        return "–"
    local = at.astimezone(ZoneInfo(zone))
    mark = ":" if language == "en" else "."
    month = _MONTHS.get(language, _MONTHS["en"])[local.month - 1]
    return f"{local.day} {month} {local.year} {local:%H}{mark}{local:%M} {_ZONES.get(zone, local.tzname() or '')}".strip()


def hour(at: datetime, zone: str, language: str) -> str:
    """`09.00` on the tenant's wall."""
    return f"{at.astimezone(ZoneInfo(zone)):%H}{':' if language == 'en' else '.'}00"


def duration(seconds: float | None, language: str) -> str:
    """The two largest units: `1 j 20 mnt`, `1 h 20 min`."""
    if seconds is None:
        return "–"
    names = ("d", "h", "min", "s") if language == "en" else ("hr", "j", "mnt", "dtk")
    sizes, left, parts = (86_400, 3_600, 60, 1), int(seconds), []
    for size, name in zip(sizes, names, strict=True):
        n, left = divmod(left, size)
        if n:
            parts.append(f"{n} {name}")
    return " ".join(parts[:2]) or f"0 {names[-1]}"
