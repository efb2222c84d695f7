"""What the devices page makes of a submitted tempo, and of a device's state."""

from datetime import UTC, datetime
from typing import Any

import pytest

from state import device_tempo as tempo
from state import devices as state
from wa_app.errors import Invalid, NotFound
from wa_app.kit.ids import new_id
from wa_app.schemas.devices import DeviceView
from wa_app.schemas.presets import PRESETS

FORM = {
    "delay_min_s": "5", "delay_max_s": "20", "per_hour": "", "per_day": "200", "quiet_start": "21:00", "quiet_end": "07:00",
    "days": "012345", "typing": "",
}  # fmt: skip


def _device(**changes: Any) -> DeviceView:
    values = {
        "id": new_id(), "name": "Toko", "channel": "waha", "session": "s", "status": "CONNECTED", "reason": None,
        "passkey_code": None, "phone": "+6281298000001", "push_name": None, "engine": "WEBJS",
        "is_active_for_broadcast": True, "pacing": {}, "last_seen_at": None, "connected_at": None,
        "status_changed_at": None, "paused_until": None, "pause_reason": None, "created_at": datetime.now(UTC),
    }  # fmt: skip
    return DeviceView.model_validate({**values, **changes})


def test_reads_a_tempo() -> None:
    update = tempo.from_form(FORM)
    assert {key: value for key, value in update.model_dump(mode="json").items() if value is not None} == {
        "delay_min_s": 5, "delay_max_s": 20, "per_day": 200, "typing": False, "working_days": [0, 1, 2, 3, 4, 5],
        "quiet_hours": {"start": "21:00", "end": "07:00"},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"delay_min_s": "30"}, "delay_max_s", "pacing_delays_crossed"),
        ({"delay_min_s": "x"}, "delay_min_s", "pacing_number"),
        ({"delay_max_s": "99999"}, "delay_max_s", "pacing_number"),
        ({"delay_min_s": "nan"}, "delay_min_s", "pacing_number"),
        ({"per_day": "0"}, "per_day", "pacing_number"),
        ({"per_day": "1.5"}, "per_day", "pacing_number"),
        ({"package_size_min": "9", "package_size_max": "8"}, "package_size_max", "pacing_range_crossed"),
        ({"package_pause_min_s": "9", "package_pause_max_s": "8"}, "package_pause_max_s", "pacing_range_crossed"),
        ({"quiet_end": ""}, "quiet_end", "pacing_time"),
        ({"quiet_start": "25:99"}, "quiet_end", "pacing_time"),
        ({"days": ""}, "days", "pacing_days"),
    ],
)
def test_refuses_a_tempo(change: dict[str, str], field: str, code: str) -> None:
    with pytest.raises(Invalid) as caught:
        tempo.from_form({**FORM, **change})
    assert [(one.field, one.code) for one in caught.value.fields] == [(field, code)]


def test_an_empty_tempo_takes_the_defaults() -> None:
    pacing = tempo.from_form({})
    assert (pacing.delay_min_s, pacing.delay_max_s, pacing.quiet_hours, pacing.working_days) == (5, 20, None, None)
    assert tempo.to_form({})["delay_max_s"] == "20"


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_known_again_in_its_form(name: str) -> None:
    update = tempo.from_form(tempo.to_form(PRESETS[name]))
    assert update.preset == name


@pytest.mark.parametrize(
    ("form", "day", "hour"),
    [
        (tempo.to_form(PRESETS["new"]), 100, 30),
        (tempo.to_form(PRESETS["cloud"]), None, None),
        ({"delay_min_s": "30", "delay_max_s": "30"}, 2880, 120),
        ({"delay_min_s": "30", "delay_max_s": "30", "quiet_start": "20:00", "quiet_end": "08:00"}, 1440, 120),
        ({"delay_min_s": "10", "delay_max_s": "10", "package_size_min": "10", "package_size_max": "10",
          "package_pause_min_s": "300", "package_pause_max_s": "300"}, 2160, 90),
    ],
)  # fmt: skip
def test_says_what_a_tempo_comes_to(form: dict[str, str], day: int | None, hour: int | None) -> None:
    meant = tempo.meaning(tempo.from_form(form))
    assert (meant.day, meant.hour) == (day, hour)


@pytest.mark.parametrize(
    ("status", "needs"),
    [
        ("SCAN_QR", "scan"),
        ("PASSKEY", "confirm"),
        ("FAILED", "reconnect"),
        ("DISCONNECTED", "reconnect"),
        ("STARTING", ""),
    ],
)
def test_what_a_number_needs(status: str, needs: str) -> None:
    assert state.row_of(_device(status=status))["needs"] == needs


def test_a_held_number_is_shown_as_paused() -> None:
    assert state.row_of(_device(pause_reason="error_rate"))["status"] == "PAUSED"


def test_finds_by_name_and_phone() -> None:
    device = _device()
    assert [state._matches(device, q) for q in ("tok", "8129", "", "malang", "999")] == [True, True, True, False, False]


def test_refuses_what_is_no_id() -> None:
    with pytest.raises(NotFound):
        state.device_id_of("1 OR 1=1")
