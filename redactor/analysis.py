"""Frames in, frames with their regions out, some look-ahead later."""

import itertools
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from av.packet import Packet
from av.video.frame import VideoFrame

from redactor.detector import Detection, Detector
from redactor.effort import effort
from redactor.geometry import Box
from redactor.options import Options
from redactor.orientation import LONG_SIDE as ORIENTATION_SIDE
from redactor.orientation import Orientation
from redactor.picture import Picture, Reducer
from redactor.scenes import CutDetector
from redactor.source import AnyPacket, VideoFacts
from redactor.tracking import STRONG, WEAK, Region, Spans, Tracker

LOOK_AHEAD_SECONDS: Final = 1.5
LOOK_AHEAD_BYTES: Final = 256 * 2**20
EXTENSION_SECONDS: Final = 0.2
MOST_STEPS: Final = 4  # frames from one detection to the next
TURNING_SECONDS: Final = 2.0  # between two looks at the other orientations
SEARCHING_SECONDS: Final = 0.4  # the same while no face is in sight
CLOSE_UP_SIDE: Final = 160
CLOSE_UP_ROOM: Final = 2.5  # side of the close-up against the box's longer one
CLOSE_UP_SCORE: Final = 0.5
SAME: Final = 0.3  # overlap that makes two boxes the same face


@dataclass(frozen=True, slots=True)
class RegionedFrame:
    """A decoded frame and what is to be covered in it; `scene` counts the cuts before it."""

    frame: VideoFrame
    regions: tuple[Region, ...]
    scene: int = 0


class Analysis:
    """Detection, tracking and the look-ahead of one video."""

    def __init__(self, facts: VideoFacts, options: Options) -> None:
        rate = min(max(float(facts.rate), 5.0), 120.0)
        frame_bytes = facts.width * facts.height * 3  # of 4:2:0 with more than 8 bits, or 4:4:4 with 8
        affordable = max(8, LOOK_AHEAD_BYTES // frame_bytes)
        self.look_ahead = min(round(rate * LOOK_AHEAD_SECONDS), affordable)
        spent = effort(options)
        self.step = max(1, min(MOST_STEPS, round(rate / spent.detections_a_second)))
        extension = max(2, round(rate * EXTENSION_SECONDS))
        self._tracker = Tracker(Spans(self.look_ahead, extension, extension), facts.width, facts.height)
        aspect = facts.aspect or Fraction(1)
        sides = spent.sides(max(facts.width, facts.height), options.resolution)
        self._reducers = [Reducer(side, aspect, facts.rotation) for side in sides]
        self._cuts = CutDetector()
        self._detector = Detector()
        self._orientation = Orientation(self._detector, Reducer(ORIENTATION_SIDE, aspect, facts.rotation))
        self._turning = round(rate * TURNING_SECONDS), round(rate * SEARCHING_SECONDS)
        self._turned_at = -self._turning[0]
        self._faces_lately = False
        self.detections = 0

    @property
    def tracks(self) -> int:
        """Distinct ones that have covered something so far."""
        return self._tracker.faces

    @property
    def faces(self) -> int:
        """As many: without an album people are not told apart."""
        return self.tracks

    def run(self, items: Iterable[VideoFrame | AnyPacket]) -> Iterator[RegionedFrame | AnyPacket]:
        """The same items in the same order, frames with their regions; packets are passed on untouched."""
        waiting: deque[tuple[int, int, VideoFrame] | AnyPacket] = deque()
        counter = itertools.count()
        scene, since, frontier = 0, 0, -1
        for item in items:
            if isinstance(item, Packet):
                waiting.append(item)
            else:
                index = next(counter)
                cut = self._cuts.is_cut(item)
                scene += cut
                since = 0 if cut else (since + 1) % self.step
                if since == 0:
                    self._detect(index, scene, item, cut=cut)
                waiting.append((index, scene, item))
                frontier = index
            yield from self._ready(waiting, frontier - self.look_ahead)
        yield from self._ready(waiting, frontier)

    def _detect(self, index: int, scene: int, frame: VideoFrame, *, cut: bool) -> None:
        strange: list[Detection] = []
        usual, searching = self._turning
        if cut or index - self._turned_at >= (usual if self._faces_lately else searching):
            strange = self._orientation.look(frame)
            self._turned_at = index
        placed: list[Detection] = []
        for reducer in self._reducers:
            picture = reducer.reduce(frame, self._orientation.turn)
            found = self._detector.detect(picture.pixels, WEAK)
            placed += [Detection(picture.stored(face.box), face.score) for face in found]
        self._faces_lately = any(face.score >= STRONG for face in placed)
        placed = _distinct(placed + strange)
        self._tracker.feed(index, scene, placed, lambda box: self._second_look(picture, box))

    def _second_look(self, picture: Picture, box: Box) -> bool:
        """Whether the detector still sees a face in `box` when it fills much of a small picture.

        Of the faces in the labelled footage all pass; about half of what merely looks like one does not.
        """
        crop, place = picture.close_up(box, CLOSE_UP_SIDE, CLOSE_UP_ROOM)
        return any(face.box.overlap(place) > SAME for face in self._detector.detect(crop, CLOSE_UP_SCORE))

    def _ready(
        self, waiting: deque[tuple[int, int, VideoFrame] | AnyPacket], newest: int
    ) -> Iterator[RegionedFrame | AnyPacket]:
        while waiting:
            item = waiting[0]
            if isinstance(item, Packet):
                waiting.popleft()
                yield item
                continue
            index, scene, frame = item
            if index > newest:
                return
            waiting.popleft()
            regions = tuple(self._tracker.regions(index, scene))
            self.detections += sum(region.seen for region in regions)
            yield RegionedFrame(frame, regions, scene)


def _distinct(detections: list[Detection]) -> list[Detection]:
    """The best of those that show the same face, best first."""
    kept: list[Detection] = []
    for face in sorted(detections, key=lambda face: -face.score):
        if all(face.box.overlap(other.box) < SAME for other in kept):
            kept.append(face)
    return kept
