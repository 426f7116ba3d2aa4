"""Faces over time: detections linked into tracks, and the region that each track covers in each frame.

A track is believed once one of its candidates has the odds that its area demands, a closer look included, or weak ones
last for long; the others only lengthen it, in both directions, and what lies between two of them is covered too.
Linking in two rounds, strong before weak, follows ByteTrack (Zhang et al., 2022). Faces that a look missed are looked
for where they are expected.
"""

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

import numpy as np
from scipy.optimize import linear_sum_assignment

from redactor.faces.evidence import Candidate, demanded
from redactor.faces.seam import Seam
from redactor.geometry import Box

STRONG: Final = 1.0  # odds of candidates that are linked first
WEAK: Final = 0.025  # odds of those that continue a track
CLEAR: Final = 4.0  # odds by which a small face is believed without a closer look
SMALL: Final = 0.0025  # share of the picture's area that a needless patch may take unnoticed
DOUBTFUL: Final = 0.3  # YuNet's score that is worth a closer look
SURER: Final = 0.1  # what a score must have gained for one more closer look
AGAIN: Final = 25  # frames after which there is one anyway, and as many more each time
MOST_CLOSER: Final = 8  # closer looks in one frame, at 2 ms each
USUAL_INTERVAL: Final = 0.12  # seconds from one detection to the next, for which the two sums below were chosen
BACKGROUND: Final = 0.25  # YuNet's score that is no evidence
NOTICEABLE: Final = 0.6  # sum of what a track's scores exceed it by that is worth a closer look by itself
LASTING: Final = 1.8  # and that starts a track whatever a closer look says
NARROW: Final = 0.5  # closeness to being believed, 0 to 1, from which a refusal is worth a report
STEADFAST: Final = 9.0  # odds of a box that is taken nearly as it is
DOUBT: Final = 0.25  # share of the outline with its neighbours in such a box; of others it is the whole
ALIKE: Final = 0.5  # overlap of such a box and that which careful looks suggest, from which both are covered
SHRINK: Final = 1.3  # growth of the region at an end of a track, at most, to what the face was nearby
REACH: Final = 0.7  # a face moves at most this many of its sizes between two detections
NEAR: Final = 0.4  # likewise after a long absence
ABSENT: Final = 10  # frames that make an absence long
MOTION: Final = 3  # sightings that a motion is read from
PASSING: Final = 8  # likewise for a face that leaves over the frame's edge, whose last sightings are poor
GROWTH: Final = 2.0  # and its size changes at most by this factor
STEADY: Final = 0.4  # overlap at which a face on both sides of a cut is one that did not move: a flash
FADE: Final = 6  # frames after which a predicted motion stops
SLACK: Final = 0.01  # growth of a region a frame away from the nearest detection
PATIENCE: Final = 5  # times that a lost face is looked for where it is expected
SAME: Final = 0.3  # overlap that makes two boxes the same face


class Look(Protocol):
    """What a look at one frame found, best first, and closer looks at it."""

    @property
    def candidates(self) -> Sequence[Candidate]: ...

    def closer(self, candidate: Candidate, /) -> Candidate:
        """Return the candidate with a second network's opinion of a close-up."""
        ...

    def follow(self, boxes: Sequence[Box], /) -> Sequence[Candidate | None]:
        """Look for faces near where they are expected."""
        ...


@dataclass(frozen=True, slots=True)
class Spans:
    """In frames. `gap`: the longest hole that is filled, at most the look-ahead; `head`, `tail`: the extension.

    `edge`: the extension, at most, of a face that enters or leaves over the frame's edge.
    """

    gap: int
    head: int
    tail: int
    edge: int


@dataclass(frozen=True, slots=True)
class Region:
    """What one track covers in one frame, in stored pixels; `seen`: by a look, and not filled in.

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
        self._area = float(width * height)
        self._closer_looks = 0
        self._tracks: list[Track] = []
        self._made = 0
        self._shown: set[int] = set()
        self._refusals: list[Refusal] = []

    @property
    def faces(self) -> int:
        """Distinct tracks that have covered something so far."""
        return len(self._shown)

    def feed(self, frame: int, scene: int, look: Look) -> None:
        """Add what a look at `frame` found, which belongs to the scene numbered `scene`."""
        self._closer_looks = 0
        free = self._open(frame)
        strong, weak = _by_strength(look.candidates)
        taken: list[Box] = []
        for candidates in (strong, weak):
            sightings = [self._sighting(frame, scene, candidate) for candidate in candidates]
            matches = _matches(free, sightings, self._edges, self._seam)
            for row, column in matches.items():
                self._extend(free[row], sightings[column], look)
                taken.append(sightings[column].box)
            for column, sighting in enumerate(sightings):
                if column not in matches.values():
                    self._start(sighting, look)
            free = [track for row, track in enumerate(free) if row not in matches]
        self._follow(frame, scene, [track for track in free if track.believed], look, taken)

    def broken(self, frame: int, scene: int, candidates: Sequence[Candidate]) -> bool:
        """Whether a face would be lost or found in the open, as happens where it moves far from look to look."""
        tracks = [track for track in self._open(frame) if track.sightings[-1].scene == scene]
        strong, _ = _by_strength(candidates)
        matches = _matches(
            tracks, [self._sighting(frame, scene, candidate) for candidate in strong], self._edges, self._seam
        )
        return any(
            column not in matches.values() and not self._edges(candidate.box) for column, candidate in enumerate(strong)
        )

    def _open(self, frame: int) -> list[Track]:
        """Tracks that may go on in `frame`. Believed ones choose first: a doubtful one may be noise beside a face."""
        tracks = [t for t in self._tracks if frame - t.sightings[-1].frame <= self._spans.gap + 1]
        return sorted(tracks, key=lambda track: not track.believed)

    def _follow(self, frame: int, scene: int, lost: Sequence[Track], look: Look, taken: Sequence[Box]) -> None:
        """Look for the faces of `lost` tracks where they are expected."""
        sought = [track for track in lost if track.sightings[-1].scene == scene]
        expected = [track.extended(frame) for track in sought]
        places = [
            (track, box)
            for track, box in zip(sought, expected, strict=True)
            if track.vain < PATIENCE and self._inside(box) and all(box.overlap(other) < SAME for other in taken)
        ]
        found = look.follow([box for _, box in places])
        for (track, _), candidate in zip(places, found, strict=True):
            if candidate is not None and candidate.odds >= WEAK:
                self._extend(track, self._sighting(frame, scene, candidate), look)
            else:
                track.vain += 1

    def regions(self, frame: int, scene: int) -> list[Region]:
        """What is to be covered in `frame`. Frames are asked for in order, each once."""
        longest = max(self._spans.gap, self._spans.edge, self._spans.tail) + 1
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

    def _start(self, sighting: Sighting, look: Look) -> None:
        self._made += 1
        track = Track(self._made, since=sighting.frame)
        self._extend(track, sighting, look)
        self._tracks.append(track)

    def _extend(self, track: Track, sighting: Sighting, look: Look) -> None:
        if track.sightings:
            near = self._seam.near(sighting.box, track.sightings[-1].box)
            sighting = replace(sighting, candidate=replace(sighting.candidate, box=near))
        track.sightings.append(sighting)
        track.vain = 0
        candidate = sighting.candidate
        track.evidence += max(0.0, candidate.yunet - BACKGROUND) * self._weight if candidate.odds < STRONG else 0.0
        if track.believed:
            return
        needed = demanded(candidate.box.area / self._area)
        lasting = LASTING * max(1.0, needed)
        track.believed = track.evidence >= lasting or self._convincing(candidate)
        if track.believed:
            return
        if self._closer_looks < MOST_CLOSER and track.deserves_a_look(sighting):
            self._closer_looks += 1
            track.looked = sighting
            track.looks += 1
            candidate = look.closer(candidate)
            track.sightings[-1] = replace(sighting, candidate=candidate)
            track.believed = self._convincing(candidate)
        if not track.believed:
            odds = candidate.odds if candidate.centerface is not None else 0.0
            track.note(max(odds / needed, track.evidence / lasting))

    def refusals(self) -> list[Refusal]:
        """Return the tracks that were given up lately, each once."""
        given_up, self._refusals = self._refusals, []
        return given_up

    def close(self) -> list[Refusal]:
        """Return the tracks that the video's end gives up, besides those that `refusals` has."""
        return self.refusals() + [refusal for track in self._tracks if (refusal := track.refusal())]

    def _convincing(self, candidate: Candidate) -> bool:
        """The odds suffice for the area, and a network's slip is ruled out where it would be seen."""
        share = candidate.box.area / self._area
        if candidate.centerface is None and (share > SMALL or candidate.odds < CLEAR):
            return False
        return candidate.odds >= demanded(share)

    def _region(self, track: Track, frame: int, scene: int) -> Region | None:
        first, last = track.sightings[0], track.sightings[-1]
        if frame < first.frame or frame > last.frame:
            end, span = (first, self._spans.head) if frame < first.frame else (last, self._spans.tail)
            away, at_edge = abs(frame - end.frame), bool(end.edges)
            # A face at the frame's edge is entering or leaving, partly visible, for longer.
            if end.scene != scene or away > (self._spans.edge if at_edge else span):
                return None
            shrunk = 1.0 if at_edge else track.shrunk(0 if end is first else len(track.sightings) - 1)
            place = (track.leaving if at_edge else track.extended)(frame).scaled(shrunk + SLACK * away)
            return Region(track.number, place, seen=False) if self._inside(place) else None
        index = next(i for i, s in enumerate(track.sightings) if s.frame >= frame)
        after = track.sightings[index]
        if after.frame == frame:
            return Region(track.number, track.settled(index), seen=True)
        before = track.sightings[index - 1]
        share = (frame - before.frame) / (after.frame - before.frame)
        away = min(frame - before.frame, after.frame - frame, FADE)
        box = track.settled(index - 1).blended(track.settled(index), share)
        return Region(track.number, box.scaled(1 + SLACK * away), seen=False)

    def _sighting(self, frame: int, scene: int, candidate: Candidate) -> Sighting:
        return Sighting(frame, scene, candidate, self._edges(candidate.box))

    def _inside(self, box: Box) -> bool:
        box = self._seam.inside(box)
        return box.right > 0 and box.bottom > 0 and box.left < self._width and box.top < self._height

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


def _by_strength(candidates: Sequence[Candidate]) -> tuple[list[Candidate], list[Candidate]]:
    odds = [(candidate.odds, candidate) for candidate in candidates]
    return [one for value, one in odds if value >= STRONG], [one for value, one in odds if WEAK <= value < STRONG]


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
                near = replace(sighting, candidate=replace(sighting.candidate, box=seam.near(sighting.box, place)))
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
    if sighting.candidate.odds >= STRONG and absent <= ABSENT:
        reach *= 1 + min(absent, FADE) / FADE
    distance = math.hypot(spot.x - place.x, spot.y - place.y) / ((place.size + spot.size) / 2)
    if distance > reach:
        return math.inf
    growth = abs(math.log(spot.size / place.size))
    if growth > math.log(GROWTH):
        return math.inf
    return distance + growth + (0.0 if track.believed else 0.5)
