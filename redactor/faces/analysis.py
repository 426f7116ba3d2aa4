"""Takes frames, and returns them with their regions after a look-ahead."""

import itertools
import math
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from av.packet import Packet
from av.video.frame import VideoFrame

from redactor.faces.backtracking import Backtracking
from redactor.faces.doubts import DoubtCollector
from redactor.faces.effort import effort
from redactor.faces.evidence import Candidate
from redactor.faces.frame_clock import FrameClock, Pace
from redactor.faces.scenes import CutDetector
from redactor.faces.seam import Seam, wraps
from redactor.faces.search import Look, Search
from redactor.faces.tracking import Region, Spans, Tracker
from redactor.options import Options
from redactor.results import Doubts
from redactor.video.facts import VideoFacts
from redactor.video.picture import frame_bytes
from redactor.video.restarts import AnyPacket

LOOK_AHEAD_SECONDS: Final = 1.5
EDGE_SECONDS: Final = 3.0  # a face that leaves slowly is partly visible for long
EXTRA_LOOKS_A_SECOND: Final = 4.0  # in frames between two glances, on average
MOST_EXTRA_LOOKS: Final = 24.0  # extra looks in a row
SOONER: Final = 4  # careful looks keep at least a quarter of their usual distance
LOOK_AHEAD_BYTES: Final = 184 * 2**20
EXTENSION_SECONDS: Final = 0.2
TOLERATED: Final = 0.1  # seconds
MOST_STEPS: Final = 5  # frames from one detection to the next


@dataclass(frozen=True, slots=True)
class RegionedFrame:
    """A decoded frame and the regions to cover in it. `scene` counts the cuts before it."""

    frame: VideoFrame
    regions: tuple[Region, ...]
    scene: int = 0


class Analysis:
    """Detection, tracking and the look-ahead of one video."""

    def __init__(self, facts: VideoFacts, options: Options) -> None:
        spent = effort(options)
        clock = self._clock = FrameClock(float(facts.rate))
        self._facts = facts
        self._held = max(8, LOOK_AHEAD_BYTES // frame_bytes(facts.pixel_format, facts.width, facts.height))
        self._look_ahead = clock.within(LOOK_AHEAD_SECONDS)
        self._newest = 0.0  # time of the newest frame
        self._looked_ahead = math.inf  # seconds of the shortest look-ahead so far
        self._pace = Pace(clock, 1 / spent.looks_a_second, MOST_STEPS)
        # Faces that only careful looks detect are covered between two of them, up to the longest gap that is filled.
        careful = min(spent.careful_seconds, LOOK_AHEAD_SECONDS)
        self._careful_pace = Pace(clock, careful, self._held)
        self._sooner_pace = Pace(clock, careful / SOONER, self._held // SOONER)
        self._extra = MOST_EXTRA_LOOKS
        spans = Spans(self._look_ahead, clock.within(EXTENSION_SECONDS), clock.within(EDGE_SECONDS), self._held)
        self._seam = Seam(facts.width if wraps(facts, options.projection) else None)
        usual = min(max(clock.whole(1 / spent.looks_a_second), 1 / clock.rate), MOST_STEPS / clock.rate)
        self._tracker = Tracker(spans, clock, facts.width, facts.height, usual, self._seam)
        self._cuts = CutDetector()
        self._search = Search(facts, options, clock.rate, self._seam)
        self._back = Backtracking(self._tracker, self._search, clock, self._pace)
        self._waiting: deque[tuple[int, int, VideoFrame] | AnyPacket] = deque()
        self._glanced: int | None = None  # frame of the last look
        self._careful_at: int | None = None  # of the last careful one
        self._planned: int | None = None  # of the last careful one that was not at a scene's end
        self._sooner = False  # True if a careful look is due as soon as it may be
        self._recent: list[tuple[int, VideoFrame]] = []  # the last analysed frame and the frames since
        self._doubts = DoubtCollector(facts, seam=self._seam.exists)
        self._time_base = facts.time_base
        self.detections = 0

    @property
    def tracks(self) -> int:
        """Distinct tracks that have covered something so far."""
        return self._tracker.faces

    @property
    def faces(self) -> int:
        """The number of tracks: without an album people are not identified."""
        return self.tracks

    def doubts(self) -> Doubts:
        """Return the doubtful places. Call it after all frames."""
        for refusal in self._tracker.close():
            self._doubts.refuse(refusal)
        doubts = self._doubts.finish()
        return replace(doubts, warnings=(*doubts.warnings, *_shortfall(self._facts, self._looked_ahead)))

    def run(self, items: Iterable[VideoFrame | AnyPacket]) -> Iterator[RegionedFrame | AnyPacket]:
        """Yield the same items in the same order: frames with their regions, packets unchanged."""
        counter = itertools.count()
        scene, frontier = 0, -1
        for item in items:
            if isinstance(item, Packet):
                self._waiting.append(item)
            else:
                index = next(counter)
                self._newest = self._shown(item)
                self._clock.add(index, self._newest)
                cut = self._cuts.is_cut(item)
                if cut:
                    self._close(scene)
                    scene += 1
                self._look(index, scene, item, cut=cut)
                self._waiting.append((index, scene, item))
                frontier = index
            yield from self._ready(frontier)
        self._close(scene)
        yield from self._ready(frontier, ended=True)

    def _look(self, index: int, scene: int, frame: VideoFrame, *, cut: bool) -> None:
        """Analyse the frame if a careful look or a glance is due."""
        if index:
            passed = self._clock(index) - self._clock(index - 1)
            self._extra = min(MOST_EXTRA_LOOKS, self._extra + EXTRA_LOOKS_A_SECOND * passed)
        self._sooner |= cut or self._careful_at is None or self._careful_pace.is_due(self._careful_at, index)
        if self._sooner and self._may_be_careful(index):
            self._planned = index
            self._careful(index, scene, frame, cut=cut)
            return
        if cut or self._glanced is None or self._pace.is_due(self._glanced, index):
            self._glance(index, scene, frame, cut=cut)
            return
        self._recent.append((index, frame))

    def _glance(self, index: int, scene: int, frame: VideoFrame, *, cut: bool) -> None:
        self._use(self._search.glance(self._beat(index), frame, cut=cut), index, scene, frame, cut=cut)

    def _careful(self, index: int, scene: int, frame: VideoFrame, *, cut: bool) -> None:
        self._use(self._search.careful(self._beat(index), frame, cut=cut), index, scene, frame, cut=cut)
        self._careful_at, self._sooner = index, False

    def _use(self, look: Look, index: int, scene: int, frame: VideoFrame, *, cut: bool) -> None:
        if not cut:
            self._look_between(index, scene, look.candidates)
        self._tracker.feed(index, scene, look)
        self._look_back(scene)
        self._looked(index, frame)

    def _look_between(self, index: int, scene: int, candidates: Sequence[Candidate]) -> None:
        """Analyse the frames since the last look if a face moved too far to be linked, within the budget."""
        skipped = [(earlier, frame) for earlier, frame in self._recent[1:] if earlier < index]
        if not skipped or self._extra < len(skipped) or not self._tracker.broken(index, scene, candidates):
            return
        for earlier, frame in skipped:
            self._extra -= 1
            self._tracker.feed(earlier, scene, self._search.glance(self._beat(earlier), frame))

    def _look_back(self, scene: int) -> None:
        """Look for faces that were found just now in the frames before, as far as time allows."""
        waiting = (item for item in self._waiting if not isinstance(item, Packet))
        self._extra -= self._back.follow(waiting, scene, max(0, int(self._extra)))

    def _looked(self, index: int, frame: VideoFrame) -> None:
        self._glanced = index
        self._recent = [(index, frame)]

    def _may_be_careful(self, index: int) -> bool:
        """Return True if the last planned careful look is long enough ago, as cuts in each frame must not forbid."""
        return self._planned is None or self._sooner_pace.is_due(self._planned, index)

    def _beat(self, index: int) -> int:
        """Return the frame's time in frames of the average rate."""
        return round(self._clock(index) * self._clock.rate)

    def _close(self, scene: int) -> None:
        """Look at a scene's last frame, carefully if one may, to cover to the end faces that only careful looks detect.

        Without a look, a face that moves in the last frames would leave the place where it was seen last.
        """
        if not self._recent:
            return
        index, frame = self._recent[-1]
        if len(self._recent) > 1:
            analyse = self._careful if self._may_be_careful(index) else self._glance
            analyse(index, scene, frame, cut=False)
            return
        if not self._may_be_careful(index):
            return
        # There was a glance at this frame already: only what it missed is new.
        look = self._search.careful(self._beat(index), frame, cut=False)
        look.candidates = [one for one in look.candidates if not self._tracker.sighted(index, one.box)]
        self._tracker.feed(index, scene, look)
        self._look_back(scene)

    def _shown(self, frame: VideoFrame) -> float:
        return float((frame.pts or 0) * self._time_base)

    def _is_held(self, index: int, frontier: int) -> bool:
        """Return True while a frame waits for the look-ahead."""
        if frontier - index >= self._held:
            return False
        return self._clock(frontier) - self._clock(index) <= self._look_ahead

    def _ready(self, frontier: int, *, ended: bool = False) -> Iterator[RegionedFrame | AnyPacket]:
        while self._waiting:
            item = self._waiting[0]
            if isinstance(item, Packet):
                self._waiting.popleft()
                yield item
                continue
            index, scene, frame = item
            if not ended:
                if self._is_held(index, frontier):
                    return
                self._looked_ahead = min(self._looked_ahead, self._newest - self._shown(frame))
            self._waiting.popleft()
            regions = self._tracker.regions(index, scene)
            self.detections += sum(region.seen for region in regions)
            inside = [replace(region, box=self._seam.inside(region.box)) for region in regions]
            self._doubts.see(index, self._shown(frame), scene, frame, inside)
            for refusal in self._tracker.refusals():
                self._doubts.refuse(refusal)
            copies = (replace(region, box=box) for region in regions for box in self._seam.copies(region.box))
            yield RegionedFrame(frame, tuple(copies), scene)


def _shortfall(facts: VideoFacts, seconds: float) -> tuple[str, ...]:
    """Say by how much less is looked ahead than promised, since so many frames take too much memory."""
    if seconds > LOOK_AHEAD_SECONDS - TOLERATED:
        return ()
    promised = f"gaps of up to {seconds:.2f} s are covered, not of {LOOK_AHEAD_SECONDS} s"
    if seconds < EXTENSION_SECONDS:
        promised += f", and faces {seconds:.2f} s before they are detected, not {EXTENSION_SECONDS} s"
    return (f"{promised}: more frames of {facts.width}x{facts.height} take too much memory",)
