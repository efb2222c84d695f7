"""Ready-made tempos, as data: what `devices.pacing` holds after a person chose one.

The figures follow what senders report about numbers on the unofficial protocol: a new number is
banned for its first hundreds of messages to strangers, an old one with a history of answers hardly
ever below a thousand a day. The Cloud API has caps of its own, at Meta.
"""

from collections.abc import Mapping
from typing import Any, Final

_NIGHT: Final = {"start": "21:00", "end": "07:00"}

PRESETS: Final[Mapping[str, Mapping[str, Any]]] = {
    "new": {
        "delay_min_s": 20, "delay_max_s": 60, "per_minute": 2, "per_hour": 30, "per_day": 100,
        "strangers_per_day": 20, "package_size_min": 8, "package_size_max": 15, "package_pause_min_s": 300,
        "package_pause_max_s": 900, "quiet_hours": _NIGHT, "working_days": [0, 1, 2, 3, 4, 5, 6], "typing": True,
    },
    "warm": {
        "delay_min_s": 8, "delay_max_s": 30, "per_minute": 4, "per_hour": 100, "per_day": 500,
        "strangers_per_day": 100, "package_size_min": 20, "package_size_max": 40, "package_pause_min_s": 120,
        "package_pause_max_s": 420, "quiet_hours": _NIGHT, "working_days": [0, 1, 2, 3, 4, 5, 6], "typing": True,
    },
    "old": {
        "delay_min_s": 5, "delay_max_s": 20, "per_minute": 8, "per_hour": 240, "per_day": 1_500,
        "strangers_per_day": 300, "package_size_min": 50, "package_size_max": 100, "package_pause_min_s": 60,
        "package_pause_max_s": 240, "quiet_hours": _NIGHT, "working_days": [0, 1, 2, 3, 4, 5, 6], "typing": True,
    },
    "cloud": {
        "delay_min_s": 0, "delay_max_s": 0, "per_minute": None, "per_hour": None, "per_day": None,
        "strangers_per_day": None, "package_size_min": None, "package_size_max": None, "package_pause_min_s": None,
        "package_pause_max_s": None, "quiet_hours": None, "working_days": [0, 1, 2, 3, 4, 5, 6], "typing": False,
    },
}  # fmt: skip
"""Preset → every key of the policy. `custom` has none: it keeps what is there."""
