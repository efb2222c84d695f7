"""The demo tenant."""

from wa_app.config import Settings
from wa_app.db import system_unit_of_work
from wa_app.services import accounts, seed

EMAIL = "demo-seed@sapa.test"
PASSWORD = "Kq7-senja-kopi-gula"


async def test_seeds_once_and_leaves_numbers_to_scan_without_a_sandbox(settings: Settings) -> None:
    first = await seed.seed_demo(EMAIL, PASSWORD)
    assert first == seed.Demo(already_there=False, linked=False)
    assert (await seed.seed_demo(EMAIL, PASSWORD)).already_there
    async with system_unit_of_work() as system:
        user = await accounts.find_user(system, EMAIL)
        assert user is not None
