"""Zones from any text."""

from hypothesis import given
from hypothesis import strategies as st

from wa_app.kit import zones


@given(st.text(), st.text(), st.text())
def test_any_text_is_read(time_zone: str, attribute: str, city: str) -> None:
    name = zones.zone_name(time_zone, attribute, city)
    assert name is None or zones.zone(name).key == name
