"""Moves the wall clock of one Python process by `SAPA_CLOCK_SHIFT_S` seconds, for everything in it.

Python imports this by its name at start when the folder is on PYTHONPATH, in forked and spawned
children too. `datetime.now` belongs to a C type, so it is replaced in the type's own dictionary.
Monotonic clocks stay as they are, as they would when a machine's clock is set wrongly.
"""

import ctypes
import datetime
import gc
import os
import time
from typing import Any

SHIFT_S = float(os.environ.get("SAPA_CLOCK_SHIFT_S", "0"))


def _shift() -> None:
    now, from_stamp = time.time, datetime.datetime.fromtimestamp

    def shifted_now(cls: Any, tz: Any = None) -> Any:
        return from_stamp(now() + SHIFT_S, tz)

    def shifted_utcnow(cls: Any) -> Any:
        return from_stamp(now() + SHIFT_S, datetime.UTC).replace(tzinfo=None)

    time.time = lambda: now() + SHIFT_S
    time.time_ns = lambda: int((now() + SHIFT_S) * 1e9)
    slots = gc.get_referents(datetime.datetime.__dict__)[0]
    slots["now"], slots["utcnow"] = classmethod(shifted_now), classmethod(shifted_utcnow)
    ctypes.pythonapi.PyType_Modified(ctypes.py_object(datetime.datetime))


if SHIFT_S:
    _shift()
