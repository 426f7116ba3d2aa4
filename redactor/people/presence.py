"""When each person is on screen, and how large."""

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final

from redactor.people.annotations import Event

LONGEST_BREAK: Final = Fraction(1)  # seconds within one stretch
MOST_STRETCHES: Final = 1000  # of one person; the last one then grows


@dataclass(slots=True)
class Presence:
    """One person's stretches on screen, in seconds, with the time in sight and the largest height in pixels."""

    stretches: list[tuple[Fraction, Fraction]] = field(default_factory=list)
    seconds: Fraction = Fraction(0)
    height: float = 0.0

    def add(self, start: Fraction, end: Fraction, height: float) -> None:
        """Add a frame. Frames come in order."""
        self.seconds += end - start
        self.height = max(self.height, height)
        last = self.stretches[-1] if self.stretches else None
        if last is not None and (start - last[1] <= LONGEST_BREAK or len(self.stretches) == MOST_STRETCHES):
            self.stretches[-1] = last[0], end
        else:
            self.stretches.append((start, end))


class Presences:
    """Everybody's, collected frame by frame."""

    def __init__(self, timescale: int, height: int) -> None:
        """`height` is the upright picture's, in pixels."""
        self._timescale = timescale
        self._height = height
        self._waiting: tuple[int, list[Event]] | None = None
        self.by_id: dict[int, Presence] = {}

    def add(self, ticks: int, events: list[Event]) -> None:
        """Add the frame that is shown from `ticks` on."""
        if self._waiting is not None:
            self._settle(*self._waiting, ticks)
        self._waiting = ticks, events

    def finish(self, last_duration: int) -> None:
        if self._waiting is not None:
            self._settle(*self._waiting, self._waiting[0] + last_duration)

    def _settle(self, ticks: int, events: list[Event], end: int) -> None:
        tallest: dict[int, float] = {}
        for event in events:
            tallest[event.id] = max(tallest.get(event.id, 0.0), event.box.height * self._height)
        for id_, height in tallest.items():
            span = Fraction(ticks, self._timescale), Fraction(end, self._timescale)
            self.by_id.setdefault(id_, Presence()).add(*span, height)
