"""An hour of the day as somebody writes it: `21:00`, on the clock of whoever it is about."""

from datetime import time
from typing import Annotated

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError


def _without_zone(value: time) -> time:
    if value.tzinfo is not None:
        raise PydanticCustomError("zoned", "must be without a zone")
    return value


ClockTime = Annotated[time, AfterValidator(_without_zone)]
"""The zone follows from whose clock it is: the contact's, the tenant's. One written with it would be a second opinion."""
