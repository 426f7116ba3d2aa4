"""One face's sightings over time, and its place in each frame."""

import functools
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from redactor.faces.evidence import Candidate
from redactor.geometry import Box

DOUBTFUL: Final = 0.3  # YuNet's score from which a closer look is taken
SURER: Final = 0.1  # gain in score for another closer look
AGAIN: Final = 25  # frames after which there is another one anyway; as many more each time
NOTICEABLE: Final = 0.6  # sum of a track's excess scores from which a closer look is taken
NARROW: Final = 0.5  # closeness to confirmation, 0 to 1, from which a refusal is reported
STEADFAST: Final = 9.0  # odds from which a box is used almost unchanged
DOUBT: Final = 0.25  # weight of the union with its neighbours in such a box; for others it is 1
ALIKE: Final = 0.5  # overlap with the box suggested by careful looks from which both are covered
SHRINK: Final = 1.3  # largest growth of the region at a track's end, towards the face's size nearby
ABSENT: Final = 10  # frames that make an absence long
MOTION: Final = 3  # sightings that determine a motion
PASSING: Final = 8  # the same for a face that leaves over the frame's edge, whose last sightings are poor
FADE: Final = 6  # frames after which a predicted motion stops


@dataclass(frozen=True, slots=True)
class Refusal:
    """A track that was almost confirmed. `span` holds its first and last frame.

    `frame` and `box` are its best sighting's. `closeness` would be 1 at confirmation.
    """

    span: tuple[int, int]
    frame: int
    box: Box
    closeness: float


@dataclass(frozen=True, slots=True)
class Sighting:
    """A candidate that belongs to a track, and the frame's edges that may cut it off."""

    frame: int
    time: float  # on the frames' clock
    scene: int
    candidate: Candidate
    edges: frozenset[str] = frozenset()

    @property
    def box(self) -> Box:
        return self.candidate.box


@dataclass(slots=True, eq=False)
class Track:
    """One face's sightings in frame order. Those that no later frame depends on are dropped."""

    number: int
    sightings: list[Sighting] = field(default_factory=list)
    confirmed: bool = False
    evidence: float = 0.0
    looked: Sighting | None = None
    whole: Box | None = None  # the last dropped box inside the frame
    vain: int = 0  # vain searches since the last sighting
    careful: Sighting | None = None  # the last dropped sighting of a careful look
    looks: int = 0
    since: int = 0  # frame of the first sighting
    closest: tuple[float, Sighting] | None = None  # best closeness to confirmation, and its sighting

    def deserves_a_look(self, sighting: Sighting) -> bool:
        """Return True if `sighting`, the newest, deserves a closer look."""
        score = sighting.candidate.yunet
        if score < DOUBTFUL and self.evidence < NOTICEABLE:
            return False
        last = self.looked
        return (
            last is None or score >= last.candidate.yunet + SURER or sighting.frame >= last.frame + AGAIN * self.looks
        )

    def note(self, closeness: float) -> None:
        """Note the closeness to confirmation at the newest sighting, if it is the best so far."""
        if self.closest is None or closeness > self.closest[0]:
            self.closest = closeness, self.sightings[-1]

    def refusal(self) -> Refusal | None:
        """Return the refusal if the track was refused narrowly."""
        if self.confirmed or self.closest is None or self.closest[0] < NARROW:
            return None
        closeness, sighting = self.closest
        return Refusal((self.since, self.sightings[-1].frame), sighting.frame, sighting.box, min(1.0, closeness))

    def forget(self, frame: int) -> None:
        """Drop sightings before `frame`, except those that determine a motion."""
        while len(self.sightings) > PASSING and self.sightings[PASSING].frame < frame:
            gone = self.sightings.pop(0)
            if not gone.edges:
                self.whole = gone.box
            if gone.candidate.centerface is not None:
                self.careful = gone

    def settled(self, index: int) -> Box:
        """Return a sighting's box, widened towards its neighbours' boxes. Uncertain boxes are widened more."""
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
        share = (sighting.time - before.time) / (after.time - before.time)
        outline = box.joined(self.box(index - 1).blended(self.box(index + 1), share))
        careful = self._careful_box(index)
        if careful is not None and careful.overlap(sighting.box) >= ALIKE:
            outline = outline.joined(careful)
        return box.blended(outline, DOUBT) if sure else outline

    def _careful_box(self, index: int) -> Box | None:
        """Return a glance's box as interpolated between careful looks, whose boxes are more exact."""
        here = self.sightings[index]
        if here.candidate.centerface is not None:
            return None
        earlier = (s for s in reversed(self.sightings[:index]) if s.candidate.centerface is not None)
        before = next(earlier, self.careful)
        after = next((s for s in self.sightings[index + 1 :] if s.candidate.centerface is not None), None)
        if before is None or after is None:
            one = before or after
            return one.box if one is not None else None
        return before.box.blended(after.box, (here.time - before.time) / (after.time - before.time))

    def box(self, index: int) -> Box:
        """Return a sighting's box, completed if the frame's edge cuts the face off.

        The detector takes the visible part for the whole face. The visible part keeps its place. The size is that of
        the nearest sighting away from the edges.
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
        """Return the ratio of the face's size nearby to its size here. At a track's ends an edge often hides a part."""
        here = self.sightings[index]
        near = [s.box.size for s in self.sightings if abs(s.frame - here.frame) <= ABSENT]
        return min(max(near) / here.box.size, SHRINK) if here.box.size > 0 else 1.0

    def extended(self, time: float) -> Box:
        """Extrapolate the place before the first or after the last sighting. Motion stops soon."""
        near = self._ending(time, MOTION, ABSENT)
        here, box = self.sightings[near[0]], self.box(near[0])
        if len(near) < 2:
            return box
        last = self.sightings[near[-1]]
        moved = abs(here.time - last.time)
        fade = FADE * moved / abs(here.frame - last.frame)
        steps = min(fade, abs(time - here.time)) / moved
        (x0, y0), (x1, y1) = self.box(near[-1]).centre, box.centre
        return box.moved((x1 - x0) * steps, (y1 - y0) * steps)

    def leaving(self, time: float) -> tuple[Box, Box]:
        """Return all likely places of a face that moves over the frame's edge, where detection degrades.

        The boxes are those at `time`, and at the sighting at the track's end nearer to it.
        """
        near = self._ending(time, PASSING, 3 * ABSENT)
        end = self.sightings[near[0]].time
        if len(near) < 2:
            return self.box(near[0]), self.box(near[0])
        times = np.array([self.sightings[i].time for i in near], np.float64)
        centres = np.array([self.box(i).centre for i in near])
        trust = [min(1.0, self.sightings[i].candidate.odds / STEADFAST) for i in near]
        x, y = np.polyfit(times, centres, 1, w=trust)[0]

        def likely(then: float) -> Box:
            passed = ((self.box(i), then - self.sightings[i].time) for i in near[:MOTION])
            return functools.reduce(Box.joined, (box.moved(x * seconds, y * seconds) for box, seconds in passed))

        return likely(time), likely(end)

    def _ending(self, time: float, most: int, span: int) -> list[int]:
        """Return indices of sightings at the track's end nearer to `time`, from that end inwards.

        Several sightings are needed, since the detector's jitter between two looks like motion. They do not include
        sightings before a long absence.
        """
        count = len(self.sightings)
        first = time < self.sightings[0].time
        indices = range(min(most, count)) if first else range(count - 1, max(-1, count - 1 - most), -1)
        end = self.sightings[indices[0]].frame
        return [i for i in indices if abs(self.sightings[i].frame - end) <= span]


def _completed(low: float, high: float, length: float, cut_low: bool, cut_high: bool) -> tuple[float, float]:
    """Extend an interval to `length`, over the end that is cut off, or on both sides."""
    missing = max(0.0, length - (high - low))
    if cut_low == cut_high:
        return low - missing / 2, high + missing / 2
    return (low - missing, high) if cut_low else (low, high + missing)
