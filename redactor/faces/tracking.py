"""Faces over time: detections linked into tracks, and the region that each track covers in each frame.

A track is confirmed once one of its candidates has the odds required for its area, if necessary after a closer look,
or once weak candidates last long enough. Other candidates lengthen it in both directions, and gaps are filled. Linking
in two rounds, strong before weak, follows ByteTrack (Zhang et al., 2022). Faces missed by a look are searched at their
expected places.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from redactor.faces.evidence import Candidate, demanded
from redactor.faces.linking import STRONG, link
from redactor.faces.seam import Seam
from redactor.faces.track import FADE, Refusal, Sighting, Track
from redactor.geometry import Box

WEAK: Final = 0.025  # odds from which candidates continue a track
SHARE: Final = 0.05  # of the odds required to start a track, from which large candidates continue one
CLEAR: Final = 4.0  # odds from which a small face needs no closer look
SMALL: Final = 0.0025  # share of the picture's area up to which a needless mask is unnoticed
MOST_CLOSER: Final = 8  # closer looks in one frame, at 2 ms each
USUAL_INTERVAL: Final = 0.12  # seconds from one detection to the next, for which the two sums below were chosen
BACKGROUND: Final = 0.25  # YuNet's score that is no evidence
LASTING: Final = 1.8  # and that starts a track whatever a closer look says
SLACK: Final = 0.01  # growth of a region a frame away from the nearest detection
PASSING_SLACK: Final = 0.25  # the same, for a face that passes the frame's edge, in the first second
MOVED_ON: Final = 0.9  # share of the visible part of a face at the edge that is left of one that is leaving
PATIENCE: Final = 4  # times that a lost face is looked for where it is expected
LEAST: Final = 2  # frames of an extension, however long they are shown
SAME: Final = 0.3  # overlap that makes two boxes the same face


class Look(Protocol):
    """The candidates of a look at one frame, best first, and closer looks at them."""

    @property
    def candidates(self) -> Sequence[Candidate]: ...

    def closer(self, candidate: Candidate, /) -> Candidate:
        """Add a second network's score of a close-up."""
        ...

    def follow(self, boxes: Sequence[Box], /) -> Sequence[Candidate | None]:
        """Search for faces near their expected places."""
        ...


@dataclass(frozen=True, slots=True)
class Spans:
    """Lengths in seconds. `gap` is the longest gap that is filled, `extension` lengthens a track at its ends.

    `edge` is the longest extension of a face that crosses the frame's edge. `held` is the number of frames in the
    look-ahead: longer gaps are not filled.
    """

    gap: float
    extension: float
    edge: float
    held: int


@dataclass(frozen=True, slots=True)
class Region:
    """A track's part of one frame, to be covered, in stored pixels. `seen`: it was detected, not interpolated.

    `since` is the frame of the track's first sighting. It precedes the first region if the track was confirmed late.
    `exact`: the rectangle itself is covered, no face in it.
    """

    track: int
    box: Box
    seen: bool
    since: int = 0
    exact: bool = False


class Tracker:
    """Links detections, fed in frame order. Ask for a frame's regions after feeding the look-ahead."""

    def __init__(
        self,
        spans: Spans,
        times: Callable[[int], float],
        width: int,
        height: int,
        interval: float = USUAL_INTERVAL,
        seam: Seam | None = None,
    ) -> None:
        """`times` returns a frame's time in seconds. `width` and `height` are in stored pixels like all boxes.

        `interval`, in seconds, is the usual one between detections.
        Evidence is weighted by the interval between detections, because more frequent noise is no better evidence.
        """
        self._spans = spans
        self._time = times
        self._seam = seam or Seam(None)
        self._weight = interval / USUAL_INTERVAL
        self._width, self._height = width, height
        self._area = float(width * height)
        self._closer_looks = 0
        self._tracks: list[Track] = []
        self._made = 0
        self._shown: set[int] = set()
        self._refusals: list[Refusal] = []
        self._begun: list[Track] = []

    @property
    def faces(self) -> int:
        """Distinct tracks that have covered something so far."""
        return len(self._shown)

    def feed(self, frame: int, scene: int, look: Look) -> None:
        """Add the candidates of a look at `frame` in the scene with number `scene`."""
        self._closer_looks = 0
        free = self._open(frame)
        strong, weak = self._by_strength(look.candidates)
        taken: list[Box] = []
        for candidates in (strong, weak):
            sightings = [self._sighting(frame, scene, candidate) for candidate in candidates]
            matches = link(free, sightings, self._edges, self._seam)
            for row, column in matches.items():
                self._extend(free[row], sightings[column], look)
                taken.append(sightings[column].box)
            for column, sighting in enumerate(sightings):
                if column not in matches.values():
                    self._start(sighting, look)
            free = [track for row, track in enumerate(free) if row not in matches]
        self._follow(frame, scene, [track for track in free if track.confirmed], look, taken)

    def broken(self, frame: int, scene: int, candidates: Sequence[Candidate]) -> bool:
        """Return True if a new face appears away from the edges, because a known one moved too far between looks."""
        tracks = [track for track in self._open(frame) if track.sightings[-1].scene == scene]
        strong, _ = self._by_strength(candidates)
        matches = link(
            tracks, [self._sighting(frame, scene, candidate) for candidate in strong], self._edges, self._seam
        )
        return any(
            column not in matches.values() and not self._edges(candidate.box) for column, candidate in enumerate(strong)
        )

    def _open(self, frame: int) -> list[Track]:
        """Return tracks that may continue in `frame`, confirmed ones first: others may be noise beside a face."""
        tracks = [track for track in self._tracks if self._may_continue(track.sightings[-1].frame, frame)]
        return sorted(tracks, key=lambda track: not track.confirmed)

    def _may_continue(self, last: int, frame: int) -> bool:
        """Return True if the gap between two sightings would be filled."""
        if not 0 < frame - last <= self._spans.held + 1:
            return False
        return self._time(frame) - self._time(last + 1) <= self._spans.gap

    def _follow(self, frame: int, scene: int, lost: Sequence[Track], look: Look, taken: Sequence[Box]) -> None:
        """Search for the faces of `lost` tracks at their expected places."""
        sought = [track for track in lost if track.sightings[-1].scene == scene]
        expected = [track.extended(self._time(frame)) for track in sought]
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
        """Return the regions to cover in `frame`. Ask for each frame once, in order."""
        gone = [track for track in self._tracks if self._is_gone(track.sightings[-1].frame, frame)]
        self._refusals += [refusal for track in gone if (refusal := track.refusal())]
        self._tracks = [track for track in self._tracks if track not in gone]
        found: list[Region] = []
        for track in self._tracks:
            track.forget(frame)
            region = self._region(track, frame, scene) if track.confirmed else None
            if region is not None:
                found.append(replace(region, since=track.since))
                self._shown.add(track.number)
        return found

    def _is_gone(self, last: int, frame: int) -> bool:
        """Return True if a track with its last sighting in frame `last` reaches neither `frame` nor a later one."""
        longest = max(self._spans.gap, self._spans.edge, self._spans.extension)
        return frame - last > 2 * LEAST and self._time(frame) - self._time(last + 1) > longest

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
        if track.confirmed:
            return
        needed = demanded(candidate.box.area / self._area)
        lasting = LASTING * max(1.0, needed)
        track.confirmed = track.evidence >= lasting or self._convincing(candidate)
        if not track.confirmed and self._closer_looks < MOST_CLOSER and track.deserves_a_look(sighting):
            self._closer_looks += 1
            track.looked = sighting
            track.looks += 1
            candidate = look.closer(candidate)
            track.sightings[-1] = replace(sighting, candidate=candidate)
            track.confirmed = self._convincing(candidate)
        if track.confirmed:
            self._begun.append(track)
        else:
            odds = candidate.odds if candidate.centerface is not None else 0.0
            track.note(max(odds / needed, track.evidence / lasting))

    def begun(self) -> list[Track]:
        """Return the tracks that were confirmed lately and began inside the frame, each once."""
        begun, self._begun = self._begun, []
        return [track for track in begun if not track.sightings[0].edges]

    def precede(self, track: Track, sighting: Sighting) -> None:
        """Add a sighting before a track's first."""
        near = self._seam.near(sighting.box, track.sightings[0].box)
        candidate = replace(sighting.candidate, box=near)
        track.sightings.insert(0, replace(sighting, candidate=candidate, edges=self._edges(near)))

    def sighted(self, frame: int, box: Box) -> bool:
        """Return True if a confirmed track has a sighting in that frame in that place."""
        last = (track.sightings[-1] for track in self._tracks if track.confirmed)
        return any(sighting.frame == frame and sighting.box.overlap(box) >= SAME for sighting in last)

    def covers(self, frame: int, box: Box, *, but: Track) -> bool:
        """Return True if another confirmed track has a sighting near that frame in that place."""
        return any(
            abs(sighting.frame - frame) <= FADE and sighting.box.overlap(box) >= SAME
            for track in self._tracks
            if track.confirmed and track is not but
            for sighting in track.sightings
        )

    def refusals(self) -> list[Refusal]:
        """Return the narrow refusals since the last call."""
        given_up, self._refusals = self._refusals, []
        return given_up

    def close(self) -> list[Refusal]:
        """Return the remaining refusals at the end of the video."""
        return self.refusals() + [refusal for track in self._tracks if (refusal := track.refusal())]

    def _by_strength(self, candidates: Sequence[Candidate]) -> tuple[list[Candidate], list[Candidate]]:
        odds = [(candidate.odds, candidate) for candidate in candidates]
        weak = [one for value, one in odds if value < STRONG and value >= self._least(one)]
        return [one for value, one in odds if value >= STRONG], weak

    def _least(self, candidate: Candidate) -> float:
        """Return the odds from which a candidate continues a track: a wrong one costs its area, too."""
        return max(WEAK, SHARE * demanded(candidate.box.area / self._area))

    def _convincing(self, candidate: Candidate) -> bool:
        """Return True if the odds suffice for the area, and both networks agree where a mistake would be visible."""
        share = candidate.box.area / self._area
        if candidate.centerface is None and (share > SMALL or candidate.odds < CLEAR):
            return False
        return candidate.odds >= demanded(share)

    def _region(self, track: Track, frame: int, scene: int) -> Region | None:
        first, last = track.sightings[0], track.sightings[-1]
        if frame < first.frame or frame > last.frame:
            end = first if frame < first.frame else last
            if end.scene != scene:
                return None
            away = abs(frame - end.frame)
            if end.edges:
                return self._passing(track, frame, end, away)
            if away > LEAST and abs(self._time(frame) - end.time) > self._spans.extension:
                return None
            shrunk = track.shrunk(0 if end is first else len(track.sightings) - 1)
            place = track.extended(self._time(frame)).scaled(shrunk + SLACK * away)
            return Region(track.number, place, seen=False) if self._inside(place) else None
        index = next(i for i, s in enumerate(track.sightings) if s.frame >= frame)
        after = track.sightings[index]
        if after.frame == frame:
            return Region(track.number, track.settled(index), seen=True)
        before = track.sightings[index - 1]
        share = (self._time(frame) - before.time) / (after.time - before.time)
        away = min(frame - before.frame, after.frame - frame, FADE)
        box = track.settled(index - 1).blended(track.settled(index), share)
        return Region(track.number, box.scaled(1 + SLACK * away), seen=False)

    def _passing(self, track: Track, frame: int, end: Sighting, away: int) -> Region | None:
        """The region of a face that enters or leaves over the frame's edge, `away` frames from its sighting at the end.

        It is partly visible for longer than the detector sees it, for as long as it moves on.
        """
        time = self._time(frame)
        likely, before = track.leaving(time)
        moves = self._visible(likely) < MOVED_ON * self._visible(before)
        span = self._spans.edge if moves else 2 * self._spans.extension
        seconds = abs(time - end.time)
        place = likely.scaled(1 + PASSING_SLACK * min(1.0, seconds))
        if (away > 2 * LEAST and seconds > span) or not self._inside(place):
            return None
        return Region(track.number, place, seen=False)

    def _visible(self, box: Box) -> float:
        """The area of what is inside the frame."""
        inside = self._seam.inside(box)
        width = min(inside.right, self._width) - max(inside.left, 0.0)
        return max(0.0, width) * max(0.0, min(inside.bottom, self._height) - max(inside.top, 0.0))

    def _sighting(self, frame: int, scene: int, candidate: Candidate) -> Sighting:
        return Sighting(frame, self._time(frame), scene, candidate, self._edges(candidate.box))

    def _inside(self, box: Box) -> bool:
        box = self._seam.inside(box)
        return box.right > 0 and box.bottom > 0 and box.left < self._width and box.top < self._height

    def _edges(self, box: Box) -> frozenset[str]:
        """Return the frame's edges that cut the face off, or soon will."""
        near = box.size / 4
        ends = not self._seam.exists  # at a seam, the picture continues at the other end
        beyond = {
            "left": ends and box.left < near,
            "top": box.top < near,
            "right": ends and box.right > self._width - near,
            "bottom": box.bottom > self._height - near,
        }
        return frozenset(edge for edge, reached in beyond.items() if reached)
