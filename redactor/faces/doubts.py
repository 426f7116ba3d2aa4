"""Doubtful places for a person's review: faces that may be bare, and faces that were found by luck.

Most doubts follow from the covered regions, frame by frame. Only refused candidates come from the tracker.
"""

import heapq
import itertools
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from av.video.frame import VideoFrame

from redactor.faces.pose import Pose, Shades
from redactor.faces.track import Refusal
from redactor.faces.tracking import Region
from redactor.geometry import Box
from redactor.results import DoubtfulPlace, Doubts, Place, Reason
from redactor.video.facts import VideoFacts
from redactor.video.picture import quarters_of

MOST_LISTED: Final = 1000
KEPT_TIMES: Final = 1024  # frames with known times, for refusals
SMALL: Final = 24.0  # pixels of a face's height, below which detectors miss every third face
SMALLEST: Final = 8.0
DIM: Final = 45.0  # mean shade of a face, of 255; black is 16
DARKEST: Final = 18.0
DARK_PICTURE: Final = 50.0  # mean shade of a picture in which faces are easily missed
DARK_SHARE: Final = 0.5  # share of all pictures
TURNED: Final = 0.3  # mean facing, 0 to 1, below which a face was mostly turned away
LEAST_TURNED_SIZE: Final = 40.0  # pixels of a face's height from which landmarks are reliable
POSE_SECONDS: Final = 2.0  # between two estimates of a face's pose
MOST_POSES: Final = 1  # pose estimates in one frame, at 2 to 8 ms each
NEAR_EDGE: Final = 0.25  # distance from the frame's edge, in sizes of the face
SAME: Final = 0.1  # overlap with another track that continues in the same place
LONG_SECONDS: Final = 2.0  # a face tracked for this long is hardly lost by chance
LEAST_SCORE: Final = 0.05


@dataclass(frozen=True, slots=True)
class _Moment:
    frame: int
    time: float
    box: Box


@dataclass(slots=True)
class _Followed:
    """A track while it covers regions. `sighted` is its last sighting; `shade` and `facing` are sums."""

    first: _Moment
    sighted: _Moment
    largest: _Moment
    scene: int
    shade: float = 0.0
    sightings: int = 0
    facing: float = 0.0
    poses: int = 0
    posed: float = float("-inf")


class DoubtCollector:
    """Collects doubtful places. The list is bounded, so memory does not grow with the video."""

    def __init__(self, facts: VideoFacts, *, seam: bool = False) -> None:
        """`seam`: the picture of a 360° video continues beyond its left end at its right end."""
        self._seam = seam
        self._width, self._height = facts.width, facts.height
        self._quarters = quarters_of(facts.rotation)
        self._pose = Pose(facts)
        self._followed: dict[int, _Followed] = {}
        self._times: deque[tuple[int, float]] = deque(maxlen=KEPT_TIMES)
        self._best: list[tuple[float, int, DoubtfulPlace]] = []  # a heap, the lowest score first
        self._order = itertools.count()
        self._count = self._refused = self._frames = self._dark_frames = self._frames_with_faces = 0

    def see(self, index: int, time: float, scene: int, frame: VideoFrame, regions: Sequence[Region]) -> None:
        """Add a frame's covered regions, at `time` in seconds. Frames come in order."""
        shades = Shades(frame)
        self._times.append((index, time))
        self._frames += 1
        self._dark_frames += shades.whole() < DARK_PICTURE
        self._frames_with_faces += bool(regions)
        self._end(index, time, scene, regions)
        poses = MOST_POSES
        for region in regions:
            followed = self._follow(region, _Moment(index, time, region.box), scene)
            if not region.seen:
                continue
            followed.shade += shades.mean(region.box)
            followed.sightings += 1
            if poses and time - followed.posed >= POSE_SECONDS and self._is_large(region.box):
                poses -= 1
                followed.posed = time
                followed.facing += self._pose.facing(shades, region.box)
                followed.poses += 1

    def refuse(self, refusal: Refusal) -> None:
        """Add a candidate that is finally not covered."""
        self._refused += 1
        moment = _Moment(refusal.frame, self._time_of(refusal.frame), refusal.box)
        first, last = (_Moment(frame, self._time_of(frame), refusal.box) for frame in refusal.span)
        self._add(Reason.REFUSED, refusal.closeness, first, last, moment, None)

    def finish(self) -> Doubts:
        """Judge the remaining tracks, and return all doubts."""
        for track, followed in self._followed.items():
            self._judge(track, followed)
        self._followed.clear()
        places = sorted((place for *_, place in self._best), key=lambda place: (place.start, place.first_frame))
        return Doubts(tuple(places), self._count, self._warnings())

    def _warnings(self) -> tuple[str, ...]:
        if self._frames_with_faces or not self._frames:
            return ()
        warnings = []
        if self._refused:
            many = "1 candidate was" if self._refused == 1 else f"{self._refused} candidates were"
            warnings.append(f"no face was found, but {many} refused narrowly; look at the doubtful places")
        if self._dark_frames > DARK_SHARE * self._frames:
            warnings.append(
                f"no face was found, and {self._dark_frames} of {self._frames} frames are so dark that faces are "
                "easily missed; watch the result"
            )
        return tuple(warnings)

    def _follow(self, region: Region, now: _Moment, scene: int) -> _Followed:
        followed = self._followed.get(region.track)
        if followed is None:
            followed = self._followed[region.track] = _Followed(now, now, now, scene)
            if region.since < now.frame:
                since = _Moment(region.since, self._time_of(region.since), region.box)
                score = 0.5 + 0.5 * min(1.0, now.time - since.time)
                self._add(Reason.LATE, score, since, now, since, region.track)
        followed.scene = scene
        if region.seen:
            followed.sighted = now
        if region.box.size > followed.largest.box.size:
            followed.largest = now
        return followed

    def _end(self, index: int, time: float, scene: int, regions: Sequence[Region]) -> None:
        """Judge the tracks without a region in this frame."""
        present = {region.track for region in regions}
        for track in [track for track in self._followed if track not in present]:
            followed = self._followed.pop(track)
            self._judge(track, followed)
            last = followed.sighted
            in_the_open = followed.scene == scene and not self._at_edge(last.box)
            if in_the_open and all(region.box.overlap(last.box) <= SAME for region in regions):
                length = min(1.0, (last.time - followed.first.time) / LONG_SECONDS)
                now = _Moment(index, time, last.box)
                self._add(Reason.ENDED, 0.3 + 0.4 * length, last, now, last, track)

    def _judge(self, track: int, followed: _Followed) -> None:
        """Add a track's doubts about its size, brightness and pose."""
        first, last, largest = followed.first, followed.sighted, followed.largest
        height = self._upright_height(largest.box)
        if height < SMALL:
            self._add(Reason.SMALL, (SMALL - height) / (SMALL - SMALLEST), first, last, largest, track)
        shade = followed.shade / followed.sightings if followed.sightings else DIM
        if shade < DIM:
            self._add(Reason.DARK, (DIM - shade) / (DIM - DARKEST), first, last, largest, track)
        elif followed.poses and (facing := followed.facing / followed.poses) < TURNED:
            self._add(Reason.TURNED, 1.0 - facing, first, last, largest, track)

    def _add(
        self, reason: Reason, score: float, first: _Moment, last: _Moment, where: _Moment, track: int | None
    ) -> None:
        self._count += 1
        place = Place(where.frame, where.time, self._shares(where.box))
        bounded = min(1.0, max(LEAST_SCORE, score))
        doubtful = DoubtfulPlace(reason, bounded, first.frame, last.frame, first.time, last.time, place, track)
        keep = heapq.heappush if len(self._best) < MOST_LISTED else heapq.heappushpop
        keep(self._best, (bounded, -next(self._order), doubtful))

    def _time_of(self, frame: int) -> float:
        """Return a recent frame's time. For earlier frames, return the first known time."""
        if not self._times:
            return 0.0
        first, _ = self._times[0]
        return self._times[min(max(0, frame - first), len(self._times) - 1)][1]

    def _shares(self, box: Box) -> Box:
        """Convert a box to shares of the upright picture."""
        return box.stretched(1 / self._width, 1 / self._height).turned(self._quarters)

    def _upright_height(self, box: Box) -> float:
        return box.width if self._quarters % 2 else box.height

    def _is_large(self, box: Box) -> bool:
        return self._upright_height(box) >= LEAST_TURNED_SIZE

    def _at_edge(self, box: Box) -> bool:
        near = box.size * NEAR_EDGE
        beside = not self._seam and (box.left < near or box.right > self._width - near)
        return beside or box.top < near or box.bottom > self._height - near
