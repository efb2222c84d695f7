"""Texts and formats as Reflex vars that the browser resolves: `t("contacts.title")`.

Works as a child, in props (placeholder, aria_label), in `rx.cond` and inside `rx.foreach`. Arguments
may be vars. Numbers given as arguments are written in the reader's way (`1.240` or `1,240`).
"""

from functools import lru_cache
from typing import Any

import reflex as rx
from reflex.utils.imports import ImportVar
from reflex.vars import VarData

from wa_app.i18n.build import TARGET, build


@lru_cache
def library() -> str:
    """Import path of the browser module; also writes the catalogue module beside it."""
    build()
    rx.asset(TARGET.name, shared=True)
    return rx.asset("i18n.js", shared=True).importable_path


def _var(expression: str, *sources: Any) -> rx.vars.StringVar:
    merged = VarData.merge(
        VarData(imports={library(): [ImportVar(tag="useT")]}, hooks={"const sapaT = useT();": None}),
        *(source._get_all_var_data() for source in sources if isinstance(source, rx.Var)),
    )
    return rx.Var(expression, _var_type=str, _var_data=merged).to(str)


def _js(value: Any) -> str:
    return str(rx.Var.create(value))


def _call(name: str, *values: Any) -> rx.vars.StringVar:
    return _var(f"sapaT{name}({', '.join(_js(value) for value in values)})", *values)


def t(key: str, **args: Any) -> rx.vars.StringVar:
    """The text of `key` in the reader's language; `args` fill its `{placeholders}`."""
    if not args:
        return _call("", key)
    pairs = ", ".join(f"{name}: {_js(value)}" for name, value in args.items())
    return _var(f"sapaT({_js(key)}, {{{pairs}}})", *args.values())


def t_var(key: rx.Var[str], args: Any = None) -> rx.vars.StringVar:
    """Like `t` for a key known only in the browser, such as an error code kept in state."""
    return _call("", key) if args is None else _call("", key, args)


def error_text(code: rx.Var[str], args: Any = None) -> rx.vars.StringVar:
    """The text of an `AppError.code`, empty for an empty code."""
    key = rx.cond(code, "error." + code.to(str), "")
    return t_var(key, args)


def number(value: Any, digits: int = 0) -> rx.vars.StringVar:
    """`1.240` (id), `1,240` (en)."""
    return _call(".num", value, digits)


def percent(value: Any, digits: int = 1) -> rx.vars.StringVar:
    """A percentage given as 0 to 100: `71,4%`, `71.4%`."""
    return _call(".percent", value, digits)


def money(amount_minor: Any, currency: Any = "IDR") -> rx.vars.StringVar:
    """Money in minor units; rupiah have none in use: `Rp 349.000`."""
    return _call(".money", amount_minor, currency)


def file_size(num_bytes: Any) -> rx.vars.StringVar:
    """`412 KB`, `1,2 MB`."""
    return _call(".size", num_bytes)


def clock(iso: Any, *, seconds: bool = False) -> rx.vars.StringVar:
    """Time of day in the tenant's zone: `09.41`, `09:41`."""
    return _call(".time", iso, seconds)


def clock_zoned(iso: Any) -> rx.vars.StringVar:
    """Time of day that says its zone: `09.41 WIB`."""
    return _call(".timeZoned", iso)


def date(iso: Any) -> rx.vars.StringVar:
    """`20 November 2026`, `20 Nov 2026`."""
    return _call(".date", iso)


def date_time(iso: Any) -> rx.vars.StringVar:
    """`20 Nov 2026, 09.41`."""
    return _call(".dateTime", iso)


def moment(iso: Any) -> rx.vars.StringVar:
    """As short as clear: the time today, else day and time, else with the year."""
    return _call(".moment", iso)


def ago(iso: Any) -> rx.vars.StringVar:
    """`2 menit lalu`, `2 min ago`; also for times to come."""
    return _call(".ago", iso)


def duration(seconds: Any) -> rx.vars.StringVar:
    """`18 detik`, `12 mnt`, `1 jam 20 mnt`."""
    return _call(".duration", seconds)


def phone(e164: Any) -> rx.vars.StringVar:
    """`+62 812-0000-3312`."""
    return _call(".phone", e164)


def greeting() -> rx.vars.StringVar:
    """Greeting for the time of day in the tenant's zone."""
    return _call(".greeting")


def today() -> rx.vars.StringVar:
    """Today in words in the tenant's zone: `Jumat, 20 November 2026`."""
    return _call(".today")


def zone_name() -> rx.vars.StringVar:
    """Short name of the tenant's zone: `WIB`."""
    return _call(".zoneName")
