"""Shares by weight among devices of one campaign: who is ahead waits a moment for the others.

Only devices with the same pacing are compared: a slow one is meant to get less. Who has taken nothing
for a moment does not count, whatever its status says, so it holds nobody up; and who comes back
after a while starts level, so that the others need not wait until it has caught up.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

SLACK: Final = 16
"""Rows by weight that a device without delays may be ahead of the slowest one."""
SLACK_PACED: Final = 2
ALIVE_S: Final = 1.0
"""A device that has taken nothing for this long, its gaps apart, is not waited for."""
MAX_TRACKED: Final = 20_000


@dataclass(frozen=True, slots=True)
class Peer:
    """A device of the campaign: what it took of it so far, and how long ago the last time."""

    device_id: UUID
    weight: int
    taken: int
    idle_s: float | None
    comparable: bool
    """It can send now, and at my tempo."""


class Progress:
    """How far each device is, in rows by weight; who was away is moved up to the others."""

    def __init__(self) -> None:
        self._moved: dict[tuple[UUID, UUID], float] = {}

    def quota(
        self, campaign_id: UUID, me: UUID, peers: Sequence[Peer], *, window: int, gap_s: float, total: int
    ) -> int:
        """How many rows device `me` may take now; 0 means: wait a moment and ask again.

        A hundredth of a big campaign may lie between devices without delays, so that lanes seldom have to wait.
        """
        slack = max(SLACK, total // 100) if window > 1 else SLACK_PACED
        mine = next((peer for peer in peers if peer.device_id == me), None)
        weight = max(1, mine.weight) if mine else 1
        here = self._at(campaign_id, mine) if mine else 0.0
        lead = 0.0
        for peer in peers:
            if peer.device_id == me or not peer.comparable or peer.weight <= 0 or not _alive(peer, gap_s):
                continue
            behind = here - self._at(campaign_id, peer)
            if behind > 2 * slack + window:
                self._level(campaign_id, peer.device_id, behind)
                behind = 0.0
            lead = max(lead, behind)
        return max(0, int((slack - lead) * weight))

    def _at(self, campaign_id: UUID, peer: Peer) -> float:
        return peer.taken / max(1, peer.weight) + self._moved.get((campaign_id, peer.device_id), 0.0)

    def _level(self, campaign_id: UUID, device_id: UUID, by: float) -> None:
        if len(self._moved) >= MAX_TRACKED:
            self._moved.clear()
        key = (campaign_id, device_id)
        self._moved[key] = self._moved.get(key, 0.0) + by


def _alive(peer: Peer, gap_s: float) -> bool:
    return peer.idle_s is not None and peer.idle_s <= ALIVE_S + gap_s


progress = Progress()
