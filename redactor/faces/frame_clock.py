"""The clock of a video's frames, on which promises in seconds are kept at constant and variable rates."""

from typing import Final

LEAST_RATE: Final = 5.0  # frames a second
MOST_RATE: Final = 1000.0
KEPT_SECONDS: Final = 6.0  # more than the look-ahead and the longest extension together
KEPT: Final = int(KEPT_SECONDS * MOST_RATE)  # frames
JITTER: Final = 0.4  # of a frame's duration, by which times may differ from an even rate


class FrameClock:
    """Seconds at which frames are shown, by index. Frames come in order.

    A frame lasts 1/LEAST_RATE at most here, however long it is shown: a pause does not use up the promised seconds.
    It lasts at least 1/MOST_RATE, so that the frames held for a look-ahead are bounded.
    """

    def __init__(self, rate: float) -> None:
        """`rate` is the average one, by which seconds are rounded to whole frames."""
        self.rate = min(max(rate, LEAST_RATE), MOST_RATE)
        self._times: dict[int, float] = {}
        self._shown = 0.0

    def add(self, index: int, shown: float) -> None:
        """Add the next frame. `shown` is its time in seconds."""
        before = self._times.get(index - 1)
        lasted = min(max(shown - self._shown, 1 / MOST_RATE), 1 / LEAST_RATE)
        self._times[index] = 0.0 if before is None else before + lasted
        self._shown = shown
        self._times.pop(index - KEPT, None)

    def __call__(self, index: int) -> float:
        return self._times[index]

    def whole(self, seconds: float) -> float:
        """Round to whole frames of the average rate."""
        return int(seconds * self.rate + 0.5) / self.rate

    def within(self, seconds: float) -> float:
        """Return a limit for the times of frames that are within `seconds`, in whole frames of the average rate."""
        return self.whole(seconds) + JITTER / self.rate


class Pace:
    """A distance between frames: in seconds, and in frames if so many pass sooner."""

    def __init__(self, clock: FrameClock, seconds: float, most: int) -> None:
        self._clock = clock
        self._seconds = clock.whole(seconds) - JITTER / clock.rate
        self._most = most

    def is_due(self, earlier: int, later: int) -> bool:
        """Return True if frame `later` is far enough from frame `earlier`."""
        return later - earlier >= self._most or self._clock(later) - self._clock(earlier) >= self._seconds
