"""Takes frames, and returns them with their regions after a look-ahead."""

import itertools
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
EDGE_SECONDS: Final = 1.5
EXTRA_LOOKS_A_SECOND: Final = 4.0  # in frames between two glances, on average
MOST_EXTRA_LOOKS: Final = 24.0  # extra looks in a row
SOONER: Final = 4  # careful looks keep at least a quarter of their usual distance
LOOK_AHEAD_BYTES: Final = 184 * 2**20
EXTENSION_SECONDS: Final = 0.2
LEAST_RATE: Final = 5.0  # frames a second
MOST_RATE: Final = 300.0
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
        rate = min(max(float(facts.rate), LEAST_RATE), MOST_RATE)
        # Promises in seconds have to hold where frames follow each other most quickly, too.
        dense = min(max(float(facts.dense_rate), rate), MOST_RATE)
        affordable = max(8, LOOK_AHEAD_BYTES // frame_bytes(facts.pixel_format, facts.width, facts.height))
        self.look_ahead = min(round(dense * LOOK_AHEAD_SECONDS), affordable)
        self._step = max(1, min(MOST_STEPS, round(rate / spent.looks_a_second)))
        # Faces that only careful looks detect are covered between two of them, up to the longest gap that is filled.
        self._careful_step = max(1, min(round(rate * spent.careful_seconds), self.look_ahead))
        self._extra, self._extra_a_frame = MOST_EXTRA_LOOKS, EXTRA_LOOKS_A_SECOND / rate
        extension = max(2, round(dense * EXTENSION_SECONDS))
        edge = max(2 * extension, min(self.look_ahead, round(dense * EDGE_SECONDS)))
        self._shortfall = _shortfall(facts, self.look_ahead / dense)
        spans = Spans(self.look_ahead, extension, extension, edge)
        self._seam = Seam(facts.width if wraps(facts, options.projection) else None)
        self._tracker = Tracker(spans, facts.width, facts.height, self._step / rate, self._seam)
        self._cuts = CutDetector()
        self._search = Search(facts, options, rate, self._seam)
        self._back = Backtracking(self._tracker, self._search, self._step)
        self._waiting: deque[tuple[int, int, VideoFrame] | AnyPacket] = deque()
        self._due = self._careful_due = 0
        self._planned = -self._careful_step  # frame of the last careful look that was not at a scene's end
        self._recent: list[tuple[int, VideoFrame]] = []  # the last analysed frame and the frames since
        self._doubts = DoubtCollector(facts)
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
        return replace(doubts, warnings=(*doubts.warnings, *self._shortfall)) if self._shortfall else doubts

    def run(self, items: Iterable[VideoFrame | AnyPacket]) -> Iterator[RegionedFrame | AnyPacket]:
        """Yield the same items in the same order: frames with their regions, packets unchanged."""
        counter = itertools.count()
        scene, frontier = 0, -1
        for item in items:
            if isinstance(item, Packet):
                self._waiting.append(item)
            else:
                index = next(counter)
                cut = self._cuts.is_cut(item)
                if cut:
                    self._close(scene)
                    scene += 1
                self._look(index, scene, item, cut=cut)
                self._waiting.append((index, scene, item))
                frontier = index
            yield from self._ready(frontier - self.look_ahead)
        self._close(scene)
        yield from self._ready(frontier)

    def _look(self, index: int, scene: int, frame: VideoFrame, *, cut: bool) -> None:
        """Analyse the frame if a careful look or a glance is due."""
        self._extra = min(MOST_EXTRA_LOOKS, self._extra + self._extra_a_frame)
        if (cut or index >= self._careful_due) and self._may_be_careful(index):
            self._planned = index
            self._careful(index, scene, frame, cut=cut)
            return
        if cut:
            self._careful_due = min(self._careful_due, self._planned + self._careful_step // SOONER)
        if cut or index >= self._due:
            look = self._search.glance(index, frame, cut=cut)
            if not cut:
                self._look_between(index, scene, look.candidates)
            self._tracker.feed(index, scene, look)
            self._look_back(scene)
            self._looked(index, frame)
            return
        self._recent.append((index, frame))

    def _careful(self, index: int, scene: int, frame: VideoFrame, *, cut: bool) -> None:
        look = self._search.careful(index, frame, cut=cut)
        if not cut:
            self._look_between(index, scene, look.candidates)
        self._tracker.feed(index, scene, look)
        self._look_back(scene)
        self._careful_due = index + self._careful_step
        self._looked(index, frame)

    def _look_between(self, index: int, scene: int, candidates: Sequence[Candidate]) -> None:
        """Analyse the frames since the last look if a face moved too far to be linked, within the budget."""
        skipped = [(earlier, frame) for earlier, frame in self._recent[1:] if earlier < index]
        if not skipped or self._extra < len(skipped) or not self._tracker.broken(index, scene, candidates):
            return
        for earlier, frame in skipped:
            self._extra -= 1
            self._tracker.feed(earlier, scene, self._search.glance(earlier, frame))

    def _look_back(self, scene: int) -> None:
        """Look for faces that were found just now in the frames before, as far as time allows."""
        waiting = (item for item in self._waiting if not isinstance(item, Packet))
        self._extra -= self._back.follow(waiting, scene, max(0, int(self._extra)))

    def _looked(self, index: int, frame: VideoFrame) -> None:
        self._due = index + self._step
        self._recent = [(index, frame)]

    def _may_be_careful(self, index: int) -> bool:
        """Return True if the last planned careful look is long enough ago, as cuts in each frame must not forbid."""
        return index - self._planned >= self._careful_step // SOONER

    def _close(self, scene: int) -> None:
        """Look carefully at a scene's last frame, to cover to the end faces that only careful looks detect."""
        if not self._recent or not self._may_be_careful(self._recent[-1][0]):
            return
        index, frame = self._recent[-1]
        if len(self._recent) > 1:
            self._careful(index, scene, frame, cut=False)
            return
        # There was a glance at this frame already: only what it missed is new.
        look = self._search.careful(index, frame, cut=False)
        look.candidates = [one for one in look.candidates if not self._tracker.sighted(index, one.box)]
        self._tracker.feed(index, scene, look)
        self._look_back(scene)

    def _ready(self, newest: int) -> Iterator[RegionedFrame | AnyPacket]:
        while self._waiting:
            item = self._waiting[0]
            if isinstance(item, Packet):
                self._waiting.popleft()
                yield item
                continue
            index, scene, frame = item
            if index > newest:
                return
            self._waiting.popleft()
            regions = self._tracker.regions(index, scene)
            self.detections += sum(region.seen for region in regions)
            inside = [replace(region, box=self._seam.inside(region.box)) for region in regions]
            self._doubts.see(index, float((frame.pts or 0) * self._time_base), scene, frame, inside)
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
