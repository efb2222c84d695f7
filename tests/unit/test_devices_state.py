"""What the devices page makes of a submitted tempo, and of a device's state."""

from datetime import UTC, datetime
from typing import Any

import pytest

from state import device_editing as editing
from state import devices as state
from wa_app.errors import Invalid, NotFound
from wa_app.kit.ids import new_id
from wa_app.schemas.devices import DeviceView

FORM = {
    "delay_min": "5",
    "delay_max": "20",
    "per_hour": "",
    "per_day": "200",
    "quiet_start": "21:00",
    "quiet_end": "07:00",
}


def _device(**changes: Any) -> DeviceView:
    values = {
        "id": new_id(), "name": "Toko", "channel": "waha", "session": "s", "status": "CONNECTED", "reason": None,
        "passkey_code": None, "phone": "+6281298000001", "push_name": None, "engine": "WEBJS",
        "is_active_for_broadcast": True, "pacing": {}, "last_seen_at": None, "connected_at": None,
        "status_changed_at": None, "paused_until": None, "pause_reason": None, "created_at": datetime.now(UTC),
    }  # fmt: skip
    return DeviceView.model_validate({**values, **changes})


def test_reads_a_tempo() -> None:
    pacing = editing._pacing_from(FORM, typing=False).model_dump(mode="json", exclude_unset=True)
    assert pacing == {
        "delay_min_s": 5, "delay_max_s": 20, "per_hour": None, "per_day": 200, "typing": False,
        "quiet_hours": {"start": "21:00", "end": "07:00"},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"delay_min": "30"}, "pacing_delays_crossed"),
        ({"delay_min": "x"}, "pacing_number"),
        ({"delay_max": "99999"}, "pacing_number"),
        ({"delay_min": "nan"}, "pacing_number"),
        ({"per_day": "0"}, "pacing_number"),
        ({"per_day": "1.5"}, "pacing_number"),
        ({"quiet_end": ""}, "pacing_time"),
        ({"quiet_start": "25:99"}, "pacing_time"),
    ],
)
def test_refuses_a_tempo(change: dict[str, str], code: str) -> None:
    with pytest.raises(Invalid) as caught:
        editing._pacing_from({**FORM, **change}, typing=True)
    assert caught.value.fields[0].code == code


def test_an_empty_tempo_takes_the_defaults() -> None:
    pacing = editing._pacing_from({}, typing=True)
    assert (pacing.delay_min_s, pacing.delay_max_s, pacing.quiet_hours) == (5, 20, None)
    assert editing._pacing_form({})["delay_max"] == "20"


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
