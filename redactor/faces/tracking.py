"""Faces over time: detections linked into tracks, and the region that each track covers in each frame.

A track is believed once it holds a sure detection, a doubtful one that stands a second look, or weak ones for
long; the others only lengthen it, in both directions, and what lies between two of its detections is covered
too. Linking in two rounds, strong before weak, follows ByteTrack (Zhang et al., 2022).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
from scipy.optimize import linear_sum_assignment

from redactor.faces.seam import Seam
from redactor.geometry import Box
from redactor.networks.detection import Detection

SURE: Final = 0.9  # starts a track
STRONG: Final = 0.6  # is linked first
DOUBTFUL: Final = 0.5  # starts one if a second look agrees
WEAK: Final = 0.25  # continues one
SURER: Final = 0.1  # what a score must have gained for one more second look
AGAIN: Final = 25  # frames after which there is one anyway, and as many more each time
USUAL_INTERVAL: Final = 0.12  # seconds from one detection to the next, for which the two sums below were chosen
NOTICEABLE: Final = 0.6  # sum of what a track's scores exceed WEAK by that is worth a second look by itself
LASTING: Final = 1.8  # and that starts a track whatever a second look says
NARROW: Final = 0.5  # closeness to being believed, 0 to 1, from which a refusal is worth telling
STEADFAST: Final = 0.75  # score of a box that is taken as it is
SHRINK: Final = 1.3  # growth of the region at an end of a track, at most, to what the face was nearby
REACH: Final = 0.7  # a face moves at most this many of its sizes between two detections
NEAR: Final = 0.4  # likewise after a long absence
ABSENT: Final = 10  # frames that make an absence long
MOTION: Final = 3  # sightings that a motion is read from
GROWTH: Final = 2.0  # and its size changes at most by this factor
STEADY: Final = 0.4  # overlap at which a face on both sides of a cut is one that did not move: a flash
FADE: Final = 6  # frames after which a predicted motion stops
SLACK: Final = 0.01  # growth of a region a frame away from the nearest detection

type SecondLook = Callable[[Box, float], bool]


@dataclass(frozen=True, slots=True)
class Spans:
    """In frames. `gap`: the longest hole that is filled, at most the look-ahead; `head`, `tail`: the extension."""

    gap: int
    head: int
    tail: int


@dataclass(frozen=True, slots=True)
class Region:
    """What one track covers in one frame, in stored pixels; `seen` tells a detection from a filled place.

    `since` is the frame of the track's first sighting, which is earlier than what it covers if it was believed late.
    """

    track: int
    box: Box
    seen: bool
    since: int = 0


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
    """A detection that belongs to a track."""

    frame: int
    scene: int
    box: Box
    score: float


@dataclass(slots=True)
class Track:
    """One face's sightings in frame order; those that no frame still to come depends on are forgotten."""

    number: int
    sightings: list[Sighting] = field(default_factory=list)
    believed: bool = False
    evidence: float = 0.0
    looked: Sighting | None = None
    looks: int = 0
    since: int = 0  # frame of the first sighting
    closest: tuple[float, Sighting] | None = None  # while not believed: how close to it, and when

    def deserves_a_look(self, sighting: Sighting) -> bool:
        """A second one, at `sighting`, its newest."""
        if sighting.score < DOUBTFUL and self.evidence < NOTICEABLE:
            return False
        last = self.looked
        return last is None or sighting.score >= last.score + SURER or sighting.frame >= last.frame + AGAIN * self.looks

    def note(self, closeness: float) -> None:
        """Remember how close to being believed the track was at its newest sighting, if it never was closer."""
        if self.closest is None or closeness > self.closest[0]:
            self.closest = closeness, self.sightings[-1]

    def refusal(self) -> Refusal | None:
        """Return what is worth telling of the track if it was refused narrowly."""
        if self.believed or self.closest is None or self.closest[0] < NARROW:
            return None
        closeness, sighting = self.closest
        return Refusal((self.since, self.sightings[-1].frame), sighting.frame, sighting.box, min(1.0, closeness))

    def forget(self, frame: int) -> None:
        """Drop what came before `frame`, but for the sightings that a motion is read from."""
        while len(self.sightings) > MOTION and self.sightings[MOTION].frame < frame:
            del self.sightings[0]

    def settled(self, index: int) -> Box:
        """The box of a sighting, and where it is not sure, also what those before and after it say."""
        sighting = self.sightings[index]
        if sighting.score >= STEADFAST:
            return sighting.box
        if not 0 < index < len(self.sightings) - 1:
            return sighting.box.scaled(self.shrunk(index))
        before, after = self.sightings[index - 1], self.sightings[index + 1]
        if after.frame - before.frame > ABSENT:
            return sighting.box
        share = (sighting.frame - before.frame) / (after.frame - before.frame)
        return sighting.box.joined(before.box.blended(after.box, share))

    def shrunk(self, index: int) -> float:
        """How much larger the face was nearby: a track's ends often show what an edge leaves of a face."""
        here = self.sightings[index]
        near = [s.box.size for s in self.sightings if abs(s.frame - here.frame) <= ABSENT]
        return min(max(near) / here.box.size, SHRINK) if here.box.size > 0 else 1.0

    def extended(self, frame: int) -> Box:
        """The face's likely place before its first or after its last sighting."""
        before = frame < self.sightings[0].frame
        near = self.sightings[:MOTION] if before else self.sightings[-MOTION:]
        anchor = near[0] if before else near[-1]
        # Over several sightings, or the detector's jitter would be taken for motion.
        near = [s for s in near if abs(s.frame - anchor.frame) <= ABSENT]
        if len(near) < 2:
            return anchor.box
        elapsed = near[-1].frame - near[0].frame
        steps = max(-FADE, min(FADE, frame - anchor.frame)) / elapsed
        (x0, y0), (x1, y1) = near[0].box.centre, near[-1].box.centre
        return anchor.box.moved((x1 - x0) * steps, (y1 - y0) * steps)


class Tracker:
    """Fed with detections in frame order; asked for a frame's regions once all it may depend on has been fed."""

    def __init__(
        self, spans: Spans, width: int, height: int, interval: float = USUAL_INTERVAL, seam: Seam | None = None
    ) -> None:
        """`width`, `height`: of the frame, in stored pixels, as are all boxes; `interval`: seconds between detections.

        Noise that is looked at more often is not more of a face.
        """
        self._spans = spans
        self._seam = seam or Seam(None)
        self._weight = interval / USUAL_INTERVAL
        self._width, self._height = width, height
        self._tracks: list[Track] = []
        self._made = 0
        self._shown: set[int] = set()
        self._refusals: list[Refusal] = []

    @property
    def faces(self) -> int:
        """Distinct tracks that have covered something so far."""
        return len(self._shown)

    def feed(self, frame: int, scene: int, detections: Sequence[Detection], second_look: SecondLook) -> None:
        """Add the detections of `frame`, which belongs to the scene numbered `scene`.

        `second_look` tells whether a closer look at a box in this frame, found with that score, finds a face there.
        """
        free = [t for t in self._tracks if frame - t.sightings[-1].frame <= self._spans.gap + 1]
        # Believed tracks choose first: a doubtful one may be noise beside a face.
        free.sort(key=lambda track: not track.believed)
        strong = [d for d in detections if d.score >= STRONG]
        weak = [d for d in detections if WEAK <= d.score < STRONG]
        for candidates in (strong, weak):
            sightings = [Sighting(frame, scene, d.box, d.score) for d in candidates]
            matches = _matches(free, sightings, self._edges, self._seam)
            for row, column in matches.items():
                self._extend(free[row], sightings[column], second_look)
            for column, sighting in enumerate(sightings):
                if column not in matches.values():
                    self._start(sighting, second_look)
            free = [track for row, track in enumerate(free) if row not in matches]

    def regions(self, frame: int, scene: int) -> list[Region]:
        """What is to be covered in `frame`. Frames are asked for in order, each once."""
        longest = max(self._spans.gap, 2 * self._spans.tail) + 1
        self._refusals += [r for t in self._tracks if frame - t.sightings[-1].frame > longest and (r := t.refusal())]
        self._tracks = [t for t in self._tracks if frame - t.sightings[-1].frame <= longest]
        found: list[Region] = []
        for track in self._tracks:
            track.forget(frame)
            region = self._region(track, frame, scene) if track.believed else None
            if region is not None:
                found.append(replace(region, since=track.since))
                self._shown.add(track.number)
        return found

    def _start(self, sighting: Sighting, second_look: SecondLook) -> None:
        self._made += 1
        track = Track(self._made, since=sighting.frame)
        self._extend(track, sighting, second_look)
        self._tracks.append(track)

    def _extend(self, track: Track, sighting: Sighting, second_look: SecondLook) -> None:
        if track.sightings:
            sighting = replace(sighting, box=self._seam.near(sighting.box, track.sightings[-1].box))
        track.sightings.append(sighting)
        if sighting.score < STRONG:
            track.evidence += (sighting.score - WEAK) * self._weight
        if track.believed:
            return
        track.believed = sighting.score >= SURE or track.evidence >= LASTING
        if not track.believed and track.deserves_a_look(sighting):
            track.looked = sighting
            track.looks += 1
            track.believed = second_look(sighting.box, sighting.score)
        if not track.believed:
            doubtful = sighting.score / SURE if sighting.score >= DOUBTFUL else 0.0
            track.note(max(doubtful, track.evidence / LASTING))

    def refusals(self) -> list[Refusal]:
        """Return the tracks that were given up lately, each once."""
        given_up, self._refusals = self._refusals, []
        return given_up

    def close(self) -> list[Refusal]:
        """Return the tracks that the video's end gives up, besides those that `refusals` has."""
        return self.refusals() + [refusal for track in self._tracks if (refusal := track.refusal())]

    def _region(self, track: Track, frame: int, scene: int) -> Region | None:
        first, last = track.sightings[0], track.sightings[-1]
        if frame < first.frame or frame > last.frame:
            end, span = (first, self._spans.head) if frame < first.frame else (last, self._spans.tail)
            away, at_edge = abs(frame - end.frame), bool(self._edges(end.box))
            # A face at the frame's edge is entering or leaving, partly visible, for longer.
            if end.scene != scene or away > span * (2 if at_edge else 1):
                return None
            shrunk = 1.0 if at_edge else track.shrunk(0 if end is first else len(track.sightings) - 1)
            return Region(track.number, track.extended(frame).scaled(shrunk + SLACK * away), seen=False)
        index = next(i for i, s in enumerate(track.sightings) if s.frame >= frame)
        after = track.sightings[index]
        if after.frame == frame:
            return Region(track.number, track.settled(index), seen=True)
        before = track.sightings[index - 1]
        share = (frame - before.frame) / (after.frame - before.frame)
        away = min(frame - before.frame, after.frame - frame, FADE)
        box = track.settled(index - 1).blended(track.settled(index), share)
        return Region(track.number, box.scaled(1 + SLACK * away), seen=False)

    def _edges(self, box: Box) -> frozenset[str]:
        """The frame's edges that a face is near enough to, to be cut off by them or about to be."""
        near = box.size / 4
        ends = not self._seam.exists  # else the picture goes on there
        beyond = {
            "left": ends and box.left < near,
            "top": box.top < near,
            "right": ends and box.right > self._width - near,
            "bottom": box.bottom > self._height - near,
        }
        return frozenset(edge for edge, reached in beyond.items() if reached)


@dataclass(frozen=True, slots=True)
class _Spot:
    """A box's centre, size and the frame's edges that it is near: read once, since there are many pairs of boxes."""

    x: float
    y: float
    size: float
    edges: frozenset[str]


def _matches(
    tracks: Sequence[Track], sightings: Sequence[Sighting], edges: Callable[[Box], frozenset[str]], seam: Seam
) -> dict[int, int]:
    """Index of track to index of sighting, at the least total cost."""
    if not tracks or not sightings:
        return {}
    frame = sightings[0].frame  # which is that of all of them
    seen = [_Spot(*sighting.box.centre, sighting.box.size, edges(sighting.box)) for sighting in sightings]
    cost = np.full((len(tracks), len(sightings)), math.inf)
    for row, track in enumerate(tracks):
        last, place = track.sightings[-1].box, track.extended(frame)
        left = _Spot(*last.centre, last.size, edges(last))
        expected = _Spot(*place.centre, place.size, left.edges)
        for column, (sighting, spot) in enumerate(zip(sightings, seen, strict=True)):
            near, here = sighting, spot
            if seam.exists:
                near = replace(sighting, box=seam.near(sighting.box, place))
                here = replace(spot, x=near.box.centre[0])
            cost[row, column] = _cost(track, left, expected, near, here)
    possible = np.isfinite(cost)
    rows, columns = linear_sum_assignment(np.where(possible, cost, 1e6))
    return {int(r): int(c) for r, c in zip(rows, columns, strict=True) if possible[r, c]}


def _cost(track: Track, left: _Spot, expected: _Spot, sighting: Sighting, spot: _Spot) -> float:
    """How badly `sighting`, at `spot`, fits `track`, which is `expected` somewhere else than it was `left`.

    Infinite where it cannot belong to it.
    """
    last = track.sightings[-1]
    if last.scene != sighting.scene:
        return 1.0 if last.box.overlap(sighting.box) >= STEADY else math.inf
    absent = sighting.frame - last.frame
    # What went over the frame's edge and comes back over it was still there, partly visible, and did not move on.
    returning = absent > ABSENT and not left.edges.isdisjoint(spot.edges)
    place = left if returning else expected
    if min(place.size, spot.size) <= 0:
        return math.inf
    # The longer a face was out of sight, the less its place is known; after that, only its old place counts.
    reach = NEAR if absent > ABSENT and not returning else REACH
    if sighting.score >= STRONG and absent <= ABSENT:
        reach *= 1 + min(absent, FADE) / FADE
    distance = math.hypot(spot.x - place.x, spot.y - place.y) / ((place.size + spot.size) / 2)
    if distance > reach:
        return math.inf
    growth = abs(math.log(spot.size / place.size))
    if growth > math.log(GROWTH):
        return math.inf
    return distance + growth + (0.0 if track.believed else 0.5)
