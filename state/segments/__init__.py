"""State of the segments' pages: the list and the builder."""

from state.segments.builder import SegmentState
from state.segments.listing import SegmentsState

__all__ = ["SegmentState", "SegmentsState"]
