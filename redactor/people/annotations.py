"""The annotations file: each person's place in each frame, to be edited between the two passes.

The format is version 1 of the Media Services v3 FaceDetectorPreset's JSON: fragments of equal intervals, each interval
with a list of events. Boxes are in shares of the upright picture and may leave it. Times are in ticks, `timescale` a
second.
"""

import json
import math
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import IO, Any, Final

from redactor.documents import Reader, parsed
from redactor.geometry import Box
from redactor.video.identity import VideoIdentity, read_identity

VERSION: Final = 1
LONGEST_FRAGMENT: Final = 250  # intervals
LARGEST_BOX: Final = 4  # side of a box, in pictures; a mask takes memory even outside the picture


@dataclass(frozen=True, slots=True)
class Event:
    """One face in one interval. `box` is in shares of the upright picture."""

    id: int
    box: Box


@dataclass(frozen=True, slots=True)
class Fragment:
    """Consecutive intervals of equal length. Times are in ticks. `events` holds one list for each interval."""

    start: int
    duration: int
    interval: int
    events: Sequence[Sequence[Event]]


@dataclass(frozen=True, slots=True)
class Annotations:
    """A whole file. Fragments are sorted by start."""

    timescale: int
    offset: int
    fragments: Sequence[Fragment]
    size: tuple[int, int] | None = None  # of the upright picture
    cuts: Sequence[int] = ()  # ticks at which a scene begins after another one, in files of this program
    video: VideoIdentity | None = None  # the annotated video, in files of this program

    @property
    def start(self) -> Fraction | None:
        """The first fragment's start, in seconds."""
        return Fraction(self.fragments[0].start + self.offset, self.timescale) if self.fragments else None

    @property
    def end(self) -> Fraction | None:
        """The end of the last fragment, in seconds."""
        ends = [fragment.start + fragment.duration for fragment in self.fragments]
        return Fraction(max(ends) + self.offset, self.timescale) if ends else None

    @property
    def ids(self) -> frozenset[int]:
        """All ids in the file."""
        return frozenset(e.id for fragment in self.fragments for events in fragment.events for e in events)

    def at(self, time: Fraction) -> Sequence[Event]:
        """Return the events of the interval that contains `time`, in seconds."""
        ticks = time * self.timescale - self.offset
        # Files of other programs round their starts to a tick. Accept half a tick.
        ticks += Fraction(1, 2) if ticks.denominator != 1 else 0
        index = bisect_right(self.fragments, math.floor(ticks), key=lambda fragment: fragment.start) - 1
        if index < 0:
            return ()
        fragment = self.fragments[index]
        interval = int((ticks - fragment.start) // fragment.interval)
        return fragment.events[interval] if interval < len(fragment.events) else ()


class AnnotationsWriter:
    """Writes a file fragment by fragment, so that memory does not grow with the video."""

    def __init__(
        self, file: IO[str], timescale: int, framerate: float, width: int, height: int, video: VideoIdentity
    ) -> None:
        """`width` and `height` are those of the upright picture."""
        head = {
            "version": VERSION,
            "timescale": timescale,
            "offset": 0,
            "framerate": round(framerate, 3),
            "width": width,
            "height": height,
            "video": asdict(video),
        }
        self._file = file
        self._file.write(json.dumps(head)[:-1] + ', "fragments": [')
        self._separator = "\n"
        self._waiting: tuple[int, Sequence[Event]] | None = None
        self._start = 0
        self._interval = 0
        self._events: list[Sequence[Event]] = []

    def add(self, ticks: int, events: Sequence[Event]) -> None:
        """Add the frame that is shown from `ticks` on. Frames come in order."""
        if self._waiting is not None:
            self._append(*self._waiting, ticks - self._waiting[0])
        self._waiting = (ticks, events)

    def finish(self, last_duration: int, cuts: Sequence[int] = ()) -> None:
        """End the file. `last_duration` is the last frame's, `cuts` are the times of cuts, both in ticks."""
        if self._waiting is not None:
            self._append(*self._waiting, max(1, last_duration))
        self._flush()
        self._file.write('\n], "cuts": ' + json.dumps(list(cuts)) + "}\n")

    def _append(self, ticks: int, events: Sequence[Event], interval: int) -> None:
        if self._events and (interval != self._interval or len(self._events) == LONGEST_FRAGMENT):
            self._flush()
        if not self._events:
            self._start, self._interval = ticks, interval
        self._events.append(events)

    def _flush(self) -> None:
        if not self._events:
            return
        fragment = {
            "start": self._start,
            "duration": self._interval * len(self._events),
            "interval": self._interval,
            # The contract's index is the frame's within its fragment.
            "events": [[_rendered(index, event) for event in events] for index, events in enumerate(self._events)],
        }
        self._file.write(self._separator + json.dumps(fragment))
        self._separator = ",\n"
        self._events = []


def read(path: Path) -> Annotations:
    """Parse a file. Raise ConfigurationUnsupported with the place of the first mistake."""
    reader = _Reader(path.name)
    root = reader.mapping(parsed(path), "the file")
    version = reader.number(root, "version", "the file")
    if version != VERSION:
        raise reader.refused(f"version is {version:g}, allowed: {VERSION}")
    fragments = sorted(reader.fragments(root), key=lambda fragment: fragment.start)
    return Annotations(
        timescale=reader.positive(root, "timescale", "the file"),
        offset=reader.whole(root, "offset", "the file") if "offset" in root else 0,
        fragments=fragments,
        size=reader.size(root),
        cuts=reader.cuts(root),
        video=None if root.get("video") is None else read_identity(reader, root["video"]),
    )


def _rendered(index: int, event: Event) -> dict[str, Any]:
    """Render a face. `index` is its interval's in the fragment, as in Microsoft's face detector output."""
    place = {"x": event.box.left, "y": event.box.top, "width": event.box.width, "height": event.box.height}
    return {"index": index, "id": event.id} | {name: round(share, 6) for name, share in place.items()}


class _Reader(Reader):
    def size(self, root: dict[str, Any]) -> tuple[int, int] | None:
        if "width" not in root or "height" not in root:
            return None
        return self.positive(root, "width", "the file"), self.positive(root, "height", "the file")

    def cuts(self, root: dict[str, Any]) -> list[int]:
        listed = self.sequence(root.get("cuts", []), "cuts")
        return [self.whole({"time": time}, "time", f"cuts[{number}]") for number, time in enumerate(listed)]

    def fragments(self, root: dict[str, Any]) -> Iterator[Fragment]:
        for number, value in enumerate(self.sequence(root.get("fragments"), "fragments")):
            place = f"fragments[{number}]"
            holder = self.mapping(value, place)
            start = self.whole(holder, "start", place)
            if holder.get("events") in (None, []):  # the format's notation for a time without faces
                # Its start ends the fragment before, its length counts only as the end of the file.
                length = self.whole(holder, "duration", place) if "duration" in holder else 0
                yield Fragment(start, max(0, length), 1, ())
                continue
            lists = self.sequence(holder["events"], f"{place}.events")
            events = [self._interval(one, f"{place}.events[{index}]") for index, one in enumerate(lists)]
            duration = self.positive(holder, "duration", place)
            # Without an interval, the lists divide the fragment equally.
            interval = self.positive(holder, "interval", place) if "interval" in holder else duration // len(events)
            yield Fragment(start, duration, max(1, interval), events)

    def _interval(self, value: Any, place: str) -> list[Event]:
        return [self._event(one, f"{place}[{index}]") for index, one in enumerate(self.sequence(value, place))]

    def _event(self, value: Any, place: str) -> Event:
        holder = self.mapping(value, place)
        x, y, width, height = (self.number(holder, key, place) for key in ("x", "y", "width", "height"))
        if width < 0 or height < 0:
            raise self.refused(f"{place} has a negative size")
        if max(width, height) > LARGEST_BOX:
            raise self.refused(f"{place} is {width:g} by {height:g} pictures large, allowed: {LARGEST_BOX}; in pixels?")
        return Event(self.whole(holder, "id", place), Box(x, y, x + width, y + height))
