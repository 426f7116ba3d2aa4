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
from redactor.geometry import Box
from redactor.options import Options, Resolution
from redactor.orientation import LONG_SIDE as ORIENTATION_SIDE
from redactor.orientation import Orientation
from redactor.picture import Picture, Reducer
from redactor.scenes import CutDetector
from redactor.source import AnyPacket, VideoFacts
from redactor.tracking import STRONG, WEAK, Region, Spans, Tracker

LOOK_AHEAD_SECONDS: Final = 1.5
LOOK_AHEAD_BYTES: Final = 256 * 2**20
EXTENSION_SECONDS: Final = 0.2
# Side of the analysed picture: on the labelled footage, 768 finds what 960 does, for 60 % of the time.
SOURCE_SHARE: Final = 0.4
LONG_SIDES: Final = {Resolution.SOURCE: (640, 960), Resolution.STANDARD: (640, 640)}
DETECTIONS_A_SECOND: Final = 15.0
TURNING_SECONDS: Final = 1.0  # between two looks at the other orientations
SEARCHING_SECONDS: Final = 0.4  # the same while no face is in sight
CLOSE_UP_SIDE: Final = 160
CLOSE_UP_ROOM: Final = 2.5  # side of the close-up against the box's longer one
CLOSE_UP_SCORE: Final = 0.5
SAME: Final = 0.3  # overlap that makes two boxes the same face


@dataclass(frozen=True, slots=True)
class RegionedFrame:
    """A decoded frame and what is to be covered in it."""

    frame: VideoFrame
    regions: tuple[Region, ...]


class Analysis:
    """Detection, tracking and the look-ahead of one video."""

    def __init__(self, facts: VideoFacts, options: Options) -> None:
        rate = min(max(float(facts.rate), 5.0), 120.0)
        frame_bytes = facts.width * facts.height * 3  # of 4:2:0 with more than 8 bits, or 4:4:4 with 8
        affordable = max(8, LOOK_AHEAD_BYTES // frame_bytes)
        self.look_ahead = min(round(rate * LOOK_AHEAD_SECONDS), affordable)
        self.step = max(1, min(4, round(rate / DETECTIONS_A_SECOND)))
        extension = max(2, round(rate * EXTENSION_SECONDS))
        self._tracker = Tracker(Spans(self.look_ahead, extension, extension), facts.width, facts.height)
        least, most = LONG_SIDES[options.resolution]
        long_side = min(most, max(least, round(SOURCE_SHARE * max(facts.width, facts.height))))
        aspect = facts.aspect or Fraction(1)
        self._reducer = Reducer(long_side, aspect, facts.rotation)
        self._cuts = CutDetector()
        self._detector = Detector()
        self._orientation = Orientation(self._detector, Reducer(ORIENTATION_SIDE, aspect, facts.rotation))
        self._turning = round(rate * TURNING_SECONDS), round(rate * SEARCHING_SECONDS)
        self._turned_at = -self._turning[0]
        self._faces_lately = False
        self.detections = 0

    @property
    def faces(self) -> int:
        """Distinct tracks that have covered something so far."""
        return self._tracker.faces

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
        picture = self._reducer.reduce(frame, self._orientation.turn)
        found = self._detector.detect(picture.pixels, WEAK)
        placed = [Detection(picture.stored(face.box), face.score) for face in found]
        self._faces_lately = any(face.score >= STRONG for face in found)
        placed += [face for face in strange if all(face.box.overlap(other.box) < SAME for other in placed)]
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
            yield RegionedFrame(frame, regions)
