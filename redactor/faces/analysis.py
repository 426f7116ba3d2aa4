"""Frames in, frames with their regions out, some look-ahead later."""

import itertools
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from av.packet import Packet
from av.video.frame import VideoFrame

from redactor.faces.doubts import DoubtCollector
from redactor.faces.effort import effort
from redactor.faces.scenes import CutDetector
from redactor.faces.seam import Seam, wraps
from redactor.faces.search import Search
from redactor.faces.tracking import Region, Spans, Tracker
from redactor.options import Options
from redactor.results import Doubts
from redactor.video.facts import VideoFacts
from redactor.video.picture import frame_bytes
from redactor.video.restarts import AnyPacket

LOOK_AHEAD_SECONDS: Final = 1.5
LOOK_AHEAD_BYTES: Final = 184 * 2**20
EXTENSION_SECONDS: Final = 0.2
MOST_STEPS: Final = 5  # frames from one detection to the next


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
        affordable = max(8, LOOK_AHEAD_BYTES // frame_bytes(facts.pixel_format, facts.width, facts.height))
        self.look_ahead = min(round(rate * LOOK_AHEAD_SECONDS), affordable)
        self._step = max(1, min(MOST_STEPS, round(rate / effort(options).detections_a_second)))
        extension = max(2, round(rate * EXTENSION_SECONDS))
        spans = Spans(self.look_ahead, extension, extension)
        self._seam = Seam(facts.width if wraps(facts, options.projection) else None)
        self._tracker = Tracker(spans, facts.width, facts.height, self._step / rate, self._seam)
        self._cuts = CutDetector()
        self._search = Search(facts, options, rate, self._seam)
        self._doubts = DoubtCollector(facts)
        self._time_base = facts.time_base
        self.detections = 0

    @property
    def tracks(self) -> int:
        """Distinct ones that have covered something so far."""
        return self._tracker.faces

    @property
    def faces(self) -> int:
        """As many: without an album people are not told apart."""
        return self.tracks

    def doubts(self) -> Doubts:
        """What deserves a person's look, once all frames have come."""
        for refusal in self._tracker.close():
            self._doubts.refuse(refusal)
        return self._doubts.finish()

    def run(self, items: Iterable[VideoFrame | AnyPacket]) -> Iterator[RegionedFrame | AnyPacket]:
        """The same items in the same order, frames with their regions; packets are passed on untouched."""
        waiting: deque[tuple[int, int, VideoFrame] | AnyPacket] = deque()
        counter = itertools.count()
        scene, due, frontier = 0, 0, -1
        for item in items:
            if isinstance(item, Packet):
                waiting.append(item)
            else:
                index = next(counter)
                cut = self._cuts.is_cut(item)
                scene += cut
                if cut or index >= due:
                    due = index + self._step
                    found = self._search.faces(index, item, cut=cut)
                    self._tracker.feed(index, scene, found, self._search.is_face)
                waiting.append((index, scene, item))
                frontier = index
            yield from self._ready(waiting, frontier - self.look_ahead)
        yield from self._ready(waiting, frontier)

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
            regions = self._tracker.regions(index, scene)
            self.detections += sum(region.seen for region in regions)
            self._doubts.see(index, float((frame.pts or 0) * self._time_base), scene, frame, regions)
            for refusal in self._tracker.refusals():
                self._doubts.refuse(refusal)
            copies = (replace(region, box=box) for region in regions for box in self._seam.copies(region.box))
            yield RegionedFrame(frame, tuple(copies), scene)
