"""Frames' times in a document's ticks."""

from fractions import Fraction
from math import ceil, floor

from av.video.frame import VideoFrame

from redactor.review.decisions import Stretch
from redactor.video.facts import VideoFacts


class Times:
    """Converts the times of one video's frames to a document's ticks."""

    def __init__(self, timescale: int, facts: VideoFacts) -> None:
        self._ticks = facts.time_base * timescale
        self._nominal = Fraction(timescale) / facts.rate

    def of(self, frame: VideoFrame) -> tuple[int, int]:
        """Return the first tick of the frame's time and the tick after its last one.

        In ticks that are coarser than the video's, neighbours may share a tick.
        """
        start = (frame.pts or 0) * self._ticks
        length = frame.duration * self._ticks or self._nominal
        return floor(start), max(ceil(start + length), floor(start) + 1)


def touches(stretch: Stretch, start: int, end: int) -> bool:
    """Return True if any part of the frame from `start` up to `end` is in the stretch."""
    return (stretch.start is None or stretch.start < end) and (stretch.end is None or start < stretch.end)


def holds(stretch: Stretch, start: int, end: int) -> bool:
    """Return True if the whole frame is in the stretch."""
    return (stretch.start is None or stretch.start <= start) and (stretch.end is None or end <= stretch.end)
