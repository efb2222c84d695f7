"""Time zones from what is known of a person."""

import pytest

from wa_app.kit import zones


@pytest.mark.parametrize(
    ("time_zone", "attribute", "city", "zone"),
    [
        ("Asia/Tokyo", "WIB", "Makassar", "Asia/Tokyo"),
        (None, "WITA", "Bandung", "Asia/Makassar"),
        (None, None, "Kota Makassar", "Asia/Makassar"),
        (None, None, "KAB.  Bandung", "Asia/Jakarta"),
        (None, None, "kabupaten Raja Ampat", "Asia/Jayapura"),
        ("", "", "Provinsi Nusa Tenggara Timur", "Asia/Makassar"),
        ("Mars/Base", None, "Denpasar", "Asia/Makassar"),
        (None, 7, "Palangka Raya", "Asia/Jakarta"),
        (None, None, "Springfield", None),
        (None, None, None, None),
    ],
)
def test_the_first_that_is_known_counts(time_zone: object, attribute: object, city: object, zone: str | None) -> None:
    assert zones.zone_name(time_zone, attribute, city) == zone


def test_every_province_is_known() -> None:
    provinces = [
        "Aceh", "Sumatera Utara", "Sumatera Barat", "Riau", "Kepulauan Riau", "Jambi", "Sumatera Selatan",
        "Kepulauan Bangka Belitung", "Bengkulu", "Lampung", "DKI Jakarta", "Jawa Barat", "Jawa Tengah",
        "Daerah Istimewa Yogyakarta", "Jawa Timur", "Banten", "Bali", "Nusa Tenggara Barat", "Nusa Tenggara Timur",
        "Kalimantan Barat", "Kalimantan Tengah", "Kalimantan Selatan", "Kalimantan Timur", "Kalimantan Utara",
        "Sulawesi Utara", "Sulawesi Tengah", "Sulawesi Selatan", "Sulawesi Tenggara", "Gorontalo", "Sulawesi Barat",
        "Maluku", "Maluku Utara", "Papua", "Papua Barat", "Papua Barat Daya", "Papua Selatan", "Papua Tengah",
        "Papua Pegunungan",
    ]  # fmt: skip
    assert len(provinces) == 38
    assert all(zones.zone_name(None, None, one) for one in provinces)


def test_no_name_is_in_two_zones() -> None:
    listed = [{" ".join(name.split()) for name in text.split(",")} for text in (zones._WIB, zones._WITA, zones._WIT)]
    assert sum(map(len, listed)) == len(set.union(*listed)) > 500
