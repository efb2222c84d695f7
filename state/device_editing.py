"""State of the drawer of one number: what it is, its tempo, its history."""

from typing import Any

import reflex as rx

from state.base import AppState
from state.devices import DevicesState, device_id_of, row_of
from wa_app.components.feedback import toast
from wa_app.errors import FieldError, Invalid
from wa_app.schemas.devices import DeviceUpdate, PacingUpdate, QuietHours
from wa_app.services import devices


class DeviceEditState(AppState):
    """The drawer of one number: what it is, its tempo, its history."""

    opened: bool = False
    device_id: str = ""
    device: dict[str, Any] = {}
    pacing: dict[str, str] = {}
    typing: bool = True
    events: list[dict[str, str]] = []
    name_error: str = ""
    pacing_error: str = ""
    pacing_args: dict[str, str] = {}
    busy: bool = False

    @rx.event
    async def open(self, device_id: str) -> None:
        """Show one number."""
        async with self.unit_of_work() as uow:
            device = await devices.get(uow, device_id_of(device_id))
            diary = await devices.list_events(uow, device.id, limit=8)
        self.device_id, self.device = device_id, row_of(device)
        self.pacing, self.typing = _pacing_form(device.pacing), device.pacing.get("typing") is not False
        self.events = [
            {
                "kind": event.kind,
                "reason": str(event.detail.get("reason", "")),
                "at": event.created_at.isoformat(),
            }
            for event in diary
        ]
        self.name_error = self.pacing_error = ""
        self.opened = True

    @rx.event
    async def close(self, is_open: bool) -> None:
        """Close the drawer."""
        await self.principal()
        self.opened = is_open

    @rx.event
    async def flip_typing(self) -> None:
        """Show "typing…" before a message, or not."""
        await self.principal()
        self.typing = not self.typing

    @rx.event
    async def save(self, form: dict[str, Any]) -> list[Any] | None:
        """Store name and tempo; errors stay at their fields."""
        self.name_error = self.pacing_error = ""
        try:
            pacing = _pacing_from(form, self.typing)
            # Not validated here: the service says which field is wrong in words for a person.
            name = str(form.get("edit_name", ""))
            changes = DeviceUpdate.model_construct(name=name, pacing=pacing, _fields_set={"name", "pacing"})
            async with self.unit_of_work() as uow:
                await devices.update(uow, device_id_of(self.device_id), changes)
        except Invalid as error:
            self._refuse(error.fields[0])
            return None
        self.opened = False
        return [DevicesState.load, toast("common.saved")]

    def _refuse(self, problem: FieldError) -> None:
        if problem.field == "name":
            self.name_error = problem.code
            return
        self.pacing_error = problem.code
        self.pacing_args = {key: str(value) for key, value in problem.args.items()}


_NUMBERS = {
    "delay_min_s": ("delay_min", 0, 3600),
    "delay_max_s": ("delay_max", 0, 3600),
    "per_hour": ("per_hour", 1, 100_000),
    "per_day": ("per_day", 1, 1_000_000),
}
_DELAY_DEFAULTS = {"delay_min_s": 5, "delay_max_s": 20}


def _pacing_form(pacing: dict[str, Any]) -> dict[str, str]:
    shown = {field: pacing.get(key, _DELAY_DEFAULTS.get(key)) for key, (field, _, _) in _NUMBERS.items()}
    quiet = pacing.get("quiet_hours") or {}
    form = {field: "" if value is None else f"{value:g}" for field, value in shown.items()}
    return {**form, "quiet_start": quiet.get("start", ""), "quiet_end": quiet.get("end", "")}


def _pacing_from(form: dict[str, Any], typing: bool) -> PacingUpdate:
    """The tempo in a submitted form. Raises Invalid on field `pacing`."""
    values: dict[str, Any] = {"typing": typing}
    for key, (field, low, high) in _NUMBERS.items():
        values[key] = _number(str(form.get(field, "")), low, high, _DELAY_DEFAULTS.get(key))
    start, end = str(form.get("quiet_start", "")), str(form.get("quiet_end", ""))
    if bool(start) is not bool(end):
        raise Invalid(FieldError("pacing", "pacing_time"))
    if start and end:
        try:
            values["quiet_hours"] = QuietHours.model_validate({"start": start, "end": end})
        except ValueError:
            raise Invalid(FieldError("pacing", "pacing_time")) from None
    else:
        values["quiet_hours"] = None
    if values["delay_min_s"] > values["delay_max_s"]:
        raise Invalid(FieldError("pacing", "pacing_delays_crossed"))
    return PacingUpdate(**values)


def _number(text: str, low: int, high: int, default: float | None) -> float | None:
    if not text.strip():
        return default
    try:
        number = float(text.replace(",", "."))
    except ValueError:
        number = -1.0
    if not low <= number <= high or (default is None and number != int(number)):
        raise Invalid(FieldError("pacing", "pacing_number", {"min": low, "max": high}))
    return number if default is not None else int(number)
