"""Equal shares among devices of one campaign: who is ahead waits a moment for the others.

Only devices with the same pacing are compared: a slow one is meant to get less. A device
that has taken nothing for a while does not count, so it holds nobody up: what it drops
goes to the others.
"""

from collections.abc import Mapping
from time import monotonic
from typing import Final
from uuid import UUID

SLACK: Final = 16
"""Rows that a device may be ahead of the slowest one."""
STALLED_S: Final = 3.0
MAX_TRACKED: Final = 20_000


class Progress:
    """What this process has seen each device take, and when it last moved."""

    def __init__(self) -> None:
        self._seen: dict[tuple[UUID, UUID], tuple[int, float]] = {}

    def stalled(self, campaign_id: UUID, device_id: UUID, taken: int, patience_s: float) -> bool:
        """Whether the device has taken nothing for `patience_s`, as far as this process can tell."""
        key, now = (campaign_id, device_id), monotonic()
        known = self._seen.get(key)
        if known is None or known[0] != taken:
            if len(self._seen) >= MAX_TRACKED:
                self._seen.clear()
            self._seen[key] = (taken, now)
            return False
        return now - known[1] > patience_s

    def quota(
        self,
        campaign_id: UUID,
        me: UUID,
        taken: Mapping[UUID, int],
        weights: Mapping[UUID, int],
        delay_s: float,
        total: int,
    ) -> int:
        """How many rows device `me` may take now; 0 means: wait a moment and ask again.

        A hundredth of a big campaign may lie between devices, so that lanes seldom have to wait.
        """
        slack, patience = max(SLACK, total // 100), STALLED_S + 2 * delay_s
        others = [
            taken[device] / weights[device]
            for device in taken
            if device != me and weights[device] > 0 and not self.stalled(campaign_id, device, taken[device], patience)
        ]
        weight = max(1, weights.get(me, 1))
        if not others:
            return slack * weight
        lead = taken.get(me, 0) / weight - min(others)
        return max(0, int((slack - lead) * weight))


progress = Progress()
