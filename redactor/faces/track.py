"""One face's sightings over time, and where it is at each moment."""

import functools
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from redactor.faces.evidence import Candidate
from redactor.geometry import Box

DOUBTFUL: Final = 0.3  # YuNet's score that is worth a closer look
SURER: Final = 0.1  # what a score must have gained for one more closer look
AGAIN: Final = 25  # frames after which there is one anyway, and as many more each time
NOTICEABLE: Final = 0.6  # sum of what a track's scores exceed it by that is worth a closer look by itself
NARROW: Final = 0.5  # closeness to being believed, 0 to 1, from which a refusal is worth a report
STEADFAST: Final = 9.0  # odds of a box that is taken nearly as it is
DOUBT: Final = 0.25  # share of the outline with its neighbours in such a box; of others it is the whole
ALIKE: Final = 0.5  # overlap of such a box and that which careful looks suggest, from which both are covered
SHRINK: Final = 1.3  # growth of the region at an end of a track, at most, to what the face was nearby
ABSENT: Final = 10  # frames that make an absence long
MOTION: Final = 3  # sightings that a motion is read from
PASSING: Final = 8  # likewise for a face that leaves over the frame's edge, whose last sightings are poor
FADE: Final = 6  # frames after which a predicted motion stops


@dataclass(frozen=True, slots=True)
class Refusal:
    """A track that was never believed, though nearly; `span`: its first and last frame.

    `frame` and `box` are of its best sighting. `closeness` is 1 where it would have been believed.
    """

    span: tuple[int, int]
    frame: int
    box: Box
    closeness: float


@dataclass(frozen=True, slots=True)
class Sighting:
    """A candidate that belongs to a track, and the frame's edges that may cut it off."""

    frame: int
    scene: int
    candidate: Candidate
    edges: frozenset[str] = frozenset()

    @property
    def box(self) -> Box:
        return self.candidate.box


@dataclass(slots=True)
class Track:
    """One face's sightings in frame order; those that no frame still to come depends on are forgotten."""

    number: int
    sightings: list[Sighting] = field(default_factory=list)
    believed: bool = False
    evidence: float = 0.0
    looked: Sighting | None = None
    whole: Box | None = None  # the last box inside the frame that is forgotten
    vain: int = 0  # times that it was looked for in vain since it was last seen
    careful: Sighting | None = None  # the last of a careful look that is forgotten
    looks: int = 0
    since: int = 0  # frame of the first sighting
    closest: tuple[float, Sighting] | None = None  # while not believed: how close to it, and when

    def deserves_a_look(self, sighting: Sighting) -> bool:
        """A closer one, at `sighting`, its newest."""
        score = sighting.candidate.yunet
        if score < DOUBTFUL and self.evidence < NOTICEABLE:
            return False
        last = self.looked
        return (
            last is None or score >= last.candidate.yunet + SURER or sighting.frame >= last.frame + AGAIN * self.looks
        )

    def note(self, closeness: float) -> None:
        """Remember how close to being believed the track was at its newest sighting, if it never was closer."""
        if self.closest is None or closeness > self.closest[0]:
            self.closest = closeness, self.sightings[-1]

    def refusal(self) -> Refusal | None:
        """Return a report on the track if it was refused narrowly."""
        if self.believed or self.closest is None or self.closest[0] < NARROW:
            return None
        closeness, sighting = self.closest
        return Refusal((self.since, self.sightings[-1].frame), sighting.frame, sighting.box, min(1.0, closeness))

    def forget(self, frame: int) -> None:
        """Drop what came before `frame`, but for the sightings that a motion is read from."""
        while len(self.sightings) > PASSING and self.sightings[PASSING].frame < frame:
            gone = self.sightings.pop(0)
            if not gone.edges:
                self.whole = gone.box
            if gone.candidate.centerface is not None:
                self.careful = gone

    def settled(self, index: int) -> Box:
        """The box of a sighting, widened by what those before and after it say, the more so the less sure it is."""
        sighting = self.sightings[index]
        sure = sighting.candidate.odds >= STEADFAST
        box = self.box(index)
        if not 0 < index < len(self.sightings) - 1:
            if sure or len(self.sightings) == 1:
                return box
            near = self.box(1 if index == 0 else index - 1)
            return box.joined(near) if sighting.edges else box.scaled(self.shrunk(index))
        before, after = self.sightings[index - 1], self.sightings[index + 1]
        if after.frame - before.frame > ABSENT:
            return box
        share = (sighting.frame - before.frame) / (after.frame - before.frame)
        outline = box.joined(self.box(index - 1).blended(self.box(index + 1), share))
        careful = self._careful_box(index)
        if careful is not None and careful.overlap(sighting.box) >= ALIKE:
            outline = outline.joined(careful)
        return box.blended(outline, DOUBT) if sure else outline

    def _careful_box(self, index: int) -> Box | None:
        """What careful looks before and after a sighting of a glance say of its box, which they know better."""
        here = self.sightings[index]
        if here.candidate.centerface is not None:
            return None
        earlier = (s for s in reversed(self.sightings[:index]) if s.candidate.centerface is not None)
        before = next(earlier, self.careful)
        after = next((s for s in self.sightings[index + 1 :] if s.candidate.centerface is not None), None)
        if before is None or after is None:
            one = before or after
            return one.box if one is not None else None
        return before.box.blended(after.box, (here.frame - before.frame) / (after.frame - before.frame))

    def box(self, index: int) -> Box:
        """The box of a sighting, with what the frame's edge cuts off, or the detector takes it for the whole face.

        What is inside the frame keeps its place, and the size is that of the nearest sighting away from the edges.
        """
        here = self.sightings[index]
        if not here.edges:
            return here.box
        inside = [s for s in self.sightings if not s.edges]
        near = min(inside, key=lambda s: abs(s.frame - here.frame)).box if inside else self.whole
        if near is None:
            return here.box
        left, right = _completed(here.box.left, here.box.right, near.width, "left" in here.edges, "right" in here.edges)
        top, bottom = _completed(
            here.box.top, here.box.bottom, near.height, "top" in here.edges, "bottom" in here.edges
        )
        return Box(left, top, right, bottom)

    def shrunk(self, index: int) -> float:
        """How much larger the face was nearby: a track's ends often show what an edge leaves of a face."""
        here = self.sightings[index]
        near = [s.box.size for s in self.sightings if abs(s.frame - here.frame) <= ABSENT]
        return min(max(near) / here.box.size, SHRINK) if here.box.size > 0 else 1.0

    def extended(self, frame: int) -> Box:
        """The face's likely place before its first or after its last sighting; motion stops soon."""
        near = self._ending(frame, MOTION, ABSENT)
        here, box = self.sightings[near[0]].frame, self.box(near[0])
        if len(near) < 2:
            return box
        last = near[-1]
        steps = min(FADE, abs(frame - here)) / abs(here - self.sightings[last].frame)
        (x0, y0), (x1, y1) = self.box(last).centre, box.centre
        return box.moved((x1 - x0) * steps, (y1 - y0) * steps)

    def leaving(self, frame: int) -> Box:
        """All likely places of a face that goes on over the frame's edge, where it is seen ever worse."""
        near = self._ending(frame, PASSING, 3 * ABSENT)
        if len(near) < 2:
            return self.box(near[0])
        frames = np.array([self.sightings[i].frame for i in near], np.float64)
        centres = np.array([self.box(i).centre for i in near])
        trust = [min(1.0, self.sightings[i].candidate.odds / STEADFAST) for i in near]
        x, y = np.polyfit(frames, centres, 1, w=trust)[0]
        places = [
            self.box(i).moved(x * (frame - self.sightings[i].frame), y * (frame - self.sightings[i].frame))
            for i in near[:MOTION]
        ]
        return functools.reduce(Box.joined, places)

    def _ending(self, frame: int, most: int, span: int) -> list[int]:
        """Indices of sightings at the end of the track that is nearer to `frame`, that end first.

        Over several sightings, or the detector's jitter would be taken for motion, but not over a long absence.
        """
        count = len(self.sightings)
        first = frame < self.sightings[0].frame
        indices = range(min(most, count)) if first else range(count - 1, max(-1, count - 1 - most), -1)
        end = self.sightings[indices[0]].frame
        return [i for i in indices if abs(self.sightings[i].frame - end) <= span]


def _completed(low: float, high: float, length: float, cut_low: bool, cut_high: bool) -> tuple[float, float]:
    """An interval of at least that length, grown over the ends that are cut off, or else on both sides."""
    missing = max(0.0, length - (high - low))
    if cut_low == cut_high:
        return low - missing / 2, high + missing / 2
    return (low - missing, high) if cut_low else (low, high + missing)
