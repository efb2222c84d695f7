"""Passwords: long ones count whole, easy ones are refused, unknown accounts cost the same."""

from unittest.mock import patch

import bcrypt
import pytest

from wa_app.kit import passwords

LONG = "panjang sekali " * 8


@pytest.fixture(scope="module")
async def hashed() -> str:
    return await passwords.hash_password(LONG, rounds=4)


async def test_every_character_of_a_long_password_counts(hashed: str) -> None:
    assert await passwords.verify_password(LONG, hashed)
    assert not await passwords.verify_password(LONG + "x", hashed)
    assert not await passwords.verify_password(LONG[:72], hashed)


async def test_nul_does_not_end_a_password() -> None:
    hashed = await passwords.hash_password("awal\x00akhir", rounds=4)
    assert not await passwords.verify_password("awal\x00lain", hashed)


async def test_unknown_account_runs_bcrypt_once_as_well(hashed: str) -> None:
    counts = []
    for known in (hashed, None):
        with patch("bcrypt.checkpw", side_effect=bcrypt.checkpw) as checked:
            assert not await passwords.verify_password("salah", known)
        counts.append(checked.call_count)
    assert counts == [1, 1]


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("pendek", "password_too_short"),
        ("x" * 201, "password_too_long"),
        ("1234567890", "password_too_common"),
        ("Password12345!", "password_too_common"),
        ("Bismillah2026", "password_too_common"),
        ("aaaaaaaaaaaa", "password_too_common"),
        ("ratnasari2026", "password_too_common"),
        ("kopi susu tetangga", None),
        ("Xk3#q9!mVz2p", None),
    ],
)
def test_problem_of_a_password(password: str, code: str | None) -> None:
    found = passwords.problem(password, "ratnasari@toko.id")
    assert (found.code if found else None) == code
